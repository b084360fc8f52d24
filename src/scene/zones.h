/* Zones: named areas of a camera's picture. Coordinates are relative to the picture, 0..1 from the
 * top left, so that they outlive a change of its size. Pure: no clock, no thread, no memory of its
 * own. */
#ifndef SCENE_ZONES_H
#define SCENE_ZONES_H

#include <stdbool.h>
#include <stddef.h>

#include <fovea/detect.h>
#include <fovea/status.h>
#include "base/json.h"

enum { ZONES_MAX = 16, ZONE_POINTS_MAX = 32, ZONE_NAME_MAX = 65 };

struct zone_point {
    double x, y; /* 0..1 of the picture */
};

/* A polygon of 3 to ZONE_POINTS_MAX corners that does not cross itself, or a line of 2 points. */
struct zone {
    char name[ZONE_NAME_MAX];
    bool line; /* needs rules that use a tracker, which are not there yet: holds no box */
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

/* True when (x, y) lies in the polygon. A point on an edge or a corner is inside: a box that
 * touches the bottom of the picture counts in a zone drawn down to it. False for lines.
 * Thread-safety: safe. Blocks: no. */
bool zone_holds(const struct zone *zone, double x, double y);

/* True when the foot point of a box, the middle of its bottom edge, lies in the zone; `width` and
 * `height` are the picture's in source px. Thread-safety: safe. Blocks: no. */
bool zone_holds_box(const struct zone *zone, const fov_detection *box, int width, int height);

/* The zone of that name, NULL: none. */
const struct zone *zones_find(const struct zones *zones, const char *name);

/* ---- as JSON (zones_json.c) --------------------------------------------------------------------
 */

/* Reads [{"name", "points": [[x, y] …], "kind": "polygon" | "line"} …]; every zone is checked,
 * names differ. Coordinates are rounded to a millionth first, which is what zones_write keeps.
 * Returns FOV_EINVAL naming the place ("zones[1].points[3]: …"). Thread-safety: safe. */
fov_status zones_read(const json_value *array, struct zones *zones, fov_error *error);

/* Writes the same; each with "state": "active", of lines "needs_tracker". */
void zones_write(struct json_writer *w, const struct zones *zones);

#endif
