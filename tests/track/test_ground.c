/* The filter on the ground against dense algebra, and the tracker `pitch` on scenes whose truth is
 * known: people who cross, hide and come back under a camera that pans. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fovea/track.h>
#include "alloc_count.h"
#include "base/plane.h"
#include "track/ground.h"

static uint64_t seed = 1;

/* -1 to 1 */
static double number(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 33) / (double)(UINT64_C(1) << 30) - 1;
}

/* ---- the filter -------------------------------------------------------------------------------
 */

static void some_state(struct ground_state *s)
{
    double l[4][4] = {{0}};
    for (int r = 0; r < 4; r++)
        for (int c = 0; c <= r; c++)
            l[r][c] = number() + (r == c ? 1.5 : 0);
    for (int r = 0; r < 4; r++) {
        s->x[r] = 10 * number();
        for (int c = 0; c < 4; c++) {
            s->p[r][c] = 0;
            for (int k = 0; k < 4; k++)
                s->p[r][c] += l[r][k] * l[c][k];
        }
    }
}

/* Gauss and Jordan, with the largest pivot; enough for matrices that are far from singular. */
static void invert(int n, double a[4][4], double out[4][4])
{
    for (int r = 0; r < n; r++)
        for (int c = 0; c < n; c++)
            out[r][c] = r == c;
    for (int k = 0; k < n; k++) {
        int best = k;
        for (int r = k; r < n; r++)
            best = fabs(a[r][k]) > fabs(a[best][k]) ? r : best;
        for (int c = 0; c < n; c++) {
            double t = a[k][c], u = out[k][c];
            a[k][c] = a[best][c], a[best][c] = t;
            out[k][c] = out[best][c], out[best][c] = u;
        }
        double by = a[k][k];
        for (int c = 0; c < n; c++)
            a[k][c] /= by, out[k][c] /= by;
        for (int r = 0; r < n; r++) {
            double times = a[r][k];
            for (int c = 0; c < n && r != k; c++)
                a[r][c] -= times * a[k][c], out[r][c] -= times * out[k][c];
        }
    }
}

/* Information: the inverse of what is known before plus that of what is seen. */
static void corrections_are_those_of_information(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct ground_state s;
        struct ground_seen seen = {.at = {5 * number(), 5 * number()},
                                   .noise = {1 + number() / 2, number() / 3, 1 + number() / 2}};
        some_state(&s);
        double before[4][4], information[4][4], noise[4][4] = {{0}}, r[4][4], after[4][4], b[4];
        struct ground_state ours = s;
        memcpy(before, s.p, sizeof before);
        invert(4, before, information);
        noise[0][0] = seen.noise[0];
        noise[0][1] = noise[1][0] = seen.noise[1];
        noise[1][1] = seen.noise[2];
        invert(2, noise, r);
        for (int k = 0; k < 4; k++) {
            b[k] = 0;
            for (int c = 0; c < 4; c++)
                b[k] += information[k][c] * s.x[c];
        }
        for (int k = 0; k < 2; k++)
            for (int c = 0; c < 2; c++) {
                information[k][c] += r[k][c];
                b[k] += r[k][c] * seen.at[c];
            }
        invert(4, information, after);
        ground_correct(&ours, &seen);
        for (int k = 0; k < 4; k++) {
            double x = 0;
            for (int c = 0; c < 4; c++) {
                x += after[k][c] * b[c];
                assert_true(fabs(ours.p[k][c] - after[k][c]) < 1e-9);
            }
            assert_true(fabs(ours.x[k] - x) < 1e-9);
        }
    }
}

/* Two short steps do what a long one does, as white noise of the acceleration has it; the unseen
 * slow down by e in a second. */
