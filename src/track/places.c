#include "track/places.h"

#include <stdlib.h>

fov_status places_create(struct places *places, size_t capacity, fov_error *error)
{
    *places = (struct places){.capacity = capacity};
    places->live = calloc(capacity, sizeof *places->live);
    places->free = calloc(capacity, sizeof *places->free);
    if (!places->live || !places->free)
        return fov_fail(error, FOV_ENOMEM, "no memory for %zu tracks", capacity);
    places_clear(places);
    return FOV_OK;
}

void places_release(struct places *places)
{
    free(places->live);
    free(places->free);
    *places = (struct places){0};
}

void places_clear(struct places *places)
{
    places->live_count = 0;
    places->free_count = places->capacity;
    for (size_t i = 0; i < places->capacity; i++)
        places->free[i] = (int32_t)(places->capacity - 1 - i);
}

int32_t places_take(struct places *places)
{
    if (!places->free_count)
        return -1;
    int32_t place = places->free[--places->free_count];
    places->live[places->live_count++] = place;
    return place;
}

void places_sweep(struct places *places, int (*gone)(const void *of, int32_t place), const void *of)
{
    size_t kept = 0;
    for (size_t i = 0; i < places->live_count; i++) {
        int32_t place = places->live[i];
        if (gone(of, place))
            places->free[places->free_count++] = place;
        else
            places->live[kept++] = place;
    }
    places->live_count = kept;
}
