/* What all streams have in common: their parameters, how many there may be, closing them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/football.h"
#include "serve/frames.h"
#include "serve/model_files.h"

bool tracker_find(struct exchange *x, const char *word, const char **name)
{
    char list[128];
    *name = NULL;
    if (!word || !*word || strcmp(word, "none") == 0)
        return true;
    for (int i = 0; (*name = fov_tracker_name(i, NULL)) != NULL; i++)
        if (strcmp(word, *name) == 0)
            return true;
    text_list(list, sizeof list, fov_tracker_name);
    serve_problem(x, 422, "invalid_argument", "no tracker '%.40s'; there are: %s", word, list);
    return false;
}

static bool read_order(struct exchange *x, bool *fifo)
{
    const char *order = net_request_param(x->request, "order");
    *fifo = order && strcmp(order, "fifo") == 0;
    if (!order || *fifo || strcmp(order, "live") == 0)
        return true;
    serve_problem(x, 422, "invalid_argument", "order must be live or fifo");
    return false;
}

bool model_is_loaded(fov_workers *workers, const char *id)
{
    fov_model *model = fov_workers_model(workers, id);
    bool found = model != NULL;
    fov_model_close(&model);
    return found;
}

bool model_find(struct exchange *x, fov_workers *workers, char *id)
{
    char name[MODEL_ID_MAX];
    if (strcmp(id, FOOTBALL_DRAWN) == 0) { /* the workers know it once a stream has it */
        serve_problem(x, 404, "unknown_model",
                      "'" FOOTBALL_DRAWN "' is no model: it is for streams of \"kind\": "
                      "\"football\" from pattern:football");
        return false;
    }
    if (model_is_loaded(workers, id))
        return true;
    text_copy(name, sizeof name, id);
    if (model_files_strip(name) && model_is_loaded(workers, name)) {
        text_copy(id, sizeof name, name);
        return true;
    }
    serve_problem(x, 404, "unknown_model",
                  "no model '%.100s' is loaded; leave model_id out for the default one, or put its "
                  "file into models.dir and POST its name to /api/v1/models",
                  id);
    return false;
}

/* The model that helps the tracker; whether it can is judged when the stream is opened. */
static bool read_appearance(struct exchange *x, fov_workers *workers, struct stream_query *q)
{
    const char *id = net_request_param(x->request, "appearance_model_id");
    text_copy(q->appearance, sizeof q->appearance, id ? id : "");
    return !q->appearance[0] || model_find(x, workers, q->appearance);
}

bool stream_query_read(struct exchange *x, fov_workers *workers, struct stream_query *q)
{
    const struct settings *s = x->server->settings;
    const char *id = net_request_param(x->request, "model_id");
    *q = (struct stream_query){.max_latency_ms = s->realtime.max_latency_ms};
    text_copy(q->model_id, sizeof q->model_id, id ? id : "");
    double conf = settings_model_conf(s, q->model_id, CONF_DEFAULT);
    if (serve_param_number(x, "max_latency_ms", 0, 600000, &q->max_latency_ms) < 0 ||
        serve_param_number(x, "conf", 0.001, 1, &conf) < 0 || !read_order(x, &q->fifo) ||
        !tracker_find(x, net_request_param(x->request, "tracker"), &q->tracking.name) ||
        !model_find(x, workers, q->model_id) || !read_appearance(x, workers, q))
        return false;
    q->conf = (float)conf;
    return true;
}

void stream_query_for(struct stream_query *q, const struct room_source *p, const struct settings *s)
{
    text_copy(q->model_id, sizeof q->model_id, p->model_id ? p->model_id : "");
    text_copy(q->appearance, sizeof q->appearance, p->appearance_model ? p->appearance_model : "");
    q->max_latency_ms = p->max_latency_ms >= 0 ? p->max_latency_ms : s->realtime.max_latency_ms;
    q->conf = (float)(p->conf > 0 ? p->conf : settings_model_conf(s, p->model_id, CONF_DEFAULT));
    q->tracking.name = p->tracker;
}

fov_stream_params stream_params(const struct server *server, const struct stream_query *q)
{
    const struct settings *s = server->settings;
    return (fov_stream_params){
        .model_id = q->model_id,
        .max_latency_ms = q->max_latency_ms,
        .fifo = q->fifo,
        .capacity = s->realtime.buffer_size,
        .detect = {.conf = q->conf,
                   .iou = (float)settings_model_iou(s, q->model_id),
                   .exact = s->realtime.optimization_level == LEVEL_LOW},
        .tracker = q->tracking.name ? &q->tracking : NULL,
        .appearance_model = q->appearance,
    };
}

bool sessions_enter(struct exchange *x)
{
    struct frames *frames = x->server->frames;
    int most = x->server->settings->server.max_sessions;
    if (frames->session_count >= most) {
        serve_busy(x, 5, "too_many_sessions",
                   "%d streams run already; server.max_sessions allows no more", most);
        return false;
    }
    frames->session_count++;
    return true;
}

void sessions_leave(struct server *server)
{
    server->frames->session_count--;
}

struct closing {
    struct frames *frames;
    fov_stream *stream;
    fov_stats *last;
    void (*done)(void *arg);
    void *arg;
};

enum { LAST_WINDOW_S = 60 };

static void close_now(void *arg)
{
    struct closing *c = arg;
    fov_stream_close_stats(&c->stream, LAST_WINDOW_S, c->last);
    atomic_fetch_sub(&c->frames->closing_streams, 1);
    c->done(c->arg);
    free(c);
}

void frames_close_stream(struct server *server, fov_stream **stream, void (*done)(void *arg),
                         void *arg)
{
    frames_close_stream_stats(server, stream, NULL, done, arg);
}

void frames_close_stream_stats(struct server *server, fov_stream **stream, fov_stats *last,
                               void (*done)(void *arg), void *arg)
{
    struct closing *c = malloc(sizeof *c);
    struct closing here = {server->frames, *stream, last, done, arg};
    *stream = NULL;
    if (c)
        *c = here;
    atomic_fetch_add(&server->frames->closing_streams, 1);
    if (c && server->frames->closing && chores_add(server->frames->closing, close_now, c))
        return;
    atomic_fetch_sub(&server->frames->closing_streams, 1);
    free(c); /* no memory, or the server ends: then waiting here is right */
    fov_stream_close_stats(&here.stream, LAST_WINDOW_S, last);
    done(arg);
}
