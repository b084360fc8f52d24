/* Streams with a model of appearance: which boxes are looked at, names that a crossing would
 * exchange, the frame's deadline, models that cannot serve. The fake model's vectors are the
 * colours of what it is shown. */
#include "bed.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "flow/crops.h"

enum { WIDTH = 320, HEIGHT = 240, WIDE = 60, TALL = 90 };

#define DETECTOR "fake:boxes=colors,width=320,height=240,runners=4"

/* ---- which boxes are looked at --------------------------------------------------------------- */

static const int64_t now_ns = 10 * NS_PER_S;

static struct crop_track track_at(int32_t id, float x, float y, double seconds_ago)
{
    struct crop_track t = {.id = id, .box = {x, y, x + 40, y + 80}, .seen = true, .settled = true};
    for (int use = 0; use < CROP_USES; use++)
        t.vector_ns[use] = seconds_ago < 0 ? CROP_NEVER : now_ns - (int64_t)(seconds_ago * 1e9);
    return t;
}

static fov_detection box_at(float x, float y, float score)
{
    return (fov_detection){.x1 = x, .y1 = y, .x2 = x + 40, .y2 = y + 80, .score = score};
}

static size_t choose(const struct crop_known *known, enum crop_use use, fov_detection *items,
                     size_t count, const uint8_t *kinds, struct crop_choice *choices)
{
    const fov_detections boxes = {.items = items, .count = count, .capacity = count};
    return crops_choose(known, use, now_ns, 0.5f, &boxes, kinds, choices);
}

static void the_needy_come_first(void **state)
{
    (void)state;
    static struct crop_known known;
    known = (struct crop_known){.time_ns = now_ns, .count = 4};
    known.tracks[0] = track_at(1, 0, 0, 0.1);   /* steady, looked at a moment ago */
    known.tracks[1] = track_at(2, 100, 0, 0.7); /* steady, a while ago */
    known.tracks[2] = track_at(3, 200, 0, -1);  /* never looked at */
    known.tracks[3] = track_at(4, 300, 0, 0.3); /* lost from sight, and back */
    known.tracks[3].seen = false;
    fov_detection items[] = {box_at(0, 0, 0.9f),   box_at(100, 0, 0.9f), box_at(200, 0, 0.8f),
                             box_at(300, 0, 0.9f), box_at(400, 0, 0.9f), /* new */
                             box_at(500, 0, 0.3f)}; /* unsure: not compared by trackers */
    struct crop_choice choices[CROP_BOXES];
    size_t count = choose(&known, CROP_NAMES, items, 6, NULL, choices);
    assert_int_equal(count, 4);
    assert_int_equal(choices[0].box, 4); /* never looked at, the surest first */
    assert_int_equal(choices[1].box, 2);
    assert_int_equal(choices[2].box, 3);
    assert_int_equal(choices[2].need, CROP_UNSURE);
    assert_int_equal(choices[3].box, 1);
    assert_int_equal(choices[3].need, CROP_AGAIN);
}

static void neighbours_are_looked_at_in_turn(void **state)
{
    (void)state;
    static struct crop_known known;
    known = (struct crop_known){.time_ns = now_ns, .count = 2};
    known.tracks[0] = track_at(1, 0, 0, 0.04);
    known.tracks[1] = track_at(2, 25, 0, 0.08);
    fov_detection items[] = {box_at(0, 0, 0.9f), box_at(25, 0, 0.9f)};
    struct crop_choice choices[CROP_BOXES];
    assert_int_equal(choose(&known, CROP_NAMES, items, 2, NULL, choices), 2);
    assert_int_equal(choices[0].box, 1); /* has waited for longer */
    assert_int_equal(choices[0].need, CROP_UNSURE);
    /* a shirt that another hides says nothing, and a ball wears none */
    fov_detection hidden[] = {box_at(0, 0, 0.9f), box_at(10, 0, 0.9f), box_at(200, 0, 0.9f)};
    const uint8_t kinds[] = {FOV_CLASS_PLAYER, FOV_CLASS_PLAYER, FOV_CLASS_BALL};
    assert_int_equal(choose(&known, CROP_TEAMS, hidden, 3, kinds, choices), 0);
}

static void tracks_are_where_they_went(void **state)
{
    (void)state;
    static struct crop_known known;
    known = (struct crop_known){.time_ns = now_ns - NS_PER_S / 5, .count = 1};
    known.tracks[0] = track_at(1, 0, 0, 0.2);
    known.tracks[0].vx = 500;
    fov_detection items[] = {box_at(100, 0, 0.9f)};
    struct crop_choice choices[CROP_BOXES];
    assert_int_equal(choose(&known, CROP_NAMES, items, 1, NULL, choices), 0);
    known.tracks[0].vx = 0;
    assert_int_equal(choose(&known, CROP_NAMES, items, 1, NULL, choices), 1);
}

