#include "serve/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "scene/alerts.h"
#include "serve/events.h"
#include "serve/webhook.h"
#include "serve/zone_book.h"

enum { CLASSES_MAX = 64 * ALERT_CLASS_WORDS };

/* A rule as it runs on one stream. `of` lies in a snapshot of the settings, which lives as long as
 * the server. */
struct running {
    const struct settings_alert *of;
    struct alert_rule rule;
    struct alert_state state;
    uint64_t classes[ALERT_CLASS_WORDS];
    struct zone zone;
    uint64_t id; /* of the alert that is raised */
    fov_detection last;
    uint64_t number;
};

struct watch {
    struct watch *next;
    struct server *server;
    char stream[ROOM_NAME_MAX];
    atomic_size_t count;  /* rules; 0 is known without the lock */
    pthread_mutex_t lock; /* of all below; held for comparisons only */
    struct running *rules;
    fov_model *model; /* whose labels the class bits were made from */
};

struct watches {
    struct watch *first;
    uint64_t raised;
    atomic_ullong last_id;
    long long epoch_ms; /* ids of another run begin with another number */
};

/* What is posted to the loop. */
struct notice {
    struct server *server;
    const struct settings_alert *of;
    char stream[ROOM_NAME_MAX], class_name[64], zone[ZONE_NAME_MAX];
    fov_detection box;
    int64_t ns;
    uint64_t id, number;
    bool raised;
};

/* ---- on the loop ------------------------------------------------------------------------------
 */

static void write_box(struct json_writer *w, const fov_detection *d)
{
    const float corners[] = {d->x1, d->y1, d->x2, d->y2};
    json_name(w, "box");
    json_array_begin(w);
    for (size_t i = 0; i < 4; i++)
        json_put_number(w, (double)corners[i], 2);
    json_array_end(w);
}

static void write_notice(struct json_writer *w, const struct notice *n, int64_t at_ms)
{
    char id[48];
    snprintf(id, sizeof id, "%llx-%llu", (unsigned long long)n->server->watches->epoch_ms,
             (unsigned long long)n->id);
    json_object_begin(w);
    json_add_string(w, "type", "alert");
    json_add_string(w, "alert_id", id);
    json_add_string(w, "state", n->raised ? "raised" : "cleared");
    json_add_int(w, "at", at_ms);
    json_add_string(w, "stream", n->stream);
    json_add_string(w, "rule", n->of->name);
    json_add_string(w, "class", n->class_name);
    json_add_number(w, "confidence", (double)n->box.score, 4);
    json_add_string(w, "zone", n->zone[0] ? n->zone : NULL);
    write_box(w, &n->box);
    json_add_int(w, "frameNumber", (int64_t)n->number);
    json_object_end(w);
}

static void publish(struct notice *n)
{
    struct json_writer w = {0};
    const struct event event = {.kind = "alert",
                                .stream = n->stream,
                                .client = "",
                                .at_ms = (int64_t)clock_unix_ms_of(n->ns)};
    write_notice(&w, n, event.at_ms);
    n->server->watches->raised += n->raised;
    events_publish(n->server, event, &w);
    if (!w.failed)
        webhooks_send(n->server->webhooks, &n->of->webhooks, w.text, w.size);
    json_release(&w);
}

static void run_notice(void *arg)
{
    struct notice *n = arg;
    if (n->server->watches)
        publish(n);
    free(n);
}

/* ---- on the stream's worker -------------------------------------------------------------------
 */

static void fill_notice(struct notice *n, const struct watch *watch, const struct running *r)
{
    *n = (struct notice){.server = watch->server,
                         .of = r->of,
                         .box = r->last,
                         .ns = r->state.last_ns,
                         .id = r->id,
                         .number = r->number,
                         .raised = r->state.phase == ALERT_UP};
    text_copy(n->stream, sizeof n->stream, watch->stream);
    text_copy(n->class_name, sizeof n->class_name, fov_model_label(watch->model, r->last.class_id));
    if (r->rule.zone)
        text_copy(n->zone, sizeof n->zone, r->zone.name);
}

static void post_notice(const struct watch *watch, const struct running *r)
{
    struct notice *n = malloc(sizeof *n);
    if (!n)
        return;
    fill_notice(n, watch, r);
    if (!net_post(watch->server->loop, run_notice, n))
        free(n);
}

