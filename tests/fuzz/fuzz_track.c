/* Trackers: bytes are parameters, then frames with boxes of any bits. Whatever comes: no crash;
 * names are unique, numbers finite, and what is gone does not come back. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/track.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BOXES = 48, NUMBERS = 3, IDS = 8192 };

struct bytes {
    const uint8_t *at;
    size_t left;
};

static uint8_t take(struct bytes *b)
{
    if (!b->left)
        return 0;
    b->left--;
    return *b->at++;
}

/* Any bits, or numbers of everyday size. */
static float take_float(struct bytes *b)
{
    uint32_t bits = 0;
    float value;
    uint8_t kind = take(b);
    if (kind < 240)
        return (float)kind * 4;
    for (int i = 0; i < 4; i++)
        bits = bits << 8 | take(b);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void take_map(struct bytes *b, double map[9])
{
    for (int i = 0; i < 9; i++)
        map[i] = i % 4 ? 0 : 1;
    for (uint8_t changes = take(b) % 4; changes; changes--)
        map[take(b) % 9] = (double)take_float(b) / 64 - 2;
}

static fov_tracker *create(struct bytes *b)
{
    static const int most[] = {0, 1, 5, 64};
    int count = 0;
    while (fov_tracker_name(count, NULL))
        count++;
    fov_tracker_params params = {.name = fov_tracker_name(take(b) % count, NULL)};
    uint8_t bits = take(b);
    params.across_classes = bits & 1;
    params.buffer = bits & 2 ? 0.5f : 0;
    params.embedding_size = bits & 4 ? NUMBERS : 0;
    params.max_tracks = most[bits >> 3 & 3];
    fov_tracker *tracker;
    if (fov_tracker_create(&tracker, &params, NULL))
        abort();
    return tracker;
}

static void check(const fov_tracks *tracks, const fov_detections *detections, uint8_t *gone)
{
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *t = &tracks->items[i];
        if (t->id <= 0 || t->detection < -1 || t->detection >= (int32_t)detections->count ||
            !isfinite(t->x1) || !isfinite(t->y1) || !isfinite(t->x2) || !isfinite(t->y2) ||
            !isfinite(t->vx) || !isfinite(t->vy))
            abort();
        for (size_t k = 0; k < i; k++)
            if (tracks->items[k].id == t->id)
                abort();
        if (t->state == FOV_TRACK_ACTIVE && detections->items[t->detection].track_id != t->id)
            abort();
        if (t->id < IDS && gone[t->id])
            abort();
        if (t->id < IDS && t->state == FOV_TRACK_REMOVED)
            gone[t->id] = 1;
    }
}

/* One frame; false when the tracker refuses it. */
static void step(struct bytes *b, fov_tracker *tracker, double *time_s, uint8_t *gone)
{
    fov_detection items[BOXES];
    float vectors[BOXES * NUMBERS];
    fov_detections detections = {items, take(b) % BOXES, BOXES, NULL};
    fov_motion motion = {.kind = take(b) % 3};
    double ground[9];
    uint8_t bits = take(b);
    take_map(b, motion.map);
    take_map(b, ground);
    *time_s += bits & 1 ? 1 / 30.0 : (double)take_float(b) / 256 - 0.5;
    for (size_t i = 0; i < detections.count; i++) {
        float x = take_float(b), y = take_float(b);
        items[i] = (fov_detection){.x1 = x,
                                   .y1 = y,
                                   .x2 = x + take_float(b) / 4,
                                   .y2 = y + take_float(b) / 4,
                                   .score = take_float(b) / 1024,
                                   .class_id = take(b) & 1};
        for (size_t k = 0; k < NUMBERS; k++)
            vectors[i * NUMBERS + k] = take_float(b);
    }
    fov_track_input input = {.time_s = *time_s,
                             .detections = &detections,
                             .motion = bits & 2 ? &motion : NULL,
                             .ground = bits & 4 ? ground : NULL,
                             .embeddings = bits & 8 ? vectors : NULL};
    fov_tracks tracks;
    if (fov_tracker_update(tracker, &input, &tracks, NULL) == FOV_OK)
        check(&tracks, &detections, gone);
    if (!isfinite(*time_s))
        *time_s = 0;
    if (bits == 0xff)
        fov_tracker_reset(tracker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t gone[IDS];
    struct bytes bytes = {data, size};
    memset(gone, 0, sizeof gone);
    fov_tracker *tracker = create(&bytes);
    double time_s = 0;
    while (bytes.left)
        step(&bytes, tracker, &time_s, gone);
    fov_tracker_destroy(&tracker);
    return 0;
}
