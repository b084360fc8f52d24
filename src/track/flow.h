/* Following a point from one picture to the next: pyramidal Lucas-Kanade (Lucas, Kanade 1981;
 * Bouguet 2000) on windows of 16 x 16 px (the outer ones only for gradients), blind to a change
 * of brightness as a whole. Whole numbers inside, so that every processor gives the same bits. */
#ifndef TRACK_FLOW_H
#define TRACK_FLOW_H

#include "track/pyramid.h"

/* Finds in `to` what `from` shows around the point `at` (continuous px of level 0). `found` is
 * where it is looked for first, and then where it is. `levels`: how many to use, the largest
 * pictures first, at most those there are. False: it has left the picture, or there is nothing to
 * hold on to. */
bool flow_follow(const struct pyramid *from, const struct pyramid *to, int levels,
                 const float at[2], float found[2]);

/* Mean difference of levels (0..255) between the windows around both points, but for their means.
 */
float flow_difference(const struct pyramid *from, const struct pyramid *to, const float at[2],
                      const float found[2]);

#endif
