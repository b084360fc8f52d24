/* A match of pictures made of the input: any boxes, times, motions, views and sizes, views set for
 * any picture. Nothing is read or written outside (pictures have no slack), and what is told is in
 * range: no name twice, no metres without a view, none that is not finite. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include <fovea/football.h>

#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BOXES = 40, PICTURES = 60, PIXELS = 96 * 64, NUMBERS = 4 };

static uint8_t pixels[PIXELS];
static float vectors[BOXES * NUMBERS];

/* Mostly a number of a picture, at times one of the bits that come. */
static float number(struct reader *r, float scale)
{
    uint8_t kind = next(r);
    return kind < 240 ? scale * (float)kind / 240 : next_float(r);
}

static size_t read_boxes(struct reader *r, fov_detection *items)
{
    size_t count = next(r) % (BOXES + 1);
    for (size_t i = 0; i < count; i++) {
        float x = number(r, 96), y = number(r, 64);
        items[i] = (fov_detection){.x1 = x,
                                   .y1 = y,
                                   .x2 = x + number(r, 8),
                                   .y2 = y + number(r, 16),
                                   .score = number(r, 1),
                                   .class_id = (int32_t)(next(r) % 6) - 1,
                                   .track_id = -7};
    }
    return count;
}

/* A camera over a pitch, or something like it. */
static void read_view(struct reader *r, fov_pitch_view *view)
{
    static const double plain[9] = {0.8, 0.3, 5, 0, -0.5, 60, 0, 0.004, 1};
    *view = (fov_pitch_view){.width = next(r) % 8 ? 96 : next(r), .height = 64};
    for (int i = 0; i < 9; i++)
        view->map[i] = plain[i] * (1 + (double)number(r, 0.1f));
    view->k1 = next(r) % 4 ? 0 : (double)number(r, 0.2f) - 0.1;
    view->rms_px = (double)number(r, 3);
}

static void read_motion(struct reader *r, fov_motion *motion)
{
    *motion = (fov_motion){.kind = (fov_motion_kind)(next(r) % 3),
                           .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    motion->map[next(r) % 9] += (double)number(r, 1) - 0.5;
}

static void check_person(const fov_football_frame *frame, size_t i)
{
    const fov_football_person *p = &frame->people[i];
    if (p->id < 1 || (unsigned)p->role > FOV_ROLE_OTHER || (unsigned)p->side > FOV_TEAM_OTHER ||
        (p->state != FOV_TRACK_ACTIVE && p->state != FOV_TRACK_LOST))
        abort();
    if (!(p->side_confidence >= 0 && p->side_confidence <= 1) || !(p->speed_mps >= 0) ||
        !(p->distance_m >= 0) || p->sprints < 0)
        abort();
    if (p->on_pitch && !(frame->view_known && isfinite(p->x) && isfinite(p->y)))
        abort();
    if (!isfinite(p->x1 + p->y1 + p->x2 + p->y2))
        abort();
    for (size_t k = 0; k < i; k++)
        if (frame->people[k].id == p->id)
            abort();
}

static void check(const fov_football_frame *frame, const fov_detections *detections)
{
    for (size_t i = 0; i < frame->count; i++)
        check_person(frame, i);
    for (size_t i = 0; i < detections->count; i++)
        if (detections->items[i].track_id == -7 || detections->items[i].track_id == 0)
            abort();
    for (int k = 0; k < FOV_PART_COUNT; k++)
        if (frame->parts_ns[k] < 0)
            abort();
    if (frame->view_known && !(frame->view_sigma_px >= 0))
        abort();
    if (frame->ball.on_pitch && !frame->view_known)
        abort();
}

/* A picture with its memory behind it, or another. */
static const fov_image *read_image(struct reader *r, fov_image *image)
{
    static const fov_pixels kinds[] = {FOV_GRAY8, FOV_RGB24, FOV_YUV, FOV_PIXELS_NONE};
    uint8_t kind = next(r);
    *image = (fov_image){.pixels = kinds[kind % 16 == 15 ? 3 : kind % 3],
                         .width = kind & 16 ? 48 : 32,
                         .height = kind & 32 ? 32 : 21,
                         .plane = {pixels, pixels, pixels},
                         .stride = {144, 144, 144}};
    if (image->pixels != FOV_RGB24)
        image->stride[0] = image->stride[1] = image->stride[2] = image->width;
    pixels[next(r) * 19] = next(r);
    return kind & 64 ? image : NULL;
}

static fov_football *create(struct reader *r)
{
    fov_football *football;
    fov_pitch_view view;
    uint8_t bits = next(r);
    fov_football_params params = {.still_camera = bits & 1,
                                  .view_kept = bits & 64,
                                  .tracker = {.name = bits & 2 ? "botsort" : NULL,
                                              .max_tracks = bits & 4 ? 8 : 0,
                                              .embedding_size = bits & 16 ? NUMBERS : 0},
                                  .teams = {.embedding_size = bits & 32 ? NUMBERS : 0},
                                  .match = {.max_people = 1 + bits % 16}};
    if (bits & 8) {
        read_view(r, &view);
        params.view = &view;
    }
    return fov_football_create(&football, &params, NULL) ? NULL : football;
}

static void one_picture(fov_football *football, struct reader *r, double *time_s, uint64_t seq)
{
    fov_detection items[BOXES];
    fov_detections detections = {items, read_boxes(r, items), BOXES, NULL};
    fov_motion motion;
    fov_pitch_view found = {0};
    fov_image image;
    fov_football_frame frame;
    uint8_t bits = next(r);
    *time_s = bits & 1 ? *time_s + (double)number(r, 0.2f) : *time_s + 0.04;
    fov_football_input input = {.time_s = *time_s,
                                .seq = bits & 2 ? next(r) : seq,
                                .image = read_image(r, &image),
                                .width = bits & 4 && next(r) % 8 == 0 ? 48 : 96,
                                .height = 64,
                                .embeddings = bits & 64 ? vectors : NULL,
                                .team_embeddings = bits & 128 ? vectors : NULL,
                                .detections = &detections};
    for (int i = 0; bits & 64 && i < 4; i++)
        vectors[next(r) % (BOXES * NUMBERS)] = number(r, 1);
    if (bits & 8) {
        read_motion(r, &motion);
        input.motion = &motion;
    }
    if (bits & 16) {
        read_view(r, &found);
        input.found = &found;
    }
    if (fov_football_update(football, &input, &frame, NULL) == FOV_OK)
        check(&frame, &detections);
    if (!isfinite(*time_s))
        *time_s = 0;
    if (bits & 32)
        fov_football_set_view(football, bits & 64 ? &found : NULL, seq - next(r) % 8, NULL);
    if (bits & 128 && next(r) % 16 == 0)
        fov_football_reset(football);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size, 0};
    fov_football *football = create(&r);
    fov_balls late;
    double time_s = 0;
    for (uint64_t seq = 10; football && left(&r) > 0 && seq < 10 + PICTURES; seq++)
        one_picture(football, &r, &time_s, seq);
    if (football)
        fov_football_settle(football, &late);
    fov_football_destroy(&football);
    return 0;
}
