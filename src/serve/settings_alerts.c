/* What has a shape of its own in a settings file: `alerts:`, the zones of a camera, webhooks. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/settings_load.h"

static bool is_empty(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->text[0] == '\0' && !node->quoted;
}

static size_t count_of(const struct yaml_node *node)
{
    size_t count = 0;
    for (const struct yaml_node *at = node->child; at; at = at->next)
        count++;
    return count;
}

/* ---- zones ----------------------------------------------------------------------------------- */

static bool read_number(const struct yaml_node *node, double *value)
{
    return node && node->kind == YAML_SCALAR && text_to_double(node->text, -1e9, 1e9, value);
}

static bool read_points(struct settings_load *load, const char *key, const struct yaml_node *list,
                        struct zone *zone)
{
    struct settings_place place = {.node = list};
    if (list->kind != YAML_LIST || count_of(list) > ZONE_POINTS_MAX) {
        settings_wrong(load, &place, key, "a list of at most %d points [x, y] is expected",
                       ZONE_POINTS_MAX);
        return false;
    }
    for (const struct yaml_node *at = list->child; at; at = at->next) {
        struct zone_point *point = &zone->points[zone->count++];
        const struct yaml_node *x = at->kind == YAML_LIST ? at->child : NULL;
        if (!read_number(x, &point->x) || !read_number(x->next, &point->y) || x->next->next) {
            place.node = at;
            settings_wrong(load, &place, key, "two numbers [x, y] are expected");
            return false;
        }
    }
    return true;
}

/* {polygon: points} or {line: points}, with {space: pitch_m}; NULL: neither. */
static const struct yaml_node *read_shape(const struct yaml_node *map, struct zone *zone)
{
    const struct yaml_node *points = NULL;
    for (const struct yaml_node *at = map->child; at; at = at->next) {
        bool line = strcmp(at->key, "line") == 0, space = strcmp(at->key, "space") == 0;
        bool metres = space && at->kind == YAML_SCALAR && strcmp(at->text, "pitch_m") == 0;
        if (space && !metres && (at->kind != YAML_SCALAR || strcmp(at->text, "picture") != 0))
            return NULL;
        zone->metres |= metres;
        if (space)
            continue;
        if (points || (!line && strcmp(at->key, "polygon") != 0))
            return NULL;
        zone->line = line;
        points = at;
    }
    return points;
}

/* One zone: a list of points, or a map as above. */
static void read_zone(struct settings_load *load, const char *shown, const struct yaml_node *node,
                      struct zones *zones)
{
    struct zone *zone = &zones->items[zones->count];
    struct settings_place place = {.node = node};
    const struct yaml_node *points = node;
    fov_error reason = {0};
    char key[240];
    *zone = (struct zone){0};
    snprintf(key, sizeof key, "%s.%.64s", shown, node->key);
    if (strlen(node->key) < sizeof zone->name)
        text_copy(zone->name, sizeof zone->name, node->key);
    if (node->kind == YAML_MAP) {
        points = read_shape(node, zone);
        if (!points) {
            settings_wrong(load, &place, key,
                           "points, {polygon: points} or {line: points} are expected, with "
                           "space: pitch_m when they are metres");
            return;
        }
    }
    if (!read_points(load, key, points, zone))
        return;
    if (zone_check(zone, &reason) != FOV_OK)
        settings_wrong(load, &place, key, "%s", reason.message);
    else
        zones->count++;
}

void settings_set_zones(struct settings_load *load, const char *key, const struct yaml_node *node,
                        const struct zones **value)
{
    struct settings_place place = {.node = node};
    *value = NULL;
    if (is_empty(node))
        return;
    if (node->kind != YAML_MAP || count_of(node) > ZONES_MAX) {
        settings_wrong(load, &place, key, "names with points are expected, at most %d", ZONES_MAX);
        return;
    }
    struct zones *zones = settings_keep(load, calloc(1, sizeof *zones));
    for (const struct yaml_node *at = node->child; zones && at; at = at->next)
        read_zone(load, key, at, zones);
    *value = zones;
}

