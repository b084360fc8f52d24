/* The classic C interface of TFLite (libtensorflowlite_c.so), the same since 2020, and through it
 * the Edge TPU's driver (libedgetpu.so.1).
 * Source: tensorflow/lite/c/c_api.h; edgetpu_c.h of google-coral/libedgetpu. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynlib.h"
#include "base/text.h"
#include "infer/litert_api.h"

typedef struct tfl_model tfl_model;
typedef struct tfl_options tfl_options;
typedef struct tfl_interpreter tfl_interpreter;
typedef struct tfl_tensor tfl_tensor;
typedef struct tfl_delegate tfl_delegate;

struct tfl_quant {
    float scale;
    int32_t zero;
};

struct tpu_device {
    int type; /* 0: PCIe, 1: USB */
    const char *path;
};

struct tpu_option {
    const char *name, *value;
};

/* result, our name, parameters; every function is called TfLite<name> in the library */
// clang-format off
#define TFL_FUNCTIONS(X)                                                                           \
    X(const char *, Version, (void))                                                               \
    X(tfl_model *, ModelCreate, (const void *, size_t))                                            \
    X(void, ModelDelete, (tfl_model *))                                                            \
    X(tfl_options *, InterpreterOptionsCreate, (void))                                             \
    X(void, InterpreterOptionsDelete, (tfl_options *))                                             \
    X(void, InterpreterOptionsSetNumThreads, (tfl_options *, int32_t))                             \
    X(void, InterpreterOptionsAddDelegate, (tfl_options *, tfl_delegate *))                        \
    X(tfl_interpreter *, InterpreterCreate, (const tfl_model *, const tfl_options *))              \
    X(void, InterpreterDelete, (tfl_interpreter *))                                                \
    X(int32_t, InterpreterGetInputTensorCount, (const tfl_interpreter *))                          \
    X(tfl_tensor *, InterpreterGetInputTensor, (const tfl_interpreter *, int32_t))                 \
    X(int, InterpreterResizeInputTensor, (tfl_interpreter *, int32_t, const int *, int32_t))       \
    X(int, InterpreterAllocateTensors, (tfl_interpreter *))                                        \
    X(int, InterpreterInvoke, (tfl_interpreter *))                                                 \
    X(int32_t, InterpreterGetOutputTensorCount, (const tfl_interpreter *))                         \
    X(const tfl_tensor *, InterpreterGetOutputTensor, (const tfl_interpreter *, int32_t))          \
    X(int, TensorType, (const tfl_tensor *))                                                       \
    X(int32_t, TensorNumDims, (const tfl_tensor *))                                                \
    X(int32_t, TensorDim, (const tfl_tensor *, int32_t))                                           \
    X(size_t, TensorByteSize, (const tfl_tensor *))                                                \
    X(void *, TensorData, (const tfl_tensor *))                                                    \
    X(const char *, TensorName, (const tfl_tensor *))                                              \
    X(struct tfl_quant, TensorQuantizationParams, (const tfl_tensor *))                            \
    X(int, TensorCopyFromBuffer, (tfl_tensor *, const void *, size_t))

/* the same, called edgetpu_<name> */
#define TPU_FUNCTIONS(X)                                                                           \
    X(struct tpu_device *, list_devices, (size_t *))                                               \
    X(void, free_devices, (struct tpu_device *))                                                   \
    X(tfl_delegate *, create_delegate, (int, const char *, const struct tpu_option *, size_t))     \
    X(void, free_delegate, (tfl_delegate *))
// clang-format on

static struct {
#define TFL_MEMBER(result, name, parameters) result(*name) parameters;
    TFL_FUNCTIONS(TFL_MEMBER)
#undef TFL_MEMBER
    char path[256];
} tfl;

static struct {
#define TPU_MEMBER(result, name, parameters) result(*name) parameters;
    TPU_FUNCTIONS(TPU_MEMBER)
#undef TPU_MEMBER
} tpu;

