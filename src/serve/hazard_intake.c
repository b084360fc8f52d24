/* The intake thread of hazard sessions. Inflating a message of 1 MiB takes milliseconds, which the
 * event loop does not have; one thread keeps every connection's order for nothing. A session has at
 * most two messages here (hazard.c), so that the queue is bounded by the number of sessions. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/chores.h"
#include "serve/hazard.h"

struct job {
    struct intake *intake;
    struct intake_done done;
    struct json_writer answer;
    enum net_kind kind;
    bool deflated;
    size_t size;
    uint8_t data[];
};

struct intake {
    struct chores *chores;
    struct net_loop *loop;
    void (*on_done)(struct intake_done *done);
    struct net_inflate *inflate; /* the thread's own */
};

/* ---- answers -----------------------------------------------------------------------------------
 */

static void answer_error(struct job *job, const char *code, int64_t frame_id, const char *text)
{
    message_error(&job->answer, code, frame_id, text);
}

static void answer_dropped(struct job *job, int64_t frame_id, fov_drop reason, const char *text)
{
    hazard_count(job->done.session, &(fov_result){.outcome = FOV_DROPPED, .reason = reason});
    message_dropped(&job->answer, frame_id, fov_drop_name(reason), text);
    job->done.event = "dropped";
}

static void refuse_frame(struct job *job, int64_t frame_id, const struct hazard_error *error)
{
    hazard_count(job->done.session, &(fov_result){.outcome = FOV_FAILED, .status = FOV_EFORMAT});
    answer_error(job, error->code, frame_id, error->text);
}

/* ---- frames ------------------------------------------------------------------------------------
 */

/* A frame with room for `size` bytes. NULL: answered. */
static fov_frame *new_frame(struct job *job, size_t size, int64_t frame_id)
{
    struct hazard_session *s = job->done.session;
    const fov_frame_pool_params params = {
        .slots = s->slots, .max_bytes = HAZARD_MESSAGE_MAX + 4, .keep_bytes = (size_t)2 << 20};
    fov_frame *frame = NULL;
    if (!s->pool)
        fov_frame_pool_create(&s->pool, &params, NULL);
    if (!s->pool || fov_frame_get(s->pool, size, &frame) != FOV_OK)
        answer_dropped(job, frame_id, FOV_DROP_QUEUE, "");
    return frame;
}

static void put_frame(struct job *job, fov_frame *frame, int64_t frame_id, double sender_ms)
{
    if (frame->size == 0) {
        fov_frame_unref(&frame);
        answer_dropped(job, frame_id, FOV_DROP_DECODE, "the picture is empty");
        return;
    }
    frame->number = (uint64_t)frame_id;
    frame->sender_ms = sender_ms;
    frame->capture_ns = job->done.arrival_ns;
    if (fov_stream_put(job->done.session->stream, &frame, NULL) != FOV_OK)
        answer_dropped(job, frame_id, FOV_DROP_SHUTDOWN, "");
}

/* Counts the frame; its number when the client gave none. */
static int64_t frame_came(struct job *job, int64_t frame_id)
{
    job->done.frame = true;
    unsigned long long before = atomic_fetch_add(&job->done.session->counts.frames, 1);
    return frame_id >= 0 ? frame_id : (int64_t)before;
}

static void take_binary(struct job *job, const uint8_t *data, size_t size)
{
    int64_t id = frame_came(job, -1);
    fov_frame *frame = new_frame(job, size, id);
    if (!frame)
        return;
    if (size)
        memcpy(frame->bytes, data, size);
    frame->size = size;
    put_frame(job, frame, id, 0);
}

static void take_frame(struct job *job, const struct hazard_message *m)
{
    struct hazard_error error;
    int64_t id = frame_came(job, m->frame_id);
    fov_frame *frame = new_frame(job, hazard_base64_room(m->image_size), id);
    if (!frame)
        return;
    if (hazard_base64_decode(m->image, m->image_size, frame->bytes, &frame->size, &error)) {
        put_frame(job, frame, id, m->sender_ms);
        return;
    }
    fov_frame_unref(&frame);
    refuse_frame(job, id, &error);
}

/* ---- texts -------------------------------------------------------------------------------------
 */

/* Turns what the stream can be turned in before the next frame is put; the loop thread, which also
 * adapts the rate, is told. */
static void apply(struct job *job, const struct hazard_config *c)
{
    struct hazard_session *s = job->done.session;
    fov_knobs knobs = {
        .conf = c->confidence, .iou = c->iou, .classes = c->classes, .fifo = c->fifo ? 1 : -1};
    if (c->fps_limit != s->wanted.fps_limit) {
        knobs.target_fps = c->fps_limit;
        atomic_store(&s->fps_milli, (int)(c->fps_limit * 1000));
    }
    fov_stream_set(s->stream, &knobs);
    s->wanted = *c;
    job->done.configured = true;
    job->done.config = *c;
}

