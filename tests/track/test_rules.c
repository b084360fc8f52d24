/* What the single trackers are for: the camera's motion, unsure boxes, appearance, directions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <fovea/track.h>
#include "street.h"
#include "track_fixture.h"

static fov_detection items[STREET_MOST];

struct told {
    const fov_motion *motion;
    const float *embeddings;
};

static fov_tracker *tracker(fov_tracker_params params)
{
    fov_tracker *t;
    assert_int_equal(fov_tracker_create(&t, &params, NULL), FOV_OK);
    return t;
}

static fov_tracks update(fov_tracker *t, int frame, size_t count, struct told told)
{
    fov_detections detections = {items, count, STREET_MOST, NULL};
    fov_track_input input = {.time_s = frame / 30.0,
                             .detections = &detections,
                             .motion = told.motion,
                             .embeddings = told.embeddings};
    fov_tracks tracks;
    assert_int_equal(fov_tracker_update(t, &input, &tracks, NULL), FOV_OK);
    return tracks;
}

static void put(size_t i, double x, double y, double score)
{
    items[i] = (fov_detection){.x1 = (float)x,
                               .y1 = (float)y,
                               .x2 = (float)x + 60,
                               .y2 = (float)y + 140,
                               .score = (float)score};
}

/* A camera that swings to and fro by 50 px a frame before a street where all stand still. Returns
 * how many names were given to 24 things, and how fast one was thought to be. */
static int names_before_a_swinging_camera(const char *name, bool told, double zoom,
                                          double *fastest_px_s)
{
    fov_tracker *t = tracker((fov_tracker_params){.name = name});
    double x = 0, scale = 1;
    double fastest = 0;
    int32_t last_id = 0;
    for (int frame = 0; frame < 90; frame++) {
        double step = frame == 0 ? 0 : frame / 15 % 2 ? -50 : 50, by = frame ? zoom : 1;
        fov_motion motion = {.kind = FOV_MOTION_SIMILARITY,
                             .map = {by, 0, step, 0, by, 0, 0, 0, 1}};
        x = by * x + step;
        scale *= by;
        for (size_t i = 0; i < 24; i++) {
            double px = (double)(i % 8) * 110, py = (double)(i / 8) * 200;
            put(i, scale * px + x, scale * py, 0.9);
            items[i].x2 = items[i].x1 + (float)(60 * scale);
            items[i].y2 = items[i].y1 + (float)(140 * scale);
        }
        fov_tracks tracks = update(t, frame, 24, (struct told){.motion = told ? &motion : NULL});
        for (size_t i = 0; i < tracks.count; i++) {
            last_id = tracks.items[i].id > last_id ? tracks.items[i].id : last_id;
            fastest = fmax(fastest, fabs((double)tracks.items[i].vx));
        }
    }
    fov_tracker_destroy(&t);
    *fastest_px_s = fastest;
    return last_id;
}

static void botsort_follows_the_camera(void **state)
{
    (void)state;
    double fastest_px_s;
    assert_int_equal(names_before_a_swinging_camera("botsort", true, 1, &fastest_px_s), 24);
    assert_true(fastest_px_s < 1);
    assert_int_equal(names_before_a_swinging_camera("botsort", true, 1.004, &fastest_px_s), 24);
    assert_true(fastest_px_s < 1);
    assert_true(names_before_a_swinging_camera("botsort", false, 1, &fastest_px_s) > 24);
    assert_true(names_before_a_swinging_camera("bytetrack", true, 1, &fastest_px_s) > 24);
}

/* A motion that nobody is sure of is none. */
static void unsure_motion_is_left_out(void **state)
{
    (void)state;
    fov_tracker *t = tracker((fov_tracker_params){0});
    const fov_motion motion = {.kind = FOV_MOTION_NONE, .map = {1, 0, 500, 0, 1, 0, 0, 0, 1}};
    for (int frame = 0; frame < 10; frame++) {
        put(0, 300, 300, 0.9);
        assert_int_equal(update(t, frame, 1, (struct told){.motion = &motion}).items[0].id, 1);
    }
    fov_tracker_destroy(&t);
}

/* A motion that throws everything out of the world: what is gone is told where it last was. */
static void a_wild_motion_ends_tracks(void **state)
{
    (void)state;
    fov_tracker *t = tracker((fov_tracker_params){0});
    fov_motion motion = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, 1e30, 0, 1, 0, 0, 0, 1}};
    for (int frame = 0; frame < 10; frame++) {
        put(0, 300 + frame, 300, 0.9);
        update(t, frame, 1, (struct told){0});
    }
    fov_tracks tracks = update(t, 10, 0, (struct told){.motion = &motion});
    assert_int_equal(tracks.count, 1);
    assert_int_equal(tracks.items[0].state, FOV_TRACK_REMOVED);
    assert_true(fabsf(tracks.items[0].x1 - 309) < 3 && fabsf(tracks.items[0].vx) < 60);
    fov_tracker_destroy(&t);
}

