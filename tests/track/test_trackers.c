/* What every tracker of the table holds to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <fovea/track.h>
#include "alloc_count.h"
#include "street.h"

enum { BOXES = 1500, IDS = 65536 };

/* A pitch of 96 m by 54 m fills the picture. */
static const double ground[9] = {20, 0, 0, 0, 20, 0, 0, 0, 1};

static fov_detection items[BOXES];

static fov_tracker *tracker(const char *name)
{
    fov_tracker *t;
    fov_tracker_params params = {.name = name};
    assert_int_equal(fov_tracker_create(&t, &params, NULL), FOV_OK);
    return t;
}

static fov_tracks update(fov_tracker *t, double time_s, size_t count)
{
    fov_detections detections = {items, count, BOXES, NULL};
    fov_track_input input = {
        .time_s = time_s, .width = 1920, .height = 1080, .detections = &detections};
    fov_tracks tracks = {0};
    input.ground = ground;
    assert_int_equal(fov_tracker_update(t, &input, &tracks, NULL), FOV_OK);
    return tracks;
}

static fov_detection box(float x, float y, float width, float height)
{
    return (fov_detection){
        .x1 = x, .y1 = y, .x2 = x + width, .y2 = y + height, .score = 0.9f, .track_id = 99};
}

static size_t count_state(fov_tracks tracks, fov_track_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < tracks.count; i++)
        count += tracks.items[i].state == state;
    return count;
}

/* What is told must agree with itself and with the detections. */
static void check(fov_tracks tracks, size_t count, double time_s)
{
    static int named[BOXES];
    memset(named, 0, sizeof named);
    for (size_t i = 0; i < tracks.count; i++) {
        const fov_track *t = &tracks.items[i];
        assert_true(t->id > 0);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(t->id, tracks.items[k].id);
        assert_true(isfinite(t->x1) && isfinite(t->y1) && isfinite(t->x2) && isfinite(t->y2));
        assert_true(isfinite(t->vx) && isfinite(t->vy));
        assert_true(t->first_s <= t->seen_s);
        assert_int_equal(t->detection >= 0,
                         t->state == FOV_TRACK_ACTIVE ||
                             (t->state == FOV_TRACK_TENTATIVE && t->seen_s >= time_s));
        if (t->detection < 0)
            continue;
        assert_true((size_t)t->detection < count);
        assert_int_equal(named[t->detection]++, 0);
        const fov_detection *d = &items[t->detection];
        assert_true(t->x1 == d->x1 && t->y1 == d->y1 && t->x2 == d->x2 && t->y2 == d->y2);
        assert_true(t->score == d->score && t->class_id == d->class_id && t->seen_s == time_s);
        assert_int_equal(d->track_id, t->state == FOV_TRACK_ACTIVE ? t->id : -1);
    }
    for (size_t i = 0; i < count; i++)
        assert_true(named[i] || items[i].track_id == -1);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* A crowd that is missed now and then: names are unique, what is gone is told once. */
static void crowd(const char *name)
{
    static struct street street;
    static uint8_t gone[IDS], alive[IDS];
    fov_tracker *t = tracker(name);
    memset(gone, 0, sizeof gone);
    memset(alive, 0, sizeof alive);
    street_begin(&street, 60, 5);
    for (int frame = 0; frame < 300; frame++) {
        street_step(&street, 1 / 30.0);
        size_t count = street_see(&street, 4, 0.25, items);
        fov_tracks tracks = update(t, frame / 30.0, count);
        check(tracks, count, frame / 30.0);
        static uint8_t now[IDS];
        memset(now, 0, sizeof now);
        for (size_t i = 0; i < tracks.count; i++) {
            const fov_track *track = &tracks.items[i];
            assert_true(track->id < IDS && !gone[track->id]);
            gone[track->id] = track->state == FOV_TRACK_REMOVED;
            now[track->id] = !gone[track->id];
            alive[track->id] &= (uint8_t)!gone[track->id];
        }
        for (int id = 0; id < IDS; id++)
            assert_true(now[id] || !alive[id]); /* none goes without a word */
        memcpy(alive, now, sizeof alive);
    }
    fov_tracker_destroy(&t);
}

/* One walker at 30, 10 and 5 pictures a second, and at all of them in turn: one name. */
static void rates(const char *name)
{
    static const double steps_s[][2] = {
        {1 / 30.0, 1 / 30.0}, {0.1, 0.1}, {0.2, 0.2}, {1 / 60.0, 0.1}};
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++) {
        fov_tracker *t = tracker(name);
        double time_s = 100;
        int32_t id = 0;
        for (int frame = 0; frame < 100; frame++) {
            items[0] = box((float)(200 + 40 * (time_s - 100)), 300, 60, 140);
            fov_tracks tracks = update(t, time_s, 1);
            check(tracks, 1, time_s);
            assert_int_equal(tracks.count, 1);
            id = id ? id : tracks.items[0].id;
            assert_int_equal(tracks.items[0].id, id);
            if (frame >= 5)
                assert_int_equal(tracks.items[0].state, FOV_TRACK_ACTIVE);
            if (frame == 99)
                assert_true(fabsf(tracks.items[0].vx - 40) < 4 && fabsf(tracks.items[0].vy) < 2);
            time_s += steps_s[i][frame % 2];
        }
        fov_tracker_destroy(&t);
    }
}

