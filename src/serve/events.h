/* Events of streams: made in one place, heard by whoever is in the table of events.c (event streams
 * of clients, the store). Loop thread. */
#ifndef SERVE_EVENTS_H
#define SERVE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <fovea/stream.h>

#include "serve/serve.h"

struct event {
    const char *kind; /* "session", "end", "adaptation", "alert", "source", "store", "recording" */
    const char *stream; /* name of the room or session, "" none */
    const char *client; /* client_id that it is for, "" none */
    int64_t at_ms;      /* Unix milliseconds */
    const char *json;   /* the whole object, valid during the call */
    size_t size;
};

/* Hands the event, with what the writer holds as its `json`, to every listener. Nobody hears of one
 * whose writer ran out of memory. Never blocks: a listener that has to wait copies it. */
void events_publish(struct server *server, struct event event, const struct json_writer *w);

/* Listeners. */
void store_hear(struct server *server, const struct event *event); /* api_events.c */

/* Publishes `adaptation` with {at, stream, knob, from, to, measured, why}. */
void events_publish_change(struct server *server, const char *stream, const char *client,
                           const fov_change *change);

#endif
