/* Settings: every mistake is named with its line and column, values come from the right place. */
#include <unistd.h>

#include <fovea/track.h>

#include "base/text.h"
#include "serve/sources.h"
#include "settings_test.h"

static const struct mistake broken[] = {
    {"server:\n  prot: 1\n", "f.yaml:2:3: server.prot", "did you mean port?"},
    {"sever:\n  port: 1\n", "f.yaml:1:1: sever", "did you mean server?"},
    {"server:\n  tls:\n    crt: x\n", "f.yaml:3:5: server.tls.crt", "did you mean cert?"},
    {"realtime:\n  max_latency: 5\n", "f.yaml:2:3: realtime.max_latency", "max_latency_ms"},
    {"camera:\n  hall: x\n", "f.yaml:1:1: camera", "did you mean cameras?"},
    {"cameras:\n  hall:\n    sorce: x\n", "f.yaml:3:5: cameras.hall.sorce", "did you mean source?"},
    {"cameras:\n  hall:\n    pin:\n      konf: 1\n", "f.yaml:4:7: cameras.hall.pin.konf",
     "did you mean conf?"},
    {"models:\n  m: {pat: x, path: y}\n", "f.yaml:2:7: models.m.pat", "did you mean path?"},
    {"xyzzy: 1\n", "f.yaml:1:1: xyzzy", "no such setting"},
    {"server:\n  port: 99999\n", "f.yaml:2:9: server.port", "from 0 to 65535"},
    {"server:\n  port: -1\n", "f.yaml:2:9: server.port", "whole number"},
    {"server:\n  port: 84.5\n", "f.yaml:2:9: server.port", "whole number"},
    {"server:\n  port: eighty\n", "f.yaml:2:9: server.port", "'eighty'"},
    {"server:\n  port: [1, 2]\n", "f.yaml:2:9: server.port", "not a list"},
    {"server:\n  port: {a: 1}\n", "f.yaml:2:9: server.port", "not a section"},
    {"server:\n  port:\n", "f.yaml:2:8: server.port", "missing"},
    {"server:\n  auth: perhaps\n", "f.yaml:2:9: server.auth", "auto on off"},
    {"server:\n  auth: atuo\n", "f.yaml:2:9: server.auth", "did you mean auto"},
    {"server: 5\n", "f.yaml:1:9: server", "section"},
    {"server: [a]\n", "f.yaml:1:9: server", "section"},
    {"server:\n  tls: cert.pem\n", "f.yaml:2:8: server.tls", "section"},
    {"server:\n  tls: {cert: a}\n", "f.yaml:2: server.tls", "key is missing"},
    {"server:\n  tls: {key: a}\n", "f.yaml:2: server.tls", "cert is missing"},
    {"server:\n  public_url: cam.example\n", "f.yaml:2: server.public_url", "http://"},
    {"server:\n  trusted_proxies: [10.0.0.0/99]\n", "f.yaml:2: server.trusted_proxies",
     "10.0.0.0/99"},
    {"server:\n  trusted_proxies: [nonsense]\n", "f.yaml:2: server.trusted_proxies", "nonsense"},
    {"server:\n  allowed_hosts:\n    - a\n    - {b: c}\n", "f.yaml:4:7: server.allowed_hosts",
     "must be a text"},
    {"server:\n  host: \"a\\nb\"\n", "f.yaml:2:9: server.host", "control characters"},
    {"server:\n  host: \"a\\0b\"\n", "f.yaml:2:9:", "NUL"},
    {"server:\n  max_sessions: 0\n", "f.yaml:2:17: server.max_sessions", "from 1"},
    {"realtime:\n  enabled: maybe\n", "f.yaml:2:12: realtime.enabled", "true nor false"},
    {"realtime:\n  target_fps: .nan\n", "f.yaml:2:15: realtime.target_fps", "number"},
    {"realtime:\n  target_fps: 1e9\n", "f.yaml:2:15: realtime.target_fps", "240"},
    {"realtime:\n  buffer_size: 65\n", "f.yaml:2:16: realtime.buffer_size", "64"},
    {"realtime:\n  confidence_threshold: 1.5\n", "f.yaml:2:25: realtime.confidence_threshold",
     "0.001 to 1"},
    {"realtime:\n  optimization_level: ultra\n", "f.yaml:2:23: realtime.optimization_level",
     "low medium high"},
    {"cameras:\n  a/b: x\n", "f.yaml:2:8: cameras", "no slash"},
    {"cameras:\n  hall: {fps: 0}\n", "f.yaml:2:15: cameras.hall.fps", "from 1"},
    {"cameras:\n  hall: {appearance_model: reid}\n", "f.yaml:2:9: cameras.hall",
     "tracker that looks"},
    {"cameras:\n  hall: {tracker: ocsort, appearance_model: r}\n", "f.yaml:2:9: cameras.hall",
     "botsort"},
    {"cameras:\n  hall: {tracker: magic}\n", "f.yaml:2:19: cameras.hall.tracker", "none"},
    {"cameras: [a, b]\n", "f.yaml:1:10: cameras", "names"},
    {"cameras:\n  hall: [a]\n", "f.yaml:2:9: cameras.hall", "section"},
    {"cameras:\n  match: {kind: football}\n", "f.yaml:2:10: cameras.match", "needs a source"},
    {"cameras:\n  a: {source: x, homography: f.json}\n", "f.yaml:2:6: cameras.a", "kind football"},
    {"cameras:\n  a: {source: x, kind: fotball}\n", "f.yaml:2:24: cameras.a.kind", "football"},
    {"models:\n  m: {conf: 0.5}\n", "f.yaml:2:6: models.m", "path is missing"},
    {"models:\n  m: {path: x, precision: f8}\n", "f.yaml:2:27: models.m.precision", "auto f32"},
    {"events:\n  keep_days: soon\n", "f.yaml:2:14: events.keep_days", "number"},
    {"football:\n  batch_size: 1000\n", "f.yaml:2:15: football.batch_size", "64"},
    {"server:\n  port: 1\n  port: 2\n", "f.yaml:3:3: port",
     "given twice, the first time in line 2"},
    {"cameras:\n  a: x\n  a: y\n", "f.yaml:3:3: a", "given twice"},
    {"server: {port: 1\n", "f.yaml:2:1:", "not YAML"},
    {"server:\n\tport: 1\n", "f.yaml:2:1:", "not YAML"},
    {"a: &x 1\n", "f.yaml:1:4:", "anchors"},
    {"a: &x {b: 1}\nc: *x\n", "f.yaml:1:4:", "anchors"},
    {"server:\n  host: !secret x\n", "f.yaml:2:9:", "tags"},
    {"- a\n- b\n", "f.yaml:1:1:", "sections"},
    {"just text\n", "f.yaml:1:1:", "sections"},
    {"server: {}\n---\nserver: {}\n", "f.yaml:2:1:", "second document"},
    {"server:\n  host: '{FOVEA_TEST_UNSET}'\n", "f.yaml:2:9:", "FOVEA_TEST_UNSET is not set"},
    {"server:\n  host: {HOST}\n", "f.yaml:2:9: server.host", "quote"},
    {"server:\n  \xff: 1\n", "f.yaml:1:1:", "UTF-8"},
};

