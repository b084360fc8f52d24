/* `pattern:football?size=WxH&fps=F&seed=S&zoom=Z`: a match as a broadcast camera sees it, drawn in
 * YUV, with the truth of each frame. A frame is a function of its number, the seed and the options
 * alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "base/text.h"
#include "media/football_scene.h"
#include "media/frame.h"
#include "media/image.h"
#include "media/pattern.h"
#include "media/source.h"

#define SCHEME "pattern:football"

struct football {
    long long width, height, frames, seed, barcode;
    double fps, zoom;
    int64_t next;
    struct play before, now; /* the last two steps; the frame's time lies between them */
    struct camera_hand hand_before, hand_now;
    struct scene *scene;
    struct paint paint;
    struct buffer scratch;
    fov_image drawing; /* used when the frame is not to be YUV */
    struct figure figures[FOOTBALL_PEOPLE];
    struct camera camera;
    struct football_truth truth;
};

/* ---- url ------------------------------------------------------------------------------------- */

/* "1920x1080". */
static bool set_size(struct football *f, const char *value)
{
    char width[8];
    const char *cross = strchr(value, 'x');
    if (!cross || (size_t)(cross - value) >= sizeof width)
        return false;
    memcpy(width, value, (size_t)(cross - value));
    width[cross - value] = '\0';
    return text_to_int(width, 64, IMAGE_MAX_SIDE, &f->width) &&
           text_to_int(cross + 1, 64, IMAGE_MAX_SIDE, &f->height);
}

static bool set_option(struct football *f, const char *key, const char *value)
{
    if (strcmp(key, "size") == 0)
        return set_size(f, value);
    if (strcmp(key, "width") == 0)
        return text_to_int(value, 64, IMAGE_MAX_SIDE, &f->width);
    if (strcmp(key, "height") == 0)
        return text_to_int(value, 64, IMAGE_MAX_SIDE, &f->height);
    if (strcmp(key, "fps") == 0)
        return text_to_double(value, 0.1, 1000, &f->fps);
    if (strcmp(key, "frames") == 0)
        return text_to_int(value, 1, INT64_MAX, &f->frames);
    if (strcmp(key, "seed") == 0)
        return text_to_int(value, 0, INT32_MAX, &f->seed);
    if (strcmp(key, "zoom") == 0)
        return text_to_double(value, 0.5, 8, &f->zoom);
    if (strcmp(key, "barcode") == 0)
        return text_to_int(value, 0, 1, &f->barcode);
    return false;
}

static fov_status set_part(struct football *f, char *part, fov_error *error)
{
    char *value = strchr(part, '=');
    if (!*part)
        return FOV_OK;
    if (value)
        *value++ = '\0';
    if (value && set_option(f, part, value))
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL,
                    SCHEME ": cannot use %.40s=%.40s; options are size=WIDTHxHEIGHT (64 to %d), "
                           "fps, frames, seed, zoom (0.5 to 8), barcode=1",
                    part, value ? value : "", IMAGE_MAX_SIDE);
}

static fov_status parse(struct football *f, const char *url, fov_error *error)
{
    char text[256], *rest = text;
    const char *options = url + strlen(SCHEME);
    *f = (struct football){
        .width = 1920, .height = 1080, .frames = -1, .fps = 25, .seed = 1, .zoom = 1};
    options += *options == '?';
    if (text_copy(text, sizeof text, options) != strlen(options))
        return fov_fail(error, FOV_EINVAL, SCHEME ": too many options");
    for (char *part; (part = strsep(&rest, "&,"));) {
        fov_status status = set_part(f, part, error);
        if (status)
            return status;
    }
    return image_check_size(f->width, f->height, error);
}

/* "pattern:football" alone, or with options behind '?'. */
static bool takes(const char *url, const struct stat *st)
{
    (void)st;
    size_t length = strlen(SCHEME);
    return strncmp(url, SCHEME, length) == 0 && (url[length] == '\0' || url[length] == '?');
}

/* ---- time ------------------------------------------------------------------------------------ */

