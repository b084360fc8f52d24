/* Who crosses a line: the foot points of tracks over time. Pure: the caller brings the clock and
 * the memory.
 *
 * A line leads from its first point, a, to its second, b. Seen in the picture, its right is what
 * lies on the right hand of one who looks from a to b. `in` is from left to right, `out` from right
 * to left. A map of the pitch with the camera below has the same left and right as the picture. */
#ifndef SCENE_CROSSING_H
#define SCENE_CROSSING_H

#include <stdint.h>

#include "scene/zones.h"

/* Nobody knows what a track did that was not seen for so long: it begins anew. */
#define CROSSING_GAP_NS INT64_C(2000000000)
/* A track is on a side when its foot is so far from the line, as a part of its box's height. */
#define CROSSING_REACH 0.1
#define CROSSING_REACH_LEAST_PX 2.0
/* The same on the pitch, where a px may be many metres. */
#define CROSSING_REACH_LEAST_M 0.2
#define CROSSING_REACH_MOST_M 1.5

enum {
    CROSSING_SIGHTS = 2,   /* it must be seen so often on the other side before it counts */
    CROSSING_TRACKS = 512, /* that are followed at a time; the one seen longest ago makes room */
    CROSSING_PROBES = 8    /* places of the table that a track may have */
};

enum crossing_way { CROSSING_NONE, CROSSING_IN, CROSSING_OUT };

/* A line in one unit for both axes: heights of the picture, or metres. */
struct crossing_line {
    struct zone_point a, b;
    bool y_up; /* metres: y grows away from the camera */
};

/* A track in one picture. Only where it was really seen: never a predicted place. */
struct crossing_sight {
    const fov_detection *box; /* with its track_id; below 1: left out */
    struct zone_point at;     /* its foot, in the line's unit; not a number: left out */
    double reach;             /* how far from the line it is on a side, above 0 */
    int64_t ns;               /* of the picture's capture, monotonic */
    uint64_t number;          /* of the frame */
};

/* One crossing: the track as it was in the picture in which it first stood on the other side. */
struct crossing_event {
    enum crossing_way way;
    fov_detection box; /* its score: the best one from the near side on */
    int64_t ns;
    uint64_t number;
};

struct crossing_track {
    int32_t id;           /* 0: free */
    int side;             /* it was clearly on: -1 left, 1 right, 0 not yet */
    int through;          /* passes of the line's own stretch since then, to the right */
    int beyond;           /* sights clearly on the other side since then */
    float score;          /* best since then */
    struct zone_point at; /* last seen */
    int64_t seen_ns;
    struct crossing_event pass; /* the last pass */
};

/* Of one line; {0} at first. */
struct crossing {
    struct crossing_track tracks[CROSSING_TRACKS];
};

/* Takes one sight in, in order of time for each track. CROSSING_IN or CROSSING_OUT, with `event`
 * filled, when the track has crossed: it was clearly on one side, its path since then, straight
 * from sight to sight, led through the stretch from a to b (its ends belong to it) and not around
 * it, and it was seen CROSSING_SIGHTS times clearly on the other side. What stands nearer than
 * `reach` is on neither side, so that trembling on the line counts once or not at all.
 * Thread-safety: by its owner. Blocks: no. */
enum crossing_way crossing_step(struct crossing *crossing, const struct crossing_line *line,
                                const struct crossing_sight *sight, struct crossing_event *event);

/* Forgets all tracks. */
void crossing_forget(struct crossing *crossing);

/* A line of the picture as crossing_step wants it, and a box of it. */
struct crossing_line crossing_line_in_picture(const struct zone *zone, int width, int height);
struct crossing_sight crossing_sight_in_picture(const fov_detection *box, int height);

/* The same on the pitch; `at` is where the box's foot stands. The reach in px becomes metres by
 * what the view makes of it across the line there. */
struct crossing_line crossing_line_on_pitch(const struct zone *zone);
struct crossing_sight crossing_sight_on_pitch(const fov_detection *box, struct zone_point at,
                                              const struct crossing_line *line,
                                              const fov_pitch_view *view);

#endif
