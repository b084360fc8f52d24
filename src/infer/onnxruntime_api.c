#include "infer/onnxruntime_api.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/dynlib.h"
#include "base/text.h"

enum { REASON_SIZE = 2048 };

static struct onnxruntime library;
static bool is_open;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What the library said last on this thread: as the reason of a failed call, and in its log. */
static _Thread_local char last_reason[REASON_SIZE], last_log[REASON_SIZE];

static const struct {
    const char *name;
    fov_dtype dtype;
} types[] = {{"undefined", FOV_DTYPE_NONE},
             {"float", FOV_F32},
             {"uint8", FOV_U8},
             {"int8", FOV_I8},
             {"uint16", FOV_DTYPE_NONE},
             {"int16", FOV_DTYPE_NONE},
             {"int32", FOV_I32},
             {"int64", FOV_I64},
             {"string", FOV_DTYPE_NONE},
             {"bool", FOV_DTYPE_NONE},
             {"float16", FOV_F16},
             {"double", FOV_DTYPE_NONE},
             {"uint32", FOV_DTYPE_NONE},
             {"uint64", FOV_DTYPE_NONE},
             {"complex", FOV_DTYPE_NONE},
             {"complex", FOV_DTYPE_NONE},
             {"bfloat16", FOV_BF16}};

enum { TYPES = sizeof types / sizeof *types };

fov_dtype onnxruntime_dtype(int number)
{
    return number > 0 && number < TYPES ? types[number].dtype : FOV_DTYPE_NONE;
}

int onnxruntime_number(fov_dtype dtype)
{
    for (int number = 1; number < TYPES; number++)
        if (types[number].dtype == dtype && dtype != FOV_DTYPE_NONE)
            return number;
    return 0;
}

const char *onnxruntime_type_name(int number)
{
    return number > 0 && number < TYPES ? types[number].name : "an unknown type";
}

/* The library prints its log when nobody takes it. Why a provider cannot be loaded stands only
 * there: the status of the call says merely that it cannot. */
static void keep_log(void *user, int severity, const char *category, const char *id,
                     const char *place, const char *message)
{
    (void)user, (void)category, (void)id, (void)place;
    if (severity >= ORT_LOG_ERRORS && message)
        text_copy(last_log, sizeof last_log, message);
}

bool onnxruntime_done(ort_status *status)
{
    if (!status) {
        last_log[0] = '\0';
        return true;
    }
    const char *message = library.get_error_message(status);
    text_copy(last_reason, sizeof last_reason, message && *message ? message : "no reason given");
    library.release_status(status);
    return false;
}

/* One layer off the front of a message, the same pointer when there is none:
 * "[ONNXRuntimeError] : 1 : FAIL : ", or "/some/file.cc:12 type ns::function(parameters) ". */
static const char *without_layer(const char *text)
{
    static const char *const fronts[] = {"Exception during initialization: ",
                                         "Failed to load model with error: "};
    const char *rest = text;
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
        if (!strncmp(text, fronts[i], strlen(fronts[i])))
            return text + strlen(fronts[i]);
    if (!strncmp(text, "[ONNXRuntimeError]", 18)) {
        for (int i = 0; rest && i < 3; i++)
            rest = strstr(rest, " : ") ? strstr(rest, " : ") + 3 : NULL;
    } else if (text[0] == '/' && strstr(text, ".cc:")) {
        rest = strstr(strstr(text, ".cc:"), ") ");
        rest = rest ? rest + 2 : NULL;
        if (rest && !strncmp(rest, "[with ", 6))
            rest = strstr(rest, "] ") ? strstr(rest, "] ") + 2 : NULL;
    }
    return rest && *rest ? rest : text;
}

