/* Looking at pictures in parts, and what labels mean: the pure parts of src/flow/look*. */
#include "flow_test.h"

#include <math.h>
#include <stdlib.h>

#include "../random_numbers.h"
#include "flow/look_classes.h"
#include "flow/look_tiles.h"

/* ---- tiles ------------------------------------------------------------------------------------
 */

/* Every window of the area that is no larger than the overlap lies whole in some tile. */
static void check_cover(fov_ball_region area, int side, int overlap, int width, int height)
{
    fov_ball_region tiles[TILES_MAX];
    size_t count = tiles_cover(area, side, overlap, width, height, tiles);
    int inner = overlap - 2; /* tiles begin at even px */
    assert_true(count >= 1 && count <= TILES_MAX);
    for (size_t i = 0; i < count; i++) {
        const fov_ball_region *t = &tiles[i];
        assert_true(t->x >= 0 && t->y >= 0 && t->x % 2 == 0 && t->y % 2 == 0);
        assert_true(t->x + t->width <= width && t->y + t->height <= height);
        assert_true(t->width >= (side < width ? side : width));
    }
    for (int y = area.y; y + inner <= area.y + area.height; y += 7)
        for (int x = area.x; x + inner <= area.x + area.width; x += 7) {
            bool inside = false;
            for (size_t i = 0; i < count && !inside; i++)
                inside = x >= tiles[i].x && y >= tiles[i].y &&
                         x + inner <= tiles[i].x + tiles[i].width &&
                         y + inner <= tiles[i].y + tiles[i].height;
            if (!inside)
                fail_msg("%d, %d of %d x %d, tiles of %d", x, y, width, height, side);
        }
}

static void tiles_cover_their_area(void **state)
{
    (void)state;
    check_cover((fov_ball_region){0, 200, 1920, 880}, 480, 120, 1920, 1080);
    check_cover((fov_ball_region){0, 0, 1920, 1080}, 640, 100, 1920, 1080);
    check_cover((fov_ball_region){100, 300, 50, 20}, 480, 10, 1920, 1080);
    check_cover((fov_ball_region){0, 0, 96, 64}, 480, 40, 96, 64);
    check_cover((fov_ball_region){0, 0, 4096, 2160}, 64, 16, 4096, 2160); /* sides grow */
    uint64_t random = 5;
    for (int i = 0; i < 40; i++) {
        int width = 2 * (int)random_between(&random, 80, 900);
        int height = 2 * (int)random_between(&random, 80, 500);
        fov_ball_region area = {(int)random_between(&random, 0, width / 2.0),
                                (int)random_between(&random, 0, height / 2.0), 0, 0};
        area.width = (int)random_between(&random, 40, width - area.x);
        area.height = (int)random_between(&random, 40, height - area.y);
        check_cover(area, 16 * (int)random_between(&random, 8, 40), 30, width, height);
    }
}

static fov_image picture(int width, int height, uint8_t *memory)
{
    fov_image image = {.pixels = FOV_YUV, .width = width, .height = height};
    for (int p = 0; p < 3; p++) {
        image.plane[p] = memory + p * width * height;
        image.stride[p] = width;
        memset(image.plane[p], 128, (size_t)(width * height));
    }
    return image;
}

