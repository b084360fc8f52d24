/* Reading a flatbuffer that nobody has verified: every offset is checked against the file. 0 stands
 * for "absent" everywhere, as no table can lie at offset 0. */
#ifndef INFER_FLATBUFFER_H
#define INFER_FLATBUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    const uint8_t *bytes;
    size_t size;
};

static inline uint32_t u32_at(const struct buffer *b, size_t at)
{
    if (at > b->size || b->size - at < 4)
        return 0;
    const uint8_t *p = b->bytes + at;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t u16_at(const struct buffer *b, size_t at)
{
    return at < b->size && b->size - at >= 2 ? b->bytes[at] | (uint32_t)b->bytes[at + 1] << 8 : 0;
}

/* Position of field `index` of the table at `table`. */
static inline size_t field_of(const struct buffer *b, size_t table, unsigned index)
{
    size_t back = u32_at(b, table); /* signed in the format; a vtable behind its table wraps */
    size_t vtable = (size_t)(uint32_t)(table - back);
    if (!table || vtable >= b->size || u16_at(b, vtable) < 6 + 2 * index)
        return 0;
    uint32_t offset = u16_at(b, vtable + 4 + 2 * (size_t)index);
    return offset ? table + offset : 0;
}

/* What the offset at `at` points to. */
static inline size_t follow(const struct buffer *b, size_t at)
{
    uint32_t offset = at ? u32_at(b, at) : 0;
    return offset && at + offset < b->size ? at + offset : 0;
}

/* First element of a vector field and its length (elements of `element` bytes, all in the file). */
static inline size_t vector_of(const struct buffer *b, size_t table, unsigned index, size_t element,
                               size_t *length)
{
    size_t vector = follow(b, field_of(b, table, index));
    *length = vector ? u32_at(b, vector) : 0;
    if (!vector || *length > (b->size - vector - 4) / element) {
        *length = 0;
        return 0;
    }
    return vector + 4;
}

#endif
