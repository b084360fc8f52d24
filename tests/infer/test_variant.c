/* Which of a model's files runs: the INT8 form only where it was made from these weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "infer/variant.h"

/* scripts/int8_mark.py has the same mark for these two files. */
#define DESCRIPTION "<net name=\"m\" version=\"11\"></net>"
#define WEIGHTS "0123456789"
#define MARK "33-10-7d256607f93fd223"

static char folder[] = "/tmp/fovea-variant-XXXXXX";

static void write_text(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_int8(const char *mark)
{
    char text[512];
    snprintf(text, sizeof text,
             "<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\"><rt_info><model_info>"
             "<fovea_int8_of value=\"%s\" /></model_info></rt_info></net>\n",
             mark);
    write_text("m_int8.xml", text);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    write_text("m.xml", DESCRIPTION);
    write_text("m.bin", WEIGHTS);
    write_int8(MARK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"m.xml", "m.bin", "m_int8.xml"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* The chosen file's name; the reason goes to `reason`. */
static const char *choose(fov_model_params params, bool fast, char reason[VARIANT_REASON])
{
    static char path[256];
    char named[128];
    snprintf(named, sizeof named, "%s/m.xml", folder);
    params.path = params.path ? params.path : named;
    variant_choose(&params, fast, path, sizeof path, reason);
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void test_left_open(void **state)
{
    (void)state;
    char reason[VARIANT_REASON];
    assert_string_equal(choose((fov_model_params){0}, true, reason), "m_int8.xml");
    assert_non_null(strstr(reason, "INT8"));
    assert_string_equal(choose((fov_model_params){.device = "CPU"}, true, reason), "m_int8.xml");
    assert_string_equal(choose((fov_model_params){0}, false, reason), "m.xml");
    assert_non_null(strstr(reason, "VNNI"));
    assert_string_equal(choose((fov_model_params){.no_int8 = true}, true, reason), "m.xml");
    assert_string_equal(choose((fov_model_params){.device = "GPU"}, true, reason), "m.xml");
    assert_string_equal(choose((fov_model_params){.backend = "fake"}, true, reason), "m.xml");
}

static void test_asked(void **state)
{
    (void)state;
    char reason[VARIANT_REASON];
    fov_model_params int8 = {.precision = FOV_PRECISION_INT8};
    assert_string_equal(choose((fov_model_params){.precision = FOV_PRECISION_F32}, true, reason),
                        "m.xml");
    assert_string_equal(choose((fov_model_params){.precision = FOV_PRECISION_F16}, true, reason),
                        "m.xml");
    assert_string_equal(choose(int8, false, reason), "m_int8.xml");
    int8.path = "elsewhere.xml";
    assert_string_equal(choose(int8, true, reason), "elsewhere.xml");
    assert_non_null(strstr(reason, "no INT8 form"));
    assert_string_equal(choose((fov_model_params){.path = "fake:x=1"}, true, reason), "fake:x=1");
    assert_string_equal(reason, "");
}

/* A file of that name that somebody else made, or of weights that were trained on since. */
static void test_another_model(void **state)
{
    (void)state;
    char reason[VARIANT_REASON];
    static const char *const marks[] = {"33-10-0000000000000000", "", "33-11-7d256607f93fd223"};
    for (size_t i = 0; i < 3; i++) {
        write_int8(marks[i]);
        assert_string_equal(choose((fov_model_params){0}, true, reason), "m.xml");
        assert_string_equal(reason, "");
    }
    write_text("m_int8.xml", "no xml at all");
    assert_string_equal(choose((fov_model_params){0}, true, reason), "m.xml");
    write_int8(MARK);
    write_text("m.bin", "0123456780");
    assert_string_equal(choose((fov_model_params){0}, true, reason), "m.xml");
    write_text("m.bin", WEIGHTS);
    write_text("m.xml", "<net name=\"m\"");
    assert_string_equal(choose((fov_model_params){0}, true, reason), "m.xml");
    write_text("m.xml", DESCRIPTION);
    assert_string_equal(choose((fov_model_params){0}, true, reason), "m_int8.xml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_open),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_another_model),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
