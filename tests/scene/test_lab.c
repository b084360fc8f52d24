/* Colours, the ground's colour, and what a kit's numbers are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>

#include <cmocka.h>

#include "football_fixture.h"
#include "scene/kit.h"

static struct lab_tables tables;

static void assert_near(double a, double b, double by)
{
    if (!(fabs(a - b) <= by))
        fail_msg("%g is not %g, give or take %g", a, b, by);
}

static void colours_are_those_of_the_cie(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lab_cases / sizeof *lab_cases; i++) {
        struct lab got = lab_of(&tables, lab_cases[i].rgb, lab_cases[i].gain);
        assert_near((double)got.l, lab_cases[i].lab[0], 0.05);
        assert_near((double)got.a, lab_cases[i].lab[1], 0.1);
        assert_near((double)got.b, lab_cases[i].lab[2], 0.1);
        assert_near((double)got.light, lab_cases[i].lab[3], 1e-3);
    }
}

static void colours_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lab_cases / sizeof *lab_cases; i++) {
        const uint8_t *rgb = lab_cases[i].rgb;
        struct lab got = lab_of(&tables, rgb, 1);
        uint32_t back = lab_to_rgb(got.l, got.a, got.b);
        for (int k = 0; k < 3; k++)
            assert_in_range((back >> (16 - 8 * k) & 255) + 2 - rgb[k], 1, 3);
    }
}

static void hues_go_round(void **state)
{
    (void)state;
    double last = -1;
    for (int i = 0; i < 720; i++) {
        double angle = i * M_PI / 360, hue = (double)lab_hue8((float)cos(angle), (float)sin(angle));
        assert_true(hue > last && hue < 8);
        assert_near(hue, angle * 4 / M_PI, 0.1);
        last = hue;
    }
    assert_near((double)lab_hue8(0, 0), 0, 0);
}

/* The formulas of JFIF, for all three layouts of a pixel. */
static void pixels_of_every_format(void **state)
{
    (void)state;
    uint8_t y[2] = {120, 30}, u[1] = {90}, v[1] = {200}, packed[6] = {1, 2, 3, 4, 5, 6}, rgb[3];
    fov_image image = {FOV_YUV, 2, 1, {y, u, v}, {2, 1, 1}, 1, 1};
    lab_pixel(&image, 0, 0, rgb);
    assert_near(rgb[0], 120 + 1.402 * 72, 0.6);
    assert_near(rgb[1], 120 + 0.344136 * 38 - 0.714136 * 72, 0.6);
    assert_near(rgb[2], 120 - 1.772 * 38, 0.6);
    lab_pixel(&image, 1, 0, rgb);
    assert_int_equal(rgb[2], 0);
    image.plane[1] = image.plane[2] = NULL;
    lab_pixel(&image, 1, 0, rgb);
    assert_true(rgb[0] == 30 && rgb[1] == 30 && rgb[2] == 30);
    assert_false(lab_image_has_colour(&image));
    image = (fov_image){
        .pixels = FOV_RGB24, .width = 2, .height = 1, .plane = {packed}, .stride = {6}};
    lab_pixel(&image, 1, 0, rgb);
    assert_true(rgb[0] == 4 && rgb[1] == 5 && rgb[2] == 6);
    image.pixels = FOV_BGR24;
    lab_pixel(&image, 1, 0, rgb);
    assert_true(rgb[0] == 6 && rgb[1] == 5 && rgb[2] == 4);
    image.pixels = FOV_GRAY8;
    lab_pixel(&image, 1, 0, rgb);
    assert_true(rgb[0] == 2 && rgb[1] == 2 && rgb[2] == 2);
}

/* ---- the ground and kits --------------------------------------------------------------------- */

enum { SIDE = 200 };

static uint8_t pixels[SIDE * SIDE * 3];
static const fov_image picture = {
    .pixels = FOV_RGB24, .width = SIDE, .height = SIDE, .plane = {pixels}, .stride = {3 * SIDE}};

static void fill(int x1, int y1, int x2, int y2, uint32_t colour)
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            for (int k = 0; k < 3; k++)
                pixels[3 * (y * SIDE + x) + k] = (uint8_t)(colour >> (16 - 8 * k));
}

static void finds_the_ground_of_any_hue(void **state)
{
    (void)state;
    static const uint32_t grounds[] = {0x4a8038, 0x2f6030, 0x9c7a4a, 0x3060a0, 0xa04030};
    const struct turf_box box = {0, 0, SIDE, 60};
    for (size_t i = 0; i < sizeof grounds / sizeof *grounds; i++) {
        const uint8_t rgb[3] = {(uint8_t)(grounds[i] >> 16), (uint8_t)(grounds[i] >> 8),
                                (uint8_t)grounds[i]};
        struct turf turf;
        struct lab truth = lab_of(&tables, rgb, 1), shade = lab_of(&tables, rgb, 0.4f);
        fill(0, 0, SIDE, SIDE, grounds[i]);
        fill(0, 0, SIDE, 60, 0xd02020);
        assert_true(turf_measure(&turf, &tables, &picture, &box, 1));
        assert_near((double)turf.a, (double)truth.a, 0.1);
        assert_near((double)turf.b, (double)truth.b, 0.1);
        assert_near((double)turf.light, (double)truth.light, 1e-3);
        assert_true(turf_is(&turf, &truth) && turf_is(&turf, &shade));
        struct lab white = {95, 0, 0, 0.9f}, opposite = {50, -truth.a, -truth.b, 0.2f};
        assert_false(turf_is(&turf, &white) || turf_is(&turf, &opposite));
    }
}