static void the_band_is_where_the_ground_is(void **state)
{
    (void)state;
    const fov_pitch_size pitch = {105, 68};
    enum { WIDTH = 640, HEIGHT = 360, FROM = 120, TO = 330 };
    uint8_t *memory = malloc(3 * WIDTH * HEIGHT);
    fov_image image = picture(WIDTH, HEIGHT, memory);
    fov_ball_region band = tiles_band(NULL, &pitch, &image);
    assert_true(band.width == WIDTH && band.height == HEIGHT && band.x == 0 && band.y == 0);
    for (int y = FROM; y < TO; y++) {
        memset(image.plane[1] + y * WIDTH, 100, WIDTH); /* green */
        memset(image.plane[2] + y * WIDTH, 105, WIDTH);
    }
    band = tiles_band(NULL, &pitch, &image);
    assert_true(band.x == 0 && band.width == WIDTH);
    assert_true(band.y <= FROM && band.y > FROM - 50); /* people stand above it */
    assert_true(band.y + band.height >= TO - 10 && band.y + band.height <= TO + 10);
    /* a view that shows metres 20..52 x 10..28 in the picture */
    fov_pitch_view view = {
        .map = {20, 0, -400, 0, -20, 560, 0, 0, 1}, .width = WIDTH, .height = HEIGHT};
    band = tiles_band(&view, &pitch, &image);
    assert_true(band.x == 0 && band.y == 0 && band.width == WIDTH && band.height == HEIGHT);
    view.map[2] = -1800; /* the right end of the pitch is at px 300 */
    band = tiles_band(&view, &pitch, &image);
    assert_true(band.x == 0 && band.width == 300);
    free(memory);
}

/* ---- boxes ------------------------------------------------------------------------------------
 */

static double shared_of(const fov_detection *a, const fov_detection *b)
{
    double w = fmin((double)a->x2, (double)b->x2) - fmax((double)a->x1, (double)b->x1);
    double h = fmin((double)a->y2, (double)b->y2) - fmax((double)a->y1, (double)b->y1);
    return w > 0 && h > 0 ? w * h : 0;
}

static double area_of(const fov_detection *d)
{
    return (double)(d->x2 - d->x1) * (double)(d->y2 - d->y1);
}

static bool is_better(const struct tile_box *a, const struct tile_box *b)
{
    return a->cut != b->cut ? b->cut : a->box.score > b->box.score;
}

/* The rules by the word: again and again the best box that is left is taken, and speaks for those
 * that it covers; a cut one that is covered by half goes to the first that was taken. */
static size_t merge_slowly(struct tile_box *boxes, size_t count, double iou, struct tile_box *out)
{
    bool *used = calloc(count + 1, sizeof *used);
    size_t kept = 0;
    for (size_t round = 0; round < count; round++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++)
            if (!used[i] && (best == count || is_better(&boxes[i], &boxes[best])))
                best = i;
        used[best] = true;
        const struct tile_box *b = &boxes[best];
        bool spoken_for = false;
        for (size_t k = 0; k < kept && !spoken_for; k++) {
            fov_detection *o = &out[k].box;
            double shared = shared_of(o, &b->box), mine = area_of(&b->box), its = area_of(o);
            if (out[k].group != b->group || shared == 0)
                continue;
            bool same = shared / (mine + its - shared) > iou;
            bool part = b->cut && out[k].tile != b->tile && shared / fmin(mine, its) > 0.5;
            spoken_for = same || part;
            if (part && out[k].cut)
                *o = (fov_detection){fminf(o->x1, b->box.x1),
                                     fminf(o->y1, b->box.y1),
                                     fmaxf(o->x2, b->box.x2),
                                     fmaxf(o->y2, b->box.y2),
                                     o->score,
                                     o->class_id,
                                     0,
                                     0};
        }
        if (!spoken_for)
            out[kept++] = *b;
    }
    free(used);
    return kept;
}

static void merging_is_as_the_rules_say(void **state)
{
    (void)state;
    enum { MOST = 120 };
    uint64_t random = 11;
    for (int round = 0; round < 300; round++) {
        struct tile_box boxes[MOST], other[MOST], expected[MOST];
        size_t count = (size_t)random_between(&random, 0, MOST);
        for (size_t i = 0; i < count; i++) {
            float x = (float)random_between(&random, 0, 300);
            float y = (float)random_between(&random, 0, 200);
            boxes[i] = (struct tile_box){.box = {x, y, x + (float)random_between(&random, 5, 60),
                                                 y + (float)random_between(&random, 5, 90),
                                                 (float)random_share(&random), 0, 0, 0},
                                         .tile = (int)random_between(&random, 0, 4),
                                         .group = random_share(&random) < 0.2,
                                         .cut = random_share(&random) < 0.4};
            other[i] = boxes[i];
        }
        size_t slow = merge_slowly(other, count, 0.45, expected);
        size_t kept = tiles_merge(boxes, count, 0.45);
        assert_int_equal(kept, slow);
        for (size_t i = 0; i < kept; i++) {
            size_t same = 0;
            for (size_t k = 0; k < slow; k++)
                same += memcmp(&boxes[i].box, &expected[k].box, 4 * sizeof(float)) == 0 &&
                        boxes[i].group == expected[k].group;
            assert_int_equal(same, 1);
            assert_true(i == 0 || boxes[i - 1].box.score >= boxes[i].box.score);
        }
    }
}