static void steps_add_up(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct ground_state one, two;
        some_state(&one);
        two = one;
        ground_predict(&one, 0.4, false);
        ground_predict(&two, 0.15, false);
        ground_predict(&two, 0.25, false);
        for (int r = 0; r < 4; r++) {
            assert_true(fabs(one.x[r] - two.x[r]) < 1e-9);
            for (int c = 0; c < 4; c++)
                assert_true(fabs(one.p[r][c] - two.p[r][c]) < 1e-9);
        }
        struct ground_state unseen = one;
        ground_predict(&unseen, 1, true);
        for (int k = 0; k < 2; k++) {
            assert_true(fabs(unseen.x[2 + k] - one.x[2 + k] * exp(-1)) < 1e-12);
            assert_true(fabs(unseen.x[k] - one.x[k] - one.x[2 + k] * (1 - exp(-1))) < 1e-12);
        }
    }
}

static void distances_are_mahalanobis(void **state)
{
    (void)state;
    int near = 0;
    for (int i = 0; i < 500; i++) {
        struct ground_state s;
        struct ground_seen seen = {.noise = {1, 0.2, 0.7}};
        double distance, log_det, m[4][4] = {{0}}, inverse[4][4], d[2], should = 0;
        some_state(&s);
        for (int k = 0; k < 2; k++) {
            seen.at[k] = s.x[k] + 8 * number();
            d[k] = seen.at[k] - s.x[k];
        }
        m[0][0] = s.p[0][0] + 1;
        m[0][1] = m[1][0] = s.p[0][1] + 0.2;
        m[1][1] = s.p[1][1] + 0.7;
        double det = m[0][0] * m[1][1] - m[0][1] * m[0][1];
        invert(2, m, inverse);
        for (int r = 0; r < 2; r++)
            for (int c = 0; c < 2; c++)
                should += d[r] * inverse[r][c] * d[c];
        bool is = ground_distance(&s, &seen, 9, &distance, &log_det);
        assert_true(is == (should < 9));
        near += is;
        if (is)
            assert_true(fabs(distance - should) < 1e-9 && fabs(log_det - log(det)) < 1e-9);
    }
    assert_in_range(near, 50, 450);
}

/* ---- scenes -----------------------------------------------------------------------------------
 */

enum { PEOPLE_MOST = 40 };

/* People on the ground under a camera at (52.5, -38, 20). */
struct scene {
    fov_tracker *tracker;
    int count;
    double at[PEOPLE_MOST][2];
    bool hidden[PEOPLE_MOST];
    double pan, before, time_s;
    bool ground, motion, mirrored, flat; /* flat: a map without a way back is given */
    double off_px;                       /* how far the homography is off, at random */
    fov_detection boxes[PEOPLE_MOST];
    fov_detections detections;
    fov_tracks tracks;
};

static void map_at(double pan, double map[9])
{
    double s = sin(pan), c = cos(pan), down = 0.33, f = 1750;
    double rows[9] = {
        c,         -s, 0, -s * sin(down), -c * sin(down), -cos(down), s * cos(down), c * cos(down),
        -sin(down)};
    double seen[9], k[9] = {f, 0, 960, 0, f, 540, 0, 0, 1};
    for (int r = 0; r < 3; r++) {
        seen[3 * r] = rows[3 * r];
        seen[3 * r + 1] = rows[3 * r + 1];
        seen[3 * r + 2] = -(rows[3 * r] * 52.5 + rows[3 * r + 1] * -38 + rows[3 * r + 2] * 20);
    }
    plane_multiply(k, seen, map);
}

static void begin(struct scene *s, int count, const char *name)
{
    fov_tracker_params params = {.name = name};
    fov_error error = {0};
    memset(s, 0, sizeof *s);
    s->count = count;
    s->ground = s->motion = true;
    if (fov_tracker_create(&s->tracker, &params, &error))
        fail_msg("%s", error.message);
}

