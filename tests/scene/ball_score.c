#include "ball_score.h"

#include <math.h>

enum { MEMORY = 10, POINTS = MEMORY * BALL_WORLD_ITEMS };

static void count_height(const struct ball_frame_truth *f, const fov_ball *ball,
                         struct ball_score *s)
{
    bool air = ball->height == FOV_BALL_IN_AIR, ground = ball->height == FOV_BALL_ON_GROUND;
    if (f->metres[2] <= 0.3) {
        s->ground++;
        s->ground_as_ground += ground;
        s->ground_as_air += air;
    } else if (f->metres[2] > 1) {
        s->air++;
        s->air_as_air += air;
        s->air_as_ground += ground;
    }
    if (!ball->on_pitch)
        return;
    double x = ball->pitch_x - f->metres[0], y = ball->pitch_y - f->metres[1];
    s->placed++;
    s->place_m += hypot(x, y);
}

static void judge(const struct ball_frame_truth *f, const fov_ball *ball, struct ball_score *s)
{
    s->frames++;
    s->visible += f->visible;
    if (ball->state == FOV_BALL_NONE)
        return;
    double off = hypot((double)ball->x - f->x, (double)ball->y - f->y);
    s->told++;
    s->wrong += off > 25;
    if (f->visible && off <= 12) {
        s->near++;
        s->square += off * off;
    }
    if (f->visible && off <= 25)
        count_height(f, ball, s);
}

static fov_ball ball_of(const fov_detection *d)
{
    return (fov_ball){.state = FOV_BALL_SEEN, .x = (d->x1 + d->x2) / 2, .y = (d->y1 + d->y2) / 2};
}

static void run_best(const struct ball_frame_truth *frames, size_t count, struct ball_score *s)
{
    for (size_t i = 0; i < count; i++) {
        const fov_detection *best = NULL;
        for (size_t k = 0; k < frames[i].count; k++)
            if (!best || frames[i].items[k].score > best->score)
                best = &frames[i].items[k];
        fov_ball ball = best ? ball_of(best) : (fov_ball){0};
        judge(&frames[i], &ball, s);
    }
}

static void run_centroid(const struct ball_frame_truth *frames, size_t count, struct ball_score *s)
{
    for (size_t i = 0; i < count; i++) {
        float x = 0, y = 0, n = 0, least = INFINITY;
        fov_ball best = {0};
        for (size_t back = 0; back < MEMORY && back <= i; back++)
            for (size_t k = 0; k < frames[i - back].count; k++, n++) {
                fov_ball one = ball_of(&frames[i - back].items[k]);
                x += one.x;
                y += one.y;
            }
        for (size_t k = 0; k < frames[i].count; k++) {
            fov_ball one = ball_of(&frames[i].items[k]);
            float off = hypotf(one.x - x / n, one.y - y / n);
            if (off < least) {
                least = off;
                best = one;
            }
        }
        judge(&frames[i], &best, s);
    }
}

static fov_ball_input input_of(const struct ball_frame_truth *f, const fov_detections *detections,
                               bool with_view)
{
    return (fov_ball_input){.time_s = f->time_s,
                            .width = BALL_WORLD_WIDTH,
                            .height = BALL_WORLD_HEIGHT,
                            .detections = detections,
                            .motion = &f->motion,
                            .unlooked = f->unlooked,
                            .view = with_view ? &f->view : NULL};
}

static void run_tracker(const fov_ball_params *params, bool with_view, bool late,
                        const struct ball_frame_truth *frames, size_t count, struct ball_score *s)
{
    fov_ball_tracker *tracker;
    fov_balls told = {0};
    size_t next = 0;
    if (fov_ball_create(&tracker, params, NULL))
        return;
    for (size_t i = 0; i <= count; i++) {
        fov_ball now;
        if (i < count) {
            struct ball_frame_truth f = frames[i];
            fov_detections detections = {f.items, f.count, BALL_WORLD_ITEMS, NULL};
            fov_ball_input input = input_of(&f, &detections, with_view);
            if (fov_ball_update(tracker, &input, &now, &told, NULL))
                break;
            if (!late)
                judge(&frames[i], &now, s);
        } else {
            fov_ball_flush(tracker, &told);
        }
        for (size_t k = 0; late && k < told.count; k++)
            judge(&frames[next++], &told.items[k], s);
    }
    fov_ball_destroy(&tracker);
}

void ball_score_run(enum ball_method method, const fov_ball_params *params, bool with_view,
                    const struct ball_frame_truth *frames, size_t count, struct ball_score *score)
{
    if (method == BALL_BEST)
        run_best(frames, count, score);
    else if (method == BALL_CENTROID)
        run_centroid(frames, count, score);
    else
        run_tracker(params, with_view, method == BALL_LATE, frames, count, score);
}

double ball_score_near(const struct ball_score *s)
{
    return s->visible ? 100.0 * (double)s->near / (double)s->visible : 0;
}

double ball_score_wrong(const struct ball_score *s)
{
    return s->told ? 100.0 * (double)s->wrong / (double)s->told : 0;
}

static bool holds(const fov_ball_look *look, const struct ball_frame_truth *f)
{
    for (size_t i = 0; i < look->count; i++) {
        const fov_ball_region *r = &look->regions[i];
        if (f->x >= r->x && f->x < r->x + r->width && f->y >= r->y && f->y < r->y + r->height)
            return true;
    }
    return false;
}

void ball_score_cover(const fov_ball_params *params, const struct ball_frame_truth *frames,
                      size_t count, struct ball_cover *cover)
{
    fov_ball_tracker *tracker;
    if (fov_ball_create(&tracker, params, NULL))
        return;
    for (size_t i = 0; i < count; i++) {
        struct ball_frame_truth f = frames[i];
        fov_detections detections = {f.items, f.count, BALL_WORLD_ITEMS, NULL};
        fov_ball_input input = input_of(&f, &detections, false);
        fov_ball_look look;
        if (fov_ball_where(tracker, &input, &look, NULL))
            break;
        for (size_t r = 0; r < look.count; r++)
            cover->area += (double)look.regions[r].width * look.regions[r].height /
                           ((double)BALL_WORLD_WIDTH * BALL_WORLD_HEIGHT);
        cover->frames++;
        cover->visible += f.visible;
        cover->covered += f.visible && holds(&look, &f);
        fov_ball_update(tracker, &input, NULL, NULL, NULL);
    }
    fov_ball_destroy(&tracker);
}
