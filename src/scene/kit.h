/* What a player wears, as a few numbers: the torso's colour without the grass behind it. */
#ifndef SCENE_KIT_H
#define SCENE_KIT_H

#include "scene/turf.h"

enum { KIT_HUES = 8, KIT_SIZE = 3 + KIT_HUES };

/* Where a player stands, as far as the ground beside the feet shows. */
enum kit_stand { KIT_FEET_UNSEEN, KIT_ON_TURF, KIT_OFF_TURF };

/* Units of L*a*b*: a, b, weighted l, then how much of the torso has each of eight hues. */
struct kit {
    float values[KIT_SIZE];
    float clear; /* 0..1: how well it was to be seen; 0: not at all */
    enum kit_stand stand;
};

/* Of the torso in a box (px of the picture). Where the ground beside the feet is to be seen, its
 * light tells how much of `daylight` (linear, of ground in the usual light) comes there. False: too
 * small, or outside of the picture. */
bool kit_of(struct kit *kit, const struct lab_tables *tables, const fov_image *image,
            const struct turf_box *box, const struct turf *turf, float daylight);

/* What a shirt of one colour (0xRRGGBB) would give. */
void kit_of_colour(struct kit *kit, const struct lab_tables *tables, uint32_t colour);

/* The colour that it is most like, as 0xRRGGBB. */
uint32_t kit_colour(const float values[KIT_SIZE]);

#endif