/* People of a picture, each seen in every tile that holds some of them: each comes out once, whole.
 */
static void people_across_tiles_are_whole(void **state)
{
    (void)state;
    enum { WIDTH = 1920, HEIGHT = 1080, PEOPLE = 24 };
    const fov_ball_region whole = {0, 0, WIDTH, HEIGHT};
    fov_ball_region tiles[TILES_MAX];
    size_t count = tiles_cover(whole, 480, 120, WIDTH, HEIGHT, tiles), seen = 0;
    static struct tile_box boxes[2000];
    fov_detection people[PEOPLE];
    for (int i = 0; i < PEOPLE; i++) { /* a grid that no tile knows */
        float x = 37 + 311.0f * (float)(i % 6), y = 29 + 260.0f * (float)(i / 6);
        people[i] = (fov_detection){x, y, x + 45, y + 110, 0.9f - 0.01f * (float)i, 0, 0, -1};
    }
    for (size_t t = 0; t < count; t++)
        for (int i = 0; i < PEOPLE; i++) {
            const fov_ball_region *r = &tiles[t];
            fov_detection d = people[i];
            d.x1 = fmaxf(d.x1 - (float)r->x, 0);
            d.y1 = fmaxf(d.y1 - (float)r->y, 0);
            d.x2 = fminf(d.x2 - (float)r->x, (float)r->width);
            d.y2 = fminf(d.y2 - (float)r->y, (float)r->height);
            if (d.x2 - d.x1 > 4 && d.y2 - d.y1 > 4)
                boxes[seen++] = tile_box_of(&d, (int)t, r, 0, WIDTH, HEIGHT);
        }
    assert_true(seen > PEOPLE);
    assert_int_equal(tiles_merge(boxes, seen, 0.45), PEOPLE);
    for (int i = 0; i < PEOPLE; i++) {
        assert_true(fabsf(boxes[i].box.x1 - people[i].x1) < 0.01f);
        assert_true(fabsf(boxes[i].box.y2 - people[i].y2) < 0.01f);
        assert_true(fabsf(boxes[i].box.x2 - people[i].x2) < 0.01f);
    }
}

/* Somebody larger than the overlap is cut in both tiles: the parts become one. */
static void parts_are_joined(void **state)
{
    (void)state;
    const fov_ball_region left = {0, 0, 480, 480}, right = {360, 0, 480, 480};
    const fov_detection a = {300, 100, 480, 300, 0.6f, 0, 0, -1};
    const fov_detection b = {0, 100, 160, 300, 0.8f, 0, 0, -1};
    struct tile_box boxes[] = {tile_box_of(&a, 0, &left, 0, 1920, 1080),
                               tile_box_of(&b, 1, &right, 0, 1920, 1080)};
    assert_true(boxes[0].cut && boxes[1].cut);
    assert_int_equal(tiles_merge(boxes, 2, 0.45), 1);
    assert_true(boxes[0].box.x1 == 300 && boxes[0].box.x2 == 520);
    assert_true(boxes[0].box.score == 0.8f);
    const fov_detection edge = {0,    0, 50, 50,
                                0.8f, 0, 0,  -1}; /* the picture's own edge cuts nothing */
    assert_false(tile_box_of(&edge, 0, &left, 0, 1920, 1080).cut);
}

/* ---- labels ------------------------------------------------------------------------------------
 */