/* One frame: a box for each who is not hidden, 0.5 m wide and 1.8 m tall. */
static void frame(struct scene *s, double dt_s)
{
    double map[9], back[9];
    fov_motion motion = {.kind = FOV_MOTION_HOMOGRAPHY};
    map_at(s->before, back);
    map_at(s->pan, map);
    assert_true(plane_invert(back, back));
    plane_multiply(map, back, motion.map);
    s->detections = (fov_detections){.items = s->boxes, .capacity = PEOPLE_MOST};
    for (int i = 0; i < s->count; i++) {
        double px[2], j[4];
        if (s->hidden[i] || !plane_apply(map, s->at[i], px) || !plane_jacobian(map, s->at[i], j))
            continue;
        double size = hypot(j[0], j[2]); /* px of a metre along x */
        s->boxes[s->detections.count++] = (fov_detection){.x1 = (float)(px[0] - size / 4),
                                                          .y1 = (float)(px[1] - size * 1.8),
                                                          .x2 = (float)(px[0] + size / 4),
                                                          .y2 = (float)px[1],
                                                          .score = 0.9f,
                                                          .class_id_raw = i};
    }
    double off[9] = {1, 0, s->off_px * number(), 0, 1, s->off_px * number(), 0, 0, 1};
    plane_multiply(off, map, map);
    for (int i = 0; i < 9 && s->mirrored; i++) /* y from the far side, and another scale */
        map[i] *= i % 3 == 1 ? 2 : -2;
    if (s->flat)
        memset(map, 0, sizeof map);
    fov_track_input input = {.time_s = s->time_s,
                             .width = 1920,
                             .height = 1080,
                             .detections = &s->detections,
                             .motion = s->motion ? &motion : NULL,
                             .ground = s->ground ? map : NULL};
    assert_int_equal(fov_tracker_update(s->tracker, &input, &s->tracks, NULL), FOV_OK);
    s->before = s->pan;
    s->time_s += dt_s;
}

static int32_t name_of(const struct scene *s, int person)
{
    for (size_t i = 0; i < s->detections.count; i++)
        if (s->boxes[i].class_id_raw == person)
            return s->boxes[i].track_id;
    return -1;
}

/* Zeroed when there is none. */
static fov_track track_of(const struct scene *s, int32_t id)
{
    for (size_t i = 0; i < s->tracks.count; i++)
        if (s->tracks.items[i].id == id)
            return s->tracks.items[i];
    return (fov_track){0};
}

/* Ten pictures a second and pans by more than a box's width a picture. */
static void names_outlast_pans(void **state)
{
    (void)state;
    struct scene s;
    int32_t names[20];
    begin(&s, 20, "pitch");
    for (int i = 0; i < s.count; i++) {
        s.at[i][0] = 40 + i % 5 * 6;
        s.at[i][1] = 12 + (double)(i / 5) * 12;
    }
    for (int t = 0; t < 60; t++) {
        s.pan = 0.25 * sin(t * 0.2);
        for (int i = 0; i < s.count; i++)
            s.at[i][0] += 0.1 * (i % 3 - 1);
        frame(&s, 0.1);
        for (int i = 0; i < s.count; i++) {
            names[i] = t ? names[i] : name_of(&s, i);
            assert_true(names[i] > 0);
            assert_int_equal(name_of(&s, i), names[i]);
        }
    }
    fov_tracker_destroy(&s.tracker);
}

/* Homographies that are off by up to 8 px, another way in each picture, move everybody at once: in
 * metres that is nearly a step, which nobody took. Six stand still. */
static void a_homography_that_trembles_moves_nobody(void **state)
{
    (void)state;
    struct scene s;
    int32_t names[6];
    double squares = 0;
    int n = 0;
    begin(&s, 6, "pitch");
    s.off_px = 8;
    for (int i = 0; i < s.count; i++) {
        s.at[i][0] = 43 + 3 * i;
        s.at[i][1] = 20 + 20 * (i % 2);
    }
    for (int t = 0; t < 100; t++) {
        frame(&s, 0.1);
        for (int i = 0; i < s.count; i++) {
            names[i] = t > 30 ? names[i] : name_of(&s, i);
            assert_int_equal(name_of(&s, i), names[i]);
            fov_track track = track_of(&s, names[i]);
            squares += t > 30
                           ? track.ground_vx * track.ground_vx + track.ground_vy * track.ground_vy
                           : 0;
            n += t > 30;
            assert_true(t < 30 ||
                        hypot(track.ground_x - s.at[i][0], track.ground_y - s.at[i][1]) < 1.5);
        }
    }
    /* Taken as steps, 8 px at random would be 2 m/s and more. */
    if (!(sqrt(squares / n) < 0.8))
        fail_msg("they run at %.2f m/s", sqrt(squares / n));
    fov_tracker_destroy(&s.tracker);
}

