/* Football streams of the server: what they are opened with, and figures of a crowd. */
#include "settings_test.h"

#include "base/json.h"
#include "net/net.h"
#include "serve/football.h"

/* ---- the wish over the settings ----------------------------------------------------------------
 */

static const char section[] = "models:\n"
                              "  men: {path: /m/men.onnx, conf: 0.4}\n"
                              "  ball: {path: /m/ball.onnx, conf: 0.2}\n"
                              "  other: {path: /m/other.onnx, conf: 0.3}\n"
                              "  plain: {path: /m/plain.onnx}\n"
                              "football: {player_model: men, ball_model: ball}\n";

static struct football_setup *setup_of(const struct settings *s, const struct football_wish *wish)
{
    fov_error error = {0};
    struct football_setup *setup = football_setup_make(wish);
    assert_non_null(setup);
    char model[MODEL_ID_MAX] = "any";
    if (football_prepare(setup, s, "pattern:football?fps=10", model, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return setup;
}

/* How sure a model has to be is a matter of that model, not of the one it stands for. */
static void models_bring_their_own_threshold(void **state)
{
    (void)state;
    static const struct {
        const char *ball;
        float conf;
    } rows[] = {{"", 0.2f}, {"other", 0.3f}, {"plain", 0}};
    struct settings *s = read_good(section, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct football_wish wish = {.still = -1};
        snprintf(wish.ball_model, sizeof wish.ball_model, "%s", rows[i].ball);
        struct football_setup *setup = setup_of(s, &wish);
        assert_string_equal(setup->params.ball_model, rows[i].ball[0] ? rows[i].ball : "ball");
        assert_float_equal(setup->params.ball_conf, rows[i].conf, 0);
        football_setup_free(&setup);
    }
    settings_free(&s);
}

/* ---- figures -----------------------------------------------------------------------------------
 */

enum { ROWS = 10, COLUMNS = 20 };

/* A crowd in rank and file. */
static void crowd(void *user, const fov_frame *frame, fov_detections *found)
{
    (void)user;
    (void)frame;
    assert_true(found->capacity >= ROWS * COLUMNS);
    found->count = 0;
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++) {
            float x = 120 + 50 * (float)column, y = 180 + 50 * (float)row;
            found->items[found->count++] = (fov_detection){
                x, y, x + 10, y + 30, 0.9f, FOV_CLASS_PLAYER, FOV_CLASS_PLAYER, -1};
        }
}

static fov_stream *open_crowd(fov_workers *workers, const fov_football_params *football)
{
    const fov_stream_params params = {.fifo = true, .results = 4, .football = football};
    const fov_source_params from = {.url = "pattern:width=1280,height=720,fps=10,frames=20",
                                    .pixels = FOV_YUV};
    fov_stream *stream;
    fov_source *source;
    fov_error error = {0};
    if (fov_stream_open(&stream, workers, &params, &error) != FOV_OK ||
        fov_source_open(&source, &from, &error) != FOV_OK ||
        fov_stream_start_source(stream, &source, true, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return stream;
}

/* All names that figures are kept of are told: 128, as once, are those of half a match. */
static void figures_of_a_crowd(void **state)
{
    (void)state;
    static const double map[9] = {10, 0, 100, 0, -10, 800, 0, 0, 1};
    const fov_model_params model = {.path = "fake:boxes=none,labels=person"};
    const fov_workers_params of = {.workers = 1, .model = &model};
    fov_pitch_view view;
    fov_football_params football = {.on_detections = crowd, .view = &view, .still_camera = true};
    struct feed_football feed = {.names = {"first", "second"}};
    fov_workers *workers;
    fov_result *result;
    fov_error error = {0};
    assert_int_equal(fov_pitch_view_from_matrix(&view, map, 1280, 720, NULL, &error), FOV_OK);
    assert_int_equal(fov_workers_create(&workers, &of, &error), FOV_OK);
    fov_stream *stream = open_crowd(workers, &football);
    while (fov_stream_get(stream, 20000, &result, NULL) == FOV_OK)
        fov_result_release(&result);
    struct net_blob *blob = football_last(&feed, stream, true);
    assert_non_null(blob);
    json_value *json = json_parse((const char *)net_blob_data(blob), net_blob_len(blob),
                                  (size_t)1 << 20, &error);
    assert_non_null(json);
    const json_value *people = json_get(json_get(json, "football"), "people");
    assert_int_equal(json_count(people), ROWS * COLUMNS);
    json_free(&json);
    net_blob_unref(&blob);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_bring_their_own_threshold),
        cmocka_unit_test(figures_of_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
