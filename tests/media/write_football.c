/* Writes a drawn match and its truth as files that tools for tracking read.
 *
 *     write_football URL FRAMES FOLDER [--jpeg | --yuv]
 *
 * URL is a `pattern:football…`. Frames count from 1, px have one decimal, metres four:
 *   gt/gt.txt      frame,id,x,y,width,height,1,1,shown     boxes, cut at the picture's edges
 *   pitch.txt      frame,id,x,y,speed x,speed y            of everybody in gt.txt; metres, m/s
 *   ball_gt.txt    frame,px x,px y,x,y,z,in the picture,in play,owner
 *   H.txt          frame and 9 numbers: metres on the grass to px
 *   motion.txt     frame and 9 numbers: px of the frame before to px of this one
 *   camera.txt     frame,pan,tilt,focal length,position x,y,z
 *   people.txt     id,team,role,number,height
 *   det/det.txt    frame,-1,x,y,width,height,score,-1,-1,-1    as a detector would see it
 *   ball_det.txt   frame,px x,px y,score                       and the ball, true or not
 *   H_seen.txt     as H.txt, as a calibration would give it
 *   seqinfo.ini
 *   img1/000001.jpg …, or frames.yuv: planes of 4:2:0, one frame after the other */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <fovea/picture.h>

#include "base/text.h"
#include "media/football_noise.h"
#include "media/football.h"
#include "media/image.h"

enum { GT, PITCH, BALL, MAP, MOTION, CAMERA, DETECTIONS, BALLS, SEEN_MAP, FILES };

static FILE *files[FILES], *yuv;
static fov_encoder *encoder;
static const char *folder;

static void die(const char *why)
{
    fprintf(stderr, "write_football: %s\n", why);
    exit(1);
}

static FILE *open_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file)
        die(path);
    return file;
}

static void make_folder(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0777) && errno != EEXIST)
        die(path);
}

static void open_files(bool jpeg, bool planes)
{
    static const char *const names[FILES] = {"gt/gt.txt",   "pitch.txt",    "ball_gt.txt",
                                             "H.txt",       "motion.txt",   "camera.txt",
                                             "det/det.txt", "ball_det.txt", "H_seen.txt"};
    make_folder("");
    make_folder("gt");
    make_folder("det");
    if (jpeg) {
        make_folder("img1");
        fov_encoder_create(&encoder, NULL);
    }
    for (int i = 0; i < FILES; i++)
        files[i] = open_file(names[i]);
    yuv = planes ? open_file("frames.yuv") : NULL;
}

static double within(double value, double most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void write_people(const struct football_truth *t)
{
    long long frame = t->number + 1;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *p = &t->people[i];
        double x1 = within(p->x1, t->camera.width), x2 = within(p->x2, t->camera.width);
        double y1 = within(p->y1, t->camera.height), y2 = within(p->y2, t->camera.height);
        if (x2 - x1 < 6 || y2 - y1 < 12)
            continue;
        fprintf(files[GT], "%lld,%d,%.1f,%.1f,%.1f,%.1f,1,1,%.2f\n", frame, p->id, x1, y1, x2 - x1,
                y2 - y1, p->shown);
        fprintf(files[PITCH], "%lld,%d,%.4f,%.4f,%.4f,%.4f\n", frame, p->id, p->x_m, p->y_m,
                p->vx_mps, p->vy_mps);
    }
}

static void write_map(FILE *file, long long frame, const double map[9])
{
    fprintf(file, "%lld", frame);
    for (int k = 0; k < 9; k++)
        fprintf(file, " %.12g", map[k]);
    fputc('\n', file);
}

static void write_truth(const struct football_truth *t)
{
    long long frame = t->number + 1;
    const struct football_ball *b = &t->ball;
    const struct football_view *c = &t->camera;
    write_people(t);
    fprintf(files[BALL], "%lld,%.1f,%.1f,%.4f,%.4f,%.4f,%d,%d,%d\n", frame, b->x_px, b->y_px,
            b->x_m, b->y_m, b->z_m, b->in_picture, b->in_play, b->owner);
    write_map(files[MAP], frame, t->view.map);
    write_map(files[MOTION], frame, t->motion.map);
    fprintf(files[CAMERA], "%lld,%.12g,%.12g,%.12g,%.6g,%.6g,%.6g\n", frame, c->pan, c->tilt,
            c->focal_px, c->position_m[0], c->position_m[1], c->position_m[2]);
}

