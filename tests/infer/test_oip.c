/* Addresses, descriptions and replies of the Open Inference Protocol, without a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../alloc_count.h"
#include "infer/oip.h"

static void good_addresses(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *url;
    } cases[] = {
        {"oip://127.0.0.1:8000/yolo", "http://127.0.0.1:8000/v2/models/yolo/infer"},
        {"oips://gpu.example.org:443/yolo_v8-n.1/3",
         "https://gpu.example.org:443/v2/models/yolo_v8-n.1/versions/3/infer"},
        {"oip://[::1]:9000/m", "http://[::1]:9000/v2/models/m/infer"},
        {"oip://my_host:1/m", "http://my_host:1/v2/models/m/infer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct oip_address a;
        fov_error error = {.message = ""};
        char url[OIP_URL];
        if (oip_read_address(cases[i].text, &a, &error) != FOV_OK)
            fail_msg("%s: %s", cases[i].text, error.message);
        oip_url(&a, "/infer", url);
        assert_string_equal(url, cases[i].url);
    }
}

/* The longest host, port, model and version that are taken: none of it is cut off. */
static void the_longest_address_is_whole(void **unused)
{
    (void)unused;
    struct oip_address a;
    fov_error error;
    char text[600], host[256], name[OIP_NAME], url[OIP_URL], expected[OIP_URL];
    memset(host, 'h', sizeof host);
    memset(name, 'm', sizeof name);
    host[sizeof host - 1] = name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "oips://%s:65535/%s/%s", host, name, name);
    assert_int_equal(oip_read_address(text, &a, &error), FOV_OK);
    oip_url(&a, "/config", url);
    snprintf(expected, sizeof expected, "https://%s:65535/v2/models/%s/versions/%s/config", host,
             name, name);
    assert_string_equal(url, expected);
    assert_string_equal(url + strlen(url) - 7, "/config");
}

static void bad_addresses(void **unused)
{
    (void)unused;
    char endless[400];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    memcpy(endless, "oip://host:80/", 14);
    const char *const cases[] = {
        "",
        "oip:",
        "http://host:80/m",
        "oip://",
        "oip://host/m",
        "oip://:80/m",
        "oip://host:0/m",
        "oip://host:65536/m",
        "oip://host:80",
        "oip://host:80/",
        "oip://host:80/..",
        "oip://host:80/m/",
        "oip://host:80/m/1/2",
        "oip://host:80/m?x=1",
        "oip://host:80/m#x",
        "oip://host:80/a b",
        "oip://host:80/%2e",
        "oip://ho st:80/m",
        "oip://host:80:80x/m",
        "oip://host:-1/m",
        "oip://host:80/m\r\nX: 1",
        "oip://[::1:80/m",
        "oip://host:+80/m",
        "oip://h\\x:80/m",
        endless,
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct oip_address a;
        fov_error error = {.message = ""};
        if (oip_read_address(cases[i], &a, &error) != FOV_EMODEL)
            fail_msg("\"%s\" was taken", cases[i]);
        assert_non_null(strstr(error.message, "oip://host:port/model"));
    }
}

static void passwords_are_refused_and_not_repeated(void **unused)
{
    (void)unused;
    struct oip_address a;
    fov_error error = {.message = ""};
    assert_int_equal(oip_read_address("oip://user:secret@host:80/m", &a, &error), FOV_EMODEL);
    assert_null(strstr(error.message, "secret"));
    fov_model *model;
    fov_model_params params = {.path = "oip://user:secret@host:80/m"};
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_EMODEL);
    assert_null(strstr(error.message, "secret"));
    params.backend = "openvino";
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_EUNSUPPORTED);
    assert_null(strstr(error.message, "secret"));
}

static void addresses_are_told_from_files(void **unused)
{
    (void)unused;
    assert_true(fov_model_is_address("oip://host:80/m"));
    assert_true(fov_model_is_address("oips://host:80/m"));
    assert_true(fov_model_is_address("fake:"));
    assert_false(fov_model_is_address("oip.onnx"));
    assert_false(fov_model_is_address("models/oip:/m"));
    assert_false(fov_model_is_address("http://host/m.onnx"));
    assert_false(fov_model_is_address(""));
    assert_false(fov_model_is_address(NULL));
}

/* ---- descriptions ---- */

