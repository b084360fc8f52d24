/* The parts of camera motion: brightness made small, pyramids, corners, and points that are
 * followed, against what their definitions give. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/plane.h"
#include "scenery.h"
#include "track/corners.h"
#include "track/flow.h"
#include "track/luma.h"

/* ---- brightness ---- */

static void factors(void **state)
{
    (void)state;
    static const int rows[][4] = {{1920, 1080, 320, 6}, {1080, 1920, 320, 6}, {1280, 720, 320, 4},
                                  {768, 576, 320, 2},   {640, 360, 320, 2},   {479, 100, 320, 1},
                                  {480, 100, 320, 2},   {1, 1, 320, 1},       {3840, 2160, 320, 12},
                                  {16384, 1, 64, 256}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(luma_factor(rows[i][0], rows[i][1], rows[i][2]), rows[i][3]);
}

/* Mean of a square as the header says it, rounded to the nearest, halves up. */
static int mean_of(const fov_image *image, int factor, int x, int y)
{
    int bytes = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24 ? 3 : 1;
    int64_t sum[3] = {0, 0, 0}, area = (int64_t)factor * factor;
    for (int j = 0; j < factor; j++)
        for (int i = 0; i < factor; i++)
            for (int c = 0; c < bytes; c++)
                sum[c] += image->plane[0][(y * factor + j) * image->stride[0] +
                                          (x * factor + i) * bytes + c];
    int64_t level = sum[0];
    if (image->pixels == FOV_RGB24)
        level = (77 * sum[0] + 150 * sum[1] + 29 * sum[2] + 128) / 256;
    if (image->pixels == FOV_BGR24)
        level = (29 * sum[0] + 150 * sum[1] + 77 * sum[2] + 128) / 256;
    return (int)((level + area / 2) / area);
}

static void means_are_exact(void **state)
{
    (void)state;
    static const fov_pixels kinds[] = {FOV_GRAY8, FOV_YUV, FOV_RGB24, FOV_BGR24};
    static const int factors[] = {1, 2, 3, 5, 6, 7, 12, 51, 64, 100, 255, 256};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
        for (int kind = 0; kind < 4; kind++) {
            int factor = factors[f];
            fov_image image = scenery_make(kinds[kind], 5 * factor + factor / 2, 3 * factor + 1, 7);
            uint16_t *sums = malloc(3 * (size_t)image.width * sizeof *sums);
            uint8_t out[4 * 11];
            assert_non_null(sums);
            for (int white = 0; white < 2; white++) {
                scenery_draw(&image, PLANE_IDENTITY, 3);
                if (white)
                    memset(image.plane[0], 255, (size_t)image.stride[0] * (size_t)(3 * factor));
                else
                    scenery_noise(&image, 255, 5);
                luma_reduce(&image, factor, sums, out, 11);
                int width = image.width / factor < 11 ? image.width / factor : 11;
                for (int y = 0; y < 3; y++)
                    for (int x = 0; x < width; x++)
                        assert_int_equal(out[y * 11 + x], mean_of(&image, factor, x, y));
            }
            free(sums);
            scenery_release(&image);
        }
}

/* ---- pyramids ---- */

static void draw_into(struct pyramid *p, int width, int height, const double to_plane[9],
                      unsigned seed)
{
    fov_image image = scenery_make(FOV_GRAY8, width, height, 0);
    scenery_draw(&image, to_plane, seed);
    pyramid_shape(p, width, height);
    for (int y = 0; p->levels > 0 && y < height; y++)
        memcpy(p->level[0].pixels + (size_t)y * p->level[0].stride,
               image.plane[0] + (size_t)y * (size_t)width, (size_t)width);
    pyramid_build(p);
    scenery_release(&image);
}

static uint8_t level_at(const struct pyramid_level *p, int x, int y)
{
    return p->pixels[(ptrdiff_t)y * (ptrdiff_t)p->stride + x];
}

static void check_level(const struct pyramid_level *of, const struct pyramid_level *half)
{
    assert_int_equal(half->width, of->width / 2);
    assert_int_equal(half->height, of->height / 2);
    for (int y = 0; y < half->height; y++)
        for (int x = 0; x < half->width; x++) {
            int sum = level_at(of, 2 * x, 2 * y) + level_at(of, 2 * x + 1, 2 * y) +
                      level_at(of, 2 * x, 2 * y + 1) + level_at(of, 2 * x + 1, 2 * y + 1);
            assert_int_equal(level_at(half, x, y), (sum + 2) / 4);
        }
}

static void check_border(const struct pyramid_level *p)
{
    for (int y = -PYRAMID_BORDER; y < p->height + PYRAMID_BORDER; y++)
        for (int x = -PYRAMID_BORDER; x < p->width + PYRAMID_BORDER; x++) {
            int cx = x < 0 ? 0 : x < p->width ? x : p->width - 1;
            int cy = y < 0 ? 0 : y < p->height ? y : p->height - 1;
            assert_int_equal(level_at(p, x, y), level_at(p, cx, cy));
        }
}

static void levels_are_halves_with_a_border(void **state)
{
    (void)state;
    static const int sizes[][3] = {{320, 180, 4}, {257, 193, 4}, {130, 33, 2},
                                   {16, 480, 1},  {480, 480, 4}, {15, 200, 0}};
    struct pyramid p;
    assert_true(pyramid_create(&p, 480));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        draw_into(&p, sizes[i][0], sizes[i][1], PLANE_IDENTITY, (unsigned)i);
        assert_int_equal(p.levels, sizes[i][2]);
        for (int level = 0; level < p.levels; level++) {
            check_border(&p.level[level]);
            if (level > 0)
                check_level(&p.level[level - 1], &p.level[level]);
        }
    }
    pyramid_release(&p);
}