/* ---- webhooks ---------------------------------------------------------------------------------
 */

static bool url_ok(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    return scheme > 0 && strcspn(url + scheme, "/?#") > 0 && strlen(url) <= WEBHOOK_URL_MAX &&
           !strpbrk(url, " \"<>\\^`{|}") && settings_is_line(url);
}

static void set_member(struct settings_load *load, const char *key, const struct yaml_node *node,
                       struct settings_webhook *hook)
{
    static const struct settings_row row = {.kind = SET_TEXT, .most = WEBHOOK_URL_MAX};
    static const char *const names[] = {"url", "secret"};
    char shown[200];
    snprintf(shown, sizeof shown, "%s.%.40s", key, node->key);
    if (strcmp(node->key, "url") == 0)
        settings_set_node(load, &row, shown, node, &hook->url);
    else if (strcmp(node->key, "secret") == 0)
        settings_set_node(load, &row, shown, node, &hook->secret);
    else {
        const char *near = text_nearest(node->key, names, 2);
        settings_note_at(&load->report, node->key_line, node->key_column,
                         "%s: no such setting%s%s%s", shown, near ? ", did you mean " : "",
                         near ? near : "", near ? "?" : "");
    }
}

static void read_hook(struct settings_load *load, const char *key, const struct yaml_node *node,
                      struct settings_webhooks *hooks)
{
    struct settings_webhook *hook = &hooks->items[hooks->count];
    struct settings_place place = {.node = node};
    if (node->kind == YAML_SCALAR)
        hook->url = settings_keep_text(load, node->text);
    for (const struct yaml_node *at = node->kind == YAML_MAP ? node->child : NULL; at;
         at = at->next)
        set_member(load, key, at, hook);
    if (hook->url && url_ok(hook->url))
        hooks->count++;
    else
        settings_wrong(load, &place, key,
                       "an http:// or https:// URL is expected, alone or as "
                       "{url: …, secret: …}");
}

void settings_set_webhooks(struct settings_load *load, const char *key,
                           const struct yaml_node *node, struct settings_webhooks *hooks)
{
    struct settings_place place = {.node = node};
    size_t count = node->kind == YAML_LIST ? count_of(node) : 1;
    *hooks = (struct settings_webhooks){0};
    if (is_empty(node))
        return;
    if (count > WEBHOOKS_MAX) {
        settings_wrong(load, &place, key, "at most %d webhooks a rule", WEBHOOKS_MAX);
        return;
    }
    hooks->items = settings_keep(load, calloc(count + 1, sizeof *hooks->items));
    if (!hooks->items)
        return;
    if (node->kind != YAML_LIST)
        read_hook(load, key, node, hooks);
    else
        for (const struct yaml_node *at = node->child; at; at = at->next)
            read_hook(load, key, at, hooks);
}

/* ---- alerts -----------------------------------------------------------------------------------
 */

static bool named_before(const struct settings *s, const char *name)
{
    for (size_t i = 0; i + 1 < s->alerts.count; i++)
        if (s->alerts.items[i].name && strcmp(s->alerts.items[i].name, name) == 0)
            return true;
    return false;
}

static void read_alert(struct settings_load *load, const struct yaml_node *node)
{
    struct settings *s = load->settings;
    struct settings_alert *alert = &s->alerts.items[s->alerts.count++];
    struct settings_place place = {.node = node};
    char shown[48];
    snprintf(shown, sizeof shown, "alerts[%zu].", s->alerts.count - 1);
    struct settings_group group = {settings_alert_rows, settings_alert_row_count, alert, shown,
                                   false};
    settings_init_rows(load, &group);
    settings_apply_map(load, &group, node);
    shown[strlen(shown) - 1] = '\0';
    if (alert->zone && !alert->zone[0])
        alert->zone = NULL;
    if (node->kind != YAML_MAP && !is_empty(node))
        return; /* it was said */
    if (!alert->name || !alert->name[0])
        settings_wrong(load, &place, shown, "name is missing");
    else if (named_before(s, alert->name))
        settings_wrong(load, &place, shown, "a rule named %s is there already", alert->name);
}