void onnxruntime_reason(char *text, size_t size)
{
    const char *line = strstr(last_reason, "Failed to load") && last_log[0] ? last_log
                                                                            : last_reason;
    for (const char *next = without_layer(line); next != line; next = without_layer(line))
        line = next;
    text_copy(text, size, *line ? line : "no reason given");
    char *place = strstr(text, " ; GPU="); /* CUDA's errors name the host and the source line */
    if (place)
        *place = '\0';
    for (char *p = text; *p; p++) /* one line */
        *p = (unsigned char)*p < ' ' ? ' ' : *p;
    for (size_t end = strlen(text); end > 1 && text[end - 1] == ' '; end--)
        text[end - 1] = '\0';
    last_log[0] = '\0';
}

static const char *const below[] = {"", "/lib", "/capi", "/onnxruntime/lib", NULL};
static const struct dynlib_library places = {.title = "ONNX Runtime",
                                             .file = "libonnxruntime.so", /* no provider */
                                             .deps = "onnxruntime/lib",
                                             .below = below,
                                             .further = "/opt/onnxruntime/lib",
                                             .wheel = "onnxruntime/capi"};

static fov_status open_library(const char *runtime_dir, const struct ort_base **base,
                               fov_error *error)
{
    const struct ort_base *(*get_base)(void) = NULL;
    const struct dynlib_symbol symbols[] = {{"OrtGetApiBase", (void **)&get_base, 0},
                                            {NULL, NULL, 0}};
    fov_status status = dynlib_find(&places, runtime_dir, symbols, library.library,
                                    sizeof library.library, error);
    if (status)
        return status;
    *base = get_base();
    return FOV_OK;
}

/* Copies the functions out of the library's table. Asking for a newer table than the library has
 * makes it print, so its version is read first. */
static fov_status read_table(const struct ort_base *base, fov_error *error)
{
    int major = 0;
    if (!base)
        return fov_fail(error, FOV_ERUNTIME, "%.180s gives no interface", library.library);
    text_copy(library.version, sizeof library.version, base->get_version_string());
    bool read = sscanf(library.version, "%d.%d", &major, &library.minor) == 2;
    const void *const *table = read && major == 1 && library.minor >= ORT_API_ASKED
                                   ? base->get_api(ORT_API_ASKED)
                                   : NULL;
    if (!table)
        return fov_fail(error, FOV_ERUNTIME,
                        "%.120s is ONNX Runtime %.20s: 1.%d or a later 1.x is needed; run `make "
                        "build`, or name its folder with FOVEA_RUNTIME_DIR",
                        library.library, library.version, ORT_API_ASKED);
#define ORT_COPY(place, result, name, parameters)                                                  \
    library.name = (result(*) parameters)(size_t)table[place];
    ORT_FUNCTIONS(ORT_COPY)
#undef ORT_COPY
    return FOV_OK;
}

static fov_status start(const char *runtime_dir, fov_error *error)
{
    const struct ort_base *base = NULL;
    fov_status status = open_library(runtime_dir, &base, error);
    if (!status)
        status = read_table(base, error);
    if (status)
        return status;
    bool started = onnxruntime_done(library.create_env_with_custom_logger(
                       keep_log, NULL, ORT_LOG_ERRORS, "fovea", &library.env)) &&
                   onnxruntime_done(library.disable_telemetry_events(library.env)) &&
                   onnxruntime_done(
                       library.get_allocator_with_default_options(&library.allocator)) &&
                   onnxruntime_done(library.create_cpu_memory_info(0, 0, &library.memory));
    if (started)
        return FOV_OK;
    char reason[120];
    onnxruntime_reason(reason, sizeof reason);
    return fov_fail(error, FOV_ERUNTIME, "%.100s cannot start: %s", library.library, reason);
}

fov_status onnxruntime_open(const char *runtime_dir, const struct onnxruntime **api,
                            fov_error *error)
{
    fov_status status = FOV_OK;
    pthread_mutex_lock(&lock);
    if (!is_open)
        status = start(runtime_dir, error);
    is_open = is_open || status == FOV_OK;
    pthread_mutex_unlock(&lock);
    *api = status == FOV_OK ? &library : NULL;
    return status;
}