/* ---- corners ---- */

/* Smaller eigenvalue a pixel of the 16 x 16 window around a point, from the definition. */
static double strength_of(const struct pyramid_level *p, int x, int y)
{
    double xx = 0, xy = 0, yy = 0;
    for (int j = y - 8; j < y + 8; j++)
        for (int i = x - 8; i < x + 8; i++) {
            double gx = (level_at(p, i + 1, j) - level_at(p, i - 1, j)) / 2.0;
            double gy = (level_at(p, i, j + 1) - level_at(p, i, j - 1)) / 2.0;
            xx += gx * gx;
            xy += gx * gy;
            yy += gy * gy;
        }
    double mean = (xx + yy) / 2, half = (xx - yy) / 2;
    return (mean - sqrt(half * half + xy * xy)) / 256;
}

static void corners_are_spread_and_strong(void **state)
{
    (void)state;
    enum { MOST = 240 };
    struct pyramid p;
    struct corners_room room;
    struct corner found[MOST];
    assert_true(pyramid_create(&p, 480) && corners_room_create(&room, 480));
    draw_into(&p, 320, 180, PLANE_IDENTITY, 9);
    corners_room_shape(&room, 320, 180);
    corners_block(&room, 100, -50, 200.5, 90);
    corners_block(&room, -1e300, 1e300, NAN, 3); /* nothing */
    corners_block(&room, 400, 10, 500, 20);      /* outside */
    int count = corners_find(&room, &p.level[0], found, MOST), quarters[4] = {0};
    assert_in_range(count, 100, MOST);
    for (int i = 0; i < count; i++) {
        int x = (int)found[i].at[0], y = (int)found[i].at[1];
        assert_false(x > 100 - 4 && x < 201 + 4 && y < 90 + 4);
        assert_true(fabs(strength_of(&p.level[0], x, y) / (double)found[i].strength - 1) < 1e-4);
        quarters[(x >= 160) + 2 * (y >= 90)]++;
    }
    for (int i = 0; i < 4; i++)
        assert_true(quarters[i] > 10);
    for (int most = 1; most <= 40; most++)
        assert_true(corners_find(&room, &p.level[0], found, most) <= most);
    corners_room_release(&room);
    pyramid_release(&p);
}

static void flat_and_tiny_pictures_have_no_corners(void **state)
{
    (void)state;
    struct pyramid p;
    struct corners_room room;
    struct corner found[64];
    static const double nowhere[9] = {0, 0, 1, 0, 0, 1, 0, 0, 1},
                        edge[9] = {1, 0, 0, 0, 0, 1, 0, 0, 1};
    assert_true(pyramid_create(&p, 160) && corners_room_create(&room, 160));
    draw_into(&p, 160, 120, nowhere, 1);
    corners_room_shape(&room, 160, 120);
    assert_int_equal(corners_find(&room, &p.level[0], found, 64), 0);
    draw_into(&p, 160, 120, edge, 1); /* stripes: nothing says where along them */
    assert_int_equal(corners_find(&room, &p.level[0], found, 64), 0);
    draw_into(&p, 16, 160, PLANE_IDENTITY, 1);
    corners_room_shape(&room, 16, 160);
    assert_true(corners_find(&room, &p.level[0], found, 64) > 0);
    corners_room_release(&room);
    pyramid_release(&p);
}

