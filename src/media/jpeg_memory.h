/* Memory of one libjpeg object: everything a picture needs comes from an arena that is kept.
 *
 * libjpeg's own manager calls malloc for each picture (about a dozen blocks, more for progressive
 * ones). Here the first pictures grow the arena; from then on a picture allocates nothing. The
 * arena is also the bound on what one picture may ask for. */
#ifndef MEDIA_JPEG_MEMORY_H
#define MEDIA_JPEG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <jpeglib.h>

#include "media/buffer.h"

struct jpeg_chunk;

struct jpeg_arena {
    struct buffer block;      /* the kept memory */
    size_t used;              /* of it, by this picture */
    struct jpeg_chunk *extra; /* what did not fit; joined into the block by jpeg_arena_reset */
    size_t extra_bytes;
    size_t limit; /* bytes for one picture; over it libjpeg reports "out of memory" */
    struct jvirt_sarray_control *samples;
    struct jvirt_barray_control *blocks;
};

/* Puts the arena behind an object that jpeg_create_* has just made: all later requests, permanent
 * ones too, are carved from it. cinfo->client_data must be the arena. Callers forget all tables
 * (they are in the arena) before each picture: see jpeg_arena_reset. */
void jpeg_arena_attach(j_common_ptr cinfo, struct jpeg_arena *arena, size_t limit);

/* Empties the arena before a picture. Nothing carved from it may be used any more. */
void jpeg_arena_reset(struct jpeg_arena *arena);
void jpeg_arena_release(struct jpeg_arena *arena);

#endif
