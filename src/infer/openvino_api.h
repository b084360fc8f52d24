/* The part of OpenVINO's C API that we call, opened at run time. Own declarations: the library's
 * version is not known at build time, and its numbers for element types changed between releases.
 * Source: docs.openvino.ai, "OpenVINO Runtime C API". */
#ifndef INFER_OPENVINO_API_H
#define INFER_OPENVINO_API_H

#include <stdbool.h>
#include <fovea/backend.h>

typedef struct ov_core ov_core;
typedef struct ov_model ov_model;
typedef struct ov_compiled ov_compiled;
typedef struct ov_request ov_request;
typedef struct ov_tensor ov_tensor;
typedef struct ov_port ov_port;

struct ov_version {
    const char *build, *description;
};

struct ov_devices {
    char **names;
    size_t count;
};

struct ov_shape {
    int64_t rank;
    int64_t *dims;
};

struct ov_dimension {
    int64_t least, most;
};

struct ov_partial_shape {
    struct ov_dimension rank, *dims;
};

struct ov_property {
    const char *key;
    const void *value;
};

/* result, our name, parameters; every function is called ov_<name> in the library */
// clang-format off
#define OV_FUNCTIONS(X)                                                                            \
    X(int, get_openvino_version, (struct ov_version *))                                            \
    X(void, version_free, (struct ov_version *))                                                   \
    X(const char *, get_last_err_msg, (void))                                                      \
    X(void, free, (const char *))                                                                  \
    X(int, core_create, (ov_core **))                                                              \
    X(int, core_get_available_devices, (const ov_core *, struct ov_devices *))                     \
    X(void, available_devices_free, (struct ov_devices *))                                         \
    X(int, core_get_property, (const ov_core *, const char *, const char *, char **))              \
    X(int, core_read_model, (const ov_core *, const char *, const char *, ov_model **))            \
    X(int, core_compile_model, (const ov_core *, const ov_model *, const char *, size_t,           \
                                ov_compiled **, ...))                                              \
    X(void, model_free, (ov_model *))                                                              \
    X(int, model_inputs_size, (const ov_model *, size_t *))                                        \
    X(int, model_outputs_size, (const ov_model *, size_t *))                                       \
    X(int, model_const_input_by_index, (const ov_model *, size_t, ov_port **))                     \
    X(int, model_const_output_by_name, (const ov_model *, const char *, ov_port **)) \
    X(int, model_const_output_by_index, (const ov_model *, size_t, ov_port **))                    \
    X(int, model_reshape_by_port_indexes,                                                          \
      (const ov_model *, const size_t *, const struct ov_partial_shape *, size_t))                 \
    X(int, port_get_any_name, (const ov_port *, char **))                                          \
    X(int, port_get_partial_shape, (const ov_port *, struct ov_partial_shape *))                   \
    X(int, port_get_element_type, (const ov_port *, int *))                                        \
    X(void, output_const_port_free, (ov_port *))                                                   \
    X(int, partial_shape_create_static, (int64_t, const int64_t *, struct ov_partial_shape *))     \
    X(void, partial_shape_free, (struct ov_partial_shape *))                                       \
    X(int, shape_create, (int64_t, const int64_t *, struct ov_shape *))                            \
    X(int, shape_free, (struct ov_shape *))                                                        \
    X(void, compiled_model_free, (ov_compiled *))                                                  \
    X(int, compiled_model_get_property, (const ov_compiled *, const char *, char **))              \
    X(int, compiled_model_create_infer_request, (const ov_compiled *, ov_request **))              \
    X(void, infer_request_free, (ov_request *))                                                    \
    X(int, infer_request_set_input_tensor_by_index, (ov_request *, size_t, const ov_tensor *))     \
    X(int, infer_request_get_output_tensor_by_index, (const ov_request *, size_t, ov_tensor **))   \
    X(int, infer_request_infer, (ov_request *))                                                    \
    X(int, infer_request_cancel, (ov_request *))                                                   \
    X(int, tensor_create, (int, struct ov_shape, ov_tensor **))                                    \
    X(int, tensor_create_from_host_ptr, (int, struct ov_shape, void *, ov_tensor **))              \
    X(int, tensor_get_shape, (const ov_tensor *, struct ov_shape *))                               \
    X(int, tensor_get_byte_size, (const ov_tensor *, size_t *))                                    \
    X(int, tensor_data, (const ov_tensor *, void **))                                              \
    X(void, tensor_free, (ov_tensor *))

/* absent from older releases */
#define OV_OPTIONAL(X)                                                                             \
    X(int, core_compile_model_props, (const ov_core *, const ov_model *, const char *, size_t,     \
                                      const struct ov_property *, ov_compiled **))
// clang-format on

struct openvino {
#define OV_MEMBER(result, name, parameters) result(*name) parameters;
    OV_FUNCTIONS(OV_MEMBER)
    OV_OPTIONAL(OV_MEMBER)
#undef OV_MEMBER
    ov_core *core; /* one for the process, never freed: its threads may still run */
    char version[64], library[256];
};

/* Opens the library once for the process: in `runtime_dir` or $FOVEA_RUNTIME_DIR when one of them
 * is given, else among the project's fetched parts, else where systems keep it. Returns
 * FOV_ERUNTIME with what was looked for, where, and what would mend it; NULL api then. */
fov_status openvino_open(const char *runtime_dir, const struct openvino **api, fov_error *error);

/* Why the last call failed, in one line and without the library's source positions. */
void openvino_reason(char *text, size_t size);

/* Our type for the library's number and the other way round; -1 for types we have no use for. */
fov_dtype openvino_dtype(int number);
int openvino_number(fov_dtype dtype);

#endif
