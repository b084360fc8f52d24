/* Names of models, through the public interface alone: where they lead, what is listed, what is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fovea/model.h>

#include "../temp_folder.h"

static char folder[TEMP_FOLDER], file[TEMP_FOLDER + 16];

/* A folder of models with one in it, and no other folder. */
static int make(void **state)
{
    (void)state;
    if (!temp_folder_make(folder))
        return -1;
    snprintf(file, sizeof file, "%s/boats.onnx", folder);
    FILE *to = fopen(file, "w");
    setenv("FOVEA_MODELS_DIR", folder, 1);
    setenv("FOVEA_DEPS", folder, 1);
    setenv("XDG_DATA_HOME", folder, 1);
    return to ? fclose(to) : -1;
}

static int clear(void **state)
{
    (void)state;
    return temp_folder_drop(folder);
}

static void names_lead_to_files(void **state)
{
    (void)state;
    char path[256];
    fov_error error = {0};
    assert_int_equal(fov_model_find("boats", path, sizeof path, &error), FOV_OK);
    assert_string_equal(path, file);
    assert_int_equal(fov_model_find(file, path, sizeof path, &error), FOV_OK);
    assert_string_equal(path, file);
    assert_int_equal(fov_model_find("fake:boxes=1", path, sizeof path, &error), FOV_OK);
    assert_string_equal(path, "fake:boxes=1");
    assert_int_equal(fov_model_find("ships", path, sizeof path, &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "ships"));
    assert_int_equal(fov_model_find(NULL, path, sizeof path, &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "ssd_mobilenet_v2")); /* the default one */
    assert_int_equal(fov_model_find("boats", NULL, 0, &error), FOV_EINVAL);
}

struct told {
    int count;
    char name[32], path[256];
};

static void note(void *user, const char *name, const char *path)
{
    struct told *told = user;
    told->count++;
    snprintf(told->name, sizeof told->name, "%s", name);
    snprintf(told->path, sizeof told->path, "%s", path);
}

static void all_are_listed(void **state)
{
    (void)state;
    struct told told = {0};
    assert_int_equal(fov_model_list(note, &told, NULL), FOV_OK);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.name, "boats");
    assert_string_equal(told.path, file);
    assert_int_equal(fov_model_list(NULL, NULL, NULL), FOV_EINVAL);
}

static void a_wrong_setting_is_named(void **state)
{
    (void)state;
    char path[256];
    struct told told = {0};
    fov_error error = {0};
    setenv("FOVEA_SERVER_PORT", "none", 1);
    assert_int_equal(fov_model_find("boats", path, sizeof path, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "FOVEA_SERVER_PORT"));
    assert_int_equal(fov_model_list(note, &told, &error), FOV_EINVAL);
    assert_int_equal(told.count, 0);
    unsetenv("FOVEA_SERVER_PORT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_files),
        cmocka_unit_test(all_are_listed),
        cmocka_unit_test(a_wrong_setting_is_named),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
