/* LiteRT's own C interface. Its functions change their parameters between releases under the same
 * names, and it has no function that tells its version: only the library whose SHA-256 is known is
 * called at all. Source: headers of google-ai-edge/LiteRT around release 2.3. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "base/sha256.h"
#include "base/text.h"
#include "infer/litert_api.h"

typedef struct lrt_environment lrt_environment;
typedef struct lrt_model lrt_model;
typedef struct lrt_options lrt_options;
typedef struct lrt_opaque lrt_opaque;
typedef struct lrt_compiled lrt_compiled;
typedef struct lrt_signature lrt_signature;
typedef struct lrt_tensor lrt_tensor;
typedef struct lrt_buffer lrt_buffer;

enum { CPU = 1, ANY_INT = 2, QUANT_TENSOR = 1, LIBRARY_MAX = 64 << 20 };
enum { OPTION_ACCELERATORS = 24, OPTION_LOG = 25, LOG_SILENT = 4 };

struct lrt_option {
    int tag;
    struct {
        int type;
        int64_t number;
    } value;
};

struct lrt_layout {
    uint32_t rank; /* 7 bits; the eighth says that strides are given */
    int32_t dims[8];
    uint32_t strides[8];
};

struct lrt_type {
    int element;
    struct lrt_layout layout;
};

struct lrt_quant {
    float scale;
    int64_t zero;
};

/* result, our name, parameters; every function is called LiteRt<name> in the library */
// clang-format off
#define LRT_FUNCTIONS(X)                                                                           \
    X(int, CreateEnvironment, (int, const struct lrt_option *, lrt_environment **))                \
    X(int, CreateModelFromBuffer, (lrt_environment *, const void *, size_t, lrt_model **))         \
    X(void, DestroyModel, (lrt_model *))                                                           \
    X(int, CreateOptions, (lrt_options **))                                                        \
    X(void, DestroyOptions, (lrt_options *))                                                       \
    X(int, SetOptionsHardwareAccelerators, (lrt_options *, int))                                   \
    X(int, CreateOpaqueOptions, (const char *, void *, void (*)(void *), lrt_opaque **))           \
    X(int, AddOpaqueOptions, (lrt_options *, lrt_opaque *))                                        \
    X(int, CreateCompiledModel, (lrt_environment *, lrt_model *, lrt_options *, lrt_compiled **))  \
    X(void, DestroyCompiledModel, (lrt_compiled *))                                                \
    X(int, CompiledModelResizeInputTensorNonStrict, (lrt_compiled *, size_t, size_t, const int *,  \
                                                     size_t))                                      \
    X(int, GetCompiledModelOutputTensorLayouts, (lrt_compiled *, size_t, size_t,                   \
                                                 struct lrt_layout *, bool))                       \
    X(int, GetModelSignature, (lrt_model *, size_t, lrt_signature **))                             \
    X(int, GetNumSignatureInputs, (lrt_signature *, size_t *))                                     \
    X(int, GetNumSignatureOutputs, (lrt_signature *, size_t *))                                    \
    X(int, GetSignatureInputTensorByIndex, (lrt_signature *, size_t, lrt_tensor **))               \
    X(int, GetSignatureOutputTensorByIndex, (lrt_signature *, size_t, lrt_tensor **))              \
    X(int, GetTensorName, (lrt_tensor *, const char **))                                           \
    X(int, GetRankedTensorType, (lrt_tensor *, struct lrt_type *))                                 \
    X(int, GetQuantizationTypeId, (lrt_tensor *, int *))                                           \
    X(int, GetPerTensorQuantization, (lrt_tensor *, struct lrt_quant *))                           \
    X(int, CreateTensorBufferFromHostMemory, (const struct lrt_type *, void *, size_t,             \
                                              void (*)(void *), lrt_buffer **))                    \
    X(void, DestroyTensorBuffer, (lrt_buffer *))                                                   \
    X(int, RunCompiledModel, (lrt_compiled *, size_t, size_t, lrt_buffer **, size_t, lrt_buffer **))
// clang-format on

/* libLiteRt.so of the PyPI package ai-edge-litert, the same in its wheels for every Python. */
static const char *const known_sums[] = {
    "eec47eb35e2924b3166015887e652a58edc9af823ae38e02bf83bef2548300bb",  /* x86_64 */
    "b57687dc234d2b8b0598aef5a9c961ed24263df8f8b3f56adbee1cff618e544b"}; /* aarch64 */

static struct {
#define LRT_MEMBER(result, name, parameters) result(*name) parameters;
    LRT_FUNCTIONS(LRT_MEMBER)
#undef LRT_MEMBER
    lrt_environment *environment; /* one for the process, never destroyed */
    char path[256];
} lrt;