static void test_mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    assert_true(sizeof broken / sizeof *broken >= 50);
    mistakes_are_named(broken, sizeof broken / sizeof *broken);
}

static void test_all_mistakes_are_reported_at_once(void **state)
{
    (void)state;
    struct settings *s;
    struct findings found;
    parse("server: {port: x, hots: y}\nrealtime: {enabled: z}\ncameras: {a: {fps: 0}}\n", NULL, &s,
          &found);
    assert_int_equal(found.fatal, 4);
}

static void test_deep_and_large_files_are_refused(void **state)
{
    (void)state;
    struct settings *s;
    struct findings found;
    fov_error error = {0};
    char deep[256] = "alerts: ";
    for (int i = 0; i < 40; i++)
        strcat(deep, "[");
    parse(deep, NULL, &s, &found);
    assert_null(s);
    assert_non_null(strstr(found.text, "deeper"));
    size_t size = ((size_t)1 << 20) + 1;
    char *large = malloc(size);
    memset(large, '#', size);
    found = (struct findings){0};
    assert_int_equal(settings_parse(&s, large, size, "f.yaml", NULL, collect, &found, &error),
                     FOV_EINVAL);
    assert_non_null(strstr(found.text, "1 MiB"));
    memset(large, ' ', size);
    memcpy(large, "alerts: [", 9);
    for (size_t i = 9; i < 60000; i++)
        large[i] = i % 2 ? '1' : ',';
    large[60000] = ']';
    found = (struct findings){0};
    settings_parse(&s, large, 60001, "f.yaml", NULL, collect, &found, &error);
    assert_null(s);
    assert_non_null(strstr(found.text, "10,000"));
    free(large);
}