void settings_apply_alerts(struct settings_load *load, const struct yaml_node *list)
{
    struct settings *s = load->settings;
    struct settings_place place = {.node = list};
    if (is_empty(list))
        return;
    if (list->kind != YAML_LIST || count_of(list) > ALERTS_MAX) {
        settings_wrong(load, &place, "alerts", "a list of rules is expected, at most %d",
                       ALERTS_MAX);
        return;
    }
    s->alerts.items = settings_keep(load, calloc(count_of(list) + 1, sizeof *s->alerts.items));
    for (const struct yaml_node *at = list->child; s->alerts.items && at; at = at->next)
        read_alert(load, at);
}

/* ---- what rules and zones must fulfil together ------------------------------------------------
 */

bool settings_alert_watches(const struct settings_alert *alert, const char *camera)
{
    bool found = alert->cameras.count == 0;
    for (size_t i = 0; i < alert->cameras.count; i++)
        found |= strcmp(alert->cameras.items[i], camera) == 0;
    return found;
}

double settings_alert_cooldown(const struct settings_alert *alert, bool line)
{
    return alert->cooldown >= 0 ? alert->cooldown : line ? 0 : 60;
}

/* What of a rule does not go with its zone. */
static void note_words(struct settings_load *load, const struct settings_alert *alert, size_t index,
                       const struct settings_camera *camera, const struct zone *zone)
{
    const char *file = load->report.file;
    if (zone->line && !settings_camera_has_names(camera))
        settings_note(&load->report, false,
                      "%s: alerts[%zu].zone: %s is a line, and camera %s has no tracker (tracker: "
                      "botsort gives it one): the rule rests where the stream has none",
                      file, index, zone->name, camera->name);
    if (zone->metres && camera->kind != CAMERA_FOOTBALL)
        settings_note(&load->report, false,
                      "%s: alerts[%zu].zone: %s is in metres, and camera %s is not of kind: "
                      "football: the rule rests where the view of the pitch is not known",
                      file, index, zone->name, camera->name);
    if (zone->line && alert->for_seconds > 0)
        settings_note(&load->report, false,
                      "%s: alerts[%zu].for_seconds: %s is a line, which is crossed in a moment",
                      file, index, zone->name);
    if (!zone->line && alert->direction != DIRECTION_BOTH)
        settings_note(&load->report, false,
                      "%s: alerts[%zu].direction: %s is no line, nothing goes in or out", file,
                      index, zone->name);
}

static void note_zone(struct settings_load *load, const struct settings_alert *alert, size_t index)
{
    const struct settings *s = load->settings;
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < s->cameras.count; i++) {
        const struct zones *zones = s->cameras.items[i].zones;
        if (!settings_alert_watches(alert, s->cameras.items[i].name))
            continue;
        for (size_t k = 0; zones && k < zones->count; k++) {
            const struct zone *zone = &zones->items[k];
            if (strcmp(zone->name, alert->zone) == 0) {
                note_words(load, alert, index, &s->cameras.items[i], zone);
                return;
            }
            if (count < sizeof names / sizeof *names)
                names[count++] = zone->name;
        }
    }
    const char *near = text_nearest(alert->zone, names, count);
    settings_note(
        &load->report, false,
        "%s: alerts[%zu].zone: no camera of this file has a zone %s%s%s%s; zones that are "
        "drawn on a camera's page /zones/NAME count too",
        load->report.file, index, alert->zone, near ? ", did you mean " : "", near ? near : "",
        near ? "?" : "");
}

void settings_check_alerts(struct settings_load *load)
{
    for (size_t i = 0; i < load->settings->alerts.count; i++)
        if (load->settings->alerts.items[i].zone)
            note_zone(load, &load->settings->alerts.items[i], i);
}
