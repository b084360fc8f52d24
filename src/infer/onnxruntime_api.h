/* The part of ONNX Runtime's C API that we call, opened at run time. Own declarations: the library
 * gives one table of functions that only ever grows at its end, so that a number per function is
 * all there is to know. The numbers were checked against the published header of release 1.24.
 * Source: onnxruntime.ai/docs/api/c, "OrtApi". */
#ifndef INFER_ONNXRUNTIME_API_H
#define INFER_ONNXRUNTIME_API_H

#include <stdbool.h>
#include <fovea/backend.h>

typedef struct ort_status ort_status;
typedef struct ort_env ort_env;
typedef struct ort_session ort_session;
typedef struct ort_options ort_options;
typedef struct ort_run_options ort_run_options;
typedef struct ort_value ort_value;
typedef struct ort_type ort_type;
typedef struct ort_shape ort_shape;
typedef struct ort_memory ort_memory;
typedef struct ort_allocator ort_allocator;
typedef struct ort_binding ort_binding;
typedef struct ort_cuda ort_cuda;
typedef struct ort_tensorrt ort_tensorrt;
typedef const char *const *ort_words;
typedef void (*ort_log)(void *user, int severity, const char *category, const char *id,
                        const char *place, const char *message);

enum {
    ORT_API_ASKED = 17, /* the oldest table that holds all of these, of release 1.17 */
    ORT_LOG_ERRORS = 3,
    ORT_OPTIMISE_NONE = 0,
    ORT_OPTIMISE_ALL = 99,
    ORT_TYPE_TENSOR = 1,
};