/* Unseen for half a second it is lost and keeps its name; unseen for long it is gone. */
static void hidden(const char *name)
{
    fov_tracker *t = tracker(name);
    int32_t id = 0;
    for (int frame = 0; frame < 30; frame++) {
        items[0] = box(500, 300, 60, 140);
        id = update(t, frame / 30.0, 1).items[0].id;
    }
    for (int frame = 30; frame < 45; frame++) {
        fov_tracks tracks = update(t, frame / 30.0, 0);
        check(tracks, 0, frame / 30.0);
        assert_int_equal(tracks.count, 1);
        assert_int_equal(tracks.items[0].state, FOV_TRACK_LOST);
        assert_true(fabsf(tracks.items[0].x1 - 500) < 10);
    }
    items[0] = box(500, 300, 60, 140);
    fov_tracks tracks = update(t, 1.5, 1);
    assert_int_equal(tracks.items[0].id, id);
    assert_int_equal(tracks.items[0].state, FOV_TRACK_ACTIVE);
    size_t removed = 0;
    for (int frame = 46; frame < 46 + 30 * 4; frame++)
        removed += count_state(update(t, frame / 30.0, 0), FOV_TRACK_REMOVED);
    assert_int_equal(removed, 1);
    assert_int_equal(update(t, 6, 0).count, 0);
    fov_tracker_destroy(&t);
}

/* ---- numbers that are none, time that jumps -------------------------------------------------- */

static void broken_boxes(const char *name)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f};
    fov_tracker *t = tracker(name);
    int32_t id = 0;
    for (int frame = 0; frame < 60; frame++) {
        size_t count = 0;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            for (int k = 0; k < 5; k++) {
                fov_detection d = box(700, 300, 60, 140);
                float *numbers[] = {&d.x1, &d.y1, &d.x2, &d.y2, &d.score};
                *numbers[k] = bad[i];
                items[count++] = d;
            }
        items[count++] = box(700, 300, -60, 140);
        items[count++] = box(700, 300, 60, -140);
        items[count++] = box(700, 300, 0, 0);
        items[count++] = box(500, 300, 60, 140);
        fov_tracks tracks = update(t, frame / 30.0, count);
        check(tracks, count, frame / 30.0);
        assert_int_equal(tracks.count, 1);
        assert_int_equal(tracks.items[0].detection, count - 1);
        id = id ? id : tracks.items[0].id;
        assert_int_equal(tracks.items[0].id, id);
    }
    fov_tracker_destroy(&t);
}

static void time_jumps(const char *name)
{
    /* Seconds, and whether the name stays: standing still, back, leaps forward. */
    static const struct {
        double time_s;
        bool stays;
    } jumps[] = {{0.5, true},    {0.5, true},    {0.2, true},   {0.25, true},
                 {-1e9, true},   {-1e9, true},   {1e9, false},  {1e9, true},
                 {1e300, false}, {-1e300, true}, {-1e300, true}};
    fov_tracker *t = tracker(name);
    int32_t id = 0;
    for (int frame = 0; frame < 15; frame++) {
        items[0] = box(500, 300, 60, 140);
        id = update(t, frame / 30.0, 1).items[0].id;
    }
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        items[0] = box(500, 300, 60, 140);
        fov_tracks tracks = update(t, jumps[i].time_s, 1);
        const fov_track *last = &tracks.items[tracks.count - 1];
        assert_int_equal(tracks.count, jumps[i].stays ? 1 : 2);
        assert_int_equal(last->id == id, jumps[i].stays);
        if (!jumps[i].stays) {
            assert_int_equal(tracks.items[0].id, id);
            assert_int_equal(tracks.items[0].state, FOV_TRACK_REMOVED);
        }
        assert_true(isfinite(last->vx) && isfinite(last->x1));
        id = last->id;
    }
    fov_tracker_destroy(&t);
}