static void unsure_boxes_keep_a_name_and_begin_none(void **state)
{
    (void)state;
    static const char *const names[] = {"botsort", "bytetrack"};
    for (int n = 0; n < 2; n++) {
        fov_tracker *t = tracker((fov_tracker_params){.name = names[n]});
        for (int frame = 0; frame < 60; frame++) {
            put(0, 300, 300, frame < 20 ? 0.9 : 0.2);
            put(1, 900, 300, 0.5); /* never sure */
            fov_tracks tracks = update(t, frame, 2, (struct told){0});
            assert_int_equal(tracks.count, 1);
            assert_int_equal(tracks.items[0].state, FOV_TRACK_ACTIVE);
            assert_int_equal(items[0].track_id, 1);
            assert_int_equal(items[1].track_id, -1);
        }
        fov_tracker_destroy(&t);
    }
}

/* What flashes up once gets no name; what is seen twice does, from then on. */
static void names_begin_with_the_second_sight(void **state)
{
    (void)state;
    fov_tracker *t = tracker((fov_tracker_params){0});
    put(0, 300, 300, 0.9);
    update(t, 0, 1, (struct told){0});
    assert_int_equal(items[0].track_id, 1); /* the first picture is full already */
    put(1, 900, 300, 0.9);
    fov_tracks tracks = update(t, 1, 2, (struct told){0});
    assert_int_equal(items[1].track_id, -1);
    assert_int_equal(tracks.items[1].state, FOV_TRACK_TENTATIVE);
    tracks = update(t, 2, 1, (struct told){0});
    assert_int_equal(tracks.items[1].state, FOV_TRACK_REMOVED);
    put(1, 1200, 300, 0.9);
    update(t, 3, 2, (struct told){0});
    assert_int_equal(items[1].track_id, -1);
    update(t, 4, 2, (struct told){0});
    assert_int_equal(items[1].track_id, 3);
    fov_tracker_destroy(&t);
}

/* Two that stand half before each other change places: only their looks tell. */
static void appearance_tells_apart(void **state)
{
    (void)state;
    static const float looks[2][4] = {{1, 0, 0.2f, 0}, {0, 1, 0, 0.2f}};
    for (int told = 0; told <= 1; told++) {
        fov_tracker *t = tracker((fov_tracker_params){.embedding_size = 4});
        float vectors[2][4];
        int32_t first = 0;
        for (int frame = 0; frame < 20; frame++) {
            bool changed = frame >= 10;
            put(0, changed ? 515 : 500, 300, 0.9);
            put(1, changed ? 500 : 515, 300, 0.9);
            memcpy(vectors, looks, sizeof vectors);
            update(t, frame, 2, (struct told){.embeddings = told ? vectors[0] : NULL});
            first = frame == 9 ? items[0].track_id : first;
        }
        assert_true(first > 0);
        assert_int_equal(items[0].track_id == first, told);
        fov_tracker_destroy(&t);
    }
}

/* The same on the ground, in metres. */
static void appearance_tells_apart_on_the_ground(void **state)
{
    (void)state;
    static const float looks[2][4] = {{1, 0, 0.2f, 0}, {0, 1, 0, 0.2f}};
    static const double ground[9] = {50, 0, 100, 0, 50, 100, 0, 0, 1}; /* 50 px a metre */
    for (int told = 0; told <= 1; told++) {
        fov_tracker *t = tracker((fov_tracker_params){.name = "pitch", .embedding_size = 4});
        float vectors[2][4];
        int32_t first = 0;
        for (int frame = 0; frame < 20; frame++) {
            bool changed = frame >= 10;
            put(0, changed ? 508 : 500, 300, 0.9);
            put(1, changed ? 500 : 508, 300, 0.9);
            memcpy(vectors, looks, sizeof vectors);
            fov_detections detections = {items, 2, STREET_MOST, NULL};
            fov_track_input input = {.time_s = frame / 30.0,
                                     .detections = &detections,
                                     .ground = ground,
                                     .embeddings = told ? vectors[0] : NULL};
            assert_int_equal(fov_tracker_update(t, &input, NULL, NULL), FOV_OK);
            first = frame == 9 ? items[0].track_id : first;
        }
        assert_true(first > 0);
        assert_int_equal(items[0].track_id == first, told);
        fov_tracker_destroy(&t);
    }
}

static void trackers_that_look(void **state)
{
    (void)state;
    assert_true(fov_tracker_uses_embeddings(NULL));
    assert_true(fov_tracker_uses_embeddings(""));
    assert_true(fov_tracker_uses_embeddings("bytetrack"));
    assert_true(fov_tracker_uses_embeddings("pitch"));
    assert_false(fov_tracker_uses_embeddings("ocsort"));
    assert_false(fov_tracker_uses_embeddings("none"));
    assert_false(fov_tracker_uses_embeddings("nothing"));
}

