/* Places for tracks: which are taken, in the order in which they were. */
#ifndef TRACK_PLACES_H
#define TRACK_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include <fovea/status.h>

struct places {
    int32_t *live, *free;
    size_t live_count, free_count, capacity;
};

fov_status places_create(struct places *places, size_t capacity, fov_error *error); /* FOV_ENOMEM */
void places_release(struct places *places); /* of a zeroed one as well */

/* A place, last in the order; -1: all are taken. */
int32_t places_take(struct places *places);

/* Gives back the places that `gone` says are gone; the order of the others stays. */
void places_sweep(struct places *places, int (*gone)(const void *of, int32_t place),
                  const void *of);

void places_clear(struct places *places);

#endif