#define PORT(name, datatype, shape)                                                                \
    "{\"name\":\"" name "\",\"datatype\":\"" datatype "\",\"shape\":" shape "}"
#define MODEL(inputs, outputs) "{\"inputs\":[" inputs "],\"outputs\":[" outputs "]}"

static fov_status describe(const char *json, const fov_model_params *params,
                           fov_backend_model *about, fov_error *error)
{
    static const fov_model_params none;
    *about = (fov_backend_model){0};
    *error = (fov_error){.message = ""};
    return oip_read_description(json, strlen(json), params ? params : &none, about, error);
}

static void expect_shape(const fov_tensor *t, int rank, const int64_t *shape)
{
    assert_int_equal(t->rank, rank);
    assert_memory_equal(t->shape, shape, (size_t)rank * sizeof *shape);
}

static void open_dimensions_are_settled(void **unused)
{
    (void)unused;
    fov_backend_model about;
    fov_error error;
    const char *planar = MODEL(
        PORT("x", "FP32", "[-1,3,-1,-1]") "," PORT("sizes", "INT64", "[-1,2]"),
        PORT("y", "FP16", "[-1,-1,85]"));
    assert_int_equal(describe(planar, NULL, &about, &error), FOV_OK);
    expect_shape(&about.inputs[0], 4, (int64_t[]){1, 3, 640, 640});
    expect_shape(&about.inputs[1], 2, (int64_t[]){1, 2});
    expect_shape(&about.outputs[0], 3, (int64_t[]){-1, -1, 85});
    assert_int_equal(about.inputs[1].dtype, FOV_I64);
    assert_int_equal(about.outputs[0].dtype, FOV_F16);
    assert_int_equal(about.batch, 1);
    fov_model_params wish = {.input_width = 320, .input_height = 192, .batch = 4};
    const char *packed = MODEL(PORT("x", "UINT8", "[-1,-1,-1,3]"), PORT("y", "BF16", "[1]"));
    assert_int_equal(describe(packed, &wish, &about, &error), FOV_OK);
    expect_shape(&about.inputs[0], 4, (int64_t[]){4, 192, 320, 3});
    assert_int_equal(about.batch, 4);
}