static void test_empty_files_are_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "# nothing\n",          "---\n",
                                        "~\n", "server:\nrealtime:\n", "cameras:\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct settings *s;
        struct findings found;
        assert_int_equal(parse(texts[i], NULL, &s, &found), FOV_OK);
        assert_int_equal(s->server.port, 8440);
        assert_string_equal(s->server.host, "127.0.0.1");
        assert_true(s->realtime.enabled);
        assert_true(s->realtime.max_latency_ms == 200 && s->realtime.target_fps == 30);
        assert_int_equal(s->realtime.buffer_size, 5);
        assert_int_equal(s->realtime.optimization_level, LEVEL_HIGH);
        assert_true(s->realtime.iou_threshold == 0.45);
        assert_true(s->streaming.max_fps == 30 && s->streaming.default_fps == 15);
        assert_int_equal(s->streaming.queue_size, 25);
        assert_true(s->streaming.session_timeout == 300);
        assert_true(settings_conf(s, 0.25) == 0.25);
        assert_int_equal(s->cameras.count, 0);
        settings_free(&s);
        assert_null(s);
    }
}

static void test_a_whole_file(void **state)
{
    (void)state;
    static const char text[] =
        "server: {host: \"::1\", port: 0, auth: on, allowed_hosts: [a, b]}\n"
        "models:\n  default: boats\n  boats: {path: /m/b.onnx, precision: f32}\n"
        "  short: /m/s.xml\n"
        "cameras:\n  hall: rtsp://u:{PW}@h/x\n"
        "  door: {source: \"pattern:\", fps: 10, pin: {conf: 0.3, size: 320}}\n"
        "  browser: {}\n"
        "sources: {allow: [/var/media, \"rtsp://10.0.0.7/\"]}\n"
        "alerts: [{name: somebody, class: person}]\n"
        "football: {teams: {home: red, away: blue}}\n";
    char *env[] = {"PW=p{w", NULL};
    struct settings *s;
    struct findings found;
    if (parse(text, env, &s, &found) != FOV_OK)
        fail_msg("%s", found.text);
    assert_int_equal(s->server.auth, AUTH_ON);
    assert_int_equal(s->server.allowed_hosts.count, 2);
    assert_string_equal(settings_find_model(s, "boats")->path, "/m/b.onnx");
    assert_int_equal(settings_find_model(s, "boats")->precision, FOV_PRECISION_F32);
    assert_string_equal(settings_find_model(s, "short")->path, "/m/s.xml");
    assert_null(settings_find_model(s, "default"));
    assert_int_equal(s->cameras.count, 3);
    assert_string_equal(settings_find_camera(s, "hall")->source, "rtsp://u:p{w@h/x");
    assert_true(settings_find_camera(s, "hall")->max_latency_ms == -1);
    const struct settings_camera *door = settings_find_camera(s, "door");
    assert_true(door->fps == 10 && door->pin_conf == 0.3 && door->pin_size == 320);
    assert_null(settings_find_camera(s, "browser")->source);
    settings_free(&s);
}

static void test_environment_over_file(void **state)
{
    (void)state;
    char *env[] = {"REALTIME_MAX_LATENCY_MS=150",
                   "FOVEA_SERVER_PORT=9000",
                   "CONFIDENCE_THRESHOLD=0.6",
                   "CPU_BIND_THREAD=YES",
                   "OPENVINO_NUM_THREADS=4",
                   "CPU_THREADS_NUM=8",
                   "FOVEA_SERVER_ALLOWED_HOSTS= a , b,,c",
                   "REALTIME_ENABLED=false",
                   "IOU_THRESHOLD=",
                   "OPENVINO_PERFORMANCE_MODE=LATENCY",
                   "MODEL_PATH=/app/best.xml",
                   NULL};
    struct settings *s;
    struct findings found;
    if (parse("realtime: {max_latency_ms: 99}\nserver: {port: 1}\n", env, &s, &found) != FOV_OK)
        fail_msg("%s", found.text);
    assert_true(s->realtime.max_latency_ms == 150);
    assert_int_equal(s->server.port, 9000);
    assert_true(settings_conf(s, 0.25) == 0.6);
    assert_true(s->openvino.bind_threads);
    assert_int_equal(s->openvino.num_threads, 4);
    assert_int_equal(s->server.allowed_hosts.count, 3);
    assert_string_equal(s->server.allowed_hosts.items[1], "b");
    assert_false(s->realtime.enabled);
    assert_true(s->realtime.iou_threshold == 0.45);
    assert_int_equal(s->openvino.performance_mode, MODE_LATENCY);
    assert_string_equal(s->models.default_model, "/app/best.xml");
    settings_free(&s);
}