/* The same match gives the same noise. */
static void write_seen(const struct football_truth *t)
{
    static struct noise noise = {1};
    fov_detection people[64];
    struct noise_ball balls[8];
    double map[9];
    long long frame = t->number + 1;
    size_t count = noise_people(&noise, t, people, 64);
    for (size_t i = 0; i < count; i++) {
        const fov_detection *d = &people[i];
        fprintf(files[DETECTIONS], "%lld,-1,%.1f,%.1f,%.1f,%.1f,%.3f,-1,-1,-1\n", frame,
                (double)d->x1, (double)d->y1, (double)(d->x2 - d->x1), (double)(d->y2 - d->y1),
                (double)d->score);
    }
    count = noise_balls(&noise, t, balls);
    for (size_t i = 0; i < count; i++)
        fprintf(files[BALLS], "%lld,%.1f,%.1f,%.2f\n", frame, balls[i].x_px, balls[i].y_px,
                balls[i].score);
    noise_map(&noise, t, map);
    write_map(files[SEEN_MAP], frame, map);
}

static void write_picture(const fov_image *image, int64_t number)
{
    char name[32];
    const uint8_t *bytes;
    size_t size;
    for (int p = 0; yuv && p < 3; p++)
        for (int y = 0; y < image_plane_height(image, p); y++)
            fwrite(image->plane[p] + (ptrdiff_t)y * image->stride[p], 1,
                   (size_t)image_plane_width(image, p), yuv);
    if (!encoder)
        return;
    if (fov_encode_jpeg(encoder, image, 92, &bytes, &size, NULL))
        die("no JPEG");
    snprintf(name, sizeof name, "img1/%06lld.jpg", (long long)number + 1);
    FILE *file = open_file(name);
    fwrite(bytes, 1, size, file);
    fclose(file);
}

static void write_once(const fov_source *source, const struct football_truth *t, long long frames)
{
    static const char *const roles[] = {"goalkeeper", "player", "referee", "assistant"};
    const fov_source_info *info = fov_source_get_info(source);
    FILE *people = open_file("people.txt"), *sequence = open_file("seqinfo.ini");
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        fprintf(people, "%d,%d,%s,%d,%.4f\n", t->people[i].id, t->people[i].team,
                roles[t->people[i].role], t->people[i].number, t->people[i].height_m);
    fprintf(sequence,
            "[Sequence]\nname=football\nimDir=img1\nframeRate=%g\nseqLength=%lld\nimWidth=%d\n"
            "imHeight=%d\nimExt=.jpg\n",
            info->fps, frames, info->width, info->height);
    fclose(people);
    fclose(sequence);
}

static void write_frames(fov_source *source, fov_frame_pool *pool, long long frames)
{
    fov_error error = {0};
    for (long long i = 0; i < frames; i++) {
        fov_frame *frame;
        if (fov_source_read(source, pool, &frame, NULL, &error))
            die(error.message[0] ? error.message : "the match has ended");
        const struct football_truth *t = football_truth(source);
        if (!t)
            die("the URL is no pattern:football");
        if (i == 0)
            write_once(source, t, frames);
        write_truth(t);
        write_seen(t);
        write_picture(&frame->image, t->number);
        fov_frame_unref(&frame);
    }
}

int main(int argc, char **argv)
{
    long long frames;
    fov_source *source;
    fov_frame_pool *pool;
    fov_error error = {0};
    if (argc < 4 || !text_to_int(argv[2], 1, 1000000, &frames))
        die("use: URL FRAMES FOLDER [--jpeg | --yuv]");
    folder = argv[3];
    if (fov_source_open(&source, &(fov_source_params){.url = argv[1]}, &error) ||
        fov_frame_pool_create(&pool, NULL, &error))
        die(error.message);
    open_files(argc > 4 && strcmp(argv[4], "--jpeg") == 0,
               argc > 4 && strcmp(argv[4], "--yuv") == 0);
    write_frames(source, pool, frames);
    for (int i = 0; i < FILES; i++)
        if (fclose(files[i]))
            die("the disk is full");
    if (yuv && fclose(yuv))
        die("the disk is full");
    fov_encoder_destroy(&encoder);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
    return 0;
}