static void places_and_speeds_are_those_of_the_ground(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, 1, "pitch");
    s.at[0][0] = 40;
    s.at[0][1] = 30;
    for (int t = 0; t < 40; t++) {
        s.pan = 0.1 * sin(t * 0.3);
        s.at[0][0] += 0.5;
        s.at[0][1] -= 0.2;
        frame(&s, 0.1);
    }
    fov_track track = track_of(&s, name_of(&s, 0));
    assert_true(track.on_ground);
    assert_true(fabs(track.ground_x - s.at[0][0]) < 0.05);
    assert_true(fabs(track.ground_y - s.at[0][1]) < 0.05);
    assert_true(fabs(track.ground_vx - 5) < 0.2 && fabs(track.ground_vy + 2) < 0.2);
    assert_true(track.vx > 50); /* px a second, to the right */
    fov_tracker_destroy(&s.tracker);
}

/* Maps whose y runs towards the camera are as good. */
static void mirrored_grounds_are_grounds(void **state)
{
    (void)state;
    struct scene s;
    int32_t name = 0;
    begin(&s, 1, "pitch");
    s.mirrored = true;
    s.at[0][1] = 30;
    for (int t = 0; t < 30; t++) {
        s.at[0][0] = 45 + 0.4 * t;
        s.pan = 0.02 * t;
        frame(&s, 0.1);
        name = t ? name : name_of(&s, 0);
        assert_true(name > 0 && name_of(&s, 0) == name);
    }
    fov_track track = track_of(&s, name);
    assert_true(fabs(track.ground_x - s.at[0][0]) < 0.05 && fabs(track.ground_y + 30) < 0.05);
    fov_tracker_destroy(&s.tracker);
}

/* Two run past one another behind a third, unseen for a second. */
static void names_come_back(void **state)
{
    (void)state;
    struct scene s;
    int32_t names[2];
    begin(&s, 2, "pitch");
    for (int t = 0; t < 50; t++) {
        s.at[0][0] = 45 + t * 0.3;
        s.at[1][0] = 60 - t * 0.3;
        s.at[0][1] = 30;
        s.at[1][1] = 31.5;
        s.pan = 0.002 * t;
        s.hidden[0] = s.hidden[1] = t >= 20 && t < 30;
        frame(&s, 0.1);
        for (int i = 0; i < 2 && t == 19; i++)
            names[i] = name_of(&s, i);
        if (t == 25) {
            fov_track lost = track_of(&s, names[0]);
            assert_true(lost.state == FOV_TRACK_LOST && lost.detection == -1);
            /* Thought to be within half a metre, its box upright there. */
            assert_true(fabs(lost.ground_x - s.at[0][0]) < 0.6);
            assert_true(lost.y2 - lost.y1 > 40 && lost.x2 - lost.x1 > 10);
        }
    }
    assert_int_equal(name_of(&s, 0), names[0]);
    assert_int_equal(name_of(&s, 1), names[1]);
    fov_tracker_destroy(&s.tracker);
}

static void what_stays_away_is_removed_once(void **state)
{
    (void)state;
    struct scene s;
    int removed = 0;
    begin(&s, 1, "pitch");
    s.at[0][0] = 50;
    s.at[0][1] = 30;
    for (int t = 0; t < 60; t++) {
        s.hidden[0] = t >= 10;
        frame(&s, 0.1);
        for (size_t i = 0; i < s.tracks.count; i++) {
            removed += s.tracks.items[i].state == FOV_TRACK_REMOVED;
            if (s.tracks.items[i].state == FOV_TRACK_REMOVED)
                assert_in_range(t, 39, 42); /* three seconds */
        }
    }
    assert_int_equal(removed, 1);
    fov_tracker_destroy(&s.tracker);
}

