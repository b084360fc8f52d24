#include "media/jpeg_memory.h"

#include <stdlib.h>
#include <string.h>
#include <jerror.h>

#define ROW_ALIGN ((size_t)64)        /* libjpeg-turbo's SIMD code works on whole vectors */
#define KEEP_BYTES ((size_t)16 << 20) /* what a picture needs beyond is given back after it */

struct jpeg_chunk {
    struct jpeg_chunk *next;
    size_t size;
    _Alignas(64) uint8_t data[];
};

/* libjpeg declares these two names and leaves their contents to the memory manager. */
struct jvirt_sarray_control {
    JSAMPARRAY rows;
    JDIMENSION width, height;
    boolean zero;
    struct jvirt_sarray_control *next;
};

struct jvirt_barray_control {
    JBLOCKARRAY rows;
    JDIMENSION width, height;
    boolean zero;
    struct jvirt_barray_control *next;
};

static size_t round_up(size_t size)
{
    return (size + ROW_ALIGN - 1) & ~(ROW_ALIGN - 1);
}

static void no_memory(j_common_ptr cinfo)
{
    ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
}

static void *carve_extra(j_common_ptr cinfo, struct jpeg_arena *arena, size_t size)
{
    struct jpeg_chunk *chunk = aligned_alloc(64, sizeof *chunk + size);
    if (!chunk)
        no_memory(cinfo);
    chunk->size = size;
    chunk->next = arena->extra;
    arena->extra = chunk;
    arena->extra_bytes += size;
    return chunk->data;
}

static void *carve(j_common_ptr cinfo, int pool, size_t size)
{
    struct jpeg_arena *arena = cinfo->client_data;
    (void)pool;
    size = round_up(size);
    if (size > arena->limit || arena->used + arena->extra_bytes > arena->limit - size)
        no_memory(cinfo);
    if (size > arena->block.size - arena->used)
        return carve_extra(cinfo, arena, size);
    void *memory = arena->block.data + arena->used;
    arena->used += size;
    return memory;
}

static JSAMPARRAY carve_samples(j_common_ptr cinfo, int pool, JDIMENSION width, JDIMENSION height)
{
    size_t row = round_up((size_t)width * sizeof(JSAMPLE));
    JSAMPARRAY rows = carve(cinfo, pool, (size_t)height * sizeof *rows);
    uint8_t *memory = carve(cinfo, pool, row * height);
    for (JDIMENSION y = 0; y < height; y++)
        rows[y] = memory + row * y;
    return rows;
}

static JBLOCKARRAY carve_blocks(j_common_ptr cinfo, int pool, JDIMENSION width, JDIMENSION height)
{
    JBLOCKARRAY rows = carve(cinfo, pool, (size_t)height * sizeof *rows);
    JBLOCKROW memory = carve(cinfo, pool, (size_t)width * height * sizeof *memory);
    for (JDIMENSION y = 0; y < height; y++)
        rows[y] = memory + (size_t)width * y;
    return rows;
}

static jvirt_sarray_ptr request_samples(j_common_ptr cinfo, int pool, boolean zero,
                                        JDIMENSION width, JDIMENSION height, JDIMENSION access)
{
    struct jpeg_arena *arena = cinfo->client_data;
    (void)access;
    jvirt_sarray_ptr array = carve(cinfo, pool, sizeof *array);
    *array = (struct jvirt_sarray_control){NULL, width, height, zero, arena->samples};
    arena->samples = array;
    return array;
}

static jvirt_barray_ptr request_blocks(j_common_ptr cinfo, int pool, boolean zero, JDIMENSION width,
                                       JDIMENSION height, JDIMENSION access)
{
    struct jpeg_arena *arena = cinfo->client_data;
    (void)access;
    jvirt_barray_ptr array = carve(cinfo, pool, sizeof *array);
    *array = (struct jvirt_barray_control){NULL, width, height, zero, arena->blocks};
    arena->blocks = array;
    return array;
}

/* "Virtual" arrays are simply kept whole. */
static void realize(j_common_ptr cinfo)
{
    struct jpeg_arena *arena = cinfo->client_data;
    for (jvirt_sarray_ptr a = arena->samples; a; a = a->next) {
        if (a->rows)
            continue;
        a->rows = carve_samples(cinfo, JPOOL_IMAGE, a->width, a->height);
        for (JDIMENSION y = 0; a->zero && y < a->height; y++)
            memset(a->rows[y], 0, a->width);
    }
    for (jvirt_barray_ptr a = arena->blocks; a; a = a->next) {
        if (a->rows)
            continue;
        a->rows = carve_blocks(cinfo, JPOOL_IMAGE, a->width, a->height);
        if (a->zero && a->height)
            memset(a->rows[0], 0, (size_t)a->width * a->height * sizeof(JBLOCK));
    }
}

static JSAMPARRAY access_samples(j_common_ptr cinfo, jvirt_sarray_ptr array, JDIMENSION start,
                                 JDIMENSION count, boolean writable)
{
    (void)writable;
    if (!array->rows || start > array->height || count > array->height - start)
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
    return array->rows + start;
}

static JBLOCKARRAY access_blocks(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION start,
                                 JDIMENSION count, boolean writable)
{
    (void)writable;
    if (!array->rows || start > array->height || count > array->height - start)
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
    return array->rows + start;
}

/* Called by jpeg_finish_* and jpeg_abort: memory stays until the next picture resets the arena. */
static void free_pool(j_common_ptr cinfo, int pool)
{
    struct jpeg_arena *arena = cinfo->client_data;
    (void)pool;
    arena->samples = NULL;
    arena->blocks = NULL;
}

void jpeg_arena_attach(j_common_ptr cinfo, struct jpeg_arena *arena, size_t limit)
{
    struct jpeg_memory_mgr *memory = cinfo->mem;
    cinfo->client_data = arena;
    arena->limit = limit;
    memory->alloc_small = carve;
    memory->alloc_large = carve;
    memory->alloc_sarray = carve_samples;
    memory->alloc_barray = carve_blocks;
    memory->request_virt_sarray = request_samples;
    memory->request_virt_barray = request_blocks;
    memory->realize_virt_arrays = realize;
    memory->access_virt_sarray = access_samples;
    memory->access_virt_barray = access_blocks;
    memory->free_pool = free_pool;
}

void jpeg_arena_reset(struct jpeg_arena *arena)
{
    size_t needed = arena->used + arena->extra_bytes;
    bool grown = arena->extra != NULL;
    while (arena->extra) {
        struct jpeg_chunk *chunk = arena->extra;
        arena->extra = chunk->next;
        free(chunk);
    }
    if (grown && needed <= KEEP_BYTES)
        buffer_reserve(&arena->block, needed + needed / 8); /* no memory: grows by chunks again */
    arena->used = arena->extra_bytes = 0;
    arena->samples = NULL;
    arena->blocks = NULL;
}

void jpeg_arena_release(struct jpeg_arena *arena)
{
    jpeg_arena_reset(arena);
    buffer_release(&arena->block);
}
