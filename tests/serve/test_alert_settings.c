/* alerts:, cameras.<n>.zones, webhooks: what is read, and how mistakes are named. */
#include "base/json.h"
#include "settings_test.h"

static char *const hook_secret[] = {"HOOK_SECRET=s3cret", NULL};

static const char whole[] =
    "cameras:\n"
    "  hall:\n"
    "    source: \"pattern:\"\n"
    "    zones:\n"
    "      door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]\n"
    "      way: {line: [[0, 0.5], [1, 0.5]]}\n"
    "  yard: {zones: {gate: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}}\n"
    "  field:\n"
    "    kind: football\n"
    "    source: \"pattern:football\"\n"
    "    zones: {goal: {space: pitch_m, line: [[0, 30.34], [0, 37.66]]},\n"
    "            box: {polygon: [[0, 13.84], [16.5, 13.84], [16.5, 54.16], [0, 54.16]], space: "
    "pitch_m}}\n"
    "alerts:\n"
    "  - name: somebody at the door\n"
    "    class: person\n"
    "    zone: door\n"
    "    for_seconds: 2\n"
    "    camera: hall\n"
    "    webhook: {url: \"https://u:p@hooks.example/T0/secret?x=1\", secret: \"{HOOK_SECRET}\"}\n"
    "  - {name: goals, zone: goal, direction: out, camera: field}\n"
    "  - {name: anything, class: [car, bus], min_confidence: 0.7, cooldown: 5,\n"
    "     webhook: [\"http://10.0.0.9:8123/api\", {url: \"http://b/\"}]}\n";

static void a_whole_file(void **state)
{
    (void)state;
    struct settings *s = read_good(whole, hook_secret);
    const struct zones *zones = settings_find_camera(s, "hall")->zones;
    assert_int_equal(zones->count, 2);
    assert_true(zones_find(zones, "way")->line);
    assert_float_equal(zones_find(zones, "door")->points[2].y, 0.9, 1e-12);
    assert_int_equal(settings_find_camera(s, "yard")->zones->items[0].count, 4);
    const struct zone *goal = zones_find(settings_find_camera(s, "field")->zones, "goal");
    assert_true(goal->line && goal->metres);
    assert_float_equal(goal->points[1].y, 37.66, 1e-12);
    assert_true(zones_find(settings_find_camera(s, "field")->zones, "box")->metres);
    assert_int_equal(s->alerts.count, 3);
    const struct settings_alert *a = &s->alerts.items[0], *b = &s->alerts.items[2];
    assert_int_equal(a->direction, DIRECTION_BOTH);
    assert_int_equal(s->alerts.items[1].direction, DIRECTION_OUT);
    assert_string_equal(a->classes.items[0], "person");
    assert_float_equal(a->min_confidence, 0.5, 0);
    assert_float_equal(settings_alert_cooldown(a, false), 60, 0);
    assert_float_equal(settings_alert_cooldown(a, true), 0, 0);
    assert_float_equal(settings_alert_cooldown(b, true), 5, 0);
    assert_float_equal(a->for_seconds, 2, 0);
    assert_string_equal(a->cameras.items[0], "hall");
    assert_int_equal(a->webhooks.count, 1);
    assert_string_equal(a->webhooks.items[0].secret, "s3cret");
    assert_int_equal(b->classes.count, 2);
    assert_null(b->zone);
    assert_int_equal(b->webhooks.count, 2);
    assert_null(b->webhooks.items[1].secret);
    settings_free(&s);
}

static void secrets_are_not_shown(void **state)
{
    (void)state;
    struct settings *s = read_good(whole, hook_secret);
    char *text = shown_text(s);
    assert_null(strstr(text, "secret?"));
    assert_null(strstr(text, "s3cret"));
    assert_null(strstr(text, "u:p@"));
    assert_non_null(strstr(text, "https://hooks.example/***"));
    assert_non_null(strstr(text, "somebody at the door"));
    struct settings *back = shown_again(s, hook_secret);
    assert_int_equal(settings_find_camera(back, "hall")->zones->count, 2);
    assert_true(zones_find(settings_find_camera(back, "field")->zones, "goal")->metres);
    assert_true(zones_find(settings_find_camera(back, "field")->zones, "goal")->line);
    assert_true(zones_find(settings_find_camera(back, "field")->zones, "box")->metres);
    assert_false(zones_find(settings_find_camera(back, "hall")->zones, "way")->metres);
    assert_int_equal(back->alerts.count, 3);
    assert_int_equal(back->alerts.items[1].direction, DIRECTION_OUT);
    settings_free(&back);
    settings_free(&s);
    free(text);
}

