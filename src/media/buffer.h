/* Growing memory that is kept from picture to picture. */
#ifndef MEDIA_BUFFER_H
#define MEDIA_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_ALIGN ((size_t)64)
#define POISON 0xA5

struct buffer {
    uint8_t *data; /* 64-byte aligned */
    size_t size;
};

/* Room for at least `size` bytes; old contents are lost when the memory changes: when it grows, or
 * when over 16 MiB it is four times what is needed (one huge picture does not stay for ever).
 * False: no memory. */
bool buffer_reserve(struct buffer *buffer, size_t size);
void buffer_release(struct buffer *buffer);

/* Fills memory with POISON when FOVEA_POISON is set in the environment, so that a pixel nobody
 * wrote, or one of an earlier picture, is noticed by tests. */
void poison(void *memory, size_t size);

#endif