/* Vectors that are zero or no numbers count as none. */
static void broken_vectors_are_left_out(void **state)
{
    (void)state;
    static const float bad[][2] = {{0, 0}, {NAN, 1}, {INFINITY, 0}, {3e38f, 3e38f}};
    fov_tracker *t = tracker((fov_tracker_params){.embedding_size = 2});
    for (int frame = 0; frame < 40; frame++) {
        put(0, 500, 300, 0.9);
        fov_tracks tracks = update(t, frame, 1, (struct told){.embeddings = bad[frame % 4]});
        assert_int_equal(tracks.count, 1);
        assert_int_equal(tracks.items[0].id, 1);
    }
    fov_tracker_destroy(&t);
}

/* Hidden for a moment, and out of the reach of its own box when it comes back. */
static void grown_boxes_find_again(void **state)
{
    (void)state;
    for (int grown = 0; grown <= 1; grown++) {
        fov_tracker *t = tracker((fov_tracker_params){.buffer = grown ? 0.5f : 0});
        for (int frame = 0; frame < 20; frame++) {
            put(0, 500, 300, 0.9);
            update(t, frame, frame < 10 || frame > 13 ? 1 : 0, (struct told){0});
        }
        put(0, 565, 300, 0.9);
        update(t, 24, 1, (struct told){0});
        update(t, 25, 1, (struct told){0});
        assert_int_equal(items[0].track_id == 1, grown);
        fov_tracker_destroy(&t);
    }
}

/* Walks, stops while it is hidden, and is found where it was last seen: it has stood since, and its
 * speed is not that of the walk. */
static void ocsort_leads_its_filter_along_the_way(void **state)
{
    (void)state;
    fov_tracker *t = tracker((fov_tracker_params){.name = "ocsort"});
    fov_tracks tracks = {0};
    for (int frame = 0; frame < 20; frame++) {
        put(0, 500 + 4 * frame, 300, 0.9);
        tracks = update(t, frame, 1, (struct told){0});
    }
    assert_true(fabsf(tracks.items[0].vx - 120) < 2);
    for (int frame = 20; frame < 34; frame++)
        update(t, frame, 0, (struct told){0});
    for (int frame = 34; frame < 37; frame++) {
        put(0, 576, 300, 0.9);
        tracks = update(t, frame, 1, (struct told){0});
        assert_int_equal(items[0].track_id, 1);
        assert_true(fabs((double)tracks.items[0].vx - led_px_s[frame - 34]) < 0.01);
    }
    fov_tracker_destroy(&t);
}

/* Two meet and pass: where boxes say little, the way that each was going tells. */
static void ocsort_keeps_the_direction(void **state)
{
    (void)state;
    fov_tracker *t = tracker((fov_tracker_params){.name = "ocsort"});
    int32_t left = 0, right = 0;
    for (int frame = 0; frame < 60; frame++) {
        put(0, 300 + 6 * frame, 300, 0.9);
        put(1, 660 - 6 * frame, 320, 0.9);
        update(t, frame, 2, (struct told){0});
        left = frame == 10 ? items[0].track_id : left;
        right = frame == 10 ? items[1].track_id : right;
    }
    assert_true(left > 0 && right > 0);
    assert_int_equal(items[0].track_id, left);
    assert_int_equal(items[1].track_id, right);
    fov_tracker_destroy(&t);
}

/* A tracker of few tracks does with what it has. */
static void few_tracks(void **state)
{
    (void)state;
    fov_tracker *t = tracker((fov_tracker_params){.max_tracks = 3});
    for (int frame = 0; frame < 20; frame++) {
        for (size_t i = 0; i < 8; i++)
            put(i, (double)i * 100, 300, 0.9);
        assert_int_equal(update(t, frame, 8, (struct told){0}).count, 3);
    }
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(items[i].track_id, i < 3 ? (int)i + 1 : -1);
    fov_tracker_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(botsort_follows_the_camera),
        cmocka_unit_test(unsure_motion_is_left_out),
        cmocka_unit_test(a_wild_motion_ends_tracks),
        cmocka_unit_test(unsure_boxes_keep_a_name_and_begin_none),
        cmocka_unit_test(names_begin_with_the_second_sight),
        cmocka_unit_test(appearance_tells_apart),
        cmocka_unit_test(appearance_tells_apart_on_the_ground),
        cmocka_unit_test(trackers_that_look),
        cmocka_unit_test(broken_vectors_are_left_out),
        cmocka_unit_test(grown_boxes_find_again),
        cmocka_unit_test(ocsort_leads_its_filter_along_the_way),
        cmocka_unit_test(ocsort_keeps_the_direction),
        cmocka_unit_test(few_tracks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
