/* Walking protobuf messages that nobody has verified: every length is checked against what is left
 * of the message. Source: the protocol buffers encoding, as Google publishes it. */
#ifndef INFER_PROTOBUF_H
#define INFER_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *at, *end;
};

/* One field. `bytes` is empty and `value` holds the number unless it has a length. */
struct field {
    uint64_t number, value;
    struct reader bytes;
    uint64_t
        lacks; /* of a field that does not fit: bytes that its length asks for beyond the end */
};

static inline size_t reader_size(struct reader r)
{
    return (size_t)(r.end - r.at);
}

static inline bool read_varint(struct reader *r, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return true;
    }
    return false;
}

/* The number of 4 or 8 bytes at the reader's place. */
static inline bool read_fixed(struct reader *r, size_t size, uint64_t *value)
{
    *value = 0;
    if (size > reader_size(*r))
        return false;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)r->at[i] << (8 * i);
    r->at += size;
    return true;
}

/* The next field of a message; false at its end and where it is damaged (then r->at < r->end). */
static inline bool read_field(struct reader *r, struct field *f)
{
    uint64_t tag;
    struct reader next = *r;
    *f = (struct field){.bytes = {r->at, r->at}};
    if (r->at == r->end || !read_varint(&next, &tag) || !(f->number = tag >> 3))
        return false;
    bool known = false;
    switch (tag & 7) {
    case 0:
        known = read_varint(&next, &f->value);
        break;
    case 1:
        known = read_fixed(&next, 8, &f->value);
        break;
    case 2:
        known = read_varint(&next, &f->value);
        if (known && f->value > reader_size(next)) {
            f->lacks = f->value - reader_size(next);
            return false;
        }
        f->bytes = (struct reader){next.at, next.at + (known ? f->value : 0)};
        next.at = f->bytes.end;
        break;
    case 5:
        known = read_fixed(&next, 4, &f->value);
        break;
    default:
        break;
    }
    if (known)
        *r = next;
    return known;
}

/* Bytes of a message's last field of this number, as protobuf merges it; empty without one. */
static inline struct reader read_find(struct reader message, uint64_t number)
{
    struct field f;
    struct reader found = {message.at, message.at};
    while (read_field(&message, &f))
        if (f.number == number)
            found = f.bytes;
    return found;
}

static inline bool reader_is(struct reader r, const char *text)
{
    return reader_size(r) == strlen(text) && !memcmp(r.at, text, reader_size(r));
}

#endif