/* Half a second without a homography is bridged by the camera's motion. */
static void gaps_of_the_homography_are_carried(void **state)
{
    (void)state;
    struct scene s;
    int32_t name = 0;
    begin(&s, 1, "pitch");
    s.at[0][1] = 30;
    for (int t = 0; t < 40; t++) {
        s.at[0][0] = 45 + 0.4 * t;
        s.pan = 0.02 * t;
        s.ground = t < 10 || t >= 15;
        frame(&s, 0.1);
        name = t == 5 ? name_of(&s, 0) : name;
        if (t > 5)
            assert_int_equal(name_of(&s, 0), name);
    }
    fov_track track = track_of(&s, name);
    assert_true(track.on_ground && fabs(track.ground_x - s.at[0][0]) < 0.05);
    fov_tracker_destroy(&s.tracker);
}

/* One without a way back is none: the one before goes on. */
static void a_flat_homography_is_a_gap(void **state)
{
    (void)state;
    struct scene s;
    int32_t name = 0;
    begin(&s, 1, "pitch");
    s.at[0][1] = 30;
    for (int t = 0; t < 20; t++) {
        s.at[0][0] = 45 + 0.4 * t;
        s.pan = 0.02 * t;
        s.flat = t >= 10 && t < 15;
        frame(&s, 0.1);
        name = t ? name : name_of(&s, 0);
        fov_track track = track_of(&s, name);
        assert_int_equal(name_of(&s, 0), name);
        assert_true(track.on_ground && fabs(track.ground_x - s.at[0][0]) < 0.1);
    }
    fov_tracker_destroy(&s.tracker);
}

/* Without a homography for long the names are those of the picture; with it again those of before,
 * where they still hold. */
static void without_a_homography_it_tracks_the_picture(void **state)
{
    (void)state;
    struct scene s;
    int32_t before = 0, meantime = 0;
    begin(&s, 1, "pitch");
    s.at[0][0] = 50;
    s.at[0][1] = 30;
    s.motion = false;
    for (int t = 0; t < 40; t++) {
        s.ground = t < 10 || t >= 25;
        frame(&s, 0.1);
        if (t == 9)
            before = name_of(&s, 0);
        if (t == 12)
            meantime = name_of(&s, 0);
        if (t > 12 && t < 25)
            assert_int_equal(name_of(&s, 0), meantime);
    }
    assert_true(meantime > 0 && meantime != before);
    assert_int_equal(name_of(&s, 0), before);
    fov_tracker_destroy(&s.tracker);
    begin(&s, 1, "pitch"); /* never one */
    s.ground = false;
    s.at[0][1] = 30;
    for (int t = 0; t < 20; t++) {
        s.at[0][0] = 50 + 0.05 * t;
        frame(&s, 0.04);
        meantime = t == 1 ? name_of(&s, 0) : meantime;
    }
    assert_true(meantime > 0);
    assert_int_equal(name_of(&s, 0), meantime);
    assert_int_equal(track_of(&s, meantime).id, meantime);
    assert_false(track_of(&s, meantime).on_ground);
    fov_tracker_destroy(&s.tracker);
}

/* Someone calibrates while it runs, and later the calibration ends: who is seen keeps the name, as
 * long as the camera's motion is known. Nobody has two names, no name is told twice. */
static void names_go_on_when_the_homography_comes_and_goes(void **state)
{
    (void)state;
    struct scene s;
    int32_t names[3] = {0};
    begin(&s, 3, "pitch");
    for (int t = 0; t < 120; t++) {
        for (int i = 0; i < 3; i++) {
            s.at[i][0] = 40 + 8 * i + 0.1 * t;
            s.at[i][1] = 25 + 6 * i;
        }
        s.pan = 0.02 * sin(t * 0.1);
        s.ground = (t >= 20 && t < 50) || t >= 90;
        frame(&s, 0.1);
        for (int i = 0; i < 3; i++) {
            names[i] = t == 5 ? name_of(&s, i) : names[i];
            if (t >= 5 && (name_of(&s, i) != names[i] || names[i] <= 0))
                fail_msg("at %d person %d is %d and not %d", t, i, (int)name_of(&s, i),
                         (int)names[i]);
        }
        for (size_t i = 0; i < s.tracks.count; i++)
            for (size_t k = 0; k < i; k++)
                assert_int_not_equal(s.tracks.items[i].id, s.tracks.items[k].id);
        bool ground = (t >= 20 && t < 60) || t >= 90; /* a second longer */
        if (t != 60)
            assert_true(track_of(&s, names[0]).on_ground == ground);
    }
    assert_int_equal(s.tracks.count, 3);
    fov_tracker_destroy(&s.tracker);
}