static const struct dynlib_symbol tfl_symbols[] = {
#define TFL_SYMBOL(result, name, parameters) {"TfLite" #name, (void **)&tfl.name, 0},
    TFL_FUNCTIONS(TFL_SYMBOL)
#undef TFL_SYMBOL
        {NULL, NULL, 0}};

static const struct dynlib_symbol tpu_symbols[] = {
#define TPU_SYMBOL(result, name, parameters) {"edgetpu_" #name, (void **)&tpu.name, 0},
    TPU_FUNCTIONS(TPU_SYMBOL)
#undef TPU_SYMBOL
        {NULL, NULL, 0}};

static bool tfl_is_open, tpu_is_open;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct classic {
    const struct litert_setup *setup;
    tfl_model *model;
};

struct instance {
    const struct classic *model;
    tfl_delegate *delegate; /* outlives the interpreter */
    tfl_interpreter *interpreter;
    void *inputs[FOV_MODEL_INPUTS]; /* ours: the library may move its own in any run */
};

/* Opens one of the two libraries at its first place. */
static fov_status open_library(const char *runtime_dir, const char *name, const char *help,
                               const struct dynlib_symbol *symbols, char *opened, size_t size,
                               fov_error *error)
{
    char places[LITERT_PATHS][LITERT_PATH], where[160];
    const char *list[LITERT_PATHS + 1] = {NULL}, *found = "";
    size_t count = litert_places(runtime_dir, name, places, where, sizeof where);
    for (size_t i = 0; i < count; i++)
        list[i] = places[i];
    if (dynlib_open(list, symbols, &found, NULL) != FOV_OK)
        return fov_fail(error, FOV_ERUNTIME,
                        "no %s in %.90s: %s, or name its folder with "
                        "FOVEA_RUNTIME_DIR",
                        name, where, help);
    text_copy(opened, size, found);
    return FOV_OK;
}

static fov_status engine_open(const char *runtime_dir, fov_error *error)
{
    pthread_mutex_lock(&lock);
    fov_status status = FOV_OK;
    if (!tfl_is_open)
        status = open_library(runtime_dir, "libtensorflowlite_c.so", "build it from TensorFlow",
                              tfl_symbols, tfl.path, sizeof tfl.path, error);
    tfl_is_open = tfl_is_open || status == FOV_OK;
    pthread_mutex_unlock(&lock);
    return status;
}

static fov_status open_driver(const char *runtime_dir, fov_error *error)
{
    char opened[256];
    pthread_mutex_lock(&lock);
    fov_status status = FOV_OK;
    if (!tpu_is_open)
        status = open_library(runtime_dir, "libedgetpu.so.1", "install libedgetpu1-std",
                              tpu_symbols, opened, sizeof opened, error);
    tpu_is_open = tpu_is_open || status == FOV_OK;
    pthread_mutex_unlock(&lock);
    return status;
}

int litert_tpus(const char *runtime_dir, char names[LITERT_TPUS][96], fov_error *error)
{
    size_t count = 0;
    if (open_driver(runtime_dir, error) != FOV_OK || engine_open(runtime_dir, error) != FOV_OK)
        return 0;
    struct tpu_device *devices = tpu.list_devices(&count);
    count = !devices ? 0 : count < LITERT_TPUS ? count : LITERT_TPUS;
    for (size_t i = 0; i < count; i++)
        snprintf(names[i], 96, "Edge TPU, %s %s", devices[i].type ? "USB" : "PCIe",
                 devices[i].path ? devices[i].path : "");
    if (devices)
        tpu.free_devices(devices);
    if (!count)
        fov_fail(error, FOV_ERUNTIME,
                 "no Edge TPU answers: is it plugged in, and may this user open it?");
    return (int)count;
}

static const char *version(void)
{
    return tfl.Version();
}

static const char *library(void)
{
    return tfl.path;
}

static void model_close(void *model)
{
    struct classic *m = model;
    if (m && m->model)
        tfl.ModelDelete(m->model);
    free(m);
}

