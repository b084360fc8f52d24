/* Random numbers for simulations: the same seed gives the same ones everywhere. */
#ifndef TESTS_RANDOM_NUMBERS_H
#define TESTS_RANDOM_NUMBERS_H

#include <math.h>
#include <stdint.h>

/* 0 <= number < 1, the next of splitmix64. */
static inline double random_share(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static inline double random_between(uint64_t *state, double least, double most)
{
    return least + (most - least) * random_share(state);
}

/* Of deviation 1: one of Box and Muller's two (1958). */
static inline double random_normal(uint64_t *state)
{
    double u = random_share(state), v = random_share(state);
    return sqrt(-2 * log(u + 1e-300)) * cos(2 * M_PI * v);
}

#endif
