/* Teams as callers see them, on drawn kits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "../alloc_count.h"
#include "kit_score.h"

static const struct kit_level *level_named(const char *part)
{
    for (size_t i = 0; i < kit_level_count; i++)
        if (strstr(kit_levels[i].name, part))
            return &kit_levels[i];
    fail_msg("no level %s", part);
    return NULL;
}

static fov_teams *make(const fov_teams_params *params)
{
    fov_teams *teams;
    assert_int_equal(fov_teams_create(&teams, params, NULL), FOV_OK);
    return teams;
}

/* ---- goals ----------------------------------------------------------------------------------- */

/* 14 s at 5 frames a second of every level; tests/bench/bench_teams.c has the minutes. */
static void players_get_the_right_team(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit_level_count; i++) {
        struct kit_score s;
        assert_true(kit_score_run(&kit_levels[i], 7, 5, 14, NULL, &s));
        if (s.right * 100 < s.players * 97 || s.flips > 0 || s.referee_team * 20 > s.referee)
            fail_msg("%s: %zu of %zu right, %zu changes, referee in a team %zu of %zu",
                     kit_levels[i].name, s.right, s.players, s.flips, s.referee_team, s.referee);
        assert_true(s.known_s >= 0 && s.known_s <= 1.5);
        assert_true(s.keeper_right * 3 > s.keeper); /* the one before his goal */
        assert_true(s.keeper_wrong * 20 <= s.keeper);
    }
}

/* Names say who is first; the pictures, how the kits look in this light. */
static void named_kits_are_found_in_any_light(void **state)
{
    (void)state;
    for (size_t i = 1; i < kit_level_count; i++) {
        const struct kit_design *designs = kit_levels[i].designs;
        fov_teams_params params = {
            .named = true, .colors = {designs[KIT_TEAM_B].shirt, designs[KIT_TEAM_A].shirt}};
        struct kit_score s;
        assert_true(kit_score_run(&kit_levels[i], 9, 5, 8, &params, &s));
        if (s.right * 100 < s.players * 95 || s.flips > 0 || s.crossed == 0)
            fail_msg("%s: %zu of %zu right, %zu changes, order %d", kit_levels[i].name, s.right,
                     s.players, s.flips, (int)s.crossed);
    }
}

/* ---- what is not known is not made up -------------------------------------------------------- */

/* Runs a level for some seconds; how many of the tracks have a team in the end. */
static size_t count_told(const struct kit_level *level, bool grey, float shrink,
                         fov_teams_state *last)
{
    struct kit_world *world = kit_world_create(level, 3, 5);
    struct kit_shot shot;
    fov_team_list list = {0};
    fov_teams *teams = make(NULL);
    size_t told = 0;
    assert_non_null(world);
    for (int i = 0; i < 30 && kit_world_next(world, &shot); i++) {
        fov_track tracks[KIT_WORLD_PLAYERS];
        memcpy(tracks, shot.tracks.items, sizeof tracks);
        for (int k = 0; k < KIT_WORLD_PLAYERS; k++) {
            tracks[k].x2 = tracks[k].x1 + shrink * (tracks[k].x2 - tracks[k].x1);
            tracks[k].y2 = tracks[k].y1 + shrink * (tracks[k].y2 - tracks[k].y1);
        }
        shot.tracks.items = tracks;
        if (grey && shot.image.pixels == FOV_YUV)
            shot.image.plane[1] = shot.image.plane[2] = NULL;
        fov_teams_input input = {
            .time_s = shot.time_s, .image = &shot.image, .tracks = &shot.tracks};
        assert_int_equal(fov_teams_update(teams, &input, &list, NULL), FOV_OK);
    }
    for (size_t i = 0; i < list.count; i++)
        told += list.items[i].side != FOV_TEAM_UNKNOWN;
    *last = list.state;
    fov_teams_destroy(&teams);
    kit_world_destroy(&world);
    return told;
}

