#include "serve/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { TEXTS_A_SECOND = 50 };

static const char *const reason_members[] = {
#define DROP_WORD(name, word) word,
    FOV_DROP_MAP(DROP_WORD)
#undef DROP_WORD
};

static void put_box(struct json_writer *w, const char *name, const fov_detection *d, double sx,
                    double sy, int decimals)
{
    json_name(w, name);
    json_array_begin(w);
    json_put_number(w, (double)d->x1 * sx, decimals);
    json_put_number(w, (double)d->y1 * sy, decimals);
    json_put_number(w, (double)d->x2 * sx, decimals);
    json_put_number(w, (double)d->y2 * sy, decimals);
    json_array_end(w);
}

void message_detections(struct json_writer *w, const fov_detections *detections, float conf,
                        const fov_model *model, int width, int height)
{
    json_array_begin(w);
    for (size_t i = 0; detections && i < detections->count; i++) {
        const fov_detection *d = &detections->items[i];
        if (d->score < conf)
            continue;
        json_object_begin(w);
        json_add_int(w, "class_id", d->class_id);
        json_add_int(w, "class_id_raw", d->class_id_raw);
        json_add_string(w, "class", fov_model_label(model, d->class_id));
        json_add_number(w, "confidence", (double)d->score, 4);
        put_box(w, "box", d, 1, 1, 2);
        put_box(w, "box_norm", d, 1.0 / (width > 0 ? width : 1), 1.0 / (height > 0 ? height : 1),
                5);
        if (d->track_id >= 0)
            json_add_int(w, "track_id", d->track_id);
        message_detail(w, detections->details, i, width, height);
        json_object_end(w);
    }
    json_array_end(w);
}

void message_crops(struct json_writer *w, const fov_crops *crops)
{
    if (crops->wanted == 0)
        return;
    json_name(w, "appearance");
    json_object_begin(w);
    json_add_int(w, "wanted", crops->wanted);
    json_add_int(w, "taken", crops->taken);
    json_add_bool(w, "hurried", crops->hurried);
    json_object_end(w);
}

void message_timings(struct json_writer *w, const fov_timings *timings)
{
#define TIMING_MEMBER(name, word) json_add_number(w, #word, ns_to_ms(timings->word), 3);
    FOV_STAGE_MAP(TIMING_MEMBER)
#undef TIMING_MEMBER
    json_add_number(w, "total", ns_to_ms(timings->total), 3);
}

double message_work_ms(const fov_timings *timings)
{
    return ns_to_ms(timings->decode + timings->preprocess + timings->inference +
                    timings->postprocess + timings->track);
}

static const fov_detection *best_of(const fov_detections *detections, float conf)
{
    const fov_detection *best = NULL;
    for (size_t i = 0; detections && i < detections->count; i++) {
        const fov_detection *d = &detections->items[i];
        if (d->score >= conf && (!best || d->score > best->score))
            best = d;
    }
    return best;
}

/* What the picture shows: the surest detection; of classifiers the best class. class_id -1: nothing
 * was found. */
static fov_class_score prediction_of(const fov_detections *detections, float conf)
{
    const fov_details *details = detections ? detections->details : NULL;
    const fov_detection *best = best_of(detections, conf);
    if (details && details->class_count > 0)
        return details->classes[0];
    return best ? (fov_class_score){best->class_id, best->score} : (fov_class_score){-1, 0};
}

static void put_prediction(struct json_writer *w, fov_class_score best, const fov_model *model)
{
    json_name(w, "prediction");
    if (best.class_id < 0) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_add_string(w, "class", fov_model_label(model, best.class_id));
    json_add_int(w, "class_id", best.class_id);
    json_add_number(w, "confidence", (double)best.score, 4);
    json_object_end(w);
}

