/* The input of a target as numbers; behind its end there are zeros. */
#ifndef FUZZ_READER_H
#define FUZZ_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *data;
    size_t size, at;
};

static inline size_t left(const struct reader *r)
{
    return r->size - r->at;
}

/* Its bytes as those of an object. */
static inline void take(struct reader *r, void *to, size_t size)
{
    size_t there = left(r) < size ? left(r) : size;
    memset(to, 0, size);
    if (there > 0)
        memcpy(to, r->data + r->at, there);
    r->at += there;
}

static inline uint8_t next(struct reader *r)
{
    return r->at < r->size ? r->data[r->at++] : 0;
}

/* Any bits. */
static inline float next_float(struct reader *r)
{
    float value;
    take(r, &value, sizeof value);
    return value;
}

#endif
