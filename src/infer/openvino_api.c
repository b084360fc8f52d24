#include "infer/openvino_api.h"

#include <pthread.h>
#include <string.h>

#include "base/dynlib.h"
#include "base/text.h"

static struct openvino library;
static bool is_open;
static int numbering; /* row of `numbers` */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Numbers of ov_element_type_e: 2025 and later, 2024, 2023. */
static const struct {
    int bf16, f16, f32, i8, i32, i64, u8;
} numbers[] = {{2, 3, 4, 7, 9, 10, 16}, {3, 4, 5, 8, 10, 11, 17}, {3, 4, 5, 8, 10, 11, 14}};

int openvino_number(fov_dtype dtype)
{
    switch (dtype) {
    case FOV_BF16:
        return numbers[numbering].bf16;
    case FOV_F16:
        return numbers[numbering].f16;
    case FOV_F32:
        return numbers[numbering].f32;
    case FOV_I8:
        return numbers[numbering].i8;
    case FOV_I32:
        return numbers[numbering].i32;
    case FOV_I64:
        return numbers[numbering].i64;
    case FOV_U8:
        return numbers[numbering].u8;
    default:
        return -1;
    }
}

fov_dtype openvino_dtype(int number)
{
    for (int dtype = FOV_U8; dtype <= FOV_I64; dtype++)
        if (openvino_number((fov_dtype)dtype) == number)
            return (fov_dtype)dtype;
    return FOV_DTYPE_NONE;
}

/* Bytes that the library gives 8 elements of this number, 0 when it refuses. */
static size_t bytes_of_eight(int number)
{
    struct ov_shape shape = {0};
    ov_tensor *tensor = NULL;
    size_t size = 0;
    int64_t eight = 8;
    if (library.shape_create(1, &eight, &shape) == 0 &&
        library.tensor_create(number, shape, &tensor) == 0)
        library.tensor_get_byte_size(tensor, &size);
    if (tensor)
        library.tensor_free(tensor);
    if (shape.dims)
        library.shape_free(&shape);
    return size;
}

/* The version says which numbers hold, but a pre-release may lie: asking the library how large its
 * numbers are does not. 4 is f32 or f16; 17 is u8 or u64. */
static void find_numbering(void)
{
    if (bytes_of_eight(4) == 32)
        numbering = 0;
    else
        numbering = bytes_of_eight(17) == 8 ? 1 : 2;
}

static const char *const below[] = {"", "/lib", "/libs", "/runtime/lib/intel64", NULL};
static const struct dynlib_library places = {.title = "OpenVINO",
                                             .file = "libopenvino_c.so",
                                             .deps = "openvino/lib",
                                             .below = below,
                                             .further = "/opt/intel/openvino/runtime/lib/intel64",
                                             .wheel = "openvino/libs"};

static fov_status open_library(const char *runtime_dir, fov_error *error)
{
    static const struct dynlib_symbol symbols[] = {
#define OV_SYMBOL(result, name, parameters) {"ov_" #name, (void **)&library.name, 0},
        OV_FUNCTIONS(OV_SYMBOL)
#undef OV_SYMBOL
#define OV_SYMBOL(result, name, parameters) {"ov_" #name, (void **)&library.name, 1},
            OV_OPTIONAL(OV_SYMBOL)
#undef OV_SYMBOL
                {NULL, NULL, 0}};
    return dynlib_find(&places, runtime_dir, symbols, library.library, sizeof library.library,
                       error);
}

void openvino_reason(char *text, size_t size)
{
    const char *message = library.get_last_err_msg(), *line = message ? message : "no reason given";
    while (!strncmp(line, "Exception from ", 15) && strchr(line, '\n'))
        line = strchr(line, '\n') + 1;
    text_copy(text, size, *line ? line : "no reason given");
    if (message)
        library.free(message);
    for (char *p = text; *p; p++) /* one line */
        *p = (unsigned char)*p < ' ' ? ' ' : *p;
}

static fov_status start(const char *runtime_dir, fov_error *error)
{
    fov_status status = open_library(runtime_dir, error);
    if (status)
        return status;
    struct ov_version version = {0};
    if (library.get_openvino_version(&version) == 0) {
        text_copy(library.version, sizeof library.version, version.build ? version.build : "?");
        library.version_free(&version);
    }
    if (library.core_create(&library.core) != 0) {
        char reason[160];
        openvino_reason(reason, sizeof reason);
        return fov_fail(error, FOV_ERUNTIME, "%s cannot start: %s", library.library, reason);
    }
    find_numbering();
    return FOV_OK;
}

fov_status openvino_open(const char *runtime_dir, const struct openvino **api, fov_error *error)
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