static void set_class(struct running *r, long long id)
{
    r->classes[id / 64] |= UINT64_C(1) << (id % 64);
}

/* Bits of the class in this model, into `r` (may be NULL); false when it has none of that name.
 * Classes without a label are called class_7. */
static bool find_class(struct running *r, const fov_model *model, const char *name)
{
    const fov_model_info *info = fov_model_get_info(model);
    long long number;
    bool found = false;
    for (int id = 0; id < info->label_count && id < CLASSES_MAX; id++)
        if (strcasecmp(info->labels[id], name) == 0) {
            found = true;
            if (r)
                set_class(r, id);
        }
    if (!found && strncmp(name, "class_", 6) == 0 &&
        text_to_int(name + 6, info->label_count, CLASSES_MAX - 1, &number)) {
        found = true;
        if (r)
            set_class(r, number);
    }
    return found;
}

static void find_classes(struct running *rules, size_t count, const fov_model *model)
{
    for (size_t i = 0; i < count; i++) {
        const struct settings_list *names = &rules[i].of->classes;
        memset(rules[i].classes, 0, sizeof rules[i].classes);
        for (size_t k = 0; k < names->count; k++)
            find_class(&rules[i], model, names->items[k]);
    }
}

static void use_model(struct watch *watch, const fov_model *model)
{
    fov_model_close(&watch->model);
    watch->model = fov_model_ref((fov_model *)model);
    find_classes(watch->rules, atomic_load(&watch->count), model);
}

static void step(struct watch *watch, struct running *r, const struct watch_frame *f)
{
    const fov_detection *found = alert_match(&r->rule, f->items, f->count, f->width, f->height);
    if (found) {
        r->last = *found;
        r->number = f->number;
    }
    enum alert_change change = alert_step(&r->rule, &r->state, f->ns, found != NULL);
    if (change == ALERT_RAISED)
        r->id = atomic_fetch_add(&watch->server->watches->last_id, 1) + 1;
    if (change != ALERT_SAME)
        post_notice(watch, r);
}

void watch_see(struct watch *watch, const struct watch_frame *frame)
{
    if (!watch || atomic_load(&watch->count) == 0 || !frame->model)
        return;
    pthread_mutex_lock(&watch->lock);
    if (frame->model != watch->model)
        use_model(watch, frame->model);
    for (size_t i = 0; i < atomic_load(&watch->count); i++)
        step(watch, &watch->rules[i], frame);
    pthread_mutex_unlock(&watch->lock);
}

/* ---- rules of a stream ------------------------------------------------------------------------
 */

/* The rule's zone on this stream; false: it has none of that name, or a line, so the rule rests. */
static bool find_zone(const struct settings_alert *alert, const struct zones *zones,
                      const struct zone **zone)
{
    *zone = NULL;
    if (!alert->zone)
        return true;
    *zone = zones_find(zones, alert->zone);
    return *zone && !(*zone)->line;
}

static void make_rule(struct running *r, const struct settings_alert *alert,
                      const struct zone *zone)
{
    *r = (struct running){.of = alert};
    r->rule.min_confidence = alert->min_confidence;
    r->rule.for_s = alert->for_seconds;
    r->rule.cooldown_s = alert->cooldown;
    if (alert->classes.count > 0)
        r->rule.classes = r->classes;
    if (zone) {
        r->zone = *zone;
        r->rule.zone = &r->zone;
    }
}

/* All rules that look at the stream; NULL and *count 0 when there is none, or no memory. */
static struct running *make_rules(struct server *server, const char *stream, size_t *count)
{
    const struct settings *s = server->settings;
    const struct zones *zones = zone_book_find(server, stream, NULL);
    struct running *rules = s->alerts.count > 0 ? calloc(s->alerts.count, sizeof *rules) : NULL;
    *count = 0;
    for (size_t i = 0; rules && i < s->alerts.count; i++) {
        const struct settings_alert *alert = &s->alerts.items[i];
        const struct zone *zone;
        if (settings_alert_watches(alert, stream) && find_zone(alert, zones, &zone))
            make_rule(&rules[(*count)++], alert, zone);
    }
    return rules;
}

