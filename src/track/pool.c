#include "track/pool.h"

#include <stdlib.h>

fov_status pool_create(struct pool *pool, size_t capacity, fov_error *error)
{
    *pool = (struct pool){.capacity = capacity};
    pool->live = calloc(capacity, sizeof *pool->live);
    pool->free = calloc(capacity, sizeof *pool->free);
    if (!pool->live || !pool->free)
        return fov_fail(error, FOV_ENOMEM, "no memory for %zu tracks", capacity);
    pool_clear(pool);
    return FOV_OK;
}

void pool_release(struct pool *pool)
{
    free(pool->live);
    free(pool->free);
    *pool = (struct pool){0};
}

void pool_clear(struct pool *pool)
{
    pool->live_count = 0;
    pool->free_count = pool->capacity;
    for (size_t i = 0; i < pool->capacity; i++)
        pool->free[i] = (int32_t)(pool->capacity - 1 - i);
}

int32_t pool_take(struct pool *pool)
{
    if (!pool->free_count)
        return -1;
    int32_t place = pool->free[--pool->free_count];
    pool->live[pool->live_count++] = place;
    return place;
}

void pool_sweep(struct pool *pool, int (*gone)(const void *of, int32_t place), const void *of)
{
    size_t kept = 0;
    for (size_t i = 0; i < pool->live_count; i++) {
        int32_t place = pool->live[i];
        if (gone(of, place))
            pool->free[pool->free_count++] = place;
        else
            pool->live[kept++] = place;
    }
    pool->live_count = kept;
}
