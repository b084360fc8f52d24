#include "serve/watch_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/zone_book.h"

/* ---- on the stream's worker -------------------------------------------------------------------
 */

/* The model whose labels classes have; NULL: those of football. */
static const fov_model *labels_of(const struct watch *watch)
{
    return watch->football ? NULL : watch->model;
}

static void fill_notice(struct notice *n, const struct watch *watch, const struct running *r)
{
    *n = (struct notice){.server = watch->server,
                         .of = r->of,
                         .box = r->last,
                         .ns = r->state.last_ns,
                         .id = r->id,
                         .number = r->number,
                         .state = r->state.phase == ALERT_UP ? NOTICE_RAISED : NOTICE_CLEARED};
    text_copy(n->stream, sizeof n->stream, watch->stream);
    text_copy(n->class_name, sizeof n->class_name,
              sights_class_name(labels_of(watch), r->last.class_id));
    if (r->rule.zone)
        text_copy(n->zone, sizeof n->zone, r->zone.name);
}

/* `event`: something crossed the rule's line; NULL: its alert was raised or cleared. */
static void post_notice(const struct watch *watch, const struct running *r,
                        const struct crossing_event *event)
{
    struct notice *n = malloc(sizeof *n);
    if (!n)
        return;
    fill_notice(n, watch, r);
    if (event) {
        n->state = NOTICE_CROSSED;
        n->way = event->way;
        n->ns = event->ns;
    }
    if (!net_post(watch->server->loop, watch_run_notice, n))
        free(n);
}

static void post_crossed(const struct watch *watch, const struct zone *line,
                         const struct crossing_event *event)
{
    struct crossed *c = malloc(sizeof *c);
    if (!c)
        return;
    *c = (struct crossed){.server = watch->server, .in = event->way == CROSSING_IN};
    text_copy(c->stream, sizeof c->stream, watch->stream);
    text_copy(c->line, sizeof c->line, line->name);
    text_copy(c->class_name, sizeof c->class_name,
              sights_class_name(labels_of(watch), event->box.class_id));
    if (!net_post(watch->server->loop, watch_run_crossed, c))
        free(c);
}

static void set_class(void *user, int32_t id)
{
    struct running *r = user;
    r->classes[id / 64] |= UINT64_C(1) << (id % 64);
}

static void find_classes(struct running *rules, size_t count, const fov_model *model)
{
    for (size_t i = 0; i < count; i++) {
        const struct settings_list *names = &rules[i].of->classes;
        memset(rules[i].classes, 0, sizeof rules[i].classes);
        for (size_t k = 0; k < names->count; k++)
            sights_find_class(model, names->items[k], set_class, &rules[i]);
    }
}

static void use_model(struct watch *watch, const fov_model *model)
{
    fov_model_close(&watch->model);
    watch->model = fov_model_ref((fov_model *)model);
    find_classes(watch->rules, watch->count, labels_of(watch));
}

static uint64_t next_id(struct watch *watch)
{
    return atomic_fetch_add(&watch->server->watches->last_id, 1) + 1;
}

/* Rules with a line look at who crosses it; those in metres rest while the view is not known. */
static void step(struct watch *watch, struct running *r, const struct watch_frame *f,
                 const struct alert_picture *picture)
{
    if (r->rule.zone && (r->zone.line || (r->zone.metres && !picture->metres)))
        return;
    const fov_detection *found = alert_match(&r->rule, picture);
    if (found) {
        r->last = *found;
        r->number = f->number;
    }
    enum alert_change change = alert_step(&r->rule, &r->state, f->ns, found != NULL);
    if (change == ALERT_RAISED)
        r->id = next_id(watch);
    if (change != ALERT_SAME)
        post_notice(watch, r, NULL);
}

static bool goes_its_way(const struct running *r, enum crossing_way way)
{
    return r->of->direction == DIRECTION_BOTH ||
           (r->of->direction == DIRECTION_IN) == (way == CROSSING_IN);
}

static void on_crossing(void *user, const struct zone *line, const struct crossing_event *event)
{
    struct watch *watch = user;
    post_crossed(watch, line, event);
    for (size_t i = 0; i < watch->count; i++) {
        struct running *r = &watch->rules[i];
        if (!r->rule.zone || !r->zone.line || strcmp(r->zone.name, line->name) != 0 ||
            !goes_its_way(r, event->way) || !alert_wants(&r->rule, &event->box) ||
            !alert_crossed(&r->rule, &r->state, event->ns))
            continue;
        r->id = next_id(watch);
        r->last = event->box;
        r->number = event->number;
        post_notice(watch, r, event);
    }
}

static void see(struct watch *watch, const struct watch_frame *frame)
{
    const fov_football_frame *football = frame->football;
    bool view = football && football->view_known;
    struct alert_picture picture = sights_of(&watch->sights, frame, watch->metres);
    struct lanes_time time = {
        .ns = frame->ns, .number = frame->number, .view = view ? &football->view : NULL};
    for (size_t i = 0; i < watch->count; i++)
        step(watch, &watch->rules[i], frame, &picture);
    lanes_see(&watch->lanes, &picture, &time, on_crossing, watch);
}

