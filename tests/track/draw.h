/* Numbers that look random and are the same in make_track_fixture.py. */
#ifndef TESTS_TRACK_DRAW_H
#define TESTS_TRACK_DRAW_H

#include <stdint.h>

/* 0 to 1: the 24 high bits of a linear congruential generator. */
static inline double draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0;
}

#endif