static void one_team_alone_is_no_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < kit_level_count; i++) {
        struct kit_level level = kit_levels[i];
        fov_teams_state last;
        level.designs[KIT_TEAM_B] = level.designs[KIT_TEAM_A];
        size_t told = count_told(&level, false, 1, &last);
        if (told > 0 || last != FOV_TEAMS_ALIKE)
            fail_msg("%s: %zu told, state %d", level.name, told, (int)last);
    }
}

static void grey_pictures_have_no_teams(void **state)
{
    (void)state;
    fov_teams_state last;
    assert_int_equal(count_told(level_named("hard light"), true, 1, &last), 0);
    assert_int_equal(last, FOV_TEAMS_GREY);
}

static void tiny_boxes_have_no_teams(void **state)
{
    (void)state;
    fov_teams_state last;
    assert_int_equal(count_told(level_named("hard light"), false, 0.2f, &last), 0);
    assert_int_equal(last, FOV_TEAMS_WAITING);
}

enum { SIDE = 400, MOST = 40 };

/* A picture of ground with upright boxes in a grid, each with a plain shirt; `boxes` of them. */
struct scene {
    uint8_t pixels[SIDE * SIDE * 3];
    fov_image image;
    fov_track tracks[MOST];
    fov_tracks list;
};

static void fill(struct scene *s, int x1, int y1, int x2, int y2, uint32_t colour)
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            for (int k = 0; k < 3; k++)
                s->pixels[3 * (y * SIDE + x) + k] = (uint8_t)(colour >> (16 - 8 * k));
}

static struct scene *draw(uint32_t ground, const uint32_t *shirts, size_t count)
{
    static struct scene scene;
    scene.image = (fov_image){.pixels = FOV_RGB24,
                              .width = SIDE,
                              .height = SIDE,
                              .plane = {scene.pixels},
                              .stride = {3 * SIDE}};
    fill(&scene, 0, 0, SIDE, SIDE, ground);
    for (size_t i = 0; i < count; i++) {
        int x = 10 + (int)i % 8 * 48, y = 10 + (int)i / 8 * 76;
        fill(&scene, x + 4, y + 6, x + 20, y + 36, shirts[i]);
        scene.tracks[i] = (fov_track){.id = (int32_t)i + 1,
                                      .state = FOV_TRACK_ACTIVE,
                                      .x1 = (float)x,
                                      .y1 = (float)y,
                                      .x2 = (float)x + 24,
                                      .y2 = (float)y + 60};
    }
    scene.list = (fov_tracks){scene.tracks, count};
    return &scene;
}

static fov_team_list update(fov_teams *teams, const struct scene *s, double time_s)
{
    fov_teams_input input = {.time_s = time_s, .image = &s->image, .tracks = &s->list};
    fov_team_list list;
    assert_int_equal(fov_teams_update(teams, &input, &list, NULL), FOV_OK);
    return list;
}

#define RED 0xc02020
#define BLUE 0x2040c0
#define LEMON 0xe8e040

static const uint32_t twelve[12] = {RED, BLUE, RED, BLUE, RED, BLUE,
                                    RED, BLUE, RED, BLUE, RED, BLUE};

static void without_a_pitch_there_are_no_teams(void **state)
{
    (void)state;
    fov_teams *teams = make(NULL);
    struct scene *s = draw(0x909090, twelve, 12);
    fov_team_list list = {0};
    for (int i = 0; i < 60; i++)
        list = update(teams, s, i * 0.1);
    assert_int_equal(list.state, FOV_TEAMS_NO_PITCH);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.items[i].side, FOV_TEAM_UNKNOWN);
    fov_teams_destroy(&teams);
}

/* A lawn fills half of the picture, and everybody walks on the pavement beside it. */
static void a_lawn_beside_a_street_is_no_pitch(void **state)
{
    (void)state;
    fov_teams *teams = make(NULL);
    fov_team_list list = {0};
    uint32_t colours[2];
    for (int i = 0; i < 80; i++) {
        struct scene *s = draw(0x4a8038, twelve, 12);
        fill(s, 0, 0, SIDE, 170, 0x909090);
        for (int k = 0; k < 12; k++) {
            int x = 10 + k % 8 * 48, y = 10 + k / 8 * 76;
            fill(s, x + 4, y + 6, x + 20, y + 36, twelve[k]);
        }
        list = update(teams, s, i * 0.1);
    }
    assert_int_equal(list.state, FOV_TEAMS_NO_PITCH);
    assert_false(fov_teams_colors(teams, colours));
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.items[i].side, FOV_TEAM_UNKNOWN);
    /* They step onto the lawn: a match. */
    for (int i = 80; i < 180; i++)
        list = update(teams, draw(0x4a8038, twelve, 12), i * 0.1);
    assert_int_equal(list.state, FOV_TEAMS_KNOWN);
    assert_true(list.items[0].side != list.items[1].side);
    fov_teams_destroy(&teams);
}