static void test_our_name_wins_over_the_second_name(void **state)
{
    (void)state;
    char *env[] = {"REALTIME_TARGET_FPS=10", "FOVEA_REALTIME_TARGET_FPS=20", NULL};
    struct settings *s;
    struct findings found;
    assert_int_equal(parse("", env, &s, &found), FOV_OK);
    assert_true(s->realtime.target_fps == 20);
    settings_free(&s);
}

static void test_bad_environment_is_named(void **state)
{
    (void)state;
    char *env[] = {"REALTIME_BUFFER_SIZE=many", NULL};
    struct settings *s;
    struct findings found;
    assert_int_equal(parse("", env, &s, &found), FOV_EINVAL);
    assert_non_null(strstr(found.text, "REALTIME_BUFFER_SIZE: realtime.buffer_size: 'many'"));
}

static void test_names_that_mean_nothing_are_noted(void **state)
{
    (void)state;
    char *env[] = {"UVICORN_WORKERS=4", "FOVEA_SERVER_PROT=1", "FOVEA_DEPS=/x", NULL};
    struct settings *s;
    struct findings found;
    assert_int_equal(parse("", env, &s, &found), FOV_OK);
    assert_int_equal(found.notes, 2);
    assert_non_null(strstr(found.text, "UVICORN_WORKERS: ignored"));
    assert_non_null(strstr(found.text, "FOVEA_SERVER_PROT: ignored"));
    settings_free(&s);
}

static void test_command_line_over_environment(void **state)
{
    (void)state;
    char *env[] = {"FOVEA_SERVER_PORT=9000", NULL};
    const struct settings_override over[] = {{"server.port", "9001"}, {"server.port", "9002"}};
    const struct settings_override wrong[] = {{"server.prot", "1"}};
    struct settings *s;
    struct findings found = {0};
    fov_error error = {0};
    assert_int_equal(settings_load(&s, NULL, env, over, 2, collect, &found, &error), FOV_OK);
    assert_int_equal(s->server.port, 9002);
    settings_free(&s);
    assert_int_equal(settings_load(&s, NULL, env, wrong, 1, collect, &found, &error), FOV_EINVAL);
    assert_non_null(strstr(found.text, "command line: server.prot: no such setting"));
    assert_int_equal(settings_load(&s, "/nowhere/f.yaml", env, over, 2, collect, &found, &error),
                     FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "/nowhere/f.yaml"));
}

static void test_braces(void **state)
{
    (void)state;
    char *env[] = {"A=1", "B_2=two", NULL};
    struct settings *s;
    struct findings found;
    assert_int_equal(
        parse("server: {state_dir: \"{A}/{{B_2}/{B_2}/{lower}/{\"}\n", env, &s, &found), FOV_OK);
    assert_string_equal(s->server.state_dir, "1/{B_2}/two/{lower}/{");
    settings_free(&s);
}

static void test_reload_keeps_what_needs_a_restart(void **state)
{
    (void)state;
    struct settings *old, *fresh;
    struct findings found;
    parse("server: {port: 1, public_url: 'http://a'}\n", NULL, &old, &found);
    parse("server: {port: 2, public_url: 'http://b'}\nrealtime: {max_latency_ms: 9}\n", NULL,
          &fresh, &found);
    settings_keep_fixed(fresh, old, collect, &found);
    assert_int_equal(fresh->server.port, 1);
    assert_string_equal(fresh->server.public_url, "http://b");
    assert_true(fresh->realtime.max_latency_ms == 9);
    assert_int_equal(found.notes, 1);
    assert_non_null(strstr(found.text, "server.port: takes effect after a restart"));
    settings_free(&fresh);
    settings_free(&old);
}