static void start(struct football *f)
{
    f->next = 0;
    play_start(&f->now, (uint64_t)f->seed);
    football_camera_start(&f->hand_now, &f->now);
    f->before = f->now;
    f->hand_before = f->hand_now;
}

/* Goes on until the two steps are around `time_s`; how far it is from the one to the other. */
static double advance(struct football *f, double time_s)
{
    while (play_time(&f->now) < time_s - 1e-9) {
        f->before = f->now;
        f->hand_before = f->hand_now;
        play_step(&f->now);
        camera_follow(&f->hand_now, &f->now);
    }
    return fmax(0, 1 - (play_time(&f->now) - time_s) / PLAY_STEP_S);
}

static double mix(double before, double now, double part)
{
    return before + part * (now - before);
}

/* A ball that was put somewhere else did not fly there. */
static void ball_at(const struct football *f, double part, double at[3])
{
    const double *a = f->before.ball, *b = f->now.ball;
    bool put = fabs(a[0] - b[0]) + fabs(a[1] - b[1]) > 2;
    for (int k = 0; k < 3; k++)
        at[k] = mix(a[k], b[k], put ? 1 : part);
}

static void place_people(struct football *f, double part)
{
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct play_person *a = &f->before.people[i], *b = &f->now.people[i];
        struct figure *figure = &f->figures[i];
        struct football_person *person = &f->truth.people[i];
        for (int k = 0; k < 2; k++) {
            figure->at[k] = mix(a->at[k], b->at[k], part);
            figure->facing[k] = mix(a->facing[k], b->facing[k], part);
        }
        person->x_m = figure->at[0];
        person->y_m = figure->at[1];
        person->vx_mps = mix(a->speed[0], b->speed[0], part);
        person->vy_mps = mix(a->speed[1], b->speed[1], part);
        figure->speed = hypot(person->vx_mps, person->vy_mps);
        figure->stride = mix(a->stride, b->stride, part);
    }
}

/* ---- truth ----------------------------------------------------------------------------------- */

static double overlap(double a1, double a2, double b1, double b2)
{
    return fmax(0, fmin(a2, b2) - fmax(a1, b1));
}

static double area(const struct football_person *p)
{
    return fmax(1e-6, (p->x2 - p->x1) * (p->y2 - p->y1));
}

/* `order` is from far to near. */
static void look_who_is_hidden(struct football *f, const int order[])
{
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        struct football_person *p = &f->truth.people[order[i]];
        double inside = overlap(p->x1, p->x2, 0, (double)f->width) *
                        overlap(p->y1, p->y2, 0, (double)f->height) / area(p);
        double behind = 0;
        for (int k = i + 1; k < FOOTBALL_PEOPLE; k++) {
            const struct football_person *q = &f->truth.people[order[k]];
            double both = overlap(p->x1, p->x2, q->x1, q->x2) * overlap(p->y1, p->y2, q->y1, q->y2);
            behind = fmax(behind, both / area(p));
        }
        p->shown = fmax(0, inside - behind);
    }
}

static void tell_ball(struct football *f, const double at[3])
{
    double depth = camera_depth(&f->camera, at);
    struct paint_point px = camera_project(&f->camera, at);
    f->truth.ball = (struct football_ball){
        .x_m = at[0],
        .y_m = at[1],
        .z_m = at[2],
        .x_px = px.x,
        .y_px = px.y,
        .radius_px = PLAY_BALL_RADIUS * f->camera.view.focal_px / depth,
        .in_picture = depth > 2 && px.x > 0 && px.y > 0 && px.x < (float)f->width &&
                      px.y < (float)f->height,
        .in_play = f->now.phase == PLAY_ON,
        .owner = f->now.owner + 1};
}

