/* The lines of a stream, each with the tracks that are near it. */
#ifndef SERVE_LANES_H
#define SERVE_LANES_H

#include "scene/alerts.h"
#include "scene/crossing.h"

struct lane;

struct lanes {
    struct lane *items;
    size_t count;
    double shape; /* width by height of the pictures so far; 0: none */
};

/* The lines among `zones` (may be NULL). Those that are as in `old` keep their tracks. Without
 * memory there are none. */
struct lanes lanes_make(const struct zones *zones, const struct lanes *old);
void lanes_free(struct lanes *lanes);

/* Whether any of them is in metres. */
bool lanes_in_metres(const struct lanes *lanes);

/* What a frame is beside its picture. */
struct lanes_time {
    int64_t ns; /* monotonic */
    uint64_t number;
    const fov_pitch_view *view; /* NULL: not known; lines in metres rest */
};

/* Takes a frame in; calls `crossed` for each crossing. Blocks: no. */
void lanes_see(struct lanes *lanes, const struct alert_picture *picture,
               const struct lanes_time *time,
               void (*crossed)(void *user, const struct zone *line,
                               const struct crossing_event *event),
               void *user);

#endif