/* What is refused changes nothing. */
static void refused(const char *name)
{
    fov_tracker *t = tracker(name);
    for (int frame = 0; frame < 15; frame++) {
        items[0] = box(500, 300, 60, 140);
        update(t, frame / 30.0, 1);
    }
    items[0] = box(500, 300, 60, 140);
    int32_t id = update(t, 0.5, 1).items[0].id;
    double broken[9] = {20, 0, 0, 0, 20, 0, 0, NAN, 1};
    fov_motion motion = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, INFINITY, 0, 1, 0, 0, 0, 1}};
    fov_detections detections = {items, 1, BOXES, NULL};
    fov_track_input inputs[] = {
        {.time_s = NAN, .detections = &detections},
        {.time_s = INFINITY, .detections = &detections},
        {.time_s = 0.6},
        {.time_s = 0.6, .detections = &detections, .ground = broken},
        {.time_s = 0.6, .detections = &detections, .motion = &motion},
    };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        fov_error error = {0};
        fov_tracks tracks = {0};
        items[0].track_id = 1234;
        assert_int_equal(fov_tracker_update(t, &inputs[i], &tracks, &error), FOV_EINVAL);
        assert_true(error.message[0] && tracks.count == 0 && items[0].track_id == 1234);
    }
    assert_int_equal(update(t, 0.6, 1).items[0].id, id);
    fov_tracker_destroy(&t);
}

/* ---- many, none, classes --------------------------------------------------------------------- */

static void grid(size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i] = box((float)(i % 48) * 40, (float)(i / 48) * 30, 24, 20);
}

static void many(const char *name)
{
    fov_tracker *t = tracker(name);
    for (int frame = 0; frame < 10; frame++) {
        grid(1024);
        fov_tracks tracks = update(t, frame / 30.0, 1024);
        assert_int_equal(tracks.count, 1024);
        if (frame >= 5)
            assert_int_equal(count_state(tracks, FOV_TRACK_ACTIVE), 1024);
    }
    grid(BOXES); /* more than there is room for */
    fov_tracks tracks = update(t, 0.4, BOXES);
    check(tracks, BOXES, 0.4);
    assert_true(tracks.count <= 1024 && count_state(tracks, FOV_TRACK_ACTIVE) > 900);
    fov_tracker_destroy(&t);
}

/* All in one place: whatever becomes of it, it ends and agrees with itself. */
static void heap(const char *name)
{
    fov_tracker *t = tracker(name);
    for (int frame = 0; frame < 5; frame++) {
        for (size_t i = 0; i < 1024; i++)
            items[i] = box(500, 300, 60, 140);
        check(update(t, frame / 30.0, 1024), 1024, frame / 30.0);
    }
    fov_tracker_destroy(&t);
}

static void nothing_at_all(const char *name)
{
    fov_tracker *t = tracker(name);
    for (int frame = 0; frame < 10; frame++)
        assert_int_equal(update(t, frame / 30.0, 0).count, 0);
    fov_tracker_destroy(&t);
    fov_tracker_destroy(&t);
}

/* A thing that is called something else from now on: another name, unless that is wanted. */
static void classes(const char *name)
{
    for (int across = 0; across <= 1; across++) {
        fov_tracker *t;
        fov_tracker_params params = {.name = name, .across_classes = across};
        int32_t before = 0, after = 0;
        assert_int_equal(fov_tracker_create(&t, &params, NULL), FOV_OK);
        for (int frame = 0; frame < 30; frame++) {
            items[0] = box(500, 300, 60, 140);
            items[0].class_id = frame / 15;
            update(t, frame / 30.0, 1);
            if (frame == 14)
                before = items[0].track_id;
            after = items[0].track_id;
        }
        assert_true(before > 0 && after > 0);
        assert_int_equal(before == after, across);
        fov_tracker_destroy(&t);
    }
}

static void forgets(const char *name)
{
    fov_tracker *t = tracker(name);
    int32_t before = 0;
    for (int frame = 0; frame < 10; frame++) {
        items[0] = box(500, 300, 60, 140);
        before = update(t, frame / 30.0, 1).items[0].id;
    }
    fov_tracker_reset(t);
    items[0] = box(500, 300, 60, 140);
    fov_tracks tracks = update(t, 0.4, 1);
    assert_int_equal(tracks.count, 1);
    assert_true(tracks.items[0].id > before);
    fov_tracker_destroy(&t);
}

