/* What is known of a football frame, with all that it points to, in memory of its own. */
#ifndef FLOW_FOOTBALL_COPY_H
#define FLOW_FOOTBALL_COPY_H

#include "flow/football_internal.h"

/* Zero it before the first use. */
struct football_copy {
    fov_football_frame frame; /* points into the copy */
    fov_football_person *people;
    size_t people_room;
    fov_ball *late;
    size_t late_room;
    char names[2][FOOTBALL_NAME];
};

/* Allocates only when `from` has more people or balls than any before. False: no memory, and the
 * copy is of no use. */
bool football_copy_fill(struct football_copy *copy, const fov_football_frame *from);
void football_copy_release(struct football_copy *copy);

#endif
