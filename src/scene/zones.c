/* Point in polygon, and which polygons are refused. */
#include "scene/zones.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* Nearer than this to an edge is on it: a millionth of a pixel or of a millimetre, far above
 * rounding. */
#define ON_EDGE 1e-9

static bool same(struct zone_point a, struct zone_point b)
{
    return fabs(a.x - b.x) < ON_EDGE && fabs(a.y - b.y) < ON_EDGE;
}

/* Distance of p from the line through a and b, signed, times the length of ab. */
static double side(struct zone_point a, struct zone_point b, struct zone_point p)
{
    return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

static bool on_segment(struct zone_point a, struct zone_point b, struct zone_point p)
{
    if (p.x < fmin(a.x, b.x) - ON_EDGE || p.x > fmax(a.x, b.x) + ON_EDGE ||
        p.y < fmin(a.y, b.y) - ON_EDGE || p.y > fmax(a.y, b.y) + ON_EDGE)
        return false; /* nearly always, and cheap */
    return fabs(side(a, b, p)) <= ON_EDGE * hypot(b.x - a.x, b.y - a.y);
}

/* Whether two segments share a point. */
static bool meet(struct zone_point a, struct zone_point b, struct zone_point c, struct zone_point d)
{
    if (on_segment(a, b, c) || on_segment(a, b, d) || on_segment(c, d, a) || on_segment(c, d, b))
        return true;
    return (side(a, b, c) > 0) != (side(a, b, d) > 0) && (side(c, d, a) > 0) != (side(c, d, b) > 0);
}

/* Corner `i` folds back on its own edge: both neighbours lie on one ray from it. */
static bool folds(const struct zone *zone, size_t i)
{
    size_t n = zone->count;
    struct zone_point before = zone->points[(i + n - 1) % n], at = zone->points[i],
                      after = zone->points[(i + 1) % n];
    return on_segment(at, before, after) || on_segment(at, after, before);
}

static fov_status check_edges(const struct zone *zone, fov_error *error)
{
    size_t n = zone->count;
    const struct zone_point *p = zone->points;
    for (size_t i = 0; i < n; i++)
        if (folds(zone, i))
            return fov_fail(error, FOV_EINVAL, "point %zu folds back onto its own edge", i + 1);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 2; k < n; k++) {
            bool neighbours = i == 0 && k == n - 1;
            if (!neighbours && meet(p[i], p[i + 1], p[k], p[(k + 1) % n]))
                return fov_fail(error, FOV_EINVAL,
                                "the zone crosses itself: edge %zu-%zu meets edge %zu-%zu", i + 1,
                                i + 2, k + 1, (k + 1) % n + 1);
        }
    }
    return FOV_OK;
}

static fov_status check_points(const struct zone *zone, fov_error *error)
{
    for (size_t i = 0; i < zone->count; i++) {
        struct zone_point at = zone->points[i];
        if (!zone_has_room_for(zone, at.x) || !zone_has_room_for(zone, at.y))
            return fov_fail(error, FOV_EINVAL,
                            zone->metres ? "point %zu is far from any pitch: x and y are metres, "
                                           "-20 to 170"
                                         : "point %zu is outside of the picture: x and y are "
                                           "shares of its width and height, 0 to 1",
                            i + 1);
        for (size_t k = 0; k < i; k++)
            if (same(at, zone->points[k]))
                return fov_fail(error, FOV_EINVAL, "point %zu repeats point %zu", i + 1, k + 1);
    }
    return FOV_OK;
}

static bool name_ok(const char *name)
{
    size_t length = strnlen(name, ZONE_NAME_MAX);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127 || name[i] == '/')
            return false;
    return length >= 1 && length < ZONE_NAME_MAX && text_is_utf8((const uint8_t *)name, length);
}

fov_status zone_check(const struct zone *zone, fov_error *error)
{
    if (!name_ok(zone->name))
        return fov_fail(error, FOV_EINVAL,
                        "a name has 1 to 64 bytes, no slash and no control characters");
    if (zone->line ? zone->count != 2 : zone->count < 3 || zone->count > ZONE_POINTS_MAX)
        return fov_fail(error, FOV_EINVAL, "%s, not %zu",
                        zone->line ? "a line has 2 points" : "a zone has 3 to 32 points",
                        zone->count);
    fov_status status = check_points(zone, error);
    return status || zone->line ? status : check_edges(zone, error);
}

bool zone_holds(const struct zone *zone, double x, double y)
{
    struct zone_point at = {x, y};
    bool inside = false;
    if (zone->line)
        return false;
    for (size_t i = 0, k = zone->count - 1; i < zone->count; k = i++) {
        struct zone_point a = zone->points[k], b = zone->points[i];
        if (on_segment(a, b, at))
            return true;
        /* Edges that a ray to the right crosses; one end of each belongs to it, the other not. */
        if ((a.y > y) != (b.y > y) && x < a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x))
            inside = !inside;
    }
    return inside;
}

bool zone_holds_box(const struct zone *zone, const fov_detection *box, int width, int height)
{
    if (width <= 0 || height <= 0 || zone->metres)
        return false;
    struct zone_point foot = zone_foot_px(box);
    return zone_holds(zone, foot.x / width, foot.y / height);
}

struct zone_point zone_foot_px(const fov_detection *box)
{
    return (struct zone_point){((double)box->x1 + (double)box->x2) / 2, (double)box->y2};
}

void zones_to_metres(const fov_pitch_view *view, const fov_detection *boxes, size_t count,
                     struct zone_point *metres)
{
    for (size_t i = 0; i < count; i++) {
        struct zone_point foot = zone_foot_px(&boxes[i]);
        double px[2] = {foot.x, foot.y}, pitch[2];
        metres[i] = (struct zone_point){(double)NAN, (double)NAN};
        if (fov_pitch_to_metres(view, px, pitch))
            metres[i] = (struct zone_point){pitch[0], pitch[1]};
    }
}

const struct zone *zones_find(const struct zones *zones, const char *name)
{
    for (size_t i = 0; zones && i < zones->count; i++)
        if (strcmp(zones->items[i].name, name) == 0)
            return &zones->items[i];
    return NULL;
}
