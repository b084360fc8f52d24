/* Status codes of every fovea call, and the optional reason that goes with them. */
#ifndef FOVEA_STATUS_H
#define FOVEA_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FOV_API __attribute__((visibility("default")))
#define FOV_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define FOV_API
#define FOV_PRINTF(format_index, first)
#endif

/* One row: name, machine-readable code, HTTP status, exit code of the command line, sentence. */
// clang-format off
#define FOV_STATUS_MAP(X)                                                                          \
    X(OK,           "ok",                200, 0, "success")                                        \
    X(EINVAL,       "invalid_argument",  422, 2, "a parameter has a wrong type or value")          \
    X(ENOTFOUND,    "not_found",         404, 3, "no such file, model, stream or session")         \
    X(EFORMAT,      "bad_format",        400, 3, "the bytes are not what they should be")          \
    X(EUNSUPPORTED, "unsupported",       415, 3, "valid, but of a kind that is not supported")     \
    X(ELIMIT,       "limit_exceeded",    413, 1, "larger than the configured limit")               \
    X(ENOMEM,       "out_of_memory",     503, 1, "not enough memory")                              \
    X(EBUSY,        "busy",              503, 1, "too much work is waiting already")               \
    X(EAGAIN,       "try_again",         503, 1, "nothing there yet")                              \
    X(EOS,          "end_of_stream",     410, 0, "the source has ended")                           \
    X(EIO,          "io_error",          502, 3, "reading or writing failed")                      \
    X(EMODEL,       "bad_model",         422, 3, "the model file cannot be used")                  \
    X(ERUNTIME,     "runtime_missing",   503, 3, "the inference runtime is not on this machine")   \
    X(EINFER,       "inference_failed",  500, 1, "the model's run failed")                         \
    X(ETIMEOUT,     "timeout",           504, 1, "took longer than allowed")                       \
    X(ECLOSED,      "closed",            503, 1, "the object is closed or shutting down")          \
    X(EDENIED,      "forbidden",         403, 1, "not allowed")                                    \
    X(EEXISTS,      "exists",            409, 1, "is there already")                               \
    X(ECAPACITY,    "no_capacity",       409, 1, "would break what streams were promised")         \
    X(EINTERNAL,    "internal_error",    500, 1, "a defect in fovea")
// clang-format on

typedef enum fov_status {
#define FOV_STATUS_ENUM(name, code, http, exit_code, text) FOV_##name,
    FOV_STATUS_MAP(FOV_STATUS_ENUM)
#undef FOV_STATUS_ENUM
        FOV_STATUS_COUNT
} fov_status;

/* Reason of a failure, for people. Lives on the caller's stack; filled only on failure. */
typedef struct fov_error {
    fov_status status;
    char message[240]; /* UTF-8, one line, no trailing dot needed */
} fov_error;

/* Machine-readable code of a status ("not_found"). Never NULL.
 * Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_status_code(fov_status status);

/* Sentence for people. Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_status_text(fov_status status);

/* HTTP status that an endpoint answers with. Thread-safety: safe. Blocks: no. */
FOV_API int fov_status_http(fov_status status);

/* Exit code of the command line: 0 ok, 1 the job failed, 2 usage, 3 cannot be opened.
 * Thread-safety: safe. Blocks: no. */
FOV_API int fov_status_exit(fov_status status);

/* Writes the reason into `error` (may be NULL) and returns `status`, so that a failing function
 * ends with one line: `return fov_fail(error, FOV_EMODEL, "%s: no outputs", path);`. Longer
 * messages are cut at a character border; line feeds become spaces. Thread-safety: safe for
 * distinct `error`. Blocks: no. */
FOV_API fov_status fov_fail(fov_error *error, fov_status status, const char *format, ...)
    FOV_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