static void two_lists_become_one(void **state)
{
    (void)state;
    struct crop_choice a[CROP_BOXES] = {{.box = 3, .need = CROP_AGAIN, .waited_s = 1},
                                        {.box = 4, .need = CROP_AGAIN, .waited_s = 0.5f}};
    const struct crop_choice b[] = {{.box = 4, .need = CROP_UNSURE, .waited_s = 0.2f},
                                    {.box = 7, .need = CROP_AGAIN, .waited_s = 2}};
    assert_int_equal(crops_unite(a, 2, b, 2), 3);
    assert_int_equal(a[0].box, 4);
    assert_int_equal(a[0].need, CROP_UNSURE);
    assert_int_equal(a[1].box, 7);
    assert_int_equal(a[2].box, 3);
}

/* ---- streams --------------------------------------------------------------------------------- */

static fov_frame *grey_frame(void)
{
    fov_frame *frame = NULL;
    while (fov_frame_get(frames, 0, &frame) == FOV_EAGAIN)
        usleep(200);
    assert_int_equal(fov_frame_alloc_image(frame, FOV_RGB24, WIDTH, HEIGHT, 0, 0), FOV_OK);
    for (int y = 0; y < HEIGHT; y++)
        memset(frame->image.plane[0] + y * frame->image.stride[0], 90, 3 * WIDTH);
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->capture_ns = clock_now_ns();
    return frame;
}

static void paint(fov_frame *frame, int left, int top, int width, int height, const uint8_t rgb[3])
{
    for (int y = top; y < top + height && y < HEIGHT; y++)
        for (int x = left > 0 ? left : 0; x < left + width && x < WIDTH; x++)
            memcpy(frame->image.plane[0] + y * frame->image.stride[0] + 3 * x, rgb, 3);
}

static const uint8_t red[] = {230, 30, 30}, blue[] = {30, 30, 230};

/* Two who run towards each other, meet, one before the other, whom the detector misses then, and
 * turn back at once: as far as boxes tell, each ran on where the other did. */
enum { MEET = 13, STEP = 8 };

static int red_left(int i)
{
    return 20 + STEP * (i < MEET ? i : 2 * MEET - i);
}

static int blue_left(int i)
{
    return 232 - STEP * (i < MEET ? i : 2 * MEET - i);
}

static fov_frame *meeting(int i)
{
    fov_frame *frame = grey_frame();
    paint(frame, blue_left(i), 70, WIDE, TALL, blue);
    paint(frame, red_left(i), 64, WIDE, TALL, red);
    frame->pts_ms = 40.0 * i;
    return frame;
}

static void add_model(fov_workers *workers, const char *path, const char *id)
{
    fov_error error = {0};
    const fov_model_params params = {.path = path, .id = id};
    if (fov_workers_add_model(workers, &params, false, &error))
        fail_msg("%s", error.message);
}

