/* How long a view that was set once holds on a camera that turns and zooms: carried by the motion
 * that is seen in the pictures, held against the white lines, or both, on matches that are drawn.
 * Prints Markdown.
 *
 *     bench_pitch_lines [SECONDS [SEED [--trace]]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>

#include "media/football_noise.h"
#include "base/clock.h"
#include "base/plane.h"
#include "quantile.h"

enum { PICTURES = 4096, GRID = 12, BOXES = 64, POINTS = 10 };
enum way { MOTION, LINES, BOTH, WAYS };

#define GOAL_M 0.5

static const char *const way_names[WAYS] = {"motion", "lines", "motion and lines"};

struct variant {
    const char *name;
    double fps, zoom, noise, shadow; /* luma; brightness of the shaded half */
    int quality;                     /* of a JPEG; 0: none */
    int seed;
};

struct follower {
    fov_pitch_follow follow;
    double px[PICTURES], m[PICTURES], sigma[PICTURES];
    size_t pictures, known, good, refined;
};

struct run {
    struct follower followers[WAYS];
    fov_camera_motion *motion;
    fov_encoder *encoder;
    fov_decoder *decoder;
    struct noise noise;
    double us[PICTURES];
    size_t timed;
};

static struct run run;

static void die(const char *why)
{
    fprintf(stderr, "bench_pitch_lines: %s\n", why);
    exit(1);
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* A stand's shadow on the far part of the pitch. */
static void shade(fov_image *image, const fov_pitch_view *view, double by)
{
    double inverse[9];
    if (!plane_invert(view->map, inverse))
        return;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            double w = inverse[6] * x + inverse[7] * y + inverse[8];
            double deep = (inverse[3] * x + inverse[4] * y + inverse[5]) / w;
            if (deep > 31 || w * inverse[8] < 0) {
                uint8_t *p = image->plane[0] + (ptrdiff_t)y * image->stride[0] + x;
                *p = (uint8_t)(*p * by);
            }
        }
}

static void disturb(fov_image *image, double sigma)
{
    static float noise[65536];
    if (noise[0] == 0)
        for (int i = 0; i < 65536; i++)
            noise[i] = (float)noise_normal(&run.noise);
    uint32_t at = (uint32_t)(noise_random(&run.noise) * 65536);
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            uint8_t *p = image->plane[0] + (ptrdiff_t)y * image->stride[0] + x;
            at = at * 1664525 + 1013904223;
            float value = (float)*p + (float)sigma * noise[at >> 16];
            *p = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5F);
        }
}

/* What a camera would send of a drawn picture. */
static fov_image sent(fov_frame *frame, const struct variant *v, const struct football_truth *truth)
{
    fov_image image = frame->image;
    const uint8_t *bytes;
    size_t size;
    if (v->shadow > 0)
        shade(&image, &truth->view, v->shadow);
    if (v->noise > 0)
        disturb(&image, v->noise);
    if (v->quality && (fov_encode_jpeg(run.encoder, &image, v->quality, &bytes, &size, NULL) ||
                       fov_decode(run.decoder, bytes, size, FOV_YUV, 1, &image, NULL, NULL)))
        die("a picture could not be encoded");
    return image;
}

/* ---- views ----------------------------------------------------------------------------------- */

/* From landmarks that somebody has clicked on, 2 px off. */
static bool click(const fov_pitch_view *truth, fov_pitch_view *view)
{
    fov_pitch_point points[POINTS];
    fov_pitch_params params = {.width = truth->width, .height = truth->height, .camera = true};
    size_t count = 0;
    double pitch[2], px[2];
    for (int i = 0; fov_pitch_landmark(FOV_PITCH_LANDMARKS, i, NULL, NULL, pitch); i++) {
        if (count == POINTS || !fov_pitch_to_px(truth, pitch, px) || px[0] < 0 || px[1] < 0 ||
            px[0] >= truth->width || px[1] >= truth->height)
            continue;
        points[count++] = (fov_pitch_point){
            .image = {px[0] + 2 * noise_normal(&run.noise), px[1] + 2 * noise_normal(&run.noise)},
            .pitch = {pitch[0], pitch[1]}};
    }
    return fov_pitch_view_from_points(view, points, count, &params, NULL, NULL) == FOV_OK;
}