static void test_shown_settings_can_be_read_back(void **state)
{
    (void)state;
    static const char text[] = "server: {port: 7, allowed_hosts: [\"a: b\", '#c']}\n"
                               "models: {m: {path: x, conf: 0.3}}\n"
                               "cameras: {\"na me\": {source: 'rtsp://u:secret@h/', pin: {fps: 9, "
                               "conf: 0.2}, max_latency_ms: 50}}\n";
    struct settings *s = read_good(text, NULL);
    char *shown = shown_text(s);
    assert_null(strstr(shown, "secret"));
    assert_non_null(strstr(shown, "port: 7  # f.yaml:1"));
    struct settings *again = read_good(shown, NULL);
    assert_int_equal(again->server.port, 7);
    assert_string_equal(again->server.allowed_hosts.items[1], "#c");
    assert_true(settings_find_model(again, "m")->conf == 0.3);
    const struct settings_camera *camera = settings_find_camera(again, "na me");
    assert_non_null(camera);
    assert_true(camera->pin_fps == 9 && camera->pin_conf == 0.2 && camera->max_latency_ms == 50);
    settings_free(&again);
    settings_free(&s);
    free(shown);
}

static void test_passwords_of_urls_are_blotted_out(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"rtsp://u:p@h/x", "rtsp://u:***@h/x"},     {"rtsp://u@h/x", "rtsp://u@h/x"},
        {"http://h:80/a:b@c", "http://h:80/a:b@c"}, {"/a:b@c", "/a:b@c"},
        {"rtsp://u:p@q@h", "rtsp://u:***@h"},
    };
    char to[64];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        text_redact_url(to, sizeof to, pairs[i][0]);
        assert_string_equal(to, pairs[i][1]);
    }
}

static void test_every_tracker_can_be_set(void **state)
{
    (void)state;
    const char *name;
    int count = 0;
    for (; (name = fov_tracker_name(count, NULL)) != NULL; count++) {
        char text[100];
        snprintf(text, sizeof text, "cameras: {hall: {tracker: %s}}\n", name);
        struct settings *s = read_good(text, NULL);
        const char *given = settings_camera_tracker(settings_find_camera(s, "hall"));
        assert_int_equal(settings_tracker_looks(settings_find_camera(s, "hall")->tracker),
                         fov_tracker_uses_embeddings(name));
        assert_string_equal(given ? given : "none", name);
        settings_free(&s);
    }
    assert_true(count >= 5);
    assert_null(settings_camera_tracker(NULL));
}

static void test_every_decoder_can_be_set(void **state)
{
    (void)state;
    static const char *const words[] = {"auto", "off", "cuda", "vaapi", "videotoolbox"};
    static char *const env[] = {"REALTIME_USE_GPU=off", NULL};
    for (int i = 0; i < 10; i++) {
        const char *word = words[i / 2];
        char text[100];
        snprintf(text, sizeof text, "sources: {decoder: %s}\n", word);
        struct settings *s = read_good(text, i % 2 ? env : NULL);
        assert_string_equal(source_decoder(s), i == 1 ? "off" : word); /* auto without a GPU */
        settings_free(&s);
    }
}

static void test_what_sources_lead_to(void **state)
{
    struct settings *s;
    struct findings found;
    (void)state;
    assert_int_equal(parse("sources: {allow: ['http://h/live/', /srv]}\n"
                           "cameras: {hall: 'http://u:p@cam/hls/index.m3u8?key=1'}\n",
                           NULL, &s, &found),
                     FOV_OK);
    const char *hall = "http://u:p@cam/hls/index.m3u8?key=1", *live = "http://h/live/a.m3u8";
    assert_true(source_nested_allowed(s, live, "http://h/live/1.ts"));
    assert_true(source_nested_allowed(s, hall, "http://cam/hls/1.ts"));
    assert_true(source_nested_allowed(s, hall, "http://u:p@cam/hls/sub/1.ts"));
    assert_true(source_nested_allowed(s, hall, "http://h/live/1.ts"));
    assert_false(source_nested_allowed(s, hall, "http://cam/admin"));
    assert_false(source_nested_allowed(s, hall, "https://cam/hls/1.ts"));
    assert_false(source_nested_allowed(s, hall, "http://cam:81/hls/1.ts"));
    assert_false(source_nested_allowed(s, hall, "http://cam/hls/../admin"));
    assert_false(source_nested_allowed(s, live, "http://cam/hls/1.ts")); /* another's folder */
    assert_false(source_nested_allowed(s, live, "/srv/x.ts"));
    assert_false(source_nested_allowed(s, live, "file:///srv/x.ts"));
    settings_free(&s);
}