static const struct dynlib_symbol symbols[] = {
#define LRT_SYMBOL(result, name, parameters) {"LiteRt" #name, (void **)&lrt.name, 0},
    LRT_FUNCTIONS(LRT_SYMBOL)
#undef LRT_SYMBOL
        {NULL, NULL, 0}};

static bool is_open;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* opening, compiling */

struct compiled {
    const struct litert_setup *setup;
    lrt_model *model;
    lrt_signature *signature;
};

struct instance {
    const struct compiled *model;
    lrt_compiled *compiled;
    lrt_buffer *in[FOV_MODEL_INPUTS], *out[FOV_MODEL_OUTPUTS];
    void *memory[FOV_MODEL_INPUTS + FOV_MODEL_OUTPUTS];
    int in_count, out_count;
};

/* True when the file is a LiteRT whose functions have the parameters above. */
static bool is_known(const char *path)
{
    struct stat st;
    char sum[SHA256_TEXT] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    void *bytes = MAP_FAILED;
    if (fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < LIBRARY_MAX)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED)
        return false;
    sha256_text(bytes, (size_t)st.st_size, sum);
    munmap(bytes, (size_t)st.st_size);
    for (size_t i = 0; i < sizeof known_sums / sizeof *known_sums; i++)
        if (!strcmp(sum, known_sums[i]))
            return true;
    return false;
}

/* Opens one place; a bare name is found by the system and told from others after that. */
static bool open_place(const char *path, char other[LITERT_PATH])
{
    const char *const places[] = {path, NULL};
    bool bare = !strchr(path, '/');
    Dl_info info;
    if (!bare && access(path, R_OK))
        return false;
    if (bare || is_known(path)) {
        if (dynlib_open(places, symbols, NULL, NULL) != FOV_OK)
            return false;
        if (!bare)
            return true;
        if (!dladdr((const void *)(uintptr_t)lrt.CreateEnvironment, &info) || !info.dli_fname)
            return false;
        if (is_known(info.dli_fname))
            return true;
        path = info.dli_fname;
    }
    text_copy(other, LITERT_PATH, path);
    return false;
}

static fov_status open_library(const char *runtime_dir, fov_error *error)
{
    static char paths[LITERT_PATHS][LITERT_PATH];
    char other[LITERT_PATH] = "", where[160];
    size_t count = litert_places(runtime_dir, "libLiteRt.so", paths, where, sizeof where);
    for (size_t i = 0; i < count; i++)
        if (open_place(paths[i], other)) {
            text_copy(lrt.path, sizeof lrt.path, paths[i]);
            return FOV_OK;
        }
    if (other[0])
        return fov_fail(error, FOV_ERUNTIME,
                        "%.100s is not LiteRT " LITERT_VERSION
                        ", the one whose interface fovea knows: run `make build`",
                        other);
    return fov_fail(error, FOV_ERUNTIME,
                    "no libLiteRt.so in %.90s: run `make build`, or name its folder with "
                    "FOVEA_RUNTIME_DIR",
                    where);
}

static fov_status start(const char *runtime_dir, fov_error *error)
{
    const struct lrt_option options[] = {{OPTION_ACCELERATORS, {ANY_INT, CPU}},
                                         {OPTION_LOG, {ANY_INT, LOG_SILENT}}};
    fov_status status = open_library(runtime_dir, error);
    if (status)
        return status;
    if (lrt.CreateEnvironment(2, options, &lrt.environment) != 0)
        return fov_fail(error, FOV_ERUNTIME, "%s cannot start", lrt.path);
    is_open = true;
    return FOV_OK;
}

static fov_status engine_open(const char *runtime_dir, fov_error *error)
{
    pthread_mutex_lock(&lock);
    fov_status status = is_open ? FOV_OK : start(runtime_dir, error);
    pthread_mutex_unlock(&lock);
    return status;
}

static const char *version(void)
{
    return LITERT_VERSION;
}

static const char *library(void)
{
    return lrt.path;
}

static void model_close(void *model)
{
    struct compiled *m = model;
    if (m && m->model)
        lrt.DestroyModel(m->model);
    free(m);
}

/* From memory and not by name: only then the library verifies the file, and it finds no others. */
static fov_status model_open(const struct litert_setup *setup, void **model, fov_error *error)
{
    struct compiled *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    m->setup = setup;
    int failed = lrt.CreateModelFromBuffer(lrt.environment, setup->bytes, setup->size, &m->model);
    if (!failed)
        failed = lrt.GetModelSignature(m->model, 0, &m->signature);
    if (failed) {
        model_close(m);
        return fov_fail(error, FOV_EMODEL, "LiteRT cannot read this model (status %d)", failed);
    }
    *model = m;
    return FOV_OK;
}

