/* Zones: named areas and lines of a camera's picture, or of the pitch that it shows. Coordinates
 * are relative to the picture, 0..1 from the top left, so that they outlive a change of its size;
 * or metres on the pitch (<fovea/pitch.h>), so that they outlive a turn of the camera. Pure: no
 * clock, no thread, no memory of its own. */
#ifndef SCENE_ZONES_H
#define SCENE_ZONES_H

#include <stdbool.h>
#include <stddef.h>

#include <fovea/detect.h>
#include <fovea/pitch.h>
#include <fovea/status.h>
#include "base/json.h"

enum { ZONES_MAX = 16, ZONE_POINTS_MAX = 32, ZONE_NAME_MAX = 65 };

/* Metres that a zone may have: a pitch with its surroundings. */
#define ZONE_METRES_LEAST (-20.0)
#define ZONE_METRES_MOST 170.0

struct zone_point {
    double x, y; /* 0..1 of the picture, or metres */
};

/* A polygon of 3 to ZONE_POINTS_MAX corners that does not cross itself, or a line of 2 points. */
struct zone {
    char name[ZONE_NAME_MAX];
    bool line;   /* holds no box: what counts is who crosses it (scene/crossing.h) */
    bool metres; /* points are metres on the pitch */
    size_t count;
    struct zone_point points[ZONE_POINTS_MAX];
};

struct zones {
    size_t count;
    struct zone items[ZONES_MAX];
};

/* Checks one zone: its name (1 to 64 bytes, no control characters, no slash), the number of points,
 * their range, that no point repeats, that it encloses an area and neither crosses nor touches
 * itself. Returns FOV_EINVAL with a sentence that names the points (counted from 1).
 * Thread-safety: safe. Blocks: no. */
fov_status zone_check(const struct zone *zone, fov_error *error);

/* True when (x, y), in the zone's own unit, lies in the polygon. A point on an edge or a corner is
 * inside: a box that touches the bottom of the picture counts in a zone drawn down to it. False for
 * lines. Thread-safety: safe. Blocks: no. */
bool zone_holds(const struct zone *zone, double x, double y);

/* True when the foot point of a box, the middle of its bottom edge, lies in the zone; `width` and
 * `height` are the picture's in source px. False for zones in metres. Thread-safety: safe. Blocks:
 * no. */
bool zone_holds_box(const struct zone *zone, const fov_detection *box, int width, int height);

/* Whether a coordinate may be one of the zone's. */
static inline bool zone_has_room_for(const struct zone *zone, double value)
{
    return zone->metres ? value >= ZONE_METRES_LEAST && value <= ZONE_METRES_MOST
                        : value >= 0 && value <= 1;
}

/* The foot point of a box in px. */
struct zone_point zone_foot_px(const fov_detection *box);

/* Where the foot points of `count` boxes stand on the pitch; not a number for those at the horizon
 * and above it. Thread-safety: safe. Blocks: no. */
void zones_to_metres(const fov_pitch_view *view, const fov_detection *boxes, size_t count,
                     struct zone_point *metres);

/* The zone of that name, NULL: none. */
const struct zone *zones_find(const struct zones *zones, const char *name);

/* ---- as JSON (zones_json.c) --------------------------------------------------------------------
 */

/* What a camera's stream has by now, for the states of zones and rules. */
struct zones_known {
    bool tracker; /* boxes have names in time */
    bool view;    /* it is known which part of the pitch the picture shows */
};

/* "active", or what the zone lacks: "needs_tracker", "needs_homography". */
const char *zone_state(const struct zone *zone, const struct zones_known *known);

/* Reads [{"name", "points": [[x, y] …], "kind": "polygon" | "line", "space": "picture" |
 * "pitch_m"} …]; every zone is checked, names differ. Coordinates are rounded to a millionth first,
 * which is what zones_write keeps. Returns FOV_EINVAL naming the place ("zones[1].points[3]: …").
 * Thread-safety: safe. */
fov_status zones_read(const json_value *array, struct zones *zones, fov_error *error);

/* Writes the same; each with its "state" when `known` is not NULL. */
void zones_write(struct json_writer *w, const struct zones *zones, const struct zones_known *known);

#endif
