/* A stand-in for libonnxruntime.so that has every provider: it records what it is told, and fails
 * on demand. Every model is one input f32[1,3,4,4] and its sum as output f32[1]. It answers the
 * places of the table that src/infer/onnxruntime_api.h names, so it proves what is passed, not that
 * the places are right: the real library does that in test_onnxruntime.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/onnxruntime_api.h"

#define EXPORT __attribute__((visibility("default")))

enum { TABLE = 300, ELEMENTS = 48 };

EXPORT char fake_record[4096];    /* "cuda device_id=0\n..." of the last session */
EXPORT const char *fake_fails;    /* name of the call that fails: "append_cuda" */
EXPORT const char *fake_log_line; /* what is logged before it fails */
EXPORT const char *fake_reason = "it does not want to";
EXPORT unsigned fake_asked; /* API version that was asked for */
EXPORT int fake_alive;      /* objects made and not released */

static ort_log log_with;

static void record(const char *what, const char *value)
{
    size_t length = strlen(fake_record);
    snprintf(fake_record + length, sizeof fake_record - length, "%s%s%s\n", what, value ? " " : "",
             value ? value : "");
}

static void record_pairs(const char *what, ort_words keys, ort_words values, size_t count)
{
    char line[512];
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "%s=%s", keys[i], values[i]);
        record(what, line);
    }
}

static ort_status *end_of(const char *call)
{
    if (!fake_fails || strcmp(fake_fails, call) != 0)
        return NULL;
    if (fake_log_line)
        log_with(NULL, ORT_LOG_ERRORS, "", "", "", fake_log_line);
    return (ort_status *)strdup(fake_reason);
}

static void *make(void)
{
    fake_alive++;
    return calloc(1, 64);
}

static void drop(void *object)
{
    if (object)
        fake_alive--;
    free(object);
}

/* ---- the calls; those that do nothing here are one macro each ---- */