static void instance_close(void *instance)
{
    struct instance *r = instance;
    for (int i = 0; r && i < r->in_count; i++)
        if (r->in[i])
            lrt.DestroyTensorBuffer(r->in[i]);
    for (int i = 0; r && i < r->out_count; i++)
        if (r->out[i])
            lrt.DestroyTensorBuffer(r->out[i]);
    if (r && r->compiled)
        lrt.DestroyCompiledModel(r->compiled);
    for (int i = 0; r && i < FOV_MODEL_INPUTS + FOV_MODEL_OUTPUTS; i++)
        free(r->memory[i]);
    free(r);
}

/* Options of one part of the library, as the text that this part reads. */
static bool add_text(lrt_options *options, const char *part, const char *text)
{
    lrt_opaque *opaque = NULL;
    char *copy = strdup(text);
    if (!copy || lrt.CreateOpaqueOptions(part, copy, free, &opaque) != 0) {
        free(copy);
        return false;
    }
    return lrt.AddOpaqueOptions(options, opaque) == 0;
}

/* Threads and kernels; what goes wrong is kept in memory and not printed. */
static bool add_settings(lrt_options *options, const struct litert_setup *setup)
{
    char text[64];
    snprintf(text, sizeof text, "num_threads = %d\n%s", setup->threads,
             setup->plain ? "kernel_mode = \"builtin\"\n" : "");
    return add_text(options, "xnnpack", text) &&
           add_text(options, "runtime_options_string", "error_reporter_mode = 2\n");
}

static fov_status compile(struct instance *r, fov_error *error)
{
    lrt_options *options = NULL;
    int failed = lrt.CreateOptions(&options);
    if (!failed)
        failed = lrt.SetOptionsHardwareAccelerators(options, CPU);
    if (!failed && !add_settings(options, r->model->setup))
        failed = -1;
    if (!failed)
        failed = lrt.CreateCompiledModel(lrt.environment, r->model->model, options, &r->compiled);
    if (options)
        lrt.DestroyOptions(options);
    if (failed)
        return fov_fail(error, FOV_EMODEL, "LiteRT cannot compile this model (status %d)", failed);
    return FOV_OK;
}

/* Name, type, quantisation and the shape that the file gives. */
static fov_status describe(lrt_tensor *tensor, fov_tensor *t, fov_error *error)
{
    struct lrt_type type = {0};
    struct lrt_quant quant = {0};
    const char *name = NULL;
    int kind = 0;
    *t = (fov_tensor){0};
    if (lrt.GetTensorName(tensor, &name) == 0 && name)
        text_copy(t->name, sizeof t->name, name);
    if (lrt.GetRankedTensorType(tensor, &type) != 0)
        return fov_fail(error, FOV_EUNSUPPORTED, "%s has no fixed number of dimensions", t->name);
    t->dtype = litert_dtype(type.element);
    t->rank = (int)(type.layout.rank & 127);
    if (t->dtype == FOV_DTYPE_NONE || t->rank > FOV_TENSOR_RANK) {
        t->rank = 0;
        return fov_fail(error, FOV_EUNSUPPORTED, "%s is of a type that fovea cannot read", t->name);
    }
    for (int i = 0; i < t->rank; i++)
        t->shape[i] = type.layout.dims[i];
    if (lrt.GetQuantizationTypeId(tensor, &kind) == 0 && kind == QUANT_TENSOR &&
        lrt.GetPerTensorQuantization(tensor, &quant) == 0) {
        t->scale = quant.scale;
        t->zero = (int32_t)quant.zero;
    }
    return FOV_OK;
}

static int element_of(fov_dtype dtype)
{
    int number = 0;
    while (number < 32 && litert_dtype(number) != dtype)
        number++;
    return number;
}

/* Our memory as an input or output: nothing is copied. */
static fov_status bind(fov_tensor *t, void **memory, lrt_buffer **buffer, fov_error *error)
{
    enum { BEHIND = 128 }; /* kernels read whole vectors */
    size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
    struct lrt_type type = {.element = element_of(t->dtype), .layout = {.rank = (uint32_t)t->rank}};
    if (!size || size > LITERT_TENSOR_MAX)
        return fov_fail(error, FOV_EUNSUPPORTED, "%s has no fixed size, or an absurd one", t->name);
    for (int i = 0; i < t->rank; i++)
        type.layout.dims[i] = (int32_t)t->shape[i];
    size_t room = (size + BEHIND + 63) & ~(size_t)63;
    *memory = t->data = aligned_alloc(64, room);
    if (!t->data)
        return fov_fail(error, FOV_ENOMEM, "no memory for %s", t->name);
    memset(t->data, 0, room);
    if (lrt.CreateTensorBufferFromHostMemory(&type, t->data, size, NULL, buffer) != 0)
        return fov_fail(error, FOV_EINFER, "LiteRT does not take the memory for %s", t->name);
    return FOV_OK;
}

