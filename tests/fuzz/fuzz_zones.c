/* Zones as JSON, and rules over them: the text up to a NUL, behind it what a stream sees. Whatever
 * the bytes: no crash; what is taken comes out again as it went in; an alert is raised and cleared
 * in turns; a track crosses a line to and fro in turns, never twice from the same side. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scene/alerts.h"
#include "scene/crossing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_zones(const char *text, size_t size, struct zones *zones)
{
    fov_error error = {0};
    json_value *json = json_parse(text, size, (size_t)1 << 20, &error);
    bool ok = json && zones_read(json, zones, &error) == FOV_OK;
    if (!ok && error.message[0] == '\0')
        abort();
    json_free(&json);
    return ok;
}

static bool same_points(const struct zone *a, const struct zone *b)
{
    bool same = true;
    for (size_t i = 0; i < a->count; i++)
        same = same && a->points[i].x == b->points[i].x && a->points[i].y == b->points[i].y;
    return same;
}

/* Written and read again it is the same. */
static void there_and_back(const struct zones *zones)
{
    static struct zones again;
    struct json_writer w = {0};
    zones_write(&w, zones, NULL);
    if (w.failed)
        abort();
    if (!read_zones(w.text, w.size, &again) || again.count != zones->count)
        abort();
    for (size_t i = 0; i < zones->count; i++)
        if (strcmp(again.items[i].name, zones->items[i].name) != 0 ||
            again.items[i].count != zones->items[i].count ||
            again.items[i].line != zones->items[i].line ||
            again.items[i].metres != zones->items[i].metres ||
            !same_points(&again.items[i], &zones->items[i]))
            abort();
    json_release(&w);
}

/* Each byte is a frame: its low bits when and where something stands. */
static void watch(const struct zone *zone, const uint8_t *bytes, size_t size)
{
    struct alert_rule rule = {
        .for_s = (int)(size % 3), .cooldown_s = (int)(size % 5), .zone = zone};
    struct alert_state state = {0};
    int64_t now = 0;
    bool up = false;
    for (size_t i = 0; i < size; i++) {
        fov_detection box = {.x1 = bytes[i], .x2 = bytes[i], .y2 = bytes[size - 1 - i], .score = 1};
        now += (bytes[i] - 8) * INT64_C(20000000);
        const struct zone_point metres = {bytes[i], bytes[size - 1 - i]};
        const struct alert_picture picture = {&box, 1, 256, 256, &metres};
        const fov_detection *found = alert_match(&rule, &picture);
        enum alert_change change = alert_step(&rule, &state, now, found != NULL);
        if ((change == ALERT_RAISED && up) || (change == ALERT_CLEARED && !up))
            abort();
        up = change == ALERT_SAME ? up : change == ALERT_RAISED;
    }
    if ((alert_end(&state, now) == ALERT_CLEARED) != up)
        abort();
}

/* Each pair of bytes is a sight of one of four tracks. Around the end of a line a track may come
 * back to its side uncounted, so only lines that divide the whole world count in turns. */
static void walk(const struct zone *zone, const uint8_t *bytes, size_t size)
{
    static struct crossing crossing;
    static const struct zone wide = {
        .line = true, .metres = true, .count = 2, .points = {{100, -10000}, {101, 10000}}};
    enum crossing_way last[5] = {CROSSING_NONE};
    const struct crossing_line line = crossing_line_on_pitch(zone && zone->line ? zone : &wide);
    int64_t now = 0, seen[5] = {0};
    crossing_forget(&crossing);
    for (size_t i = 0; i + 1 < size; i += 2) {
        struct crossing_event event;
        fov_detection box = {.y2 = bytes[i + 1], .score = 1, .track_id = 1 + bytes[i] % 4};
        struct crossing_sight sight = crossing_sight_on_pitch(
            &box, (struct zone_point){bytes[i], bytes[i + 1]}, &line, NULL);
        now += bytes[i + 1] * INT64_C(5000000);
        sight.ns = now;
        if (now - seen[box.track_id] > CROSSING_GAP_NS)
            last[box.track_id] = CROSSING_NONE; /* it may have gone back unseen */
        seen[box.track_id] = now;
        enum crossing_way way = crossing_step(&crossing, &line, &sight, &event);
        if (way != CROSSING_NONE && event.box.track_id != box.track_id)
            abort();
        if (way != CROSSING_NONE && !zone && way == last[box.track_id])
            abort();
        last[box.track_id] = way == CROSSING_NONE ? last[box.track_id] : way;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zones zones;
    size_t text = size > 0 ? strnlen((const char *)data, size) : 0;
    bool ok = read_zones((const char *)data, text, &zones);
    if (ok)
        there_and_back(&zones);
    for (size_t i = 0; ok && i < zones.count; i++)
        watch(&zones.items[i], data + text, size - text);
    for (size_t i = 0; ok && i < zones.count; i++)
        walk(&zones.items[i], data + text, size - text);
    walk(NULL, data, size);
    watch(NULL, data, size);
    return 0;
}