/* Boxes in the sky, at the horizon and broken ones get no name and do no harm. */
static void nothing_stands_in_the_sky(void **state)
{
    (void)state;
    double map[9];
    fov_error error = {0};
    fov_tracker *tracker;
    fov_tracker_params params = {.name = "pitch"};
    fov_detection boxes[] = {{.x1 = 100, .y1 = -900, .x2 = 150, .y2 = -700, .score = 0.9f},
                             {.x1 = 300, .y1 = -60, .x2 = 350, .y2 = -55, .score = 0.9f},
                             {.x1 = NAN, .y1 = 0, .x2 = 1, .y2 = 1, .score = 0.9f},
                             {.x1 = 900, .y1 = 500, .x2 = 950, .y2 = 620, .score = 0.9f}};
    fov_detections detections = {.items = boxes, .count = 4, .capacity = 4};
    fov_track_input input = {.detections = &detections, .ground = map};
    map_at(0, map);
    assert_int_equal(fov_tracker_create(&tracker, &params, &error), FOV_OK);
    for (int t = 0; t < 5; t++) {
        input.time_s = t * 0.1;
        assert_int_equal(fov_tracker_update(tracker, &input, NULL, &error), FOV_OK);
        assert_int_equal(boxes[0].track_id, -1);
        assert_int_equal(boxes[1].track_id, -1);
        assert_int_equal(boxes[2].track_id, -1);
        assert_true(boxes[3].track_id > 0);
    }
    memset(map, 0, sizeof map); /* no inverse: as if there were none */
    input.time_s = 0.5;
    assert_int_equal(fov_tracker_update(tracker, &input, NULL, &error), FOV_OK);
    fov_tracker_destroy(&tracker);
}

static void frames_allocate_nothing(void **state)
{
    (void)state;
    struct scene s;
    if (!alloc_count_works())
        skip();
    begin(&s, PEOPLE_MOST, "pitch");
    uint64_t before = alloc_count_thread();
    for (int t = 0; t < 200; t++) {
        for (int i = 0; i < s.count; i++) {
            s.at[i][0] = 52 + 30 * number();
            s.at[i][1] = 34 + 30 * number();
            s.hidden[i] = number() > 0.5;
        }
        s.ground = t % 50 < 35;
        s.motion = t % 20 < 15;
        frame(&s, 0.04);
    }
    assert_int_equal(alloc_count_thread() - before, 0);
    fov_tracker_destroy(&s.tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corrections_are_those_of_information),
        cmocka_unit_test(steps_add_up),
        cmocka_unit_test(distances_are_mahalanobis),
        cmocka_unit_test(names_outlast_pans),
        cmocka_unit_test(a_homography_that_trembles_moves_nobody),
        cmocka_unit_test(places_and_speeds_are_those_of_the_ground),
        cmocka_unit_test(mirrored_grounds_are_grounds),
        cmocka_unit_test(names_come_back),
        cmocka_unit_test(what_stays_away_is_removed_once),
        cmocka_unit_test(gaps_of_the_homography_are_carried),
        cmocka_unit_test(a_flat_homography_is_a_gap),
        cmocka_unit_test(without_a_homography_it_tracks_the_picture),
        cmocka_unit_test(names_go_on_when_the_homography_comes_and_goes),
        cmocka_unit_test(nothing_stands_in_the_sky),
        cmocka_unit_test(frames_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