/* place in the table, result, our name, parameters */
// clang-format off
#define ORT_FUNCTIONS(X)                                                                           \
    X(2, const char *, get_error_message, (const ort_status *))                                    \
    X(93, void, release_status, (ort_status *))                                                    \
    X(4, ort_status *, create_env_with_custom_logger, (ort_log, void *, int, const char *,         \
                                                       ort_env **))                                \
    X(6, ort_status *, disable_telemetry_events, (const ort_env *))                                \
    X(125, ort_status *, get_available_providers, (char ***, int *))                               \
    X(126, ort_status *, release_available_providers, (char **, int))                              \
    X(78, ort_status *, get_allocator_with_default_options, (ort_allocator **))                    \
    X(76, ort_status *, allocator_free, (ort_allocator *, void *))                                 \
    X(69, ort_status *, create_cpu_memory_info, (int, int, ort_memory **))                         \
    X(10, ort_status *, create_session_options, (ort_options **))                                  \
    X(100, void, release_session_options, (ort_options *))                                         \
    X(23, ort_status *, set_session_graph_optimization_level, (ort_options *, int))                \
    X(24, ort_status *, set_intra_op_num_threads, (ort_options *, int))                            \
    X(25, ort_status *, set_inter_op_num_threads, (ort_options *, int))                            \
    X(130, ort_status *, add_session_config_entry, (ort_options *, const char *, const char *))    \
    X(124, ort_status *, add_free_dimension_override_by_name, (ort_options *, const char *,        \
                                                               int64_t))                           \
    X(216, ort_status *, append_provider, (ort_options *, const char *, ort_words, ort_words,      \
                                           size_t))                                                \
    X(205, ort_status *, create_cuda_options, (ort_cuda **))                                       \
    X(206, ort_status *, update_cuda_options, (ort_cuda *, ort_words, ort_words, size_t))          \
    X(204, ort_status *, append_cuda, (ort_options *, const ort_cuda *))                           \
    X(208, void, release_cuda_options, (ort_cuda *))                                               \
    X(171, ort_status *, create_tensorrt_options, (ort_tensorrt **))                               \
    X(172, ort_status *, update_tensorrt_options, (ort_tensorrt *, ort_words, ort_words, size_t))  \
    X(170, ort_status *, append_tensorrt, (ort_options *, const ort_tensorrt *))                   \
    X(174, void, release_tensorrt_options, (ort_tensorrt *))                                       \
    X(8, ort_status *, create_session_from_array, (const ort_env *, const void *, size_t,          \
                                                   const ort_options *, ort_session **))           \
    X(95, void, release_session, (ort_session *))                                                  \
    X(30, ort_status *, session_get_input_count, (const ort_session *, size_t *))                  \
    X(31, ort_status *, session_get_output_count, (const ort_session *, size_t *))                 \
    X(36, ort_status *, session_get_input_name, (const ort_session *, size_t, ort_allocator *,     \
                                                 char **))                                         \
    X(37, ort_status *, session_get_output_name, (const ort_session *, size_t, ort_allocator *,    \
                                                  char **))                                        \
    X(33, ort_status *, session_get_input_type_info, (const ort_session *, size_t, ort_type **))   \
    X(34, ort_status *, session_get_output_type_info, (const ort_session *, size_t, ort_type **))  \
    X(56, ort_status *, get_onnx_type_from_type_info, (const ort_type *, int *))                   \
    X(55, ort_status *, cast_type_info_to_tensor_info, (const ort_type *, const ort_shape **))     \
    X(98, void, release_type_info, (ort_type *))                                                   \
    X(60, ort_status *, get_tensor_element_type, (const ort_shape *, int *))                       \
    X(61, ort_status *, get_dimensions_count, (const ort_shape *, size_t *))                       \
    X(62, ort_status *, get_dimensions, (const ort_shape *, int64_t *, size_t))                    \
    X(63, ort_status *, get_symbolic_dimensions, (const ort_shape *, const char **, size_t))       \
    X(65, ort_status *, get_tensor_type_and_shape, (const ort_value *, ort_shape **))              \
    X(99, void, release_tensor_type_and_shape_info, (ort_shape *))                                 \
    X(49, ort_status *, create_tensor_with_data, (const ort_memory *, void *, size_t,              \
                                                  const int64_t *, size_t, int, ort_value **))     \
    X(51, ort_status *, get_tensor_mutable_data, (ort_value *, void **))                           \
    X(96, void, release_value, (ort_value *))                                                      \
    X(134, ort_status *, create_io_binding, (ort_session *, ort_binding **))                       \
    X(135, void, release_io_binding, (ort_binding *))                                              \
    X(136, ort_status *, bind_input, (ort_binding *, const char *, const ort_value *))             \
    X(137, ort_status *, bind_output, (ort_binding *, const char *, const ort_value *))            \
    X(138, ort_status *, bind_output_to_device, (ort_binding *, const char *, const ort_memory *)) \
    X(140, ort_status *, get_bound_output_values, (const ort_binding *, ort_allocator *,           \
                                                   ort_value ***, size_t *))                       \
    X(39, ort_status *, create_run_options, (ort_run_options **))                                  \
    X(97, void, release_run_options, (ort_run_options *))                                          \
    X(46, ort_status *, run_options_set_terminate, (ort_run_options *))                            \
    X(47, ort_status *, run_options_unset_terminate, (ort_run_options *))                          \
    X(133, ort_status *, run_with_binding, (ort_session *, const ort_run_options *,                \
                                            const ort_binding *))
// clang-format on

/* What the library's one exported function leads to. */
struct ort_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version_string)(void);
};

struct onnxruntime {
#define ORT_MEMBER(place, result, name, parameters) result(*name) parameters;
    ORT_FUNCTIONS(ORT_MEMBER)
#undef ORT_MEMBER
    ort_env *env; /* these three: one for the process, never freed */
    ort_allocator *allocator;
    ort_memory *memory; /* "in the processor's memory" */
    int minor;          /* 31 of "1.31.1" */
    char version[64], library[256];
};

/* Opens the library once for the process: in `runtime_dir` or $FOVEA_RUNTIME_DIR when one of them
 * is given, else among the project's fetched parts, else where systems keep it. Returns
 * FOV_ERUNTIME with what was looked for, where, and what would mend it; NULL api then.
 * Thread-safe. */
fov_status onnxruntime_open(const char *runtime_dir, const struct onnxruntime **api,
                            fov_error *error);

/* Ends a call into the library: true when it went well, else its reason is kept for this thread. */
bool onnxruntime_done(ort_status *status);

/* Why the last call of this thread failed, in one line and without the library's source positions.
 */
void onnxruntime_reason(char *text, size_t size);

/* Our type for the library's number (FOV_DTYPE_NONE for types we have no use for), the other way
 * round, and the library's word for a number ("bool"). */
fov_dtype onnxruntime_dtype(int number);
int onnxruntime_number(fov_dtype dtype);
const char *onnxruntime_type_name(int number);

#endif