static void no_ground_where_no_hue_rules(void **state)
{
    (void)state;
    struct turf turf;
    fill(0, 0, SIDE, SIDE, 0x808080);
    assert_false(turf_measure(&turf, &tables, &picture, NULL, 0) || turf.known);
    assert_near((double)turf.coloured, 0, 0.001);
    static const uint32_t patches[] = {0xc02020, 0x20c020, 0x2020c0, 0xc0c020, 0x20c0c0, 0xc020c0};
    for (int i = 0; i < 100; i++)
        fill(i % 10 * 20, i / 10 * 20, i % 10 * 20 + 20, i / 10 * 20 + 20, patches[i % 6]);
    assert_false(turf_measure(&turf, &tables, &picture, NULL, 0) || turf.known);
    const struct turf_box all = {0, 0, SIDE, SIDE};
    assert_false(turf_measure(&turf, &tables, &picture, &all, 1));
}

/* A shirt with grass around it gives the numbers of its colour alone, in sun and in shade. */
static void a_kit_is_its_colour(void **state)
{
    (void)state;
    static const uint32_t shirts[] = {0xc8202a, 0x1e46b4, 0xf0dc28, 0xf4f4f4, 0x161616, 0x4a8038};
    const struct turf_box box = {80, 50, 120, 150};
    struct turf turf;
    fill(0, 0, SIDE, SIDE, 0x4a8038);
    assert_true(turf_measure(&turf, &tables, &picture, NULL, 0));
    for (size_t i = 0; i < sizeof shirts / sizeof *shirts; i++) {
        struct kit seen, pure;
        fill(0, 0, SIDE, SIDE, 0x4a8038);
        fill(93, 60, 107, 110, shirts[i]);
        kit_of_colour(&pure, &tables, shirts[i]);
        assert_true(kit_of(&seen, &tables, &picture, &box, &turf, turf.light));
        for (int k = 0; k < KIT_SIZE; k++)
            assert_near((double)seen.values[k], (double)pure.values[k], 0.01);
        uint32_t back = kit_colour(seen.values);
        for (int shift = 0; shift < 24; shift += 8)
            assert_near(back >> shift & 255, shirts[i] >> shift & 255, 1.01);
    }
}

/* All pixels get a quarter of the light: linear by definition. */
static void shade_is_taken_out(void **state)
{
    (void)state;
    const struct turf_box box = {80, 50, 120, 150};
    struct turf turf;
    struct kit sun, shade;
    fill(0, 0, SIDE, SIDE, 0x4a8038);
    assert_true(turf_measure(&turf, &tables, &picture, NULL, 0));
    fill(93, 60, 107, 110, 0xe0a0a0);
    assert_true(kit_of(&sun, &tables, &picture, &box, &turf, turf.light));
    for (size_t i = 0; i < sizeof pixels; i++) {
        double c = pixels[i] / 255.0,
               light = (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4)) / 2;
        c = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
        pixels[i] = (uint8_t)lround(255 * c);
    }
    assert_true(kit_of(&shade, &tables, &picture, &box, &turf, turf.light));
    /* But for the tenth by which mown stripes may differ. */
    assert_near((double)shade.values[0], (double)sun.values[0], 1.5);
    assert_near((double)shade.values[2], (double)sun.values[2], 2.5);
    assert_true(kit_of(&shade, &tables, &picture, &box, &turf, 0));
    assert_true(sun.values[2] - shade.values[2] > 8);
}

static void too_small_or_outside(void **state)
{
    (void)state;
    static const struct turf_box boxes[] = {{10, 10, 15, 40},
                                            {10, 10, 40, 20},
                                            {-500, 10, -400, 60},
                                            {150, 300, 250, 500},
                                            {10, 10, 10, 10}};
    struct turf turf = {0};
    struct kit kit;
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        assert_false(kit_of(&kit, &tables, &picture, &boxes[i], &turf, 0));
    const struct turf_box partly = {-20, -20, 60, 100};
    assert_true(kit_of(&kit, &tables, &picture, &partly, &turf, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_are_those_of_the_cie),
        cmocka_unit_test(colours_come_back),
        cmocka_unit_test(hues_go_round),
        cmocka_unit_test(pixels_of_every_format),
        cmocka_unit_test(finds_the_ground_of_any_hue),
        cmocka_unit_test(no_ground_where_no_hue_rules),
        cmocka_unit_test(a_kit_is_its_colour),
        cmocka_unit_test(shade_is_taken_out),
        cmocka_unit_test(too_small_or_outside),
    };
    lab_fill_tables(&tables);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