/* A nought that is no default must be shown: left out it would come back as the default. */
static void noughts_come_back(void **state)
{
    (void)state;
    struct settings *s = read_good("cameras: {hall: {source: \"pattern:\", max_latency_ms: 0}}\n"
                                   "alerts: [{name: a, cooldown: 0, min_confidence: 0}]\n",
                                   NULL);
    struct settings *back = shown_again(s, NULL);
    assert_float_equal(settings_find_camera(back, "hall")->max_latency_ms, 0, 0);
    assert_float_equal(back->alerts.items[0].cooldown, 0, 0);
    assert_float_equal(back->alerts.items[0].min_confidence, 0, 0);
    settings_free(&back);
    settings_free(&s);
}

static const struct mistake broken[] = {
    {"alerts: 5\n", "f.yaml:1:9: alerts", "list of rules"},
    {"alerts: {a: b}\n", "f.yaml:1:9: alerts", "list of rules"},
    {"alerts:\n  - person\n", "f.yaml:2:5: alerts[0]", "section"},
    {"alerts:\n  - {class: person}\n", "f.yaml:2:5: alerts[0]", "name is missing"},
    {"alerts:\n  - {name: a, clas: person}\n", "f.yaml:2:15: alerts[0].clas",
     "did you mean class?"},
    {"alerts:\n  - {name: a}\n  - {name: a}\n", "f.yaml:3:5: alerts[1]", "there already"},
    {"alerts:\n  - {name: a, min_confidence: 40}\n", "f.yaml:2:31: alerts[0].min_confidence",
     "from 0 to 1"},
    {"alerts:\n  - {name: a, for_seconds: soon}\n", "f.yaml:2:28: alerts[0].for_seconds", "'soon'"},
    {"alerts:\n  - {name: a, zone: [x]}\n", "f.yaml:2:21: alerts[0].zone", "not a list"},
    {"alerts:\n  - {name: a, webhook: ftp://x/}\n", "f.yaml:2:24: alerts[0].webhook", "http://"},
    {"alerts:\n  - {name: a, webhook: \"http:///x\"}\n", "f.yaml:2:24: alerts[0].webhook",
     "http://"},
    {"alerts:\n  - {name: a, webhook: \"http://x/ y\"}\n", "f.yaml:2:24: alerts[0].webhook",
     "http://"},
    {"alerts:\n  - {name: a, webhook: {secret: x}}\n", "f.yaml:2:24: alerts[0].webhook", "http://"},
    {"alerts:\n  - {name: a, webhook: {url: \"http://x\", secert: x}}\n",
     "f.yaml:2:42: alerts[0].webhook.secert", "did you mean secret?"},
    {"alerts:\n  - {name: a, webhook: [a, b, c, d, e]}\n", "f.yaml:2:24: alerts[0].webhook",
     "at most 4"},
    {"cameras:\n  h: {zones: 5}\n", "f.yaml:2:14: cameras.h.zones", "names with points"},
    {"cameras:\n  h: {zones: [a]}\n", "f.yaml:2:14: cameras.h.zones", "names with points"},
    {"cameras:\n  h: {zones: {a: 1}}\n", "f.yaml:2:18: cameras.h.zones.a", "points [x, y]"},
    {"cameras:\n  h: {zones: {a: [1, 2]}}\n", "f.yaml:2:19: cameras.h.zones.a", "two numbers"},
    {"cameras:\n  h: {zones: {a: [[1, 2, 3]]}}\n", "f.yaml:2:19: cameras.h.zones.a", "two numbers"},
    {"cameras:\n  h: {zones: {a: [[1]]}}\n", "f.yaml:2:19: cameras.h.zones.a", "two numbers"},
    {"cameras:\n  h: {zones: {a: [[0, 0], [1, 1]]}}\n", "f.yaml:2:18: cameras.h.zones.a",
     "3 to 32"},
    {"cameras:\n  h: {zones: {a: [[0, 0], [1, 1], [1, 0], [0, 1]]}}\n",
     "f.yaml:2:18: cameras.h.zones.a", "crosses itself"},
    {"cameras:\n  h: {zones: {a: [[0, 0], [640, 1], [1, 0]]}}\n", "f.yaml:2:18: cameras.h.zones.a",
     "shares of its width"},
    {"cameras:\n  h: {zones: {a: {ring: [[0, 0]]}}}\n", "f.yaml:2:18: cameras.h.zones.a",
     "{line: points}"},
    {"cameras:\n  h: {zones: {a: {line: [[0, 0], [1, 1]], space: feet}}}\n",
     "f.yaml:2:18: cameras.h.zones.a", "space: pitch_m"},
    {"cameras:\n  h: {zones: {a: {line: [[0, 0], [1, 1]], polygon: [[0, 0], [1, 1]]}}}\n",
     "f.yaml:2:18: cameras.h.zones.a", "{line: points}"},
    {"cameras:\n  h: {zones: {a: {space: pitch_m}}}\n", "f.yaml:2:18: cameras.h.zones.a",
     "{line: points}"},
    {"cameras:\n  h: {zones: {a: {line: [[0, 0], [171, 1]], space: pitch_m}}}\n",
     "f.yaml:2:18: cameras.h.zones.a", "x and y are metres"},
    {"alerts:\n  - {name: a, direction: up}\n", "f.yaml:2:26: alerts[0].direction", "both in out"},
    {"cameras:\n  h: {zones: {a/b: [[0, 0], [1, 1], [1, 0]]}}\n",
     "f.yaml:2:20: cameras.h.zones.a/b", "no slash"},
};

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    mistakes_are_named(broken, sizeof broken / sizeof *broken);
}

