/* The ball's tracker on pictures made of the input: whatever boxes, times, motions and views come,
 * nothing is read or written outside, what is told is finite, and every picture is told late once.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <fovea/ball.h>

#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Mostly a number of a picture, at times one of the bits that come. */
static float number(struct reader *r, float scale)
{
    uint8_t kind = next(r);
    if (kind < 240)
        return scale * ((float)kind / 240 + (float)next(r) / 65536);
    return next_float(r);
}

static void read_map(struct reader *r, double map[9])
{
    static const double unit[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    for (int i = 0; i < 9; i++)
        map[i] = unit[i] + ((double)number(r, 0.1f) - 0.05) * (i == 2 || i == 5 ? 1000
                                                               : i > 5          ? 1e-3
                                                                                : 1);
}

static size_t read_boxes(struct reader *r, fov_detection *items, size_t most)
{
    size_t count = next(r) % (most + 1);
    for (size_t i = 0; i < count; i++) {
        float x = number(r, 1920), y = number(r, 1080), side = number(r, 30);
        items[i] = (fov_detection){.x1 = x,
                                   .y1 = y,
                                   .x2 = x + side,
                                   .y2 = y + side,
                                   .score = number(r, 1),
                                   .class_id = next(r) % 3};
    }
    return count;
}

static void check_ball(const fov_ball *ball)
{
    if (!(ball->confidence >= 0 && ball->confidence <= 1))
        abort();
    if (ball->state != FOV_BALL_NONE && !(isfinite(ball->x) && isfinite(ball->y)))
        abort();
    if (ball->on_pitch && !(isfinite(ball->pitch_x) && isfinite(ball->pitch_y)))
        abort();
    if (ball->on_pitch != (ball->height == FOV_BALL_ON_GROUND))
        abort();
}

static size_t check_late(const fov_balls *late)
{
    for (size_t i = 0; i < late->count; i++)
        check_ball(&late->items[i]);
    return late->count;
}

static void check_look(const fov_ball_look *look, int width, int height)
{
    if (look->count < 1 || look->count > FOV_BALL_REGIONS_MAX)
        abort();
    for (size_t i = 0; i < look->count; i++) {
        const fov_ball_region *r = &look->regions[i];
        if (r->x < 0 || r->y < 0 || r->width < 1 || r->height < 1 || r->x + r->width > width ||
            r->y + r->height > height)
            abort();
    }
}

static fov_ball_tracker *create(struct reader *r)
{
    fov_ball_params params = {.class_id = next(r) % 4 - 1,
                              .delay_s = (double)number(r, 2),
                              .gap_s = (double)number(r, 2),
                              .coast_s = (double)number(r, 2),
                              .tile_px = next(r) * 8,
                              .sweep_every = next(r)};
    fov_ball_tracker *tracker;
    return fov_ball_create(&tracker, &params, NULL) ? NULL : tracker;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size, 0};
    fov_ball_tracker *tracker = create(&r);
    fov_detection items[48];
    size_t pictures = 0, told = 0;
    double time_s = 0;
    fov_balls late;
    while (tracker && left(&r) > 0 && pictures < 1000) {
        fov_motion motion = {.kind = (fov_motion_kind)(next(&r) % 3)};
        fov_pitch_view view = {0};
        uint8_t has = next(&r);
        fov_detections detections = {items, read_boxes(&r, items, 48), 48, NULL};
        fov_ball_input input = {.width = has & 1 ? 1920 : next(&r) * 65,
                                .height = 1080,
                                .detections = has & 2 ? NULL : &detections,
                                .unlooked = has & 32};
        time_s += (double)number(&r, 0.2f) - (has & 4 ? 0.1 : 0);
        input.time_s = time_s;
        if (has & 8) {
            read_map(&r, motion.map);
            input.motion = &motion;
        }
        if (has & 16) {
            read_map(&r, view.map);
            view.k1 = (double)number(&r, 0.2f);
            input.view = &view;
        }
        fov_ball_look look;
        fov_ball ball;
        if (fov_ball_where(tracker, &input, &look, NULL) == FOV_OK)
            check_look(&look, input.width ? input.width : 1920, 1080);
        if (fov_ball_update(tracker, &input, &ball, &late, NULL) != FOV_OK) {
            time_s = isfinite(time_s) ? time_s : 0;
            continue;
        }
        check_ball(&ball);
        pictures++;
        told += check_late(&late);
    }
    if (tracker) {
        fov_ball_flush(tracker, &late);
        if (told + check_late(&late) != pictures)
            abort();
    }
    fov_ball_destroy(&tracker);
    return 0;
}