/* Root mean square over what is seen of the pitch, px and metres. */
static void compare(const fov_pitch_view *is, const fov_pitch_view *truth, double *px, double *m)
{
    double squares[2] = {0};
    int count = 0;
    for (int i = 0; i < GRID * GRID; i++) {
        double p[2] = {(i % GRID + 0.5) * truth->width / GRID,
                       (i / GRID + 0.5) * truth->height / GRID};
        double at[2], q[2], a[2];
        if (!fov_pitch_to_metres(truth, p, at) || at[0] < 0 || at[1] < 0 ||
            at[0] > FOOTBALL_LENGTH || at[1] > FOOTBALL_WIDTH)
            continue;
        bool seen = fov_pitch_to_px(is, at, q) && fov_pitch_to_metres(is, p, a);
        squares[0] += seen ? (q[0] - p[0]) * (q[0] - p[0]) + (q[1] - p[1]) * (q[1] - p[1]) : 1e6;
        squares[1] += seen ? (a[0] - at[0]) * (a[0] - at[0]) + (a[1] - at[1]) * (a[1] - at[1])
                           : 1e4;
        count++;
    }
    *px = count ? sqrt(squares[0] / count) : 0;
    *m = count ? sqrt(squares[1] / count) : 0;
}

static void score(struct follower *f, const fov_pitch_view *truth)
{
    if (f->pictures++ == PICTURES)
        die("too many pictures");
    if (!f->follow.known)
        return;
    size_t i = f->known++;
    compare(&f->follow.view, truth, &f->px[i], &f->m[i]);
    f->sigma[i] = f->follow.sigma_px;
    f->good += f->m[i] <= GOAL_M;
}

/* ---- a match --------------------------------------------------------------------------------- */

static void begin(const struct football_truth *truth)
{
    fov_pitch_view view;
    if (!click(&truth->view, &view))
        die("no view from the first picture");
    for (int way = 0; way < WAYS; way++) {
        struct follower *f = &run.followers[way];
        memset(f, 0, sizeof *f);
        f->follow.keep_s = 3600;
        if (fov_pitch_follow_step(&f->follow, truth->time_s, NULL, NULL) ||
            fov_pitch_follow_found(&f->follow, &view, NULL))
            die("the first view was not taken");
    }
    run.timed = 0;
    fov_camera_motion_reset(run.motion);
}