static void zones_that_no_camera_has_are_noted(void **state)
{
    (void)state;
    struct settings *s;
    struct findings found;
    assert_int_equal(parse("cameras:\n  hall: {zones: {door: [[0, 0], [1, 0], [1, 1]],\n"
                           "    way: {line: [[0, 0], [1, 0]]}}}\n"
                           "alerts: [{name: a, zone: dor}, {name: b, zone: way}]\n",
                           NULL, &s, &found),
                     FOV_OK);
    assert_int_equal(found.notes, 2);
    assert_non_null(strstr(found.text, "did you mean door?"));
    assert_non_null(strstr(found.text, "camera hall has no tracker"));
    settings_free(&s);
    assert_int_equal(
        parse("cameras:\n  hall: {tracker: bytetrack, zones: {door: [[0, 0], [1, 0], [1, 1]],\n"
              "    way: {line: [[0, 0], [1, 0]]}, spot: {polygon: [[9, 30], [13, 30], [11, 40]], "
              "space: pitch_m}}}\n"
              "alerts: [{name: a, zone: door, direction: in}, {name: b, zone: way}, "
              "{name: c, zone: way, for_seconds: 1}, {name: d, zone: spot}]\n",
              NULL, &s, &found),
        FOV_OK);
    assert_int_equal(found.notes, 3);
    assert_non_null(strstr(found.text, "alerts[3].zone: spot is in metres, and camera hall"));
    assert_non_null(strstr(found.text, "alerts[0].direction: door is no line"));
    assert_non_null(strstr(found.text, "alerts[2].for_seconds: way is a line"));
    settings_free(&s);
}

/* The one finding says so. */
static void refused(const char *text, const char *words)
{
    struct settings *s;
    struct findings found;
    assert_int_equal(parse(text, NULL, &s, &found), FOV_EINVAL);
    assert_non_null(strstr(found.text, words));
}

static void limits_hold(void **state)
{
    (void)state;
    static char text[65536];
    size_t used = (size_t)snprintf(text, sizeof text, "alerts:\n");
    for (int i = 0; i < ALERTS_MAX + 1; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  - {name: rule-%d}\n", i);
    refused(text, "at most 64");
    used = (size_t)snprintf(text, sizeof text, "cameras: {h: {zones: {\n");
    for (int i = 0; i < ZONES_MAX + 1; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "  z%d: [[0, 0], [1, 0], [1, 1]],\n", i);
    snprintf(text + used, sizeof text - used, "}}}\n");
    refused(text, "at most 16");
    used = (size_t)snprintf(text, sizeof text, "cameras: {h: {zones: {a: [\n");
    for (int i = 0; i < ZONE_POINTS_MAX + 1; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  [0, %f],\n", i / 40.0);
    snprintf(text + used, sizeof text - used, "]}}}\n");
    refused(text, "at most 32");
}

static void bound_is(const json_value *shape, const char *name, int64_t bound)
{
    int64_t value;
    assert_true(json_get_int(shape, name, &value));
    assert_int_equal(value, bound);
}

static void the_schema_is_json_and_knows_alerts(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    fov_error error = {0};
    FILE *to = open_memstream(&text, &size);
    settings_print_schema(to);
    fclose(to);
    json_value *schema = json_parse(text, size, (size_t)1 << 20, &error);
    if (!schema)
        fail_msg("%s", error.message);
    const json_value *defs = json_get(schema, "$defs");
    assert_non_null(json_get(json_get(json_get(defs, "alert"), "properties"), "for_seconds"));
    bound_is(json_get(defs, "alerts"), "maxItems", ALERTS_MAX);
    bound_is(json_get(defs, "zones"), "maxProperties", ZONES_MAX);
    bound_is(json_get(defs, "points"), "maxItems", ZONE_POINTS_MAX);
    bound_is(json_at(json_get(json_get(defs, "webhook"), "oneOf"), 1), "maxItems", WEBHOOKS_MAX);
    json_free(&schema);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file),
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(noughts_come_back),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(zones_that_no_camera_has_are_noted),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(the_schema_is_json_and_knows_alerts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
