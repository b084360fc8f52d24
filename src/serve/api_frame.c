/* POST /api/v1/realtime/video/process-frame: one picture in, its detections out. The picture goes
 * into a stream that never drops; the request is answered when its result comes. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/frames.h"
#include "serve/message.h"
#include "serve/routes.h"

enum { POSTS_WAITING_MAX = 16, POST_SLOTS = 64, POST_CAPACITY = 64 };
#define POST_BYTES_MAX ((size_t)10 << 20)
#define CONF_LOW 0.01f /* what the stream for requests below the usual threshold keeps */

/* A stream for each model and each way to run. Requests with a threshold above the stream's own
 * leave detections out; the boxes kept by NMS are the same. */
struct post_stream {
    struct post_stream *next;
    char model_id[MODEL_ID_MAX];
    bool low;    /* keeps detections down to CONF_LOW */
    bool strict; /* late frames are dropped instead of run */
    int waiting; /* pictures without an answer; loop thread */
    fov_stream *stream;
};

/* One request on its way through the stream: owned by its frame, freed with its result. */
struct post {
    struct frames *frames;
    struct post_stream *stream;
    struct metrics_stream *metrics;
    uint64_t request_id, frame_id;
    double max_latency_ms;
    float conf;
    bool strict;
    /* the answer */
    struct net_blob *body; /* NULL: a problem */
    int status;
    const char *code;
    char detail[240];
};

/* ---- the answer -------------------------------------------------------------------------------
 */

static void post_reply(void *arg)
{
    struct post *post = arg;
    struct net_request *request = net_request_find(post->frames->server->loop, post->request_id);
    post->frames->posts_waiting--;
    post->stream->waiting--;
    if (request && post->body) {
        net_reply_blob(request, 200, "application/json", post->body);
    } else if (request) {
        if (post->status == 503)
            net_request_add_header(request, "Retry-After", "1");
        net_reply_problem(request, post->status, post->code, post->detail);
    }
    net_blob_unref(&post->body);
    free(post);
}

static void post_problem(struct post *post, int status, const char *code, const char *detail)
{
    post->status = status;
    post->code = code;
    text_copy(post->detail, sizeof post->detail, detail);
}

static void post_delivered(struct post *post, const fov_result *result)
{
    struct json_writer w = {0};
    struct message_answer answer = {post->frame_id, post->conf, post->max_latency_ms};
    if (post->strict && !result->in_time) {
        post_problem(post, 503, "too_late", "the answer would have come after max_latency_ms");
        return;
    }
    json_object_begin(&w);
    message_result(&w, result, &answer);
    json_object_end(&w);
    post->body = message_blob(&w);
    if (!post->body)
        post_problem(post, 503, "out_of_memory", "not enough memory for the answer");
}

static void post_dropped(struct post *post, const fov_result *result)
{
    if (result->outcome == FOV_FAILED || result->reason == FOV_DROP_DECODE) {
        int status = fov_status_http(result->status);
        post_problem(post, status < 400 ? 400 : status, fov_status_code(result->status),
                     result->message[0] ? result->message : fov_status_text(result->status));
    } else if (result->reason == FOV_DROP_DEADLINE) {
        post_problem(post, 503, "too_late", "the answer would have come after max_latency_ms");
    } else if (result->reason == FOV_DROP_SHUTDOWN) {
        post_problem(post, 503, "closed", "the server is shutting down");
    } else {
        post_problem(post, 503, "busy", "too many pictures are waiting; try again in a second");
    }
}

/* On a worker, the timer thread, or the loop thread. */
static void on_post_result(void *user, const fov_result *result)
{
    (void)user;
    struct post *post = result->frame->user;
    metrics_count(post->metrics, result);
    if (result->outcome == FOV_DELIVERED)
        post_delivered(post, result);
    else
        post_dropped(post, result);
    if (!net_post(post->frames->server->loop, post_reply, post)) {
        net_blob_unref(&post->body);
        free(post); /* no memory: the request ends with its own time limit */
    }
}

/* ---- streams ----------------------------------------------------------------------------------
 */

static struct post_stream *post_stream(struct frames *frames, fov_workers *workers,
                                       const struct stream_query *q, bool strict, fov_error *error)
{
    float usual = (float)settings_model_conf(frames->server->settings, q->model_id, CONF_DEFAULT);
    bool low = q->conf < usual;
    for (struct post_stream *s = frames->post_streams; s; s = s->next)
        if (s->low == low && s->strict == strict && strcmp(s->model_id, q->model_id) == 0)
            return s;
    struct post_stream *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    text_copy(made->model_id, sizeof made->model_id, q->model_id);
    made->low = low;
    made->strict = strict;
    fov_stream_params params = stream_params(frames->server, q);
    params.name = "post";
    params.max_latency_ms = 0; /* every frame brings its own deadline */
    params.fifo = true;
    params.always_run = !strict;
    params.capacity = POST_CAPACITY;
    params.max_bytes = POST_SLOTS * POST_BYTES_MAX;
    params.detect.conf = low ? CONF_LOW : usual;
    params.on_result = on_post_result;
    params.user = made;
    if (fov_stream_open(&made->stream, workers, &params, error) != FOV_OK) {
        free(made);
        return NULL;
    }
    made->next = frames->post_streams;
    frames->post_streams = made;
    return made;
}

