/* A machine without the runtime: a process of its own, as the library is opened once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <fovea/backend.h>

#include "infer/cores.h"

static void a_missing_runtime_is_explained(void **unused)
{
    (void)unused;
    char path[64];
    snprintf(path, sizeof path, "/tmp/fovea_runtime_%d.xml", (int)getpid());
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs("<net name=\"n\" version=\"11\"></net>", f);
    fclose(f);
    setenv("FOVEA_RUNTIME_DIR", "/nonexistent", 1);
    fov_model_params params = {.path = path};
    fov_model *model;
    fov_error error = {.message = ""};
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_ERUNTIME);
    assert_non_null(strstr(error.message, "/nonexistent"));
    assert_non_null(strstr(error.message, "FOVEA_RUNTIME_DIR"));
    static fov_backend_probe probe;
    fov_backend_at(0)->probe(NULL, &probe);
    assert_false(probe.available);
    assert_non_null(strstr(probe.reason, "/nonexistent"));
    /* what needs no runtime still works */
    params.path = "fake:";
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_OK);
    fov_model_close(&model);
    unlink(path);
}

static void cores_are_counted(void **unused)
{
    (void)unused;
    assert_in_range(cores_available(), 1, sysconf(_SC_NPROCESSORS_ONLN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_runtime_is_explained),
        cmocka_unit_test(cores_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