/* ---- following ---- */

/* Follows a lattice of points by a known motion: how many, and how far off in the mean. */
static double follow_all(double x, double y, double turn, double zoom, int *followed, int *points)
{
    enum { WIDTH = 320, HEIGHT = 180 };
    struct pyramid a, b;
    fov_image size = {.width = WIDTH, .height = HEIGHT};
    double motion[9], back[9], sum = 0;
    scenery_motion(&size, x, y, turn, zoom, motion);
    assert_true(plane_invert(motion, back));
    assert_true(pyramid_create(&a, 320) && pyramid_create(&b, 320));
    draw_into(&a, WIDTH, HEIGHT, PLANE_IDENTITY, 4);
    draw_into(&b, WIDTH, HEIGHT, back, 4);
    *followed = *points = 0;
    for (int j = 50; j < HEIGHT - 50; j += 11)
        for (int i = 50; i < WIDTH - 50; i += 13) {
            float at[2] = {(float)i + 0.3f, (float)j + 0.7f}, found[2] = {at[0], at[1]};
            double from[2] = {(double)at[0], (double)at[1]}, to[2];
            plane_apply(motion, from, to);
            ++*points;
            if (!flow_follow(&a, &b, PYRAMID_LEVELS, at, found))
                continue;
            double off = hypot((double)found[0] - to[0], (double)found[1] - to[1]);
            *followed += off < 1;
            sum += off < 1 ? off : 0;
            assert_true(off > 0.3 || flow_difference(&a, &b, at, found) < 6);
        }
    pyramid_release(&a);
    pyramid_release(&b);
    return sum / *followed;
}

static void points_are_followed(void **state)
{
    (void)state;
    static const double motions[][4] = {
        {0, 0, 0, 1},     {0.25, -0.4, 0, 1}, {5.3, 2.2, 0, 1},
        {-17, 9.5, 0, 1}, {28, -20, 0, 1},    {1, 1, 0.03, 1},
        {0, 0, -0.05, 1}, {2, -3, 0, 1.05},   {-1.5, 0.5, 0.02, 0.96}};
    for (size_t i = 0; i < sizeof motions / sizeof *motions; i++) {
        int followed, points;
        const double *m = motions[i];
        double off = follow_all(m[0], m[1], m[2], m[3], &followed, &points);
        print_message("motion %zu: %d of %d points, off %.3f px\n", i, followed, points, off);
        assert_true(followed >= 0.9 * points);
        /* a window that turns or grows is followed as if it only moved */
        assert_true(off < (m[2] == 0 && m[3] == 1 ? 0.06 : 0.3));
    }
}

static void what_cannot_be_followed_is_refused(void **state)
{
    (void)state;
    static const double flat[9] = {0, 0, 1, 0, 0, 1, 0, 0, 1},
                        shifted[9] = {1, 0, 30, 0, 1, 0, 0, 0, 1};
    struct pyramid a, b;
    assert_true(pyramid_create(&a, 320) && pyramid_create(&b, 320));
    draw_into(&a, 320, 180, flat, 1);
    draw_into(&b, 320, 180, flat, 1);
    float at[2] = {100, 100}, found[2] = {100, 100};
    assert_false(flow_follow(&a, &b, PYRAMID_LEVELS, at, found));
    draw_into(&a, 320, 180, PLANE_IDENTITY, 1);
    draw_into(&b, 320, 180, shifted, 1);
    float left[2] = {12, 90}; /* moves out of the picture to the left */
    found[0] = 12, found[1] = 90;
    assert_false(flow_follow(&a, &b, PYRAMID_LEVELS, left, found));
    found[0] = NAN;
    assert_false(flow_follow(&a, &b, PYRAMID_LEVELS, left, found));
    pyramid_release(&a);
    pyramid_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors),
        cmocka_unit_test(means_are_exact),
        cmocka_unit_test(levels_are_halves_with_a_border),
        cmocka_unit_test(corners_are_spread_and_strong),
        cmocka_unit_test(flat_and_tiny_pictures_have_no_corners),
        cmocka_unit_test(points_are_followed),
        cmocka_unit_test(what_cannot_be_followed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