static void bad_descriptions(void **unused)
{
    (void)unused;
    static const struct {
        const char *json;
        fov_status status;
        const char *told;
    } cases[] = {
        {"", FOV_EMODEL, "JSON"},
        {"<html>", FOV_EMODEL, "JSON"},
        {"[]", FOV_EMODEL, "no input"},
        {"{}", FOV_EMODEL, "no input"},
        {"{\"inputs\":{},\"outputs\":[]}", FOV_EMODEL, "no input"},
        {MODEL(PORT("x", "FP32", "[1]"), ""), FOV_EMODEL, "no output"},
        {MODEL("{\"name\":\"x\"}", PORT("y", "FP32", "[1]")), FOV_EMODEL, "datatype"},
        {MODEL("1", PORT("y", "FP32", "[1]")), FOV_EMODEL, "without name"},
        {MODEL(PORT("x", "BYTES", "[1]"), PORT("y", "FP32", "[1]")), FOV_EUNSUPPORTED, "BYTES"},
        {MODEL(PORT("x", "FP64", "[1]"), PORT("y", "FP32", "[1]")), FOV_EUNSUPPORTED, "x is FP64"},
        {MODEL(PORT("x", "FP32", "[1]"), PORT("y", "BOOL", "[1]")), FOV_EUNSUPPORTED, "y is BOOL"},
        {MODEL(PORT("x", "FP32", "[1,-1]"), PORT("y", "FP32", "[1]")), FOV_EUNSUPPORTED, "fixed"},
        {MODEL(PORT("x", "FP32", "[1,0]"), PORT("y", "FP32", "[1]")), FOV_EUNSUPPORTED, "fixed"},
        {MODEL(PORT("x", "FP32", "[100000,100000]"), PORT("y", "FP32", "[1]")), FOV_EUNSUPPORTED,
         "too large"},
        {MODEL(PORT("x", "FP32", "[1]"), PORT("y", "FP32", "[100000,100000,-1]")), FOV_EUNSUPPORTED,
         "larger"},
        {MODEL(PORT("x", "FP32", "[1]"),
               PORT("y", "FP32", "[6000,6000]") "," PORT("z", "FP32", "[-1,6000,6000]")),
         FOV_EUNSUPPORTED, "output z a reply is larger than 256 MiB"},
        {MODEL(PORT("x", "FP32", "[1,-2]"), PORT("y", "FP32", "[1]")), FOV_EMODEL, "shape"},
        {MODEL(PORT("x", "FP32", "[1.5]"), PORT("y", "FP32", "[1]")), FOV_EMODEL, "shape"},
        {MODEL(PORT("x", "FP32", "[1e300]"), PORT("y", "FP32", "[1]")), FOV_EMODEL, "shape"},
        {MODEL(PORT("x", "FP32", "[\"1\"]"), PORT("y", "FP32", "[1]")), FOV_EMODEL, "shape"},
        {MODEL(PORT("x", "FP32", "{\"a\":1}"), PORT("y", "FP32", "[1]")), FOV_EMODEL, "shape"},
        {MODEL(PORT("x", "FP32", "[1,1,1,1,1,1,1,1,1]"), PORT("y", "FP32", "[1]")), FOV_EMODEL,
         "shape"},
        {MODEL(PORT("x", "FP32", "[1]") "," PORT("x", "FP32", "[1]"), PORT("y", "FP32", "[1]")),
         FOV_EMODEL, "twice"},
        {MODEL(PORT("a\\u001b[31m", "FP32", "[1]"), PORT("y", "FP32", "[1]")), FOV_EMODEL, "name"},
        {MODEL(PORT("0123456789012345678901234567890123456789012345678901234567890123", "FP32",
                    "[1]"),
               PORT("y", "FP32", "[1]")),
         FOV_EUNSUPPORTED, "names"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_backend_model about;
        fov_error error;
        fov_status status = describe(cases[i].json, NULL, &about, &error);
        if (status != cases[i].status || !strstr(error.message, cases[i].told))
            fail_msg("%s: %d %s", cases[i].json, (int)status, error.message);
    }
}

static void metadata_of_both_kinds_of_server(void **unused)
{
    (void)unused;
    struct metadata meta = {.source = ""};
    const char *ovms =
        "{\"rt_info\":{\"model_info\":{\"labels\":\"cat dog\",\"model_type\":\"ssd\","
        "\"n\":1},\"framework\":\"x\"},\"parameters\":7}";
    const char *triton = "{\"parameters\":{\"labels\":{\"string_value\":\"other\"},"
                         "\"imgsz\":{\"string_value\":\"[640, 640]\"},\"odd\":{}}}";
    oip_read_metadata(ovms, strlen(ovms), &meta);
    oip_read_metadata(triton, strlen(triton), &meta);
    oip_read_metadata("nonsense", 8, &meta);
    assert_string_equal(metadata_get(&meta, "labels"), "cat dog"); /* the first word stands */
    assert_string_equal(metadata_get(&meta, "model_type"), "ssd");
    assert_string_equal(metadata_get(&meta, "imgsz"), "[640, 640]");
    assert_null(metadata_get(&meta, "odd"));
    metadata_release(&meta);
}

static void sentences_are_flattened(void **unused)
{
    (void)unused;
    char text[64];
    const char *json = "{\"error\":\"a\\nb\\u001b[31mc\\u009bd\\u007fe\"}";
    oip_read_error(json, strlen(json), text, sizeof text);
    assert_string_equal(text, "a b [31mc  d e");
    oip_read_error("[]", 2, text, sizeof text);
    assert_string_equal(text, "");
}

/* ---- requests and replies ---- */

static void the_request_is_what_the_protocol_says(void **unused)
{
    (void)unused;
    fov_backend_model about;
    fov_error error;
    struct json_writer w = {0};
    assert_int_equal(describe(MODEL(PORT("x\\\"", "UINT8", "[1,4,4,3]"), PORT("y", "FP32", "[1]")),
                              NULL, &about, &error),
                     FOV_OK);
    oip_write_request(&about, &w);
    assert_false(w.failed);
    assert_int_equal(w.size % OIP_ALIGN, 0);
    static const char wanted[] =
        "{\"id\":\"fovea\",\"inputs\":[{\"name\":\"x\\\"\",\"datatype\":\"UINT8\",\"shape\":[1,4,4,"
        "3],"
        "\"parameters\":{\"binary_data_size\":48}}],\"outputs\":[{\"name\":\"y\",\"parameters\":"
        "{\"binary_data\":true}}]}";
    assert_int_equal(strncmp(w.text, wanted, sizeof wanted - 1), 0);
    assert_int_equal(strspn(w.text + sizeof wanted - 1, " "), w.size - (sizeof wanted - 1));
    json_release(&w);
}

#define OUT(name, datatype, shape, size)                                                           \
    "{\"name\":\"" name "\",\"datatype\":\"" datatype "\",\"shape\":" shape                        \
    ",\"parameters\":{\"binary_data_size\":" size "}}"
#define REPLY(outputs) "{\"model_name\":\"m\",\"outputs\":[" outputs "]}"
#define BOXES OUT("boxes", "FP32", "[1,4,4]", "64")
#define CLASSES OUT("classes", "UINT8", "[3]", "3")

static void open_reply(fov_backend_model *about)
{
    fov_error error;
    const char *json = MODEL(PORT("x", "FP32", "[1]"),
                             PORT("boxes", "FP32", "[1,4,4]") "," PORT("classes", "UINT8", "[-1]"));
    assert_int_equal(describe(json, NULL, about, &error), FOV_OK);
}

static void replies_in_any_order(void **unused)
{
    (void)unused;
    fov_backend_model about;
    struct oip_reply reply = {0};
    fov_error error = {.message = ""};
    open_reply(&about);
    const char *json = REPLY(CLASSES "," BOXES);
    assert_int_equal(oip_read_reply(&reply, &about, json, strlen(json), 67, &error), FOV_OK);
    assert_int_equal(reply.offset[0], 3);
    assert_int_equal(reply.offset[1], 0);
    expect_shape(&reply.outputs[1], 1, (int64_t[]){3});
    const char *none = REPLY(BOXES "," OUT("classes", "UINT8", "[0]", "0"));
    assert_int_equal(oip_read_reply(&reply, &about, none, strlen(none), 64, &error), FOV_OK);
    assert_int_equal(fov_tensor_count(&reply.outputs[1]), 0);
    assert_int_equal(reply.offset[1], 64);
    oip_reply_release(&reply);
}

static void bad_replies(void **unused)
{
    (void)unused;
    static const struct {
        const char *json;
        size_t binary;
        const char *told;
    } cases[] = {
        {"", 67, "JSON"},
        {"<html>", 67, "JSON"},
        {"[]", 67, "not a JSON object"},
        {"{}", 67, "0 outputs"},
        {REPLY(BOXES), 64, "1 outputs, 2 were"},
        {REPLY(BOXES "," CLASSES "," CLASSES), 70, "3 outputs"},
        {REPLY(BOXES "," BOXES), 128, "twice"},
        {REPLY(BOXES ",1"), 64, "not asked for"},
        {REPLY(BOXES "," OUT("other", "UINT8", "[3]", "3")), 67, "not asked for"},
        {REPLY(BOXES "," CLASSES), 66, "66 bytes"},
        {REPLY(BOXES "," CLASSES), 68, "68 bytes"},
        {REPLY(BOXES "," CLASSES), 0, "0 bytes"},
        {REPLY(OUT("boxes", "FP32", "[1,4,4]", "60") "," CLASSES), 63, "60 bytes"},
        {REPLY(OUT("boxes", "FP32", "[1,4,4]", "-64") "," CLASSES), 67, "-64 bytes"},
        {REPLY(OUT("boxes", "FP32", "[1,4,4]", "\"64\"") "," CLASSES), 67, "extension"},
        {REPLY(OUT("boxes", "FP32", "[1,4,4]", "64.5") "," CLASSES), 67, "extension"},
        {REPLY(OUT("boxes", "INT32", "[1,4,4]", "64") "," CLASSES), 67, "type or shape"},
        {REPLY(OUT("boxes", "BYTES", "[1,4,4]", "64") "," CLASSES), 67, "type or shape"},
        {REPLY(OUT("boxes", "FP32", "[1,16]", "64") "," CLASSES), 67, "type or shape"},
        {REPLY(OUT("boxes", "FP32", "[1,2,8]", "64") "," CLASSES), 67, "type or shape"},
        {REPLY(OUT("boxes", "FP32", "[1,4,-1]", "64") "," CLASSES), 67, "type or shape"},
        {REPLY(OUT("boxes", "FP32", "16", "64") "," CLASSES), 67, "type or shape"},
        {REPLY(BOXES "," OUT("classes", "UINT8", "[-1]", "3")), 67, "type or shape"},
        {REPLY(BOXES "," OUT("classes", "UINT8", "[2147483647]", "2147483647")), 67, "bytes"},
        {REPLY(PORT("boxes", "FP32", "[1,4,4]") "," CLASSES), 3, "extension"},
    };
    fov_backend_model about;
    open_reply(&about);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct oip_reply reply = {0};
        fov_error error = {.message = ""};
        fov_status status = oip_read_reply(&reply, &about, cases[i].json, strlen(cases[i].json),
                                           cases[i].binary, &error);
        if (status != FOV_EINFER || !strstr(error.message, cases[i].told))
            fail_msg("%s: %d %s", cases[i].json, (int)status, error.message);
        oip_reply_release(&reply);
    }
}