void message_result(struct json_writer *w, const fov_result *result,
                    const struct message_answer *answer)
{
    const fov_model_info *info = fov_model_get_info(result->model);
    fov_class_score best = prediction_of(result->detections, answer->conf);
    double total_ms = ns_to_ms(result->timings.total);
    json_add_int(w, "frame_id", (int64_t)answer->frame_id);
    json_add_number(w, "processing_time_ms", message_work_ms(&result->timings), 3);
    json_add_number(w, "total_time_ms", total_ms, 3);
    put_prediction(w, best, result->model);
    json_add_number(w, "confidence", (double)best.score, 4);
    message_task(w, result->detections, result->model);
    json_name(w, "annotations");
    message_detections(w, result->detections, answer->conf, result->model, result->width,
                       result->height);
    message_crops(w, &result->crops);
    json_add_bool(w, "meets_latency_requirement",
                  answer->max_latency_ms <= 0 || total_ms <= answer->max_latency_ms);
    json_name(w, "timings_ms");
    json_object_begin(w);
    message_timings(w, &result->timings);
    json_object_end(w);
    json_add_string(w, "model_id", info->id);
    json_add_string(w, "backend", info->backend);
    json_add_int(w, "width", result->width);
    json_add_int(w, "height", result->height);
}

void message_dropped(struct json_writer *w, int64_t frame_id, const char *reason,
                     const char *message)
{
    json_object_begin(w);
    json_add_string(w, "type", "dropped");
    if (frame_id >= 0)
        json_add_int(w, "frame_id", frame_id);
    json_add_string(w, "reason", reason);
    if (message && message[0])
        json_add_string(w, "message", message);
    json_object_end(w);
}

void message_error(struct json_writer *w, const char *code, int64_t frame_id, const char *message)
{
    json_object_begin(w);
    json_add_string(w, "type", "error");
    json_add_string(w, "code", code);
    json_add_string(w, "message", message);
    if (frame_id >= 0)
        json_add_int(w, "frame_id", frame_id);
    json_object_end(w);
}

void message_undelivered(struct json_writer *w, const fov_result *result)
{
    int64_t id = (int64_t)result->frame->number;
    if (result->outcome == FOV_DROPPED)
        message_dropped(w, id, fov_drop_name(result->reason), result->message);
    else
        message_error(w, fov_status_code(result->status), id,
                      result->message[0] ? result->message : fov_status_text(result->status));
}

void message_time(struct json_writer *w, double t0, int64_t arrival_ns)
{
    json_object_begin(w);
    json_add_string(w, "type", "time");
    json_add_number(w, "t0", t0, 3);
    json_add_number(w, "t1", clock_unix_ms_of(arrival_ns), 3);
    json_add_number(w, "t2", clock_unix_ms(), 3);
    json_object_end(w);
}

static void put_drops(struct json_writer *w, const char *name, const fov_stats *stats)
{
    json_name(w, name);
    json_object_begin(w);
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        json_add_int(w, reason_members[i], (int64_t)stats->dropped[i]);
    json_object_end(w);
}

static void put_stages(struct json_writer *w, const fov_stats *stats)
{
    json_name(w, "stages");
    json_object_begin(w);
    for (int i = 0; i < FOV_STAGE_COUNT; i++) {
        json_name(w, fov_stage_name((fov_stage)i));
        json_object_begin(w);
        json_add_number(w, "mean_ms", stats->stage_mean_ms[i], 3);
        json_add_number(w, "p95_ms", stats->stage_p95_ms[i], 3);
        json_object_end(w);
    }
    json_object_end(w);
}

void message_live_stats(struct json_writer *w, const fov_stats *stats, double bound_ms)
{
    json_name(w, "latency_ms");
    json_object_begin(w);
    json_add_number(w, "p50", stats->p50_ms, 3);
    json_add_number(w, "p95", stats->p95_ms, 3);
    json_add_number(w, "p99", stats->p99_ms, 3);
    json_object_end(w);
    json_add_number(w, "fps_in", stats->fps_in, 2);
    json_add_number(w, "fps_out", stats->fps, 2);
    put_drops(w, "drops", stats);
    put_stages(w, stats);
    json_add_number(w, "bound_ms", bound_ms, 3);
}