static void no_allocation(const char *name)
{
    static struct street street;
    if (!alloc_count_works())
        return;
    fov_tracker *t;
    static float vectors[STREET_MOST * 16];
    fov_tracker_params params = {.name = name, .embedding_size = 16, .buffer = 0.3f};
    assert_int_equal(fov_tracker_create(&t, &params, NULL), FOV_OK);
    street_begin(&street, 200, 6);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        vectors[i] = (float)(i % 7) - 3;
    uint64_t before = alloc_count_thread();
    for (int frame = 0; frame < 100; frame++) {
        street_step(&street, 1 / 30.0);
        fov_detections detections = {items, street_see(&street, 3, 0.2, items), BOXES, NULL};
        fov_motion motion = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, 1, 0, 1, 0, 0, 0, 1}};
        fov_track_input input = {.time_s = frame / 30.0,
                                 .detections = &detections,
                                 .motion = &motion,
                                 .ground = ground,
                                 .embeddings = vectors};
        fov_tracker_update(t, &input, NULL, NULL);
    }
    fov_tracker_reset(t);
    uint64_t after = alloc_count_thread();
    assert_int_equal(after - before, 0);
    fov_tracker_destroy(&t);
}

/* ---- over the table -------------------------------------------------------------------------- */

static bool is_none(const char *name)
{
    return strcmp(name, "none") == 0;
}

static void every(void (*test)(const char *name))
{
    const char *name;
    for (int i = 0; (name = fov_tracker_name(i, NULL)); i++)
        if (!is_none(name))
            test(name);
}

#define EVERY(test)                                                                                \
    static void every_##test(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        every(test);                                                                               \
    }
EVERY(crowd)
EVERY(rates)
EVERY(hidden)
EVERY(broken_boxes)
EVERY(time_jumps)
EVERY(refused)
EVERY(many)
EVERY(heap)
EVERY(nothing_at_all)
EVERY(classes)
EVERY(forgets)
EVERY(no_allocation)

static void none_names_nothing(void **state)
{
    (void)state;
    fov_tracker *t = tracker("none");
    for (int frame = 0; frame < 10; frame++) {
        items[0] = box(500, 300, 60, 140);
        assert_int_equal(update(t, 10 * frame, 1).count, 0);
        assert_int_equal(items[0].track_id, -1);
    }
    fov_tracker_destroy(&t);
}

static void table(void **state)
{
    (void)state;
    const char *name, *help;
    assert_string_equal(fov_tracker_name(0, NULL), "botsort");
    for (int i = 0; (name = fov_tracker_name(i, &help)); i++)
        for (int k = 0; k < i; k++) {
            assert_true(help[0]);
            assert_string_not_equal(name, fov_tracker_name(k, NULL));
        }
    assert_null(fov_tracker_name(-1, NULL));
}

static void parameters_that_cannot_be(void **state)
{
    (void)state;
    static const fov_tracker_params bad[] = {{.high = 1.5f},
                                             {.low = -0.1f},
                                             {.start = NAN},
                                             {.high = 0.3f, .low = 0.4f},
                                             {.lost_s = -1},
                                             {.lost_s = INFINITY},
                                             {.max_tracks = -1},
                                             {.max_tracks = 5000},
                                             {.buffer = -0.5f},
                                             {.embedding_size = -1},
                                             {.embedding_size = 1 << 30}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fov_tracker *t = (void *)&t;
        fov_error error = {0};
        assert_int_equal(fov_tracker_create(&t, &bad[i], &error), FOV_EINVAL);
        assert_true(error.message[0] && !t);
    }
    fov_tracker *t;
    fov_error error = {0};
    fov_tracker_params unknown = {.name = "botsorts"};
    assert_int_equal(fov_tracker_create(&t, &unknown, &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "did you mean botsort?"));
    assert_int_equal(fov_tracker_create(&t, NULL, NULL), FOV_OK);
    fov_tracker_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(parameters_that_cannot_be),
        cmocka_unit_test(none_names_nothing),
        cmocka_unit_test(every_crowd),
        cmocka_unit_test(every_rates),
        cmocka_unit_test(every_hidden),
        cmocka_unit_test(every_broken_boxes),
        cmocka_unit_test(every_time_jumps),
        cmocka_unit_test(every_refused),
        cmocka_unit_test(every_many),
        cmocka_unit_test(every_heap),
        cmocka_unit_test(every_nothing_at_all),
        cmocka_unit_test(every_classes),
        cmocka_unit_test(every_forgets),
        cmocka_unit_test(every_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
