/* Chunked transfer coding (RFC 9112 section 7.1), strict, decoded in place. Pure. */
#ifndef NET_CHUNK_H
#define NET_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#define CHUNKS_MAX 65536
#define CHUNK_LINE_MAX 272 /* size and extension */

enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_LAST, CHUNK_DONE };

struct chunk_decoder {
    enum chunk_state state;
    size_t body; /* data[0, body) is decoded */
    size_t raw;  /* data[raw, len) is not yet */
    size_t left; /* of the current chunk */
    size_t chunks;
};

/* Decodes what is in data[0, *len): the decoded body comes to lie at the front, what is not used
 * yet directly behind it, and *len is reduced. 0: more is needed; 1: complete, data[body, *len)
 * belongs to the next request; < 0: -(HTTP status). */
int chunk_decode(struct chunk_decoder *decoder, uint8_t *data, size_t *len, size_t max_body);

#endif