static void take_config(struct job *job, const json_value *json)
{
    struct hazard_session *s = job->done.session;
    struct hazard_config config = s->wanted;
    struct hazard_error error;
    struct json_writer *w = &job->answer;
    fov_model *model = fov_workers_model(s->workers, s->model_id);
    bool good = hazard_config_read(&config, json, s->max_fps, model, &error);
    fov_model_close(&model);
    if (!good) {
        answer_error(job, error.code, -1, error.text);
        return;
    }
    apply(job, &config);
    json_object_begin(w);
    json_add_string(w, "type", "config");
    json_add_string(w, "session_id", s->id);
    json_name(w, "config");
    hazard_config_write(w, &config, atomic_load(&s->fps_milli) / 1000.0);
    hazard_config_ignored(w, json);
    json_object_end(w);
}

/* Texts beside frames: more than 50 a second are left out, the first of them is told. */
static bool allowed(struct job *job)
{
    bool tell;
    bool good = message_counts(&job->done.session->texts, job->done.arrival_ns, &tell);
    if (tell)
        answer_error(job, "rate_limit", -1, MESSAGE_RATE_TEXT);
    return good;
}

static void take_text(struct job *job, const char *text, size_t size)
{
    struct hazard_message m;
    struct hazard_error error;
    const struct net_message whole = {.kind = NET_TEXT, .data = (const uint8_t *)text, .len = size};
    if (message_is_object_text(&whole)) {
        if (allowed(job))
            answer_error(job, "expected_binary", -1, MESSAGE_PROMISE_TEXT);
        return;
    }
    bool good = hazard_message_read(&m, text, size, &error);
    if (m.kind == HAZARD_FRAME) {
        if (good)
            take_frame(job, &m);
        else
            refuse_frame(job, frame_came(job, m.frame_id), &error);
    } else if (allowed(job)) {
        if (!good)
            answer_error(job, error.code, -1, error.text);
        else if (m.kind == HAZARD_CONFIG)
            take_config(job, m.json);
        else
            message_time(&job->answer, m.t0, job->done.arrival_ns);
    }
    hazard_message_free(&m);
}

/* ---- the thread --------------------------------------------------------------------------------
 */

static void give_up(struct job *job, int code, const char *reason)
{
    job->done.close_code = code;
    job->done.close_reason = reason;
}

static void work_on(struct intake *intake, struct job *job)
{
    const uint8_t *data = job->data;
    size_t size = job->size;
    fov_status status = FOV_OK;
    if (job->deflated)
        status = net_inflate_message(intake->inflate, job->data, job->size, HAZARD_MESSAGE_MAX,
                                     &data, &size);
    if (status == FOV_ELIMIT)
        give_up(job, 1009, "the message is too long");
    else if (status != FOV_OK)
        give_up(job, 1007, "cannot inflate it");
    else if (job->kind != NET_TEXT)
        take_binary(job, data, size);
    else if (!text_is_utf8(data, size))
        give_up(job, 1007, "the text is no UTF-8");
    else
        take_text(job, (const char *)data, size);
    job->done.answer = job->answer.size ? message_blob(&job->answer) : NULL;
}

static void tell_done(void *arg)
{
    struct job *job = arg;
    job->intake->on_done(&job->done);
    net_blob_unref(&job->done.answer);
    free(job);
}

static void run(void *arg)
{
    struct job *job = arg;
    work_on(job->intake, job);
    net_post_surely(job->intake->loop, tell_done, job);
}

bool intake_take(struct intake *intake, struct hazard_session *s, const struct net_message *message)
{
    struct job *job = malloc(sizeof *job + message->len);
    if (!job)
        return false;
    *job = (struct job){.intake = intake,
                        .done = {.session = s, .arrival_ns = message->arrival_ns},
                        .kind = message->kind,
                        .deflated = message->deflated,
                        .size = message->len};
    if (message->len)
        memcpy(job->data, message->data, message->len);
    if (intake->chores && chores_add(intake->chores, run, job))
        return true;
    free(job);
    return false;
}

fov_status intake_start(struct intake **out, struct net_loop *loop,
                        void (*done)(struct intake_done *done), fov_error *error)
{
    struct intake *intake = calloc(1, sizeof *intake);
    *out = intake;
    if (!intake || !(intake->inflate = net_inflate_create()) ||
        !(intake->chores = chores_start("fovea-intake"))) {
        intake_destroy(out);
        return fov_fail(error, FOV_ENOMEM, "no memory or no thread for the intake of messages");
    }
    intake->loop = loop;
    intake->on_done = done;
    return FOV_OK;
}

void intake_stop(struct intake *intake)
{
    if (intake)
        chores_stop(&intake->chores);
}

void intake_destroy(struct intake **destroying)
{
    struct intake *intake = *destroying;
    if (!intake)
        return;
    chores_stop(&intake->chores);
    net_inflate_destroy(&intake->inflate);
    free(intake);
    *destroying = NULL;
}
