/* What is drawn of a match: grass and lines, goals, boards, the crowd, people and the ball. */
#ifndef MEDIA_FOOTBALL_SCENE_H
#define MEDIA_FOOTBALL_SCENE_H

#include "media/football_camera.h"

#define GRASS_TEXELS 24   /* a metre */
#define STANDS_SIDE 10.0  /* m from the goal lines to the stands behind them */
#define STANDS_FAR 8.0    /* m from the far touch line to the stand */
#define GRASS_MARGIN 20.0 /* m of grass around the pitch; more than can be seen */
#define GRASS_SIDE 512    /* texels of the square that repeats */

enum {
    GRASS_COLUMNS = (int)((FOOTBALL_LENGTH + 2 * GRASS_MARGIN) * GRASS_TEXELS),
    GRASS_LEVELS = 4
};

/* Colours along the pitch, one entry a texel; [1] inside of the touch lines, [0] outside. */
struct grass {
    struct paint_colour columns[2][GRASS_COLUMNS];
    uint8_t luma[2][GRASS_COLUMNS];
    int8_t blades[GRASS_LEVELS][GRASS_SIDE * GRASS_SIDE]; /* [i]: mean of 2^i texels in depth */
};

/* A picture that repeats over a plane. */
struct texture {
    uint8_t *plane[3]; /* all of the same size */
    int bits_u, bits_v;
    double texels; /* a metre */
};

struct scene {
    struct grass grass;
    struct texture crowd, boards;
    uint32_t seed;
};

/* NULL: no memory. */
struct scene *scene_create(uint32_t seed);
void scene_destroy(struct scene **scene);

void grass_grow(struct grass *grass, uint32_t seed);
void grass_draw(const struct grass *grass, struct paint *p, const struct camera *c);
void lines_draw(struct paint *p, const struct camera *c);

fov_status stands_build(struct scene *scene);
void stands_free(struct scene *scene);
void stands_draw(const struct scene *scene, struct paint *p, const struct camera *c);
void goals_draw(struct paint *p, const struct camera *c);

/* A number that depends on the place and the seed alone. */
static inline uint32_t scene_noise(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t h = x * 0x85EBCA6Bu ^ y * 0xC2B2AE35u ^ seed * 0x27D4EB2Fu;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return h ^ h >> 15;
}

/* ---- people (football_figure.c) --------------------------------------------------------------
 */

struct figure {
    double at[2], facing[2], speed, stride, height;
    int number; /* 0: none */
    struct paint_colour shirt, sleeve, shorts, socks, skin, hair, print;
};

/* Who somebody is to look at, but for where and how. `kits`: which pair of teams. */
void figure_dress(struct figure *f, int person, uint32_t seed);

/* Shirt number of a person, 0: none. */
int figure_number(int person);

void figure_shadow(struct paint *p, const struct camera *c, const struct figure *f);

/* Draws, and says what box it fills. */
struct paint_box figure_draw(struct paint *p, const struct camera *c, const struct figure *f);

void ball_shadow(struct paint *p, const struct camera *c, const double at[3]);
void ball_draw(struct paint *p, const struct camera *c, const double at[3]);

#endif