static fov_status model_open(const struct litert_setup *setup, void **model, fov_error *error)
{
    struct classic *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    m->setup = setup;
    m->model = tfl.ModelCreate(setup->bytes, setup->size);
    if (!m->model) {
        model_close(m);
        return fov_fail(error, FOV_EMODEL, "TensorFlow Lite cannot read this model");
    }
    *model = m;
    return FOV_OK;
}

static void instance_close(void *instance)
{
    struct instance *r = instance;
    if (r && r->interpreter)
        tfl.InterpreterDelete(r->interpreter);
    if (r && r->delegate)
        tpu.free_delegate(r->delegate);
    for (int i = 0; r && i < FOV_MODEL_INPUTS; i++)
        free(r->inputs[i]);
    free(r);
}

/* The driver's part for the Edge TPU of the setup. */
static fov_status add_delegate(struct instance *r, tfl_options *options, fov_error *error)
{
    size_t count = 0, wanted = (size_t)r->model->setup->tpu;
    struct tpu_device *devices = tpu.list_devices(&count);
    if (devices && wanted < count)
        r->delegate = tpu.create_delegate(devices[wanted].type, devices[wanted].path, NULL, 0);
    if (devices)
        tpu.free_devices(devices);
    if (!r->delegate)
        return fov_fail(error, FOV_ERUNTIME,
                        wanted < count ? "the Edge TPU cannot be opened: "
                                         "another program may hold it"
                                       : "the Edge TPU is gone");
    tfl.InterpreterOptionsAddDelegate(options, r->delegate);
    return FOV_OK;
}

static fov_status make_interpreter(struct instance *r, fov_error *error)
{
    const struct litert_setup *setup = r->model->setup;
    fov_status status = FOV_OK;
    tfl_options *options = tfl.InterpreterOptionsCreate();
    if (!options)
        return fov_fail(error, FOV_ENOMEM, "no memory for TensorFlow Lite's options");
    tfl.InterpreterOptionsSetNumThreads(options, setup->threads);
    if (setup->tpu >= 0)
        status = add_delegate(r, options, error);
    if (!status)
        r->interpreter = tfl.InterpreterCreate(r->model->model, options);
    tfl.InterpreterOptionsDelete(options);
    if (!status && !r->interpreter)
        status = fov_fail(error, FOV_EMODEL,
                          setup->tpu >= 0 ? "TensorFlow Lite cannot prepare this model: it may be "
                                            "compiled for a newer driver than libedgetpu.so.1"
                                          : "TensorFlow Lite cannot prepare this model");
    return status;
}

static fov_status describe(const tfl_tensor *tensor, fov_tensor *t, fov_error *error)
{
    struct tfl_quant quant = tfl.TensorQuantizationParams(tensor);
    const char *name = tfl.TensorName(tensor);
    *t = (fov_tensor){.dtype = litert_dtype(tfl.TensorType(tensor)),
                      .rank = tfl.TensorNumDims(tensor),
                      .scale = quant.scale,
                      .zero = quant.zero};
    text_copy(t->name, sizeof t->name, name ? name : "");
    if (t->dtype == FOV_DTYPE_NONE || t->rank < 0 || t->rank > FOV_TENSOR_RANK) {
        t->rank = 0;
        return fov_fail(error, FOV_EUNSUPPORTED, "%s is of a type that fovea cannot read", t->name);
    }
    for (int i = 0; i < t->rank; i++)
        t->shape[i] = tfl.TensorDim(tensor, i);
    return FOV_OK;
}

static fov_status size_inputs(struct instance *r, struct litert_io *io, fov_error *error)
{
    int wanted[FOV_TENSOR_RANK];
    fov_status status = FOV_OK;
    for (int i = 0; !status && i < io->input_count; i++) {
        fov_tensor *t = &io->inputs[i];
        status = describe(tfl.InterpreterGetInputTensor(r->interpreter, i), t, error);
        if (!status && litert_wanted_shape(r->model->setup, i, t, wanted) &&
            tfl.InterpreterResizeInputTensor(r->interpreter, i, wanted, t->rank) != 0)
            status = fov_fail(error, FOV_EUNSUPPORTED, "this input size does not fit the model");
    }
    if (!status && tfl.InterpreterAllocateTensors(r->interpreter) != 0)
        status = fov_fail(error, FOV_EUNSUPPORTED,
                          "this input size or batch does not fit the model, "
                          "or an operator is not part of TensorFlow Lite");
    return status;
}