static int kind_of(const char *label, const fov_football_params *params)
{
    struct look_names names;
    struct look_classes classes;
    assert_int_equal(look_names_read(&names, params, NULL), FOV_OK);
    look_classes_read(&classes, &names, &label, 1);
    return classes.kind[0];
}

static void labels_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        int kind;
    } table[] = {{"person", FOV_CLASS_PLAYER},
                 {"Player", FOV_CLASS_PLAYER},
                 {"PEOPLE", FOV_CLASS_PLAYER},
                 {"football player", FOV_CLASS_PLAYER},
                 {"goalkeeper", FOV_CLASS_GOALKEEPER},
                 {"Goal-Keeper", FOV_CLASS_GOALKEEPER},
                 {"goal_keeper", FOV_CLASS_GOALKEEPER},
                 {"referee", FOV_CLASS_REFEREE},
                 {"Main Referee", FOV_CLASS_REFEREE},
                 {"ball", FOV_CLASS_BALL},
                 {"sports ball", FOV_CLASS_BALL},
                 {"sports_ball", FOV_CLASS_BALL},
                 {"Soccer Ball", FOV_CLASS_BALL},
                 {"football", FOV_CLASS_BALL},
                 {"baseball bat", -1},
                 {"dog", -1},
                 {"", -1},
                 {"personal computer", -1}};
    const fov_football_params usual = {0},
                              own = {.player_labels = "Team A, team-b", .ball_labels = "puck"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (kind_of(table[i].label, &usual) != table[i].kind)
            fail_msg("%s", table[i].label);
    assert_int_equal(kind_of("TEAM_A", &own), FOV_CLASS_PLAYER);
    assert_int_equal(kind_of("teamb", &own), FOV_CLASS_PLAYER);
    assert_int_equal(kind_of("person", &own), -1); /* own names take the place of the known ones */
    assert_int_equal(kind_of("puck", &own), FOV_CLASS_BALL);
    assert_int_equal(kind_of("referee", &own), FOV_CLASS_REFEREE);
    char *list = calloc(1, 400);
    memset(list, 'a', 399);
    struct look_names names;
    const fov_football_params long_list = {.referee_labels = list};
    assert_int_equal(look_names_read(&names, &long_list, NULL), FOV_EINVAL);
    free(list);
}

static void classes_are_told_as_the_model_names_them(void **state)
{
    (void)state;
    const char *const labels[] = {"dog", "sports ball", "person", "car", "human"};
    const fov_football_params usual = {0};
    struct look_names names;
    struct look_classes classes;
    look_names_read(&names, &usual, NULL);
    look_classes_read(&classes, &names, labels, 5);
    assert_int_equal(classes.wanted[0], 1 << 1 | 1 << 2 | 1 << 4);
    assert_int_equal(look_classes_id(&classes, FOV_CLASS_PLAYER), 2);
    assert_int_equal(look_classes_id(&classes, FOV_CLASS_REFEREE), 2);
    assert_int_equal(look_classes_id(&classes, FOV_CLASS_BALL), 1);
    look_classes_leave(&classes, false); /* a model of its own has the ball */
    assert_int_equal(classes.wanted[0], 1 << 2 | 1 << 4);
    assert_int_equal(classes.kind[1], -1);
    assert_int_equal(look_classes_id(&classes, FOV_CLASS_BALL), 1);
    look_classes_read(&classes, &names, labels + 2, 1);
    assert_int_equal(look_classes_id(&classes, FOV_CLASS_BALL), FOV_LABEL_BALL);
    const fov_model_info info = {.id = "m", .task = FOV_TASK_CLASSIFY, .labels = labels};
    fov_error error = {0};
    assert_int_equal(look_classes_check(&classes, &info, false, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "classify"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_cover_their_area),
        cmocka_unit_test(the_band_is_where_the_ground_is),
        cmocka_unit_test(merging_is_as_the_rules_say),
        cmocka_unit_test(people_across_tiles_are_whole),
        cmocka_unit_test(parts_are_joined),
        cmocka_unit_test(labels_are_known),
        cmocka_unit_test(classes_are_told_as_the_model_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