static void tell_camera(struct football *f, const struct camera *before)
{
    struct football_truth *t = &f->truth;
    const double origin[3] = {0, 0, 0}, x[3] = {1, 0, 0}, y[3] = {0, 1, 0};
    t->camera = f->camera.view;
    t->view = (fov_pitch_view){.width = (int)f->width, .height = (int)f->height};
    camera_plane(&f->camera, origin, x, y, t->view.map);
    t->motion = (fov_motion){.kind = FOV_MOTION_NONE};
    memcpy(t->motion.map, PLANE_IDENTITY, sizeof t->motion.map);
    if (t->number == 0)
        return;
    t->motion.kind = FOV_MOTION_HOMOGRAPHY;
    camera_motion(before, &f->camera, t->motion.map);
}

static void introduce(struct football *f)
{
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        struct football_person *p = &f->truth.people[i];
        figure_dress(&f->figures[i], i, (uint32_t)f->seed);
        p->id = i + 1;
        p->team = play_team(i);
        p->number = f->figures[i].number;
        p->height_m = f->figures[i].height;
        p->role = play_keeper(i)          ? FOOTBALL_KEEPER
                  : i < FOOTBALL_PLAYERS  ? FOOTBALL_FIELD
                  : i == FOOTBALL_PLAYERS ? FOOTBALL_REFEREE
                                          : FOOTBALL_ASSISTANT;
    }
}

const struct football_truth *football_truth(const fov_source *source)
{
    const struct football *f = source->kind == &source_football ? source->state : NULL;
    return f && f->next > 0 ? &f->truth : NULL;
}

const struct football_truth *football_frame_truth(const fov_frame *frame)
{
    return frame_attached(frame, &source_football);
}

/* Of a box that is partly outside, what is inside; false: nothing to speak of. */
static bool clip(const struct football *f, double x1, double y1, double x2, double y2,
                 fov_detection *d)
{
    d->x1 = (float)fmax(x1, 0);
    d->y1 = (float)fmax(y1, 0);
    d->x2 = (float)fmin(x2, (double)f->width);
    d->y2 = (float)fmin(y2, (double)f->height);
    return d->x2 - d->x1 >= 2 && d->y2 - d->y1 >= 2;
}

static void add(fov_detections *out, const fov_detection *d)
{
    if (out->count < out->capacity)
        out->items[out->count++] = *d;
}

static fov_status truth(fov_source *source, fov_detections *out)
{
    const struct football_truth *t = football_truth(source);
    for (int i = 0; t && i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *p = &t->people[i];
        fov_detection d = {.score = 1,
                           .class_id = FOOTBALL_PERSON,
                           .class_id_raw = FOOTBALL_PERSON,
                           .track_id = p->id};
        if (clip(source->state, p->x1, p->y1, p->x2, p->y2, &d))
            add(out, &d);
    }
    if (t && t->ball.in_picture) {
        double x = t->ball.x_px, y = t->ball.y_px, r = t->ball.radius_px;
        fov_detection d = {.score = 1,
                           .class_id = FOOTBALL_BALL,
                           .class_id_raw = FOOTBALL_BALL,
                           .track_id = FOOTBALL_PEOPLE + 1};
        if (clip(source->state, x - r, y - r, x + r, y + r, &d))
            add(out, &d);
    }
    return FOV_OK;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Far to near. */
static void sort_by_depth(const struct football *f, int order[])
{
    double depth[FOOTBALL_PEOPLE];
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const double *at = f->figures[i].at;
        double d = camera_depth(&f->camera, (double[3]){at[0], at[1], 0});
        int k = i;
        for (; k > 0 && depth[k - 1] < d; k--) {
            depth[k] = depth[k - 1];
            order[k] = order[k - 1];
        }
        depth[k] = d;
        order[k] = i;
    }
}

static void draw_person(struct football *f, int i)
{
    struct football_person *p = &f->truth.people[i];
    struct paint_box box = figure_draw(&f->paint, &f->camera, &f->figures[i]);
    p->x1 = box.x1;
    p->y1 = box.y1;
    p->x2 = box.x2;
    p->y2 = box.y2;
}