#define QUIET(name, parameters)                                                                    \
    static ort_status *name parameters                                                             \
    {                                                                                              \
        return end_of(#name);                                                                      \
    }
#define MAKER(name, type, parameters)                                                              \
    static ort_status *name parameters                                                             \
    {                                                                                              \
        ort_status *status = end_of(#name);                                                        \
        *made = status ? NULL : (type *)make();                                                    \
        return status;                                                                             \
    }
#define DROPPER(name, type)                                                                        \
    static void name(type *object)                                                                 \
    {                                                                                              \
        drop(object);                                                                              \
    }

// clang-format off
#define U __attribute__((unused))
QUIET(disable_telemetry_events, (U const ort_env *env))
QUIET(set_session_graph_optimization_level, (U ort_options *o, U int level))
QUIET(set_intra_op_num_threads, (U ort_options *o, U int threads))
QUIET(set_inter_op_num_threads, (U ort_options *o, U int threads))
QUIET(add_free_dimension_override_by_name, (U ort_options *o, U const char *name, U int64_t size))
QUIET(release_available_providers, (U char **names, U int count))
QUIET(bind_output_to_device, (U ort_binding *b, U const char *n, U const ort_memory *m))
QUIET(run_options_set_terminate, (U ort_run_options *o))
QUIET(run_options_unset_terminate, (U ort_run_options *o))
MAKER(get_allocator_with_default_options, ort_allocator, (ort_allocator **made))
MAKER(create_cpu_memory_info, ort_memory, (U int kind, U int type, ort_memory **made))
MAKER(create_cuda_options, ort_cuda, (ort_cuda **made))
MAKER(create_tensorrt_options, ort_tensorrt, (ort_tensorrt **made))
MAKER(create_io_binding, ort_binding, (U ort_session *s, ort_binding **made))
MAKER(create_run_options, ort_run_options, (ort_run_options **made))
MAKER(session_get_input_type_info, ort_type, (U const ort_session *s, U size_t i, ort_type **made))
DROPPER(release_session_options, ort_options)
DROPPER(release_cuda_options, ort_cuda)
DROPPER(release_tensorrt_options, ort_tensorrt)
DROPPER(release_session, ort_session)
DROPPER(release_type_info, ort_type)
DROPPER(release_tensor_type_and_shape_info, ort_shape)
DROPPER(release_io_binding, ort_binding)
DROPPER(release_run_options, ort_run_options)
// clang-format on

static const char *get_error_message(const ort_status *status)
{
    return (const char *)status;
}

static void release_status(ort_status *status)
{
    free(status);
}

static ort_status *create_env_with_custom_logger(ort_log log, U void *user, U int level,
                                                 U const char *id, ort_env **made)
{
    log_with = log;
    *made = make();
    return NULL;
}

static ort_status *get_available_providers(char ***names, int *count)
{
    static char *all[] = {"TensorrtExecutionProvider", "CUDAExecutionProvider",
                          "CoreMLExecutionProvider", "CPUExecutionProvider"};
    *names = all;
    *count = sizeof all / sizeof *all;
    return NULL;
}

static ort_status *allocator_free(U ort_allocator *a, void *bytes)
{
    free(bytes);
    return NULL;
}

static ort_status *create_session_options(ort_options **made)
{
    fake_record[0] = '\0';
    *made = make();
    return NULL;
}

static ort_status *add_session_config_entry(U ort_options *o, const char *key, const char *value)
{
    record_pairs("config", &key, &value, 1);
    return NULL;
}

static ort_status *append_provider(U ort_options *o, const char *name, ort_words keys,
                                   ort_words values, size_t count)
{
    record("append", name);
    record_pairs(name, keys, values, count);
    return end_of("append_provider");
}

static ort_status *update_cuda_options(U ort_cuda *o, ort_words keys, ort_words values,
                                       size_t count)
{
    record_pairs("cuda", keys, values, count);
    return end_of("update_cuda_options");
}

static ort_status *append_cuda(U ort_options *o, U const ort_cuda *cuda)
{
    record("append", "cuda");
    return end_of("append_cuda");
}

static ort_status *update_tensorrt_options(U ort_tensorrt *o, ort_words keys, ort_words values,
                                           size_t count)
{
    record_pairs("tensorrt", keys, values, count);
    return end_of("update_tensorrt_options");
}

static ort_status *append_tensorrt(U ort_options *o, U const ort_tensorrt *tensorrt)
{
    record("append", "tensorrt");
    return end_of("append_tensorrt");
}

static ort_status *create_session_from_array(U const ort_env *env, U const void *bytes,
                                             U size_t size, U const ort_options *o,
                                             ort_session **made)
{
    ort_status *status = end_of("create_session_from_array");
    *made = status ? NULL : make();
    return status;
}

/* ---- the one model ---- */

static ort_status *session_get_input_count(U const ort_session *s, size_t *count)
{
    *count = 1;
    return NULL;
}

static ort_status *session_get_input_name(U const ort_session *s, U size_t i, U ort_allocator *a,
                                          char **name)
{
    *name = strdup("x");
    return NULL;
}

/* The output's type is one that says so in its first byte. */
static ort_status *session_get_output_type_info(U const ort_session *s, U size_t i, ort_type **made)
{
    char *type = make();
    type[0] = 1;
    *made = (ort_type *)type;
    return NULL;
}

static ort_status *get_onnx_type_from_type_info(U const ort_type *type, int *kind)
{
    *kind = ORT_TYPE_TENSOR;
    return NULL;
}

static ort_status *cast_type_info_to_tensor_info(const ort_type *type, const ort_shape **shape)
{
    *shape = (const ort_shape *)type;
    return NULL;
}

static ort_status *get_tensor_element_type(U const ort_shape *shape, int *type)
{
    *type = 1;
    return NULL;
}

static ort_status *get_dimensions_count(const ort_shape *shape, size_t *count)
{
    *count = *(const char *)shape ? 1 : 4;
    return NULL;
}

static ort_status *get_dimensions(U const ort_shape *shape, int64_t *sizes, size_t count)
{
    const int64_t input[4] = {1, 3, 4, 4}, output = 1;
    memcpy(sizes, count == 4 ? input : &output, count * sizeof *sizes);
    return NULL;
}

static ort_status *get_symbolic_dimensions(U const ort_shape *shape, const char **names,
                                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        names[i] = "";
    return NULL;
}

/* ---- values: a pointer to the caller's memory, or our own sum ---- */

struct value {
    float *data, own;
};

static struct {
    struct value *in, *out;
} bound;

static ort_status *create_tensor_with_data(U const ort_memory *m, void *data, U size_t size,
                                           U const int64_t *shape, U size_t rank, U int type,
                                           ort_value **made)
{
    struct value *value = make();
    value->data = data;
    *made = (ort_value *)value;
    return NULL;
}

static void release_value(ort_value *value)
{
    drop(value);
}

static ort_status *bind_input(U ort_binding *b, U const char *name, const ort_value *value)
{
    bound.in = (struct value *)(uintptr_t)value;
    bound.out = NULL;
    return NULL;
}

static ort_status *bind_output(U ort_binding *b, U const char *name, const ort_value *value)
{
    bound.out = (struct value *)(uintptr_t)value;
    return end_of("bind_output");
}

static ort_status *run_with_binding(U ort_session *s, U const ort_run_options *o,
                                    U const ort_binding *b)
{
    float sum = 0;
    for (int i = 0; i < ELEMENTS; i++)
        sum += bound.in->data[i];
    if (bound.out)
        bound.out->data[0] = sum;
    return end_of("run_with_binding");
}

static ort_status *get_bound_output_values(U const ort_binding *b, U ort_allocator *a,
                                           ort_value ***values, size_t *count)
{
    ort_status *status = end_of("get_bound_output_values");
    if (status)
        return status;
    struct value *value = make();
    value->data = &value->own;
    *count = 1;
    *values = malloc(sizeof **values);
    if (*values)
        **values = (ort_value *)value;
    return NULL;
}

static ort_status *get_tensor_type_and_shape(U const ort_value *value, ort_shape **made)
{
    char *shape = make();
    shape[0] = 1;
    *made = (ort_shape *)shape;
    return NULL;
}

static ort_status *get_tensor_mutable_data(ort_value *value, void **data)
{
    *data = ((struct value *)value)->data;
    return NULL;
}

/* ---- the table ---- */

#define session_get_output_count session_get_input_count
#define session_get_output_name session_get_input_name

static const void *const *get_api(uint32_t version)
{
    static const void *table[TABLE];
    fake_asked = version;
#define PLACE(place, result, name, parameters) table[place] = (const void *)(size_t)&name;
    ORT_FUNCTIONS(PLACE)
#undef PLACE
    return table;
}

static const char *get_version_string(void)
{
    const char *named = getenv("FAKE_ORT_VERSION");
    return named ? named : "1.24.0";
}

EXPORT const struct ort_base *OrtGetApiBase(void);

EXPORT const struct ort_base *OrtGetApiBase(void)
{
    static const struct ort_base base = {get_api, get_version_string};
    return &base;
}