void watch_see(struct watch *watch, const struct watch_frame *frame)
{
    if (!watch || !frame->model || (watch->football && !frame->football))
        return;
    atomic_store(&watch->view, frame->football && frame->football->view_known);
    if (atomic_load(&watch->work) == 0)
        return;
    pthread_mutex_lock(&watch->lock);
    if (frame->model != watch->model)
        use_model(watch, frame->model);
    see(watch, frame);
    pthread_mutex_unlock(&watch->lock);
}

/* ---- rules of a stream ------------------------------------------------------------------------
 */

bool watch_find_zone(const struct settings_alert *alert, const struct zones *zones,
                     const struct zone **zone)
{
    *zone = NULL;
    if (!alert->zone)
        return true;
    *zone = zones_find(zones, alert->zone);
    return *zone != NULL;
}

static void make_rule(struct running *r, const struct settings_alert *alert,
                      const struct zone *zone)
{
    *r = (struct running){.of = alert};
    r->rule.min_confidence = alert->min_confidence;
    r->rule.for_s = alert->for_seconds;
    r->rule.cooldown_s = settings_alert_cooldown(alert, zone && zone->line);
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
        if (settings_alert_watches(alert, stream) && watch_find_zone(alert, zones, &zone))
            make_rule(&rules[(*count)++], alert, zone);
    }
    return rules;
}

/* What was raised or holding goes on when the rule is still there. */
static bool carry_over(const struct running *old, struct running *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rules[i].of->name, old->of->name) == 0 && rules[i].zone.line == old->zone.line) {
            rules[i].state = old->state;
            rules[i].last = old->last;
            rules[i].id = old->id;
            rules[i].number = old->number;
            return true;
        }
    return false;
}

static bool any_in_metres(const struct running *rules, size_t count, const struct lanes *lanes)
{
    bool metres = lanes_in_metres(lanes);
    for (size_t i = 0; i < count; i++)
        metres = metres || (rules[i].rule.zone && rules[i].zone.metres);
    return metres;
}

/* Puts `rules` and the lines of `zones` in place. Notices are posted like those of the worker,
 * behind them. */
static void replace(struct watch *watch, struct running *rules, size_t count,
                    const struct zones *zones)
{
    pthread_mutex_lock(&watch->lock);
    fov_model *model = watch->model ? fov_model_ref(watch->model) : NULL;
    pthread_mutex_unlock(&watch->lock);
    if (model) /* beside the lock: a frame may want it */
        find_classes(rules, count, watch->football ? NULL : model);
    pthread_mutex_lock(&watch->lock);
    struct running *old = watch->rules;
    struct lanes lanes = watch->lanes;
    for (size_t i = 0; i < watch->count; i++)
        if (!carry_over(&old[i], rules, count) &&
            alert_end(&old[i].state, clock_now_ns()) == ALERT_CLEARED)
            post_notice(watch, &old[i], NULL);
    watch->rules = rules;
    watch->count = count;
    watch->lanes = lanes_make(zones, &lanes);
    watch->metres = any_in_metres(rules, count, &watch->lanes);
    atomic_store(&watch->work, count + watch->lanes.count);
    if (watch->model != model)
        find_classes(rules, count, labels_of(watch));
    pthread_mutex_unlock(&watch->lock);
    fov_model_close(&model);
    lanes_free(&lanes);
    free(old);
}

/* Brings the rules and lines of a stream up to date. */
static void watch_follow(struct watch *watch)
{
    size_t count;
    struct running *rules = make_rules(watch->server, watch->stream, &count);
    replace(watch, rules, count, zone_book_find(watch->server, watch->stream, NULL));
}

/* ---- life -------------------------------------------------------------------------------------
 */

struct watch *watch_open(struct server *server, const char *stream, bool tracker, bool football)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch || !server->watches) {
        free(watch);
        return NULL;
    }
    watch->server = server;
    watch->tracker = tracker || football;
    watch->football = football;
    text_copy(watch->stream, sizeof watch->stream, stream);
    pthread_mutex_init(&watch->lock, NULL);
    watch->next = server->watches->first;
    server->watches->first = watch;
    watch_follow(watch);
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
    replace(watch, NULL, 0, NULL); /* without rules nothing is looked at any more */
}

void watch_free(struct watch **freeing)
{
    struct watch *watch = *freeing;
    *freeing = NULL;
    if (!watch)
        return;
    fov_model_close(&watch->model);
    pthread_mutex_destroy(&watch->lock);
    lanes_free(&watch->lanes);
    free(watch->rules);
    free(watch);
}

void watch_refresh(struct server *server, const char *stream)
{
    for (struct watch *w = server->watches->first; w; w = w->next)
        if (!stream || strcmp(stream, w->stream) == 0)
            watch_follow(w);
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
    if (*watches)
        tally_free(&(*watches)->tallies);
    free(*watches);
    *watches = NULL;
}