static void test_sources_outside_the_list_are_refused(void **state)
{
    (void)state;
    char dir[] = "/tmp/fovea_sources_XXXXXX", path[128], text[512], other[] = "/etc/hostname";
    struct settings *s;
    struct findings found;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/in.mp4", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    snprintf(text, sizeof text,
             "sources: {allow: [%s, 'rtsp://10.0.0.7', 'http://h/live/']}\n"
             "cameras: {hall: 'rtsp://cam/1'}\n",
             dir);
    assert_int_equal(parse(text, NULL, &s, &found), FOV_OK);
    assert_true(source_allowed(s, path));
    assert_true(source_allowed(s, "demo:") && source_allowed(s, "pattern:width=9"));
    assert_true(source_allowed(s, "hall") && source_allowed(s, "rtsp://cam/1"));
    assert_true(source_allowed(s, "rtsp://10.0.0.7/x") && source_allowed(s, "RTSP://10.0.0.7"));
    assert_true(source_allowed(s, "http://h/live/a.m3u8"));
    assert_false(source_allowed(s, other));
    assert_false(source_allowed(s, "rtsp://10.0.0.71/x"));
    assert_false(source_allowed(s, "rtsp://10.0.0.7@evil/x"));
    assert_false(source_allowed(s, "rtsp://10.0.0.7:99/x"));
    assert_false(source_allowed(s, "http://h/other"));
    assert_false(source_allowed(s, "http://h/live/../x"));
    assert_false(source_allowed(s, "http://h/live/%2e%2e/x"));
    assert_false(source_allowed(s, "http://h/live/.%2E/x"));
    assert_false(source_allowed(s, "http://h/live/..%2fx"));
    assert_false(source_allowed(s, "http://h/live/a/.."));
    assert_false(source_allowed(s, "http://h/live/\\..\\x"));
    assert_true(source_allowed(s, "rtsp://user:secret@10.0.0.7/x")); /* the list names servers */
    assert_false(source_allowed(s, "rtsp://10.0.0.7@evil@10.0.0.8/x"));
    snprintf(path, sizeof path, "%s/../../etc/hostname", dir);
    assert_false(source_allowed(s, path));
    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink(other, path), 0);
    assert_false(source_allowed(s, path));
    unlink(path);
    snprintf(path, sizeof path, "%s/*.mp4", dir);
    assert_true(source_allowed(s, path));
    assert_false(source_allowed(s, "/etc/*"));
    snprintf(path, sizeof path, "%s/*/x", dir);
    assert_false(source_allowed(s, path));
    snprintf(path, sizeof path, "%s/in.mp4", dir);
    unlink(path);
    rmdir(dir);
    settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_named_with_their_place),
        cmocka_unit_test(test_all_mistakes_are_reported_at_once),
        cmocka_unit_test(test_deep_and_large_files_are_refused),
        cmocka_unit_test(test_empty_files_are_the_defaults),
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_environment_over_file),
        cmocka_unit_test(test_our_name_wins_over_the_second_name),
        cmocka_unit_test(test_bad_environment_is_named),
        cmocka_unit_test(test_names_that_mean_nothing_are_noted),
        cmocka_unit_test(test_command_line_over_environment),
        cmocka_unit_test(test_braces),
        cmocka_unit_test(test_reload_keeps_what_needs_a_restart),
        cmocka_unit_test(test_shown_settings_can_be_read_back),
        cmocka_unit_test(test_passwords_of_urls_are_blotted_out),
        cmocka_unit_test(test_sources_outside_the_list_are_refused),
        cmocka_unit_test(test_every_tracker_can_be_set),
        cmocka_unit_test(test_every_decoder_can_be_set),
        cmocka_unit_test(test_what_sources_lead_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