static fov_status open_input(struct instance *r, int i, fov_tensor *t, fov_error *error)
{
    int wanted[FOV_TENSOR_RANK];
    lrt_tensor *tensor = NULL;
    if (lrt.GetSignatureInputTensorByIndex(r->model->signature, (size_t)i, &tensor) != 0)
        return fov_fail(error, FOV_EMODEL, "LiteRT gives no input %d", i);
    fov_status status = describe(tensor, t, error);
    if (status)
        return status;
    if (litert_wanted_shape(r->model->setup, i, t, wanted)) {
        if (lrt.CompiledModelResizeInputTensorNonStrict(r->compiled, 0, (size_t)i, wanted,
                                                        (size_t)t->rank) != 0)
            return fov_fail(error, FOV_EUNSUPPORTED, "this input size does not fit the model");
        for (int k = 0; k < t->rank; k++)
            t->shape[k] = wanted[k];
    }
    return bind(t, &r->memory[i], &r->in[i], error);
}

/* Outputs get their memory before the run: they may be open only where sizing the inputs, which
 * settles the shapes behind them, is what closes them. */
static bool outputs_are_settled(const struct tflite_facts *facts)
{
    bool sized = !facts->open_outputs;
    for (int i = 0; i < FOV_MODEL_INPUTS; i++)
        sized = sized || facts->open[i];
    return sized;
}

static fov_status open_outputs(struct instance *r, struct litert_io *io, fov_error *error)
{
    struct lrt_layout layouts[FOV_MODEL_OUTPUTS] = {{0}};
    fov_status status = FOV_OK;
    if (!outputs_are_settled(&r->model->setup->facts))
        return fov_fail(
            error, FOV_EUNSUPPORTED,
            "the size of an output depends on the picture: LiteRT cannot run that here");
    if (lrt.GetCompiledModelOutputTensorLayouts(r->compiled, 0, (size_t)io->output_count, layouts,
                                                true) != 0)
        return fov_fail(error, FOV_EUNSUPPORTED, "this input size or batch does not fit the model");
    for (int i = 0; !status && i < io->output_count; i++) {
        fov_tensor *t = &io->outputs[i];
        lrt_tensor *tensor = NULL;
        if (lrt.GetSignatureOutputTensorByIndex(r->model->signature, (size_t)i, &tensor) != 0)
            return fov_fail(error, FOV_EMODEL, "LiteRT gives no output %d", i);
        status = describe(tensor, t, error);
        for (int k = 0; k < t->rank && (int)(layouts[i].rank & 127) == t->rank; k++)
            t->shape[k] = layouts[i].dims[k];
        if (!status)
            status = bind(t, &r->memory[FOV_MODEL_INPUTS + i], &r->out[i], error);
    }
    return status;
}

static fov_status open_tensors(struct instance *r, struct litert_io *io, fov_error *error)
{
    size_t inputs = 0, outputs = 0;
    lrt.GetNumSignatureInputs(r->model->signature, &inputs);
    lrt.GetNumSignatureOutputs(r->model->signature, &outputs);
    if (!inputs || inputs > FOV_MODEL_INPUTS || !outputs || outputs > FOV_MODEL_OUTPUTS)
        return fov_fail(error, FOV_EUNSUPPORTED, "more than %d inputs or %d outputs, or none",
                        FOV_MODEL_INPUTS, FOV_MODEL_OUTPUTS);
    r->in_count = io->input_count = (int)inputs;
    r->out_count = io->output_count = (int)outputs;
    fov_status status = FOV_OK;
    for (int i = 0; !status && i < io->input_count; i++)
        status = open_input(r, i, &io->inputs[i], error);
    return status ? status : open_outputs(r, io, error);
}

static fov_status instance_open(void *model, void **instance, struct litert_io *io,
                                fov_error *error)
{
    struct instance *r = calloc(1, sizeof *r);
    *io = (struct litert_io){0};
    if (!r)
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    r->model = model;
    pthread_mutex_lock(&lock);
    fov_status status = compile(r, error);
    if (!status)
        status = open_tensors(r, io, error);
    pthread_mutex_unlock(&lock);
    if (status)
        instance_close(r);
    else
        *instance = r;
    return status;
}

static fov_status instance_run(void *instance, struct litert_io *io, fov_error *error)
{
    struct instance *r = instance;
    (void)io;
    int failed = lrt.RunCompiledModel(r->compiled, 0, (size_t)r->in_count, r->in,
                                      (size_t)r->out_count, r->out);
    return failed ? fov_fail(error, FOV_EINFER, "LiteRT: run failed (status %d)", failed) : FOV_OK;
}

const struct litert_engine litert_compiled = {.name = "LiteRT",
                                              .open = engine_open,
                                              .version = version,
                                              .library = library,
                                              .model_open = model_open,
                                              .model_close = model_close,
                                              .instance_open = instance_open,
                                              .instance_run = instance_run,
                                              .instance_close = instance_close};
