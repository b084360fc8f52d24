#include "media/buffer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ALWAYS_KEPT ((size_t)16 << 20)

bool buffer_reserve(struct buffer *buffer, size_t size)
{
    bool far_too_large = buffer->size > ALWAYS_KEPT && size < buffer->size / 4;
    if (size <= buffer->size && !far_too_large)
        return true;
    buffer_release(buffer);
    size = (size + BUFFER_ALIGN - 1) & ~(BUFFER_ALIGN - 1);
    buffer->data = aligned_alloc(BUFFER_ALIGN, size);
    if (!buffer->data)
        return false;
    buffer->size = size;
    poison(buffer->data, size);
    return true;
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
}

static bool poisoning;

static void read_environment(void)
{
    poisoning = getenv("FOVEA_POISON") != NULL;
}

void poison(void *memory, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
    if (poisoning && memory)
        memset(memory, POISON, size);
}