/* Each output alone is small enough. */
static void the_sum_of_a_reply_is_limited(void **unused)
{
    (void)unused;
    fov_backend_model about;
    struct oip_reply reply = {0};
    fov_error error = {.message = ""};
    const char *json = MODEL(PORT("x", "FP32", "[1]"),
                             PORT("a", "UINT8", "[-1]") "," PORT("b", "UINT8", "[-1]"));
    assert_int_equal(describe(json, NULL, &about, &error), FOV_OK);
    const char *most = REPLY(
        OUT("a", "UINT8", "[268435455]", "268435455") "," OUT("b", "UINT8", "[1]", "1"));
    assert_int_equal(oip_read_reply(&reply, &about, most, strlen(most), 268435456, &error), FOV_OK);
    const char *more = REPLY(
        OUT("a", "UINT8", "[268435455]", "268435455") "," OUT("b", "UINT8", "[2]", "2"));
    assert_int_equal(oip_read_reply(&reply, &about, more, strlen(more), 268435457, &error),
                     FOV_EINFER);
    assert_non_null(strstr(error.message, "more than 256 MiB"));
    oip_reply_release(&reply);
}

/* A text that was accepted with other bytes behind it, or one that was refused, is not remembered.
 */
static void only_the_same_reply_is_taken_again(void **unused)
{
    (void)unused;
    fov_backend_model about;
    struct oip_reply reply = {0};
    fov_error error = {.message = ""};
    const char *good = REPLY(BOXES "," CLASSES), *bad = REPLY(BOXES);
    open_reply(&about);
    assert_int_equal(oip_read_reply(&reply, &about, good, strlen(good), 67, &error), FOV_OK);
    uint64_t before = alloc_count_thread();
    for (int i = 0; i < 10; i++)
        assert_int_equal(oip_read_reply(&reply, &about, good, strlen(good), 67, &error), FOV_OK);
    if (alloc_count_works())
        assert_int_equal(alloc_count_thread() - before, 0);
    assert_int_equal(oip_read_reply(&reply, &about, good, strlen(good), 66, &error), FOV_EINFER);
    assert_int_equal(oip_read_reply(&reply, &about, bad, strlen(bad), 64, &error), FOV_EINFER);
    assert_int_equal(oip_read_reply(&reply, &about, bad, strlen(bad), 64, &error), FOV_EINFER);
    assert_int_equal(oip_read_reply(&reply, &about, good, strlen(good), 67, &error), FOV_OK);
    oip_reply_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses),
        cmocka_unit_test(the_longest_address_is_whole),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(passwords_are_refused_and_not_repeated),
        cmocka_unit_test(addresses_are_told_from_files),
        cmocka_unit_test(open_dimensions_are_settled),
        cmocka_unit_test(bad_descriptions),
        cmocka_unit_test(metadata_of_both_kinds_of_server),
        cmocka_unit_test(sentences_are_flattened),
        cmocka_unit_test(the_request_is_what_the_protocol_says),
        cmocka_unit_test(replies_in_any_order),
        cmocka_unit_test(bad_replies),
        cmocka_unit_test(the_sum_of_a_reply_is_limited),
        cmocka_unit_test(only_the_same_reply_is_taken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
