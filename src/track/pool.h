/* Places for tracks: which are taken, in the order in which they were. */
#ifndef TRACK_POOL_H
#define TRACK_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <fovea/status.h>

struct pool {
    int32_t *live, *free;
    size_t live_count, free_count, capacity;
};

fov_status pool_create(struct pool *pool, size_t capacity, fov_error *error); /* FOV_ENOMEM */
void pool_release(struct pool *pool); /* of a zeroed one as well */

/* A place, last in the order; -1: all are taken. */
int32_t pool_take(struct pool *pool);

/* Gives back the places that `gone` says are gone; the order of the others stays. */
void pool_sweep(struct pool *pool, int (*gone)(const void *of, int32_t place), const void *of);

void pool_clear(struct pool *pool);

#endif
