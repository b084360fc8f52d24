/* On the loop: alerts become events and webhooks, crossings are added to the totals. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "serve/events.h"
#include "serve/watch_internal.h"
#include "serve/webhook.h"

static void write_box(struct json_writer *w, const fov_detection *d)
{
    const float corners[] = {d->x1, d->y1, d->x2, d->y2};
    json_name(w, "box");
    json_array_begin(w);
    for (size_t i = 0; i < 4; i++)
        json_put_number(w, (double)corners[i], 2);
    json_array_end(w);
}

static const char *const state_names[] = {"cleared", "raised", "crossed"};

static void write_crossing(struct json_writer *w, const struct notice *n)
{
    bool named = n->box.track_id != SIGHTS_BALL_ID;
    json_add_string(w, "line", n->zone);
    json_add_string(w, "direction", n->way == CROSSING_IN ? "in" : "out");
    if (named)
        json_add_int(w, "track_id", n->box.track_id);
    else
        json_add_null(w, "track_id");
}

static void write_notice(struct json_writer *w, const struct notice *n, int64_t at_ms)
{
    char id[48];
    snprintf(id, sizeof id, "%llx-%llu", (unsigned long long)n->server->watches->epoch_ms,
             (unsigned long long)n->id);
    json_object_begin(w);
    json_add_string(w, "type", "alert");
    json_add_string(w, "alert_id", id);
    json_add_string(w, "state", state_names[n->state]);
    json_add_int(w, "at", at_ms);
    json_add_string(w, "stream", n->stream);
    json_add_string(w, "rule", n->of->name);
    json_add_string(w, "class", n->class_name);
    json_add_number(w, "confidence", (double)n->box.score, 4);
    json_add_string(w, "zone", n->zone[0] ? n->zone : NULL);
    if (n->state == NOTICE_CROSSED)
        write_crossing(w, n);
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
    n->server->watches->raised += n->state != NOTICE_CLEARED;
    events_publish(n->server, event, &w);
    if (!w.failed)
        webhooks_send(n->server->webhooks, &n->of->webhooks, w.text, w.size);
    json_release(&w);
}

void watch_run_notice(void *arg)
{
    struct notice *n = arg;
    if (n->server->watches)
        publish(n);
    free(n);
}

void watch_run_crossed(void *arg)
{
    struct crossed *c = arg;
    if (c->server->watches) {
        c->server->watches->crossed++;
        tally_add(&c->server->watches->tallies, c->stream, c->line, c->class_name, c->in);
    }
    free(c);
}
