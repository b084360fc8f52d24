/* Zones as JSON: what the page sends and the state folder keeps. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "scene/zones.h"

/* The digits that zones_write keeps: what is checked is what will be read again. */
static double kept(const struct zone *zone, double value)
{
    return zone_has_room_for(zone, value) ? round(value * 1e6) / 1e6 : value;
}

static fov_status read_points(const json_value *array, struct zone *zone, size_t index,
                              fov_error *error)
{
    size_t i = 0;
    if (!json_is_array(array) || json_count(array) > ZONE_POINTS_MAX)
        return fov_fail(error, FOV_EINVAL,
                        "zones[%zu].points: a list of 3 to %d points [x, y] is expected", index,
                        ZONE_POINTS_MAX);
    for (const json_value *at = json_at(array, 0); at; at = json_next(at), i++) {
        struct zone_point *point = &zone->points[i];
        if (!json_is_array(at) || json_count(at) != 2 || !json_number(json_at(at, 0), &point->x) ||
            !json_number(json_at(at, 1), &point->y))
            return fov_fail(error, FOV_EINVAL,
                            "zones[%zu].points[%zu]: two numbers [x, y] are expected", index, i);
        *point = (struct zone_point){kept(zone, point->x), kept(zone, point->y)};
    }
    zone->count = i;
    return FOV_OK;
}

static fov_status read_kind(const json_value *value, struct zone *zone, size_t index,
                            fov_error *error)
{
    const char *kind = "polygon";
    if (json_has(value, "kind") && !json_get_string(value, "kind", &kind))
        kind = "";
    zone->line = strcmp(kind, "line") == 0;
    if (!zone->line && strcmp(kind, "polygon") != 0)
        return fov_fail(error, FOV_EINVAL, "zones[%zu].kind: \"polygon\" or \"line\" is expected",
                        index);
    return FOV_OK;
}

static fov_status read_space(const json_value *value, struct zone *zone, size_t index,
                             fov_error *error)
{
    const char *space = "picture";
    if (json_has(value, "space") && !json_get_string(value, "space", &space))
        space = "";
    zone->metres = strcmp(space, "pitch_m") == 0;
    if (!zone->metres && strcmp(space, "picture") != 0)
        return fov_fail(error, FOV_EINVAL,
                        "zones[%zu].space: \"picture\" or \"pitch_m\" is expected", index);
    return FOV_OK;
}

static fov_status read_zone(const json_value *value, const struct zones *before, struct zone *zone,
                            fov_error *error)
{
    size_t index = before->count;
    const char *name;
    fov_error reason = {0};
    if (!json_is_object(value) || !json_get_string(value, "name", &name) ||
        strlen(name) >= sizeof zone->name)
        return fov_fail(error, FOV_EINVAL, "zones[%zu].name: a text of 1 to 64 bytes is expected",
                        index);
    text_copy(zone->name, sizeof zone->name, name);
    fov_status status = read_kind(value, zone, index, error);
    if (status == FOV_OK)
        status = read_space(value, zone, index, error);
    if (status == FOV_OK)
        status = read_points(json_get(value, "points"), zone, index, error);
    if (status != FOV_OK)
        return status;
    if (zone_check(zone, &reason) != FOV_OK)
        return fov_fail(error, FOV_EINVAL, "zones[%zu]: %s", index, reason.message);
    if (zones_find(before, zone->name))
        return fov_fail(error, FOV_EINVAL, "zones[%zu].name: %s is there already", index,
                        zone->name);
    return FOV_OK;
}

fov_status zones_read(const json_value *array, struct zones *zones, fov_error *error)
{
    zones->count = 0;
    if (!json_is_array(array) || json_count(array) > ZONES_MAX)
        return fov_fail(error, FOV_EINVAL, "zones: a list of at most %d is expected", ZONES_MAX);
    for (const json_value *at = json_at(array, 0); at; at = json_next(at)) {
        fov_status status = read_zone(at, zones, &zones->items[zones->count], error);
        if (status != FOV_OK)
            return status;
        zones->count++;
    }
    return FOV_OK;
}

const char *zone_state(const struct zone *zone, const struct zones_known *known)
{
    if (zone->line && !known->tracker)
        return "needs_tracker";
    return zone->metres && !known->view ? "needs_homography" : "active";
}

void zones_write(struct json_writer *w, const struct zones *zones, const struct zones_known *known)
{
    json_array_begin(w);
    for (size_t i = 0; zones && i < zones->count; i++) {
        const struct zone *zone = &zones->items[i];
        json_object_begin(w);
        json_add_string(w, "name", zone->name);
        json_add_string(w, "kind", zone->line ? "line" : "polygon");
        json_add_string(w, "space", zone->metres ? "pitch_m" : "picture");
        json_name(w, "points");
        json_array_begin(w);
        for (size_t k = 0; k < zone->count; k++) {
            json_array_begin(w);
            json_put_number(w, zone->points[k].x, 6);
            json_put_number(w, zone->points[k].y, 6);
            json_array_end(w);
        }
        json_array_end(w);
        if (known)
            json_add_string(w, "state", zone_state(zone, known));
        json_object_end(w);
    }
    json_array_end(w);
}