void message_stats(struct json_writer *w, const fov_stats *stats, double bound_ms,
                   const char *device)
{
    double rate = stats->accepted ? 100.0 * (double)stats->violations / (double)stats->accepted : 0;
    json_add_int(w, "total_frames", (int64_t)stats->accepted);
    json_add_number(w, "avg_latency_ms", stats->mean_ms, 3);
    json_add_number(w, "min_latency_ms", stats->min_ms, 3);
    json_add_number(w, "max_latency_ms", stats->max_ms, 3);
    json_add_number(w, "p50_latency_ms", stats->p50_ms, 3);
    json_add_number(w, "p95_latency_ms", stats->p95_ms, 3);
    json_add_number(w, "p99_latency_ms", stats->p99_ms, 3);
    json_add_number(w, "fps", stats->fps, 2);
    json_add_int(w, "latency_violations", (int64_t)stats->violations);
    json_add_number(w, "violation_rate", rate, 4);
    json_add_string(w, "device", device);
    json_add_int(w, "delivered", (int64_t)stats->delivered);
    json_add_int(w, "failed", (int64_t)stats->failed);
    json_add_int(w, "waiting", (int64_t)stats->waiting);
    put_drops(w, "dropped", stats);
    if (stats->crops_wanted > 0) {
        json_add_int(w, "crops_wanted", (int64_t)stats->crops_wanted);
        json_add_int(w, "crops_taken", (int64_t)stats->crops_taken);
    }
    put_stages(w, stats);
    json_add_number(w, "bound_ms", bound_ms, 3);
    json_add_number(w, "window_s", stats->interval_s, 2);
}

struct net_blob *message_blob(struct json_writer *w)
{
    struct net_blob *blob = NULL;
    if (!w->failed && w->text)
        blob = net_blob_wrap(w->text, w->size, free, w->text); /* frees the text if it fails */
    else
        free(w->text);
    *w = (struct json_writer){0};
    return blob;
}

void message_deliver(struct net_socket *socket, struct net_blob *text)
{
    struct net_frame frame = {.kind = NET_TEXT, .blob = text};
    if (net_socket_send(socket, &frame, 1) == FOV_EBUSY)
        net_socket_close(socket, 1013, "answers are not read");
}

fov_status message_send(struct net_socket *socket, struct json_writer *w)
{
    fov_status status = w->failed ? FOV_ENOMEM : net_socket_send_text(socket, w->text, w->size);
    json_release(w);
    return status;
}

bool message_answer_time(struct net_socket *socket, const json_value *json, int64_t arrival_ns)
{
    const char *type;
    double t0;
    if (!json_get_string(json, "type", &type) || strcmp(type, "time") != 0 ||
        !json_get_number(json, "t0", &t0))
        return false;
    struct json_writer w = {0};
    message_time(&w, t0, arrival_ns);
    message_send(socket, &w);
    return true;
}

bool message_counts(struct message_rate *rate, int64_t now_ns, bool *tell)
{
    if (rate->count == 0 || now_ns - rate->start_ns >= NS_PER_S)
        *rate = (struct message_rate){.start_ns = now_ns};
    *tell = ++rate->count == TEXTS_A_SECOND + 1;
    return rate->count <= TEXTS_A_SECOND;
}

bool message_allowed(struct message_rate *rate, struct net_socket *socket, int64_t now_ns)
{
    struct json_writer w = {0};
    bool tell, good = message_counts(rate, now_ns, &tell);
    if (tell) {
        message_error(&w, "rate_limit", -1, MESSAGE_RATE_TEXT);
        message_send(socket, &w);
    }
    return good;
}

bool message_is_object_text(const struct net_message *message)
{
    static const char start[] = "[object ";
    return message->kind == NET_TEXT && message->len > sizeof start - 1 && message->len < 64 &&
           memcmp(message->data, start, sizeof start - 1) == 0;
}

const char *message_codec(fov_codec codec)
{
    return codec == FOV_PNG ? "png" : codec == FOV_WEBP ? "webp" : "jpeg";
}