static void forgotten(void *stream)
{
    free(stream);
}

bool frames_forget_model(struct server *server, const char *model_id)
{
    struct frames *frames = server->frames;
    for (struct post_stream *s = frames->post_streams; s; s = s->next)
        if (s->waiting > 0 && strcmp(s->model_id, model_id) == 0)
            return false;
    for (struct post_stream **link = &frames->post_streams; *link;) {
        struct post_stream *s = *link;
        if (strcmp(s->model_id, model_id) != 0) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        frames_close_stream(server, &s->stream, forgotten, s);
    }
    return true;
}

/* ---- the request ------------------------------------------------------------------------------
 */

struct post_form {
    struct net_part parts[NET_MULTIPART_MAX_PARTS];
    size_t count;
    const uint8_t *picture;
    size_t size;
};

/* Starts with `word`, whatever the case, and ends there or goes on with ; or / as `word` says. */
static bool type_is(const char *type, const char *word)
{
    return strncasecmp(type, word, strlen(word)) == 0;
}

/* Finds the picture in the body. False: answered. */
static bool read_body(struct exchange *x, struct post_form *form)
{
    const char *type = net_request_header(x->request, "content-type");
    fov_error error = {0};
    form->picture = net_request_body(x->request, &form->size);
    if (!type || type_is(type, "image/") || type_is(type, "application/octet-stream") ||
        type_is(type, "application/x-www-form-urlencoded")) { /* what curl says of any body */
        if (form->size > 0)
            return true;
        serve_problem(x, 400, "no_picture", "the body is empty: send a JPEG, PNG or WebP picture");
        return false;
    }
    if (!type_is(type, "multipart/form-data")) {
        serve_problem(x, 415, "unsupported",
                      "send the picture as form field 'file' (multipart/form-data) or as the body "
                      "with Content-Type: image/jpeg, image/png or image/webp");
        return false;
    }
    fov_status status = net_multipart_parse(type, form->picture, form->size, form->parts,
                                            &form->count, &error);
    if (status != FOV_OK) {
        serve_error(x, status, &error);
        return false;
    }
    const struct net_part *file = net_multipart_find(form->parts, form->count, "file");
    if (!file || file->len == 0) {
        serve_problem(x, 400, "no_picture", "the form has no picture in its field 'file'");
        return false;
    }
    form->picture = file->data;
    form->size = file->len;
    return true;
}

/* A parameter from the form or the query; NULL when it is not there. */
static const char *form_param(struct exchange *x, const struct post_form *form, const char *name,
                              char *value, size_t size)
{
    const struct net_part *part = net_multipart_find(form->parts, form->count, name);
    if (!part)
        return net_request_param(x->request, name);
    size_t length = part->len < size - 1 ? part->len : size - 1;
    memcpy(value, part->data, length);
    value[length] = '\0';
    return value;
}

static bool form_number(struct exchange *x, const struct post_form *form, const char *name,
                        double least, double most, double *number)
{
    char value[64];
    const char *text = form_param(x, form, name, value, sizeof value);
    if (!text || text_to_double(text, least, most, number))
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be a number from %g to %g", name, least,
                  most);
    return false;
}

static bool form_flag(struct exchange *x, const struct post_form *form, const char *name,
                      bool *flag)
{
    char value[16];
    const char *text = form_param(x, form, name, value, sizeof value);
    if (!text)
        return true;
    *flag = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (*flag || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0)
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be true or false", name);
    return false;
}

/* False: answered. */
static bool read_form(struct exchange *x, fov_workers *workers, const struct post_form *form,
                      struct stream_query *q, bool *strict)
{
    const struct settings *s = x->server->settings;
    char value[MODEL_ID_MAX];
    const char *id = form_param(x, form, "model_id", value, sizeof value);
    *q = (struct stream_query){.max_latency_ms = s->realtime.max_latency_ms};
    *strict = false;
    text_copy(q->model_id, sizeof q->model_id, id ? id : "");
    double conf = settings_model_conf(s, q->model_id, CONF_DEFAULT);
    if (!form_number(x, form, "max_latency_ms", 0, 600000, &q->max_latency_ms) ||
        !form_number(x, form, "conf", 0.001, 1, &conf) || !form_flag(x, form, "strict", strict) ||
        !model_find(x, workers, q->model_id))
        return false;
    q->conf = (float)conf;
    return true;
}