/* Normal, by the sum of twelve. */
static double normal(uint32_t *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *random = *random * 1664525u + 1013904223u;
        sum += (double)(*random >> 8) / (1 << 24);
    }
    return sum;
}

static uint32_t clothes(uint32_t *random)
{
    uint32_t colour = 0;
    for (int k = 0; k < 3; k++) {
        double value = 110 + 25 * normal(random);
        colour = colour << 8 | (uint32_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    return colour;
}

/* People on grass in what they like, all out of one cloud of colours: with few of them it falls
 * into two parts by chance, which must be rare. */
static void clothes_of_one_kind_are_no_two_kits(void **state)
{
    (void)state;
    uint32_t random = 5;
    int known = 0;
    for (int crowd = 0; crowd < 60; crowd++) {
        uint32_t shirts[22];
        size_t people = 8 + (size_t)crowd % 3 * 7;
        fov_teams *teams = make(NULL);
        fov_team_list list = {0};
        for (size_t i = 0; i < people; i++)
            shirts[i] = clothes(&random);
        for (int i = 0; i < 15; i++)
            list = update(teams, draw(0x4a8038, shirts, people), i * 0.1);
        assert_true(list.state == FOV_TEAMS_KNOWN || list.state == FOV_TEAMS_ALIKE);
        known += list.state == FOV_TEAMS_KNOWN;
        fov_teams_destroy(&teams);
    }
    if (known > 3)
        fail_msg("two kits in %d of 60 crowds", known);
}

static void few_players_are_waited_for(void **state)
{
    (void)state;
    fov_teams *teams = make(NULL);
    fov_team_list list = {0};
    for (int i = 0; i < 60; i++)
        list = update(teams, draw(0x4a8038, twelve, 7), i * 0.1);
    assert_int_equal(list.state, FOV_TEAMS_WAITING);
    uint32_t colours[2];
    assert_false(fov_teams_colors(teams, colours));
    for (int i = 60; i < 75; i++)
        list = update(teams, draw(0x4a8038, twelve, 12), i * 0.1);
    assert_int_equal(list.state, FOV_TEAMS_KNOWN);
    assert_int_equal(list.items[0].side, list.items[2].side);
    assert_true(list.items[0].side != list.items[1].side);
    fov_teams_destroy(&teams);
}

/* ---- behaviour ------------------------------------------------------------------------------- */

static void colours_are_told_and_the_lighter_is_first(void **state)
{
    (void)state;
    uint32_t shirts[12], colours[2];
    for (int i = 0; i < 12; i++)
        shirts[i] = i % 2 ? LEMON : BLUE;
    fov_teams *teams = make(NULL);
    fov_team_list list = {0};
    for (int i = 0; i < 20; i++)
        list = update(teams, draw(0x4a8038, shirts, 12), i * 0.1);
    assert_true(fov_teams_colors(teams, colours));
    for (int shift = 0; shift < 24; shift += 8) {
        assert_in_range((colours[0] >> shift & 255) + 3 - (LEMON >> shift & 255), 0, 6);
        assert_in_range((colours[1] >> shift & 255) + 3 - (BLUE >> shift & 255), 0, 6);
    }
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(list.items[i].track_id, i + 1);
        assert_int_equal(list.items[i].side, i % 2 ? FOV_TEAM_FIRST : FOV_TEAM_SECOND);
        assert_true(list.items[i].confidence > 0.9f && list.items[i].since_s > 0);
    }
    fov_teams_reset(teams);
    assert_false(fov_teams_colors(teams, colours));
    fov_teams_destroy(&teams);
}

static void named_colours_need_no_crowd(void **state)
{
    (void)state;
    fov_teams_params params = {.named = true, .colors = {BLUE, RED}};
    const uint32_t three[] = {RED, BLUE, LEMON};
    fov_teams *teams = make(&params);
    fov_team_list list = {0};
    for (int i = 0; i < 30; i++)
        list = update(teams, draw(0x4a8038, three, 3), i * 0.1);
    assert_int_equal(list.state, FOV_TEAMS_KNOWN);
    assert_int_equal(list.items[0].side, FOV_TEAM_SECOND);
    assert_int_equal(list.items[1].side, FOV_TEAM_FIRST);
    assert_int_equal(list.items[2].side, FOV_TEAM_OTHER);
    fov_teams_destroy(&teams);
}

/* Another shirt under one name: for 1 s nothing, for good after change_s and what the mean needs.
 */
static void a_team_changes_only_after_seconds(void **state)
{
    (void)state;
    uint32_t shirts[12];
    fov_teams *teams = make(NULL);
    fov_team_side first = FOV_TEAM_UNKNOWN;
    double changed_s = 0;
    memcpy(shirts, twelve, sizeof shirts);
    for (int i = 0; i < 300; i++) {
        double time_s = i * 0.1;
        bool blink = time_s >= 5 && time_s < 6, other = time_s >= 10;
        shirts[0] = blink || other ? BLUE : RED;
        fov_team_list list = update(teams, draw(0x4a8038, shirts, 12), time_s);
        if (time_s >= 2 && first == FOV_TEAM_UNKNOWN)
            first = list.items[0].side;
        if (first != FOV_TEAM_UNKNOWN && list.items[0].side != first && changed_s <= 0)
            changed_s = time_s;
        assert_true(time_s < 2 || list.items[0].side != FOV_TEAM_UNKNOWN);
    }
    assert_true(changed_s >= 13 && changed_s < 22);
    fov_teams_destroy(&teams);
}

/* Lost tracks keep their side though somebody else stands there; close-ups change nothing. */
static void what_is_known_is_kept(void **state)
{
    (void)state;
    fov_teams *teams = make(NULL);
    fov_team_list list = {0};
    for (int i = 0; i < 20; i++)
        list = update(teams, draw(0x4a8038, twelve, 12), i * 0.1);
    fov_team_side side = list.items[0].side;
    assert_true(side == FOV_TEAM_FIRST || side == FOV_TEAM_SECOND);
    for (int i = 20; i < 120; i++) {
        uint32_t shirts[12];
        for (int k = 0; k < 12; k++)
            shirts[k] = BLUE;
        struct scene *s = draw(0x4a8038, shirts, 12);
        s->tracks[0].state = FOV_TRACK_LOST;
        list = update(teams, s, i * 0.1);
        assert_int_equal(list.items[0].side, side);
    }
    list = update(teams, draw(0x808080, twelve, 12), 12.5);
    assert_int_equal(list.state, FOV_TEAMS_NO_PITCH);
    assert_int_equal(list.items[0].side, side);
    fov_teams_destroy(&teams);
}

/* Sides by vectors that come in every `every`-th frame of 10 a second. */
static void check_vectors(int every, int frames)
{
    enum { SIZE = 64, PLAYERS = 14 };
    fov_teams_params params = {.embedding_size = SIZE};
    fov_teams *teams = make(&params);
    fov_track tracks[PLAYERS] = {{0}};
    float vectors[PLAYERS * SIZE];
    uint32_t random = 1, colours[2];
    fov_team_list list = {0};
    for (int frame = 0; frame < frames; frame++) {
        for (int i = 0; i < PLAYERS; i++) {
            tracks[i] = (fov_track){.id = i + 1,
                                    .state = FOV_TRACK_ACTIVE,
                                    .x1 = 50.0f * (float)i,
                                    .x2 = 50.0f * (float)i + 20,
                                    .y2 = 50};
            for (int d = 0; d < SIZE; d++) {
                random = random * 1664525u + 1013904223u;
                float noise = (float)(random >> 8) / (1 << 24) - 0.5f;
                bool seen = (frame + i / 2) % every == 0; /* else zeros: not looked at */
                vectors[i * SIZE + d] = seen ? 3 * (noise + (d % 2 == i % 2 ? 1.0f : 0.2f)) : 0;
            }
        }
        fov_tracks all = {tracks, PLAYERS};
        fov_teams_input input = {.time_s = frame * 0.1, .tracks = &all, .embeddings = vectors};
        assert_int_equal(fov_teams_update(teams, &input, &list, NULL), FOV_OK);
    }
    assert_int_equal(list.state, FOV_TEAMS_KNOWN);
    for (int i = 2; i < PLAYERS; i++)
        assert_int_equal(list.items[i].side, list.items[i % 2].side);
    assert_true(list.items[0].side != list.items[1].side);
    assert_false(fov_teams_colors(teams, colours));
    fov_teams_destroy(&teams);
}

static void vectors_instead_of_colours(void **state)
{
    (void)state;
    check_vectors(1, 30);
    check_vectors(5, 30); /* one stands for the time since the one before */
}

/* ---- bad input ------------------------------------------------------------------------------- */

static void wrong_parameters_are_named(void **state)
{
    (void)state;
    static const struct {
        fov_teams_params params;
        const char *word;
    } rows[] = {
        {{.class_id = -2}, "class_id"},
        {{.max_tracks = -1}, "max_tracks"},
        {{.max_tracks = 1025}, "max_tracks"},
        {{.min_tracks = 3}, "min_tracks"},
        {{.min_tracks = 65}, "min_tracks"},
        {{.change_s = 0.4}, "change_s"},
        {{.change_s = NAN}, "change_s"},
        {{.change_s = 61}, "change_s"},
        {{.embedding_size = -1}, "embedding_size"},
        {{.embedding_size = 4096}, "embedding_size"},
        {{.named = true, .colors = {RED, 0x1000000}}, "colors[1]"},
        {{.named = true, .colors = {RED, RED}}, "both"},
        {{.named = true, .colors = {RED, BLUE}, .embedding_size = 8}, "embeddings"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_teams *teams = (fov_teams *)1;
        fov_error error = {0};
        assert_int_equal(fov_teams_create(&teams, &rows[i].params, &error), FOV_EINVAL);
        assert_null(teams);
        assert_non_null(strstr(error.message, rows[i].word));
    }
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    struct scene *s = draw(0x4a8038, twelve, 12);
    fov_image none = s->image, empty = s->image, hollow = s->image;
    none.pixels = FOV_PIXELS_NONE;
    empty.width = 0;
    hollow.plane[0] = NULL;
    fov_pitch_view view = {.map = {NAN}};
    fov_tracks nothing = {NULL, 3}, many = {s->tracks, 5000};
    const struct {
        fov_teams_input input;
        fov_status status;
    } rows[] = {
        {{.time_s = NAN, .image = &s->image, .tracks = &s->list}, FOV_EINVAL},
        {{.image = NULL, .tracks = &s->list}, FOV_EINVAL},
        {{.image = &s->image, .tracks = NULL}, FOV_EINVAL},
        {{.image = &s->image, .tracks = &nothing}, FOV_EINVAL},
        {{.image = &s->image, .tracks = &many}, FOV_EINVAL},
        {{.image = &empty, .tracks = &s->list}, FOV_EINVAL},
        {{.image = &hollow, .tracks = &s->list}, FOV_EINVAL},
        {{.image = &none, .tracks = &s->list}, FOV_EUNSUPPORTED},
        {{.image = &s->image, .tracks = &s->list, .view = &view}, FOV_EINVAL},
        {{.image = &s->image, .tracks = &s->list, .pitch = {NAN, 68}}, FOV_EINVAL},
    };
    fov_teams *teams = make(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_error error = {0};
        fov_team_list list = {NULL, 77, FOV_TEAMS_KNOWN};
        assert_int_equal(fov_teams_update(teams, &rows[i].input, &list, &error), rows[i].status);
        assert_int_equal(list.count, 77);
        assert_true(error.message[0] != '\0');
    }
    fov_teams_params params = {.embedding_size = 8};
    fov_teams *vectors = make(&params);
    fov_teams_input input = {.image = &s->image, .tracks = &s->list};
    assert_int_equal(fov_teams_update(vectors, &input, NULL, NULL), FOV_EINVAL);
    fov_teams_destroy(&vectors);
    fov_teams_destroy(&teams);
    fov_teams_destroy(&teams);
}

/* Boxes of all kinds, more tracks than are kept, ids twice, clocks that stand still and go back. */
static void odd_tracks_do_no_harm(void **state)
{
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0, -50, 399, 1e7f};
    fov_teams_params params = {.max_tracks = 6, .class_id = -1};
    fov_teams *teams = make(&params);
    struct scene *s = draw(0x4a8038, twelve, 12);
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 12; k++) {
            s->tracks[k].id = (k * 7 + i) % 9;
            s->tracks[k].state = (fov_track_state)((k + i) % 4);
            float *box = &s->tracks[k].x1;
            if (k % 3 == 0)
                box[(i + k) % 4] = odd[(i * 5 + k) % 9];
        }
        fov_team_list list = update(teams, s, i % 10 < 5 ? i : i % 3);
        assert_int_equal(list.count, 12);
        for (size_t k = 0; k < list.count; k++)
            assert_true(list.items[k].confidence >= 0 && list.items[k].confidence <= 1);
    }
    fov_teams_destroy(&teams);
}