/* What was raised or holding goes on when the rule is still there. */
static bool carry_over(const struct running *old, struct running *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].of->name, old->of->name) == 0) {
            rules[i].state = old->state;
            rules[i].last = old->last;
            rules[i].id = old->id;
            rules[i].number = old->number;
            return true;
        }
    return false;
}

/* Puts `rules` in place. Notices are posted like those of the worker, behind them. */
static void replace(struct watch *watch, struct running *rules, size_t count)
{
    pthread_mutex_lock(&watch->lock);
    fov_model *model = watch->model ? fov_model_ref(watch->model) : NULL;
    pthread_mutex_unlock(&watch->lock);
    if (model)
        find_classes(rules, count, model); /* beside the lock: a frame may want it */
    pthread_mutex_lock(&watch->lock);
    struct running *old = watch->rules;
    for (size_t i = 0; i < atomic_load(&watch->count); i++)
        if (!carry_over(&old[i], rules, count) &&
            alert_end(&old[i].state, clock_now_ns()) == ALERT_CLEARED)
            post_notice(watch, &old[i]);
    watch->rules = rules;
    atomic_store(&watch->count, count);
    if (watch->model != model)
        find_classes(rules, count, watch->model);
    pthread_mutex_unlock(&watch->lock);
    fov_model_close(&model);
    free(old);
}

/* ---- life -------------------------------------------------------------------------------------
 */

struct watch *watch_open(struct server *server, const char *stream)
{
    struct watch *watch = calloc(1, sizeof *watch);
    size_t count;
    if (!watch || !server->watches) {
        free(watch);
        return NULL;
    }
    watch->server = server;
    text_copy(watch->stream, sizeof watch->stream, stream);
    pthread_mutex_init(&watch->lock, NULL);
    watch->rules = make_rules(server, stream, &count);
    atomic_init(&watch->count, count);
    watch->next = server->watches->first;
    server->watches->first = watch;
    return watch;
}

void watch_end(struct watch *watch)
{
    struct watch **at = watch ? &watch->server->watches->first : NULL;
    while (at && *at && *at != watch)
        at = &(*at)->next;
    if (!at || !*at)
        return;
    *at = watch->next;
    replace(watch, NULL, 0); /* without rules nothing is looked at any more */
}

void watch_free(struct watch **freeing)
{
    struct watch *watch = *freeing;
    *freeing = NULL;
    if (!watch)
        return;
    fov_model_close(&watch->model);
    pthread_mutex_destroy(&watch->lock);
    free(watch->rules);
    free(watch);
}

void watch_refresh(struct server *server, const char *stream)
{
    for (struct watch *w = server->watches->first; w; w = w->next) {
        size_t count;
        if (stream && strcmp(stream, w->stream) != 0)
            continue;
        struct running *rules = make_rules(server, w->stream, &count);
        replace(w, rules, count);
    }
}

struct watches *watches_create(void)
{
    struct watches *watches = calloc(1, sizeof *watches);
    if (watches)
        watches->epoch_ms = (long long)clock_unix_ms();
    return watches;
}

void watches_destroy(struct watches **watches)
{
    free(*watches);
    *watches = NULL;
}

/* ---- what others ask --------------------------------------------------------------------------
 */

uint64_t watch_raised(const struct server *server)
{
    return server->watches ? server->watches->raised : 0;
}

void watch_write_rules(struct server *server, const char *stream, struct json_writer *w)
{
    const struct settings *s = server->settings;
    const struct zones *zones = zone_book_find(server, stream, NULL);
    json_array_begin(w);
    for (size_t i = 0; i < s->alerts.count; i++) {
        const struct settings_alert *alert = &s->alerts.items[i];
        const struct zone *zone;
        if (!settings_alert_watches(alert, stream))
            continue;
        bool active = find_zone(alert, zones, &zone);
        json_object_begin(w);
        json_add_string(w, "name", alert->name);
        json_add_string(w, "zone", alert->zone);
        json_add_string(w, "state", active ? "active" : zone ? "needs_tracker" : "no_such_zone");
        json_object_end(w);
    }
    json_array_end(w);
}

static bool any_model_has(struct server *server, const char *name)
{
    fov_model *model;
    bool found = false;
    for (size_t i = 0; !found && (model = fov_workers_model_at(server->workers, i, NULL, NULL));
         i++) {
        found = find_class(NULL, model, name);
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