static void follow(const fov_image *image, const fov_detection *boxes, size_t count,
                   const struct football_truth *truth, bool trace)
{
    static const fov_motion still = {.kind = FOV_MOTION_HOMOGRAPHY,
                                     .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    fov_motion motion;
    if (fov_camera_motion_update(run.motion, image, boxes, count, &motion, NULL))
        die("no motion");
    for (int way = 0; way < WAYS; way++) {
        struct follower *f = &run.followers[way];
        fov_pitch_lines_quality q = {0};
        fov_error error = {0};
        /* Lines alone know of no motion; a still one is said, so that the view is not forgotten. */
        if (truth->number > 0)
            fov_pitch_follow_step(&f->follow, truth->time_s, way == LINES ? &still : &motion, NULL);
        int64_t begin_ns = clock_thread_ns();
        if (way != MOTION)
            f->refined += fov_pitch_follow_refine(&f->follow, image, boxes, count, NULL, &q,
                                                  &error) == FOV_OK;
        if (way == BOTH && run.timed < PICTURES)
            run.us[run.timed++] = (double)(clock_thread_ns() - begin_ns) / 1e3;
        score(f, &truth->view);
        if (trace && way == BOTH) {
            double px, m;
            compare(&f->follow.view, &truth->view, &px, &m);
            fprintf(stderr,
                    "%.2f known %d motion %d px %.2f m %.3f sigma %.2f looked %d found %d in %d "
                    "rms %.2f moved %.2f whole %d %s\n",
                    truth->time_s, f->follow.known, (int)motion.kind, px, m, f->follow.sigma_px,
                    q.looked, q.found, q.inliers, q.rms_px, q.moved_px, q.whole, error.message);
        }
    }
}

static void report(const struct variant *v)
{
    for (int way = 0; way < WAYS; way++) {
        struct follower *f = &run.followers[way];
        double n = (double)f->pictures, px = 0, m = 0, ratio = 0;
        for (size_t i = 0; i < f->known; i++) {
            px += f->px[i] / (double)f->known;
            m += f->m[i] / (double)f->known;
            ratio += f->px[i] <= 2 * f->sigma[i];
        }
        printf("| %s | %g | %g | %d | %s | %.1f / %.1f | %.2f / %.2f | %.1f %% | %.0f %% | %.0f %% "
               "| %.0f %% |",
               v->name, v->fps, v->zoom, v->seed, way_names[way], px,
               quantile(f->px, f->known, 0.95), m, quantile(f->m, f->known, 0.95),
               100 * (double)f->good / n, 100 * (double)f->known / n, 100 * (double)f->refined / n,
               f->known ? 100 * ratio / (double)f->known : 0);
        if (way == BOTH)
            printf(" %.0f, %.0f |\n", quantile(run.us, run.timed, 0.5),
                   quantile(run.us, run.timed, 0.99));
        else
            printf(" |\n");
    }
    fflush(stdout);
}

static void play(const struct variant *v, double seconds, bool trace)
{
    char url[96];
    fov_source *source;
    fov_frame_pool *pool;
    run.noise.state = (uint64_t)v->seed * 7919 + 17;
    snprintf(url, sizeof url, "pattern:football?fps=%g&zoom=%g&seed=%d", v->fps, v->zoom, v->seed);
    if (fov_source_open(&source, &(fov_source_params){.url = url}, NULL) ||
        fov_frame_pool_create(&pool, NULL, NULL))
        die("no match");
    for (int64_t i = 0; (double)i < seconds * v->fps; i++) {
        fov_frame *frame;
        fov_detection boxes[BOXES];
        if (fov_source_read(source, pool, &frame, NULL, NULL))
            die("no picture");
        const struct football_truth *truth = football_truth(source);
        size_t count = noise_people(&run.noise, truth, boxes, BOXES);
        if (i == 0)
            begin(truth);
        fov_image image = sent(frame, v, truth);
        follow(&image, boxes, count, truth, trace);
        fov_frame_unref(&frame);
    }
    report(v);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
}

/* ---- a real picture -------------------------------------------------------------------------- */

/* Read off sccvsd_16.jpg by eye; its true view is not known. */
static const struct {
    const char *name;
    double px[2];
} clicks[] = {
    {"right_far_corner", {754, 212}},
    {"right_far_penalty_area_corner", {497, 284}},
    {"right_near_penalty_area_corner", {986, 535}},
    {"right_far_goal_area_corner", {886, 314}},
    {"right_near_goal_area_corner", {1147, 416}},
    {"right_far_penalty_area_end", {881, 260}},
    {"right_far_goal_area_end", {1018, 306}},
    {"right_far_penalty_area_arc", {613, 344}},
    {"right_near_penalty_area_arc", {784, 431}},
};
enum { CLICKS = sizeof clicks / sizeof *clicks, TRIES = 40 };

static void view_from_clicks(fov_pitch_view *view, const fov_image *image, double off, bool camera)
{
    fov_pitch_point points[CLICKS] = {{.score = 0}};
    fov_pitch_params params = {.width = image->width,
                               .height = image->height,
                               .camera = camera,
                               .max_rms_px = 100,
                               .inlier_px = 200};
    for (int i = 0; i < CLICKS; i++) {
        fov_pitch_landmark(FOV_PITCH_LANDMARKS, fov_pitch_landmark_find(clicks[i].name), NULL, NULL,
                           points[i].pitch);
        for (int c = 0; c < 2; c++)
            points[i].image[c] = clicks[i].px[c] + off * noise_normal(&run.noise);
    }
    fov_error error;
    if (fov_pitch_view_from_points(view, points, CLICKS, &params, NULL, &error))
        die(error.message);
}

static void real_picture(const char *path)
{
    static uint8_t bytes[4 << 20];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    fov_image image;
    if (!size || fov_decode(run.decoder, bytes, size, FOV_YUV, 1, &image, NULL, NULL))
        die("no picture");
    fclose(file);
    for (int camera = 0; camera < 2; camera++) {
        fov_pitch_view clicked, held;
        fov_pitch_lines_quality q;
        fov_error error = {0};
        view_from_clicks(&clicked, &image, 0, true);
        held = clicked;
        fov_pitch_lines_params params = {.camera = camera};
        fov_status status = fov_pitch_view_refine(&held, &image, NULL, 0, &params, &q, &error);
        double px, m;
        compare(&clicked, &held, &px, &m);
        fprintf(stderr,
                "camera %d: %d %s looked %d found %d in %d rms %.2f sigma %.2f spread %.2f; "
                "clicked off %.2f px %.2f m\n",
                camera, status, error.message, q.looked, q.found, q.inliers, q.rms_px, q.sigma_px,
                q.spread, px, m);
        for (int i = 0; i < 9; i++)
            fprintf(stderr, "%.9g ", held.map[i]);
        fprintf(stderr, "\n");
        for (double off = 2; off <= 32; off *= 2) {
            double before = 0, after = 0, meters = 0;
            int came = 0;
            for (int i = 0; i < TRIES; i++) {
                fov_pitch_view v;
                view_from_clicks(&v, &image, off, true);
                compare(&v, &held, &px, &m);
                before += px / TRIES;
                params.sigma_px = px;
                if (fov_pitch_view_refine(&v, &image, NULL, 0, &params, &q, &error))
                    continue;
                compare(&v, &held, &px, &m);
                came++;
                after += px;
                meters += m;
            }
            fprintf(stderr, "off %g: before %.2f px, %d of %d came, after %.2f px %.3f m\n", off,
                    before, came, TRIES, after / came, meters / came);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct variant variants[] = {
        {"as drawn", 10, 1, 0, 0, 0, 0},
        {"as drawn", 25, 1, 0, 0, 0, 0},
        {"as drawn", 10, 2, 0, 0, 0, 0},
        {"as drawn", 10, 3, 0, 0, 0, 0},
        {"noise 6, JPEG 60", 10, 1, 6, 0, 60, 0},
        {"noise 6, JPEG 60", 25, 2, 6, 0, 60, 0},
        {"shadow, noise 6, JPEG 60", 10, 1, 6, 0.45, 60, 0},
        {"shadow, noise 6, JPEG 60", 10, 2, 6, 0.45, 60, 0},
    };
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 60;
    int seed = argc > 2 ? atoi(argv[2]) : 1;
    int only = argc > 3 ? atoi(argv[3]) : -1;
    bool trace = argc > 4;
    if (fov_camera_motion_create(&run.motion, &(fov_camera_motion_params){.homography = true},
                                 NULL) ||
        fov_encoder_create(&run.encoder, NULL) || fov_decoder_create(&run.decoder, NULL))
        die("no memory");
    if (argc > 2 && strcmp(argv[1], "--picture") == 0) {
        run.noise.state = 5;
        real_picture(argv[2]);
        return 0;
    }
    printf("| pictures | fps | zoom | seed | way | px: mean / p95 | m: mean / p95 | within %.1f m "
           "| known | lines | in 2 sigma | µs, p99 |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|\n",
           GOAL_M);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        struct variant v = variants[i];
        v.seed = seed;
        if (only < 0 || only == (int)i)
            play(&v, seconds, trace);
    }
    return 0;
}
