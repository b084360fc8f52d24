/* Zones as JSON, and rules over them: the text up to a NUL, behind it what a stream sees. Whatever
 * the bytes: no crash; what is taken comes out again as it went in; an alert is raised and cleared
 * in turns. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scene/alerts.h"

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
    zones_write(&w, zones);
    if (w.failed)
        abort();
    if (!read_zones(w.text, w.size, &again) || again.count != zones->count)
        abort();
    for (size_t i = 0; i < zones->count; i++)
        if (strcmp(again.items[i].name, zones->items[i].name) != 0 ||
            again.items[i].count != zones->items[i].count ||
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
        const fov_detection *found = alert_match(&rule, &box, 1, 256, 256);
        enum alert_change change = alert_step(&rule, &state, now, found != NULL);
        if ((change == ALERT_RAISED && up) || (change == ALERT_CLEARED && !up))
            abort();
        up = change == ALERT_SAME ? up : change == ALERT_RAISED;
    }
    if ((alert_end(&state, now) == ALERT_CLEARED) != up)
        abort();
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
    watch(NULL, data, size);
    return 0;
}
