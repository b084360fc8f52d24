/* What runs a model when the best cannot: at loading, with the reason kept, and never silently. */
#include "model_test.h"

#include <unistd.h>

static const char *default_model(void)
{
    static char path[512];
    const char *deps = getenv("FOVEA_DEPS");
    snprintf(path, sizeof path, "%s/models/ssd_mobilenet_v2/model.xml", deps ? deps : ".deps");
    return access(path, R_OK) == 0 ? path : NULL;
}

static void the_next_device_serves(void **unused)
{
    (void)unused;
    static const struct {
        fov_model_params params;
        const char *device, *fallback; /* NULL: what the fallback says is "" */
        fov_status status;
    } cases[] = {
        {{.path = "fake:"}, "CPU", NULL, FOV_OK},
        {{.path = "fake:gpu_load_fails=0"}, "GPU", NULL, FOV_OK},
        {{.path = "fake:gpu_load_fails=1"}, "CPU", "fake GPU: fake: gpu_load_fails=1", FOV_OK},
        {{.path = "fake:gpu_load_fails=0", .device = "CPU"}, "CPU", NULL, FOV_OK},
        {{.path = "fake:gpu_load_fails=0", .device = "gpu"}, "GPU", NULL, FOV_OK},
        {{.path = "fake:gpu_load_fails=0", .device = "AUTO:CPU"}, "GPU", NULL, FOV_OK},
        {{.path = "fake:", .device = "NPU"}, "CPU", "no runtime runs such a file on NPU", FOV_OK},
        {{.path = "fake:gpu_load_fails=0", .avoid = "fake:GPU"},
         "CPU",
         "fake GPU: failed while it ran",
         FOV_OK},
        {{.path = "fake:gpu_load_fails=0", .avoid = "openvino:CPU GPU"}, "CPU", NULL, FOV_OK},
        {{.path = "fake:gpu_load_fails=1", .device = "GPU", .backend = "fake"},
         NULL,
         "gpu_load_fails",
         FOV_EMODEL},
        {{.path = "fake:", .device = "NPU", .backend = "fake"}, NULL, "NPU", FOV_EUNSUPPORTED},
        {{.path = "fake:", .avoid = "fake:CPU fake:GPU"}, NULL, "fake CPU: failed", FOV_ERUNTIME},
        {{.path = "fake:", .avoid = "CPU"}, NULL, "without CPU", FOV_ERUNTIME},
        {{.path = "fake:", .device = "QPU"}, NULL, "no device is called \"QPU\"", FOV_EINVAL},
        {{.path = "fake:", .backend = "tensorflow"}, NULL, "tensorflow", FOV_EUNSUPPORTED},
        {{.path = "fake:", .backend = "openvino"}, NULL, "openvino", FOV_EUNSUPPORTED},
        {{.path = "fake:gpu_load_fails=1,load_fails=1"}, NULL, "load_fails", FOV_EMODEL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_model *model = NULL;
        fov_error error = {.message = ""};
        fov_status status = fov_model_open(&model, &cases[i].params, &error);
        if (status != cases[i].status)
            fail_msg("case %zu: %s (%s)", i, fov_status_code(status), error.message);
        const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
        const char *said = info ? info->fallback : error.message;
        if (info)
            assert_string_equal(info->device, cases[i].device);
        if (cases[i].fallback ? !strstr(said, cases[i].fallback) : *said != '\0')
            fail_msg("case %zu says: %s", i, said);
        fov_model_close(&model);
    }
}

static void a_device_that_is_not_there_is_replaced(void **unused)
{
    (void)unused;
    if (!default_model())
        skip();
    fov_model_params params = {.path = default_model(), .device = "GPU.7"};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_OK);
    const fov_model_info *info = fov_model_get_info(model);
    assert_string_equal(info->backend, "openvino");
    assert_non_null(strstr(info->fallback, "openvino GPU: no such device here; there is"));
    fov_model_close(&model);
    params.backend = "openvino";
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "CPU")); /* what there is */
}

static void a_missing_runtime_is_explained(void **unused)
{
    (void)unused;
    if (!default_model())
        skip();
    fov_model_params params = {.path = default_model(), .runtime_dir = "/nonexistent"};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    fov_status status = fov_model_open(&model, &params, &error);
    fov_model_close(&model);
    if (!status)
        skip(); /* the library was open already */
    assert_int_equal(status, FOV_ERUNTIME);
    assert_non_null(strstr(error.message, "/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_runtime_is_explained),
        cmocka_unit_test(the_next_device_serves),
        cmocka_unit_test(a_device_that_is_not_there_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