/* A clock that stands still changes nothing, and what is known stays. */
static void a_clock_that_stands_still(void **state)
{
    (void)state;
    fov_teams *teams = make(NULL);
    fov_team_list list = {0};
    for (int i = 0; i < 40; i++)
        list = update(teams, draw(0x4a8038, twelve, 12), fmin(i * 0.1, 2));
    assert_int_equal(list.state, FOV_TEAMS_KNOWN);
    assert_true(list.items[3].side == FOV_TEAM_FIRST || list.items[3].side == FOV_TEAM_SECOND);
    fov_teams_destroy(&teams);
}

/* ---- cost ------------------------------------------------------------------------------------ */

static void the_same_input_gives_the_same_answer_without_memory(void **state)
{
    (void)state;
    fov_teams *a = make(NULL), *b = make(NULL);
    uint64_t before = alloc_count_thread();
    for (int i = 0; i < 100; i++) {
        fov_team_list one = update(a, draw(0x4a8038, twelve, 12), i * 0.1),
                      two = update(b, draw(0x4a8038, twelve, 12), i * 0.1);
        assert_int_equal(one.state, two.state);
        for (size_t k = 0; k < one.count; k++)
            assert_true(one.items[k].side == two.items[k].side &&
                        one.items[k].confidence == two.items[k].confidence);
    }
    if (alloc_count_works())
        assert_int_equal(alloc_count_thread() - before, 0);
    fov_teams_destroy(&a);
    fov_teams_destroy(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(players_get_the_right_team),
        cmocka_unit_test(named_kits_are_found_in_any_light),
        cmocka_unit_test(one_team_alone_is_no_two),
        cmocka_unit_test(grey_pictures_have_no_teams),
        cmocka_unit_test(tiny_boxes_have_no_teams),
        cmocka_unit_test(without_a_pitch_there_are_no_teams),
        cmocka_unit_test(a_lawn_beside_a_street_is_no_pitch),
        cmocka_unit_test(clothes_of_one_kind_are_no_two_kits),
        cmocka_unit_test(few_players_are_waited_for),
        cmocka_unit_test(colours_are_told_and_the_lighter_is_first),
        cmocka_unit_test(named_colours_need_no_crowd),
        cmocka_unit_test(a_team_changes_only_after_seconds),
        cmocka_unit_test(what_is_known_is_kept),
        cmocka_unit_test(vectors_instead_of_colours),
        cmocka_unit_test(wrong_parameters_are_named),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(odd_tracks_do_no_harm),
        cmocka_unit_test(a_clock_that_stands_still),
        cmocka_unit_test(the_same_input_gives_the_same_answer_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