/* The picture's own header is read before any work is put into it. False: answered. */
static bool check_picture(struct exchange *x, const struct post_form *form, fov_picture_info *info)
{
    fov_error error = {0};
    fov_status status = fov_picture_probe(form->picture, form->size, info, &error);
    if (status != FOV_OK)
        serve_error(x, status, &error);
    return status == FOV_OK;
}

static fov_frame *make_frame(struct frames *frames, struct exchange *x,
                             const struct post_form *form, const fov_picture_info *info,
                             double max_latency_ms)
{
    fov_frame *frame = NULL;
    if (fov_frame_get(frames->posts, form->size, &frame) != FOV_OK)
        return NULL;
    memcpy(frame->bytes, form->picture, form->size);
    frame->size = form->size;
    frame->codec = info->codec;
    frame->width = info->width;
    frame->height = info->height;
    frame->capture_ns = net_request_arrival_ns(x->request);
    if (max_latency_ms > 0)
        frame->deadline_ns = frame->capture_ns + ms_to_ns(max_latency_ms);
    return frame;
}

static void put_post(struct exchange *x, struct frames *frames, struct post_stream *stream,
                     fov_frame *frame, const struct post *values)
{
    struct post *post = malloc(sizeof *post);
    if (!post) {
        fov_frame_unref(&frame);
        serve_busy(x, 1, "out_of_memory", "not enough memory for another picture");
        return;
    }
    *post = *values;
    post->frames = frames;
    post->stream = stream;
    post->frame_id = frames->next_post++;
    post->request_id = net_request_id(x->request);
    post->metrics = metrics_stream(frames->server, "post");
    frame->user = post;
    frames->posts_waiting++;
    stream->waiting++;
    if (fov_stream_put(stream->stream, &frame, NULL) == FOV_OK)
        return;
    frames->posts_waiting--;
    stream->waiting--;
    free(post);
    serve_busy(x, 1, "closed", "the server is shutting down");
}

void post_process_frame(struct exchange *x)
{
    struct frames *frames = x->server->frames;
    struct post_form form = {.count = 0};
    struct stream_query q;
    fov_workers_info info;
    fov_picture_info picture;
    fov_error error = {0};
    bool strict;
    fov_workers *workers = serve_workers(x);
    if (!workers || !read_body(x, &form) || !read_form(x, workers, &form, &q, &strict) ||
        !check_picture(x, &form, &picture))
        return;
    fov_workers_get_info(workers, &info);
    if (frames->posts_waiting >= POSTS_WAITING_MAX + info.workers) {
        serve_busy(x, 1, "busy", "%d pictures are waiting already; try again in a second",
                   POSTS_WAITING_MAX);
        return;
    }
    struct post_stream *stream = post_stream(frames, workers, &q, strict, &error);
    fov_frame *frame = stream ? make_frame(frames, x, &form, &picture, q.max_latency_ms) : NULL;
    if (!frame) {
        serve_busy(x, 1, "busy", "%s", error.message[0] ? error.message : "no room for a picture");
        return;
    }
    struct post values = {.max_latency_ms = q.max_latency_ms, .conf = q.conf, .strict = strict};
    put_post(x, frames, stream, frame, &values);
}

/* ---- the part ---------------------------------------------------------------------------------
 */

static fov_status frames_open(struct server *server, fov_error *error)
{
    struct frames *frames = calloc(1, sizeof *frames);
    fov_frame_pool_params pool = {.slots = POST_SLOTS, .max_bytes = POST_BYTES_MAX};
    server->frames = frames;
    if (!frames)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    frames->server = server;
    frames->closing = chores_start("fovea-closing");
    if (!frames->closing)
        return fov_fail(error, FOV_ENOMEM, "no thread for closing streams");
    return fov_frame_pool_create(&frames->posts, &pool, error);
}

static void frames_stop(struct server *server)
{
    struct frames *frames = server->frames;
    if (!frames)
        return;
    for (struct post_stream *s = frames->post_streams; s; s = s->next)
        fov_stream_close(&s->stream);
    sessions_stop(frames);
    chores_stop(&frames->closing);
}

static void frames_close(struct server *server)
{
    struct frames *frames = server->frames;
    if (!frames)
        return;
    while (frames->post_streams) {
        struct post_stream *s = frames->post_streams;
        frames->post_streams = s->next;
        free(s);
    }
    fov_frame_pool_destroy(&frames->posts);
    free(frames);
    server->frames = NULL;
}

const struct serve_part frames_part = {
    .name = "frames", .open = frames_open, .stop = frames_stop, .close = frames_close};