static void draw_people(struct football *f, const double ball[3])
{
    int order[FOOTBALL_PEOPLE];
    bool ball_drawn = false;
    double ball_depth = camera_depth(&f->camera, (double[3]){ball[0], ball[1], 0});
    sort_by_depth(f, order);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        figure_shadow(&f->paint, &f->camera, &f->figures[i]);
    ball_shadow(&f->paint, &f->camera, ball);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const double *at = f->figures[order[i]].at;
        bool nearer = camera_depth(&f->camera, (double[3]){at[0], at[1], 0}) < ball_depth;
        if (nearer && !ball_drawn)
            ball_draw(&f->paint, &f->camera, ball);
        ball_drawn = ball_drawn || nearer;
        draw_person(f, order[i]);
    }
    if (!ball_drawn)
        ball_draw(&f->paint, &f->camera, ball);
    look_who_is_hidden(f, order);
}

static void clear(const fov_image *image)
{
    static const uint8_t dark[3] = {38, 130, 126};
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < image_plane_height(image, p); y++)
            memset(image->plane[p] + (ptrdiff_t)y * image->stride[p], dark[p],
                   (size_t)image_plane_width(image, p));
}

static void draw(void *match, const fov_image *image)
{
    struct football *f = match;
    struct camera before = f->camera;
    double time_s = (double)f->next / f->fps, part = advance(f, time_s), ball[3];
    struct football_view view = camera_view(&f->hand_before, &f->hand_now, part, time_s, f->zoom,
                                            (int)f->width, (int)f->height);
    f->truth.number = f->next;
    f->truth.time_s = time_s;
    memcpy(f->truth.score, f->now.score, sizeof f->truth.score);
    camera_point(&f->camera, &view);
    tell_camera(f, &before);
    place_people(f, part);
    ball_at(f, part, ball);
    tell_ball(f, ball);
    f->paint.image = *image;
    clear(image);
    grass_draw(&f->scene->grass, &f->paint, &f->camera);
    lines_draw(&f->paint, &f->camera);
    stands_draw(f->scene, &f->paint, &f->camera);
    goals_draw(&f->paint, &f->camera);
    draw_people(f, ball);
    if (f->barcode)
        pattern_draw_number(image, f->next);
}

/* ---- the source ------------------------------------------------------------------------------ */

static fov_status open_football(fov_source *source, const char *url, fov_error *error)
{
    struct football *f = calloc(1, sizeof *f);
    source->state = f;
    if (!f)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    fov_status status = parse(f, url, error);
    if (status)
        return status;
    f->scene = scene_create((uint32_t)f->seed);
    bool drawn = source->params.pixels == FOV_YUV ||
                 image_in_buffer(&f->drawing, &f->scratch, FOV_YUV, (int)f->width, (int)f->height,
                                 1, 1) == FOV_OK;
    if (!f->scene || !drawn || !paint_start(&f->paint, (int)f->width))
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    introduce(f);
    start(f);
    source->info = (fov_source_info){.kind = "pattern",
                                     .width = (int)f->width,
                                     .height = (int)f->height,
                                     .fps = f->fps,
                                     .frames = f->frames};
    return FOV_OK;
}

static fov_status read_football(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                                const char **name, fov_error *error)
{
    struct football *f = source->state;
    (void)name;
    if (f->frames > 0 && f->next >= f->frames) {
        if (!source->params.loop)
            return FOV_EOS;
        start(f);
    }
    fov_status status = source_draw(source, pool, &f->drawing, draw, "match", frame, error);
    if (status)
        return status;
    (*frame)->pts_ms = (double)f->next * 1000 / f->fps;
    f->next++;
    struct football_truth *known = frame_attach(*frame, &source_football, sizeof *known);
    if (known)
        *known = f->truth;
    return FOV_OK;
}

static void close_football(fov_source *source)
{
    struct football *f = source->state;
    if (!f)
        return;
    scene_destroy(&f->scene);
    paint_end(&f->paint);
    buffer_release(&f->scratch);
    free(f);
}

const struct source_kind source_football = {.takes = takes,
                                            .open = open_football,
                                            .read = read_football,
                                            .truth = truth,
                                            .close = close_football};
