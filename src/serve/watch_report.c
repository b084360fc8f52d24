/* What others ask about rules and lines. Loop thread. */
#include <string.h>

#include "base/text.h"
#include "serve/watch_internal.h"
#include "serve/zone_book.h"

uint64_t watch_raised(const struct server *server)
{
    return server->watches ? server->watches->raised : 0;
}

uint64_t watch_crossed(const struct server *server)
{
    return server->watches ? server->watches->crossed : 0;
}

struct zones_known watch_known(struct server *server, const char *stream)
{
    const struct settings_camera *camera = settings_find_camera(server->settings, stream);
    for (const struct watch *w = server->watches->first; w; w = w->next)
        if (strcmp(w->stream, stream) == 0)
            return (struct zones_known){w->tracker, atomic_load(&w->view)};
    return (struct zones_known){.tracker = settings_camera_has_names(camera)};
}

void watch_write_lines(struct server *server, const char *stream, struct json_writer *w)
{
    struct zones_known known = watch_known(server, stream);
    tally_write(server->watches->tallies, stream, zone_book_find(server, stream, NULL), &known,
                server->watches->epoch_ms, w);
}

bool watch_reset_lines(struct server *server, const char *stream, const char *line)
{
    const struct zones *zones = zone_book_find(server, stream, NULL);
    bool found = false;
    for (size_t i = 0; zones && i < zones->count; i++) {
        const struct zone *zone = &zones->items[i];
        if (!zone->line || (line && strcmp(zone->name, line) != 0))
            continue;
        tally_reset(&server->watches->tallies, stream, zone->name);
        found = true;
    }
    return found;
}

void watch_write_rules(struct server *server, const char *stream, struct json_writer *w)
{
    static const char *const directions[] = {"both", "in", "out"};
    const struct settings *s = server->settings;
    const struct zones *zones = zone_book_find(server, stream, NULL);
    struct zones_known known = watch_known(server, stream);
    json_array_begin(w);
    for (size_t i = 0; i < s->alerts.count; i++) {
        const struct settings_alert *alert = &s->alerts.items[i];
        const struct zone *zone;
        if (!settings_alert_watches(alert, stream))
            continue;
        bool found = watch_find_zone(alert, zones, &zone);
        json_object_begin(w);
        json_add_string(w, "name", alert->name);
        json_add_string(w, "zone", alert->zone);
        if (zone && zone->line)
            json_add_string(w, "direction", directions[alert->direction]);
        json_add_string(w, "state",
                        !found ? "no_such_zone"
                        : zone ? zone_state(zone, &known)
                               : "active");
        json_object_end(w);
    }
    json_array_end(w);
}

static void ignore_class(void *user, int32_t id)
{
    (void)user;
    (void)id;
}

static bool any_model_has(struct server *server, const char *name)
{
    fov_model *model;
    bool found = sights_find_class(NULL, name, ignore_class, NULL); /* football's own */
    for (size_t i = 0; !found && (model = fov_workers_model_at(server->workers, i, NULL, NULL));
         i++) {
        found = sights_find_class(model, name, ignore_class, NULL);
        fov_model_close(&model);
    }
    return found;
}

static void note_class(struct server *server, const char *rule, const char *name)
{
    fov_model *model = fov_workers_model(server->workers, NULL);
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    const char *near = info && info->label_count > 0
                           ? text_nearest(name, info->labels, (size_t)info->label_count)
                           : NULL;
    fov_log(FOV_LOG_WARN, "alerts", "rule %s: no model that is loaded has a class %s%s%s%s", rule,
            name, near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
    fov_model_close(&model);
}

void watch_check_classes(struct server *server)
{
    const struct settings *s = server->settings;
    for (size_t i = 0; server->workers && i < s->alerts.count; i++) {
        const struct settings_list *names = &s->alerts.items[i].classes;
        for (size_t k = 0; k < names->count; k++)
            if (!any_model_has(server, names->items[k]))
                note_class(server, s->alerts.items[i].name, names->items[k]);
    }
}