static fov_status bind_input(struct instance *r, int i, fov_tensor *t, fov_error *error)
{
    tfl_tensor *tensor = tfl.InterpreterGetInputTensor(r->interpreter, i);
    fov_status status = describe(tensor, t, error);
    size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
    if (status)
        return status;
    if (!size || size > LITERT_TENSOR_MAX || size != tfl.TensorByteSize(tensor))
        return fov_fail(error, FOV_EUNSUPPORTED, "input %s has no fixed size, or an absurd one",
                        t->name);
    t->data = r->inputs[i] = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!t->data)
        return fov_fail(error, FOV_ENOMEM, "no memory for input %s", t->name);
    memset(t->data, 0, size);
    return FOV_OK;
}

static fov_status fetch_output(const struct instance *r, int i, fov_tensor *t, fov_error *error)
{
    const tfl_tensor *tensor = tfl.InterpreterGetOutputTensor(r->interpreter, i);
    fov_status status = describe(tensor, t, error);
    if (status)
        return status;
    size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
    t->data = tfl.TensorData(tensor);
    if (t->data && size != tfl.TensorByteSize(tensor))
        return fov_fail(error, FOV_EINFER, "output %s is not as large as it says", t->name);
    return FOV_OK;
}

static fov_status open_tensors(struct instance *r, struct litert_io *io, fov_error *error)
{
    io->input_count = tfl.InterpreterGetInputTensorCount(r->interpreter);
    io->output_count = tfl.InterpreterGetOutputTensorCount(r->interpreter);
    if (io->input_count < 1 || io->input_count > FOV_MODEL_INPUTS || io->output_count < 1 ||
        io->output_count > FOV_MODEL_OUTPUTS)
        return fov_fail(error, FOV_EUNSUPPORTED, "more than %d inputs or %d outputs, or none",
                        FOV_MODEL_INPUTS, FOV_MODEL_OUTPUTS);
    fov_status status = size_inputs(r, io, error);
    for (int i = 0; !status && i < io->input_count; i++)
        status = bind_input(r, i, &io->inputs[i], error);
    for (int i = 0; !status && i < io->output_count; i++)
        status = fetch_output(r, i, &io->outputs[i], error);
    return status;
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
    fov_status status = make_interpreter(r, error);
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
    for (int i = 0; i < io->input_count; i++) {
        fov_tensor *t = &io->inputs[i];
        size_t size = fov_tensor_count(t) * fov_dtype_size(t->dtype);
        if (tfl.TensorCopyFromBuffer(tfl.InterpreterGetInputTensor(r->interpreter, i), t->data,
                                     size) != 0)
            return fov_fail(error, FOV_EINFER, "TensorFlow Lite does not take input %s", t->name);
    }
    if (tfl.InterpreterInvoke(r->interpreter) != 0)
        return fov_fail(error, FOV_EINFER,
                        r->delegate ? "the Edge TPU failed in a run: was it unplugged?"
                                    : "TensorFlow Lite: run failed");
    fov_status status = FOV_OK;
    for (int i = 0; !status && i < io->output_count; i++) {
        const fov_tensor *t = &io->outputs[i];
        status = fetch_output(r, i, &io->outputs[i], error);
        if (!status && !t->data && fov_tensor_count(t))
            status = fov_fail(error, FOV_EINFER, "TensorFlow Lite gives no numbers for output %s",
                              t->name);
    }
    return status;
}

const struct litert_engine litert_classic = {.name = "TensorFlow Lite",
                                             .open = engine_open,
                                             .version = version,
                                             .library = library,
                                             .model_open = model_open,
                                             .model_close = model_close,
                                             .instance_open = instance_open,
                                             .instance_run = instance_run,
                                             .instance_close = instance_close};
