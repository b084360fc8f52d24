#include "serve/events.h"

#include "base/clock.h"
#include "serve/hazard.h"

typedef void listener(struct server *server, const struct event *event);

/* Who hears events; a new listener: one row. */
static listener *const listeners[] = {
    store_hear,  /* the store of events: /api/events */
    hazard_hear, /* event streams of clients: hazard_events.c */
    NULL,
};

void events_publish(struct server *server, struct event event, const struct json_writer *w)
{
    event.json = w->text;
    event.size = w->size;
    for (listener *const *at = listeners; *at && !w->failed; at++)
        (*at)(server, &event);
}

void events_publish_change(struct server *server, const char *stream, const char *client,
                           const fov_change *change)
{
    struct json_writer w = {0};
    const struct event event = {.kind = "adaptation",
                                .stream = stream,
                                .client = client,
                                .at_ms = (int64_t)clock_unix_ms()};
    json_object_begin(&w);
    json_add_int(&w, "at", event.at_ms);
    json_add_string(&w, "stream", stream);
    json_add_string(&w, "knob", change->knob);
    json_add_number(&w, "from", change->from, 3);
    json_add_number(&w, "to", change->to, 3);
    json_add_number(&w, "measured", change->measured, 3);
    json_add_string(&w, "why", change->why);
    json_object_end(&w);
    events_publish(server, event, &w);
    json_release(&w);
}
