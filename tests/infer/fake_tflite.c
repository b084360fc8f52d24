/* A libtensorflowlite_c.so that runs nothing: its one output is the sum of its input's bytes. It
 * keeps count of what it was asked. */
#include "fake_tflite.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN __attribute__((visibility("default")))

enum { HALF = 2048 };

struct tensor {
    int dims[4];
    _Alignas(64) uint8_t bytes[4096];
    bool moved; /* to the second half of the bytes */
};

struct interpreter {
    struct tensor in, out;
    void *delegate;
};

SHOWN struct fake_tflite fake_tflite_state;
#define state fake_tflite_state

struct quant {
    float scale;
    int32_t zero;
};

SHOWN void *TfLiteTensorData(const void *tensor);

SHOWN const char *TfLiteVersion(void)
{
    return "2.17.1-fake";
}

SHOWN void *TfLiteModelCreate(const void *bytes, size_t size)
{
    if (size < 8 || memcmp((const char *)bytes + 4, "TFL3", 4))
        return NULL;
    state.models++;
    return malloc(1);
}

SHOWN void TfLiteModelDelete(void *model)
{
    state.models--;
    free(model);
}

SHOWN void *TfLiteInterpreterOptionsCreate(void)
{
    state.options++;
    state.delegate = NULL;
    return malloc(1);
}

SHOWN void TfLiteInterpreterOptionsDelete(void *options)
{
    state.options--;
    free(options);
}

SHOWN void TfLiteInterpreterOptionsSetNumThreads(void *options, int32_t threads)
{
    (void)options;
    state.threads = threads;
}

SHOWN void TfLiteInterpreterOptionsAddDelegate(void *options, void *delegate)
{
    (void)options;
    state.delegates++;
    state.delegate = delegate;
}

SHOWN void *TfLiteInterpreterCreate(const void *model, const void *options)
{
    struct interpreter *i = aligned_alloc(64, sizeof *i);
    (void)model;
    (void)options;
    if (!i || state.fail_create) {
        free(i);
        return NULL;
    }
    memset(i, 0, sizeof *i);
    memcpy(i->in.dims, (const int[]){1, 2, 2, 3}, sizeof i->in.dims);
    i->out.dims[0] = 1;
    i->out.dims[1] = 1;
    i->delegate = state.delegate;
    state.interpreters++;
    return i;
}

SHOWN void TfLiteInterpreterDelete(void *interpreter)
{
    state.interpreters--;
    free(interpreter);
}

SHOWN int32_t TfLiteInterpreterGetInputTensorCount(const void *interpreter)
{
    return interpreter ? 1 : 0;
}

SHOWN int32_t TfLiteInterpreterGetOutputTensorCount(const void *interpreter)
{
    return interpreter ? 1 : 0;
}

SHOWN void *TfLiteInterpreterGetInputTensor(void *interpreter, int32_t index)
{
    return index == 0 ? &((struct interpreter *)interpreter)->in : NULL;
}

SHOWN const void *TfLiteInterpreterGetOutputTensor(void *interpreter, int32_t index)
{
    return index == 0 ? &((struct interpreter *)interpreter)->out : NULL;
}

SHOWN int TfLiteInterpreterResizeInputTensor(void *interpreter, int32_t index, const int *dims,
                                             int32_t count)
{
    struct interpreter *i = interpreter;
    if (index != 0 || count != 4)
        return 1;
    memcpy(i->in.dims, dims, sizeof i->in.dims);
    memcpy(state.wanted, dims, sizeof state.wanted);
    i->out.dims[0] = dims[0];
    return 0;
}

static int size_of(const struct tensor *t)
{
    int size = 1;
    for (int i = 0; i < 4 && t->dims[i]; i++)
        size *= t->dims[i];
    return size;
}

SHOWN int TfLiteInterpreterAllocateTensors(void *interpreter)
{
    return size_of(&((struct interpreter *)interpreter)->in) > HALF;
}

/* The other half of the bytes: what was pointed to before is somebody else's. */
static void move(struct tensor *t)
{
    uint8_t *from = TfLiteTensorData(t);
    t->moved = !t->moved;
    memcpy(TfLiteTensorData(t), from, HALF);
    memset(from, 0xEE, HALF);
}

SHOWN int TfLiteInterpreterInvoke(void *interpreter)
{
    struct interpreter *i = interpreter;
    int batch = i->in.dims[0], each = size_of(&i->in) / batch;
    const uint8_t *from = TfLiteTensorData(&i->in);
    state.invokes++;
    for (int n = 0; n < batch; n++) {
        i->out.bytes[n] = 0;
        for (int k = 0; k < each; k++)
            i->out.bytes[n] = (uint8_t)(i->out.bytes[n] + from[n * each + k]);
    }
    i->out.dims[1] = state.grows && from[0] ? 2 : 1;
    if (state.moves)
        move(&i->in);
    return state.fail_invoke;
}

SHOWN int TfLiteTensorType(const void *tensor)
{
    return tensor ? 3 : 0; /* u8 */
}

SHOWN int32_t TfLiteTensorNumDims(const void *tensor)
{
    const struct tensor *t = tensor;
    return t->dims[3] ? 4 : 2;
}

SHOWN int32_t TfLiteTensorDim(const void *tensor, int32_t index)
{
    return ((const struct tensor *)tensor)->dims[index];
}

SHOWN size_t TfLiteTensorByteSize(const void *tensor)
{
    return (size_t)size_of(tensor);
}

SHOWN void *TfLiteTensorData(const void *tensor)
{
    const struct tensor *t = tensor;
    if (state.fail_output && !t->dims[3])
        return NULL;
    return (void *)(uintptr_t)(t->bytes + (t->moved ? HALF : 0));
}

SHOWN const char *TfLiteTensorName(const void *tensor)
{
    return ((const struct tensor *)tensor)->dims[3] ? "in" : "out";
}

SHOWN struct quant TfLiteTensorQuantizationParams(const void *tensor)
{
    struct quant none = {0, 0}, some = {0.5f, 3};
    return ((const struct tensor *)tensor)->dims[3] ? none : some;
}

SHOWN int TfLiteTensorCopyFromBuffer(void *tensor, const void *bytes, size_t size)
{
    memcpy(TfLiteTensorData(tensor), bytes, size);
    return 0;
}