static fov_stream *open_stream(fov_workers *workers, fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    params.results = 4;
    params.still_camera = true;
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

static fov_result *result_of(fov_stream *stream, fov_frame *frame)
{
    fov_result *result = NULL;
    assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    return result;
}

/* Name of the box at the left, or the right, of a frame. */
static int32_t name_at(const fov_result *result, bool left)
{
    const fov_detections *d = result->detections;
    const fov_detection *found = NULL;
    for (size_t i = 0; i < d->count; i++)
        if (!found || (d->items[i].x1 < found->x1) == left)
            found = &d->items[i];
    return found ? found->track_id : -1;
}

/* Whether both have the names after the meeting that they had before. */
static bool names_stay(const char *tracker, const char *appearance, int *crops)
{
    fov_workers *workers = workers_of(DETECTOR, 2, NULL);
    const fov_tracker_params names = {.name = tracker};
    if (appearance)
        add_model(workers, appearance, "looks");
    fov_stream *stream = open_stream(
        workers, (fov_stream_params){.fifo = true,
                                     .tracker = &names,
                                     .appearance_model = appearance ? "looks" : NULL});
    int32_t first[2] = {0}, last[2] = {0};
    *crops = 0;
    for (int i = 0; i <= 2 * MEET; i++) {
        fov_result *result = result_of(stream, meeting(i));
        int32_t *to = i == 5 ? first : last;
        to[0] = name_at(result, true);
        to[1] = name_at(result, false);
        assert_true(result->crops.taken <= result->crops.wanted);
        assert_int_equal(result->crops.taken, result->crops.wanted); /* a file has time */
        assert_false(result->crops.hurried);
        *crops += result->crops.taken;
        fov_result_release(&result);
    }
    fov_stats stats;
    fov_stream_get_stats(stream, 60, &stats);
    assert_int_equal(stats.crops_taken, *crops);
    assert_int_equal(stats.crops_wanted, *crops);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    assert_true(first[0] > 0 && first[1] > 0 && first[0] != first[1]);
    return first[0] == last[0] && first[1] == last[1];
}

static void a_meeting_exchanges_no_names(void **state)
{
    (void)state;
    static const char *const trackers[] = {"botsort", "bytetrack"};
    for (size_t i = 0; i < 2; i++) {
        int crops;
        assert_false(names_stay(trackers[i], NULL, &crops));
        assert_int_equal(crops, 0);
        assert_true(names_stay(trackers[i], "fake:embed=12,width=16,height=32", &crops));
        /* all the time near each other, and now and then before and after */
        assert_true(crops > 5 && crops < 3 * MEET);
        int several;
        assert_true(names_stay(trackers[i], "fake:embed=12,width=16,height=32,batch=4", &several));
        assert_int_equal(several, crops);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

/* What was taken in the n-th frame, from 0, of two boxes that nobody knows, in a live stream. What
 * the model costs is not known before the first; one that a busy machine left no time does not
 * count. */
static fov_crops of_frame(int n, const char *appearance, fov_stream_params params)
{
    fov_workers *workers = workers_of(DETECTOR, 1, NULL);
    const fov_tracker_params names = {0};
    fov_crops crops = {0};
    add_model(workers, appearance, "looks");
    params.tracker = &names;
    params.appearance_model = "looks";
    fov_stream *stream = open_stream(workers, params);
    for (int i = 0; i <= n; i++) {
        fov_result *result = result_of(stream, meeting(i));
        crops = result->crops;
        assert_int_equal(result->detections->count, 2);
        assert_true(result->in_time);
        fov_result_release(&result);
        if (i < n && !crops.taken && n < 10)
            n++;
        usleep(i < n && params.target_fps > 0 ? 400000 : 0); /* for the rate */
    }
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    assert_true(crops.wanted > 0);
    return crops;
}

static void crops_are_left_out_where_time_is_short(void **state)
{
    (void)state;
    const char *slow = "fake:embed=12,width=16,height=32,sleep_ms=300";
    fov_crops crops = of_frame(0, slow, (fov_stream_params){0});
    assert_int_equal(crops.taken, 2);
    assert_false(crops.hurried);
    crops = of_frame(0, slow, (fov_stream_params){.max_latency_ms = 1000});
    assert_int_equal(crops.taken, 1); /* half a second is no time for two */
    assert_true(crops.hurried);
    crops = of_frame(1, slow, (fov_stream_params){.max_latency_ms = 500});
    assert_int_equal(crops.taken, 0);
    assert_true(crops.hurried);
    crops = of_frame(1, slow, (fov_stream_params){.target_fps = 3}); /* the next one is near */
    assert_int_equal(crops.taken, 0);
    crops = of_frame(1, slow, (fov_stream_params){.adaptive = {.target_latency_ms = 500}});
    assert_int_equal(crops.taken, 0);
    /* a model that can be told ends in time at once */
    crops = of_frame(0, "fake:embed=12,sleep_ms=2000,limits=1",
                     (fov_stream_params){.max_latency_ms = 500});
    assert_int_equal(crops.taken, 0);
    assert_true(crops.hurried);
}

/* Runs of a model that helps are nobody's who wait for the stream's own: a rate with deadlines. */
static void a_slow_model_makes_no_frame_late(void **state)
{
    (void)state;
    fov_workers *workers = workers_of(DETECTOR, 1, NULL);
    const fov_tracker_params names = {0};
    add_model(workers, "fake:embed=12,width=16,height=32,sleep_ms=90,jitter_ms=20", "looks");
    fov_stream *stream = open_stream(
        workers,
        (fov_stream_params){.tracker = &names, .appearance_model = "looks", .max_latency_ms = 600});
    int left_out = 0, taken = 0;
    for (int i = 0; i <= 2 * MEET; i++) {
        fov_result *result = result_of(stream, meeting(i));
        assert_true(result->in_time);
        left_out += result->crops.wanted - result->crops.taken;
        taken += result->crops.taken;
        fov_result_release(&result);
    }
    fov_stats stats;
    fov_stream_get_stats(stream, 60, &stats);
    assert_int_equal(stats.violations, 0);
    assert_int_equal(stats.delivered, 2 * MEET + 1);
    assert_int_equal(stats.crops_wanted - stats.crops_taken, left_out);
    assert_true(taken > 0);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* ---- models that cannot serve ---------------------------------------------------------------- */

static void refused(fov_workers *workers, fov_stream_params params, fov_status status,
                    const char *word)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    params.results = 1;
    assert_int_equal(fov_stream_open(&stream, workers, &params, &error), status);
    assert_null(stream);
    if (!strstr(error.message, word))
        fail_msg("'%s' does not say %s", error.message, word);
}

static void models_that_cannot_serve_are_refused(void **state)
{
    (void)state;
    const fov_tracker_params names = {0}, ocsort = {.name = "ocsort"};
    const fov_football_params team = {.team_model = "boxes"},
                              vectors = {.teams = {.embedding_size = 12}},
                              named = {.team_model = "looks",
                                       .teams = {.named = true, .colors = {0xff0000, 0x0000ff}}},
                              other = {.appearance_model = "looks", .tracker = {.name = "ocsort"}};
    fov_workers *workers = workers_of("fake:labels=person", 1, NULL);
    add_model(workers, "fake:embed=12", "looks");
    add_model(workers, "fake:", "boxes");
    fov_stream_params params = {.tracker = &names, .appearance_model = "boxes"};
    refused(workers, params, FOV_EINVAL, "appearance_model: boxes (fake:) is a model for detect");
    params.appearance_model = "nothing";
    refused(workers, params, FOV_ENOTFOUND, "'nothing'");
    params.appearance_model = "looks";
    params.tracker = &ocsort;
    refused(workers, params, FOV_EINVAL, "ocsort does not look at appearance");
    params.tracker = NULL;
    refused(workers, params, FOV_EINVAL, "tracker");
    refused(workers, (fov_stream_params){.football = &team}, FOV_EINVAL,
            "team_model: boxes (fake:) is a model for detect");
    refused(workers, (fov_stream_params){.football = &vectors}, FOV_EINVAL, "team_model");
    refused(workers, (fov_stream_params){.football = &named}, FOV_EINVAL, "colours");
    refused(workers, (fov_stream_params){.football = &other}, FOV_EINVAL, "ocsort");
    add_model(workers, "fake:embed=4000", "long");
    const fov_football_params too_long = {.team_model = "long"};
    refused(workers, (fov_stream_params){.football = &too_long}, FOV_EINVAL, "4000");
    fov_workers_destroy(&workers);
}

static void a_model_that_fails_costs_its_frame_nothing(void **state)
{
    (void)state;
    fov_workers *workers = workers_of(DETECTOR, 1, NULL);
    const fov_tracker_params names = {0};
    add_model(workers, "fake:embed=12,fail_every=2", "looks");
    fov_stream *stream = open_stream(
        workers, (fov_stream_params){.fifo = true, .tracker = &names, .appearance_model = "looks"});
    int left_out = 0;
    for (int i = 0; i < 2 * MEET; i++) {
        fov_result *result = result_of(stream, meeting(i));
        assert_int_equal(result->detections->count > 0, 1);
        assert_true(!result->crops.hurried || result->crops.taken < result->crops.wanted);
        left_out += result->crops.hurried;
        if (i == MEET) /* of another size by now: nothing is compared that cannot be */
            add_model(workers, "fake:embed=15", "looks");
        fov_result_release(&result);
    }
    assert_true(left_out > 0);
    assert_int_equal(fov_workers_remove_model(workers, "looks", NULL), FOV_EBUSY);
    fov_stream_close(&stream);
    assert_int_equal(fov_workers_remove_model(workers, "looks", NULL), FOV_OK);
    fov_workers_destroy(&workers);
}

/* ---- football -------------------------------------------------------------------------------- */

enum { PLAYERS = 30, TALL_PX = 40, WIDE_PX = 16 };

static int player_left(int k, int i)
{
    return 8 + k % 10 * 31 + abs(i % 16 - 8);
}

static int player_top(int k)
{
    return 20 + k / 10 * 70;
}

static fov_frame *match_frame(int i, int players)
{
    fov_frame *frame = grey_frame();
    for (int k = 0; k < players; k++)
        paint(frame, player_left(k, i), player_top(k), WIDE_PX, TALL_PX, k % 2 ? blue : red);
    frame->number = (uint64_t)i;
    frame->pts_ms = 40.0 * i;
    return frame;
}

static int players_now = PLAYERS;

static void put_players(void *user, const fov_frame *frame, fov_detections *detections)
{
    (void)user;
    detections->count = 0;
    for (int k = 0; k < players_now; k++) {
        float x = (float)player_left(k, (int)frame->number), y = (float)player_top(k);
        detections->items[detections->count++] = (fov_detection){.x1 = x,
                                                                 .y1 = y,
                                                                 .x2 = x + WIDE_PX,
                                                                 .y2 = y + TALL_PX,
                                                                 .score = 0.9f,
                                                                 .class_id = FOV_CLASS_PLAYER};
    }
}

/* Whether every red one is of one team and every blue one of the other. */
static bool teams_are_right(const fov_football_frame *f, int players)
{
    fov_team_side reds = FOV_TEAM_UNKNOWN;
    int known = 0;
    for (size_t i = 0; i < f->count; i++) {
        const fov_football_person *p = &f->people[i];
        int k = ((int)p->x1 - 8) / 31 + ((int)p->y1 - 20) / 70 * 10;
        fov_team_side side = p->side;
        if (side != FOV_TEAM_FIRST && side != FOV_TEAM_SECOND)
            return false;
        fov_team_side of_reds = k % 2 == 0               ? side
                                : side == FOV_TEAM_FIRST ? FOV_TEAM_SECOND
                                                         : FOV_TEAM_FIRST;
        reds = known++ ? reds : of_reds;
        if (of_reds != reds)
            return false;
    }
    return known == players;
}

static void teams_by_what_a_model_sees(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        const fov_football_params football = {.on_detections = put_players,
                                              .team_model = "looks",
                                              .appearance_model = shared ? "looks" : NULL,
                                              .still_camera = true};
        fov_workers *workers = workers_of("fake:boxes=none,labels=person", 2, NULL);
        add_model(workers, "fake:embed=12,width=16,height=32", "looks");
        fov_stream *stream = open_stream(workers,
                                         (fov_stream_params){.fifo = true, .football = &football});
        players_now = 20;
        bool right = false;
        int taken = 0;
        for (int i = 0; i < 100; i++) {
            fov_result *result = result_of(stream, match_frame(i, players_now));
            right = teams_are_right(result->football, players_now);
            assert_int_equal(result->football->teams == FOV_TEAMS_GREY, 0);
            assert_true(result->crops.taken <= FOV_CROPS_MAX);
            taken += i >= 50 ? result->crops.taken : 0;
            fov_result_release(&result);
        }
        assert_true(right);
        /* once they are known, twice a second is enough: of 20 people in two seconds */
        assert_in_range(taken, 2 * 20, 5 * 20);
        fov_stream_close(&stream);
        fov_workers_destroy(&workers);
    }
}

static void so_many_a_frame_and_no_more(void **state)
{
    (void)state;
    const fov_football_params football = {
        .on_detections = put_players, .appearance_model = "looks", .still_camera = true};
    fov_workers *workers = workers_of("fake:boxes=none,labels=person", 2, NULL);
    add_model(workers, "fake:embed=12,width=16,height=32,batch=5", "looks");
    fov_stream *stream = open_stream(workers,
                                     (fov_stream_params){.fifo = true, .football = &football});
    players_now = PLAYERS;
    fov_result *result = result_of(stream, match_frame(1, PLAYERS));
    assert_int_equal(result->crops.wanted, PLAYERS);
    assert_int_equal(result->crops.taken, FOV_CROPS_MAX);
    assert_false(result->crops.hurried); /* there was time, that is the bound */
    fov_result_release(&result);
    result = result_of(stream, match_frame(2, PLAYERS));
    assert_int_equal(result->crops.taken, PLAYERS - FOV_CROPS_MAX); /* the others, now */
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_needy_come_first),
        cmocka_unit_test(neighbours_are_looked_at_in_turn),
        cmocka_unit_test(tracks_are_where_they_went),
        cmocka_unit_test(two_lists_become_one),
        cmocka_unit_test(a_meeting_exchanges_no_names),
        cmocka_unit_test(crops_are_left_out_where_time_is_short),
        cmocka_unit_test(a_slow_model_makes_no_frame_late),
        cmocka_unit_test(models_that_cannot_serve_are_refused),
        cmocka_unit_test(a_model_that_fails_costs_its_frame_nothing),
        cmocka_unit_test(teams_by_what_a_model_sees),
        cmocka_unit_test(so_many_a_frame_and_no_more),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
