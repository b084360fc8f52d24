#include "serve/admission.h"

#include <string.h>

#include "flow/capacity.h"

/* Frames a second of a live source that does not say, when realtime.target_fps does not either. */
enum { RATE_UNKNOWN = 30 };

enum admission admission_read(const char *word)
{
    if (!word)
        return ADMISSION_DEFAULT;
    return strcmp(word, "best_effort") == 0 ? ADMISSION_BEST_EFFORT : ADMISSION_GUARANTEED;
}

/* Frames a second that will come; 0: as fast as they are worked off. */
static double rate_of(const struct server *server, const fov_source_info *source, double target_fps)
{
    double own = source->fps, settings = server->settings->realtime.target_fps;
    if (own <= 0 && source->live)
        own = settings > 0 ? settings : RATE_UNKNOWN;
    if (own <= 0)
        return target_fps;
    return target_fps > 0 && target_fps < own ? target_fps : own;
}

fov_status admission_fill(const struct server *server, enum admission *wish,
                          const fov_source_info *source, double target_fps,
                          fov_stream_params *params, fov_error *error)
{
    double fps = rate_of(server, source, target_fps);
    if (*wish == ADMISSION_BEST_EFFORT)
        return FOV_OK;
    if (fps <= 0 && *wish == ADMISSION_GUARANTEED)
        return fov_fail(error, FOV_EINVAL,
                        "this source has no rate of its own: a guarantee needs target_fps");
    if (fps <= 0) {
        *wish = ADMISSION_BEST_EFFORT;
        return FOV_OK;
    }
    params->guaranteed = true;
    params->promised_fps = fps;
    params->picture_width = source->width;
    params->picture_height = source->height;
    return FOV_OK;
}

static void put_numbers(struct json_writer *w, const fov_admission *a)
{
    json_add_number(w, "fps", a->fps, 2);
    json_add_number(w, "needs_ms", a->needs_ms, 2);
    json_add_number(w, "free_ms", a->free_ms, 2);
    json_add_number(w, "answer_ms", a->answer_ms, 2);
    json_add_number(w, "load", a->load, 4);
}

void admission_write(struct json_writer *w, enum admission admission, fov_stream *stream)
{
    fov_admission now;
    bool promised = admission != ADMISSION_BEST_EFFORT;
    json_add_string(w, "admission", promised ? "guaranteed" : "best_effort");
    if (!promised || !stream || !fov_stream_get_admission(stream, &now))
        return;
    json_name(w, "promise");
    json_object_begin(w);
    put_numbers(w, &now);
    json_object_end(w);
}

void admission_write_all(struct json_writer *w, fov_workers *workers)
{
    fov_workers_info info;
    fov_workers_get_info(workers, &info);
    json_name(w, "capacity");
    json_object_begin(w);
    json_add_int(w, "guaranteed", info.guaranteed);
    json_add_number(w, "load", info.promised, 4);
    json_add_number(w, "limit", CAPACITY_LIMIT, 2);
    json_add_int(w, "workers", info.workers);
    json_object_end(w);
}

void admission_refuse(struct net_request *request, fov_status status, const fov_error *error,
                      const fov_admission *told)
{
    struct json_writer w = {0};
    int code = fov_status_http(status);
    json_object_begin(&w);
    net_write_problem(&w, code, fov_status_code(status), error->message);
    json_name(&w, "admission");
    json_object_begin(&w);
    json_add_int(&w, "runs", told->runs);
    json_add_int(&w, "fits", told->fits);
    put_numbers(&w, told);
    json_add_number(&w, "fps_at_most", told->fps_at_most, 2);
    json_add_number(&w, "limit", CAPACITY_LIMIT, 2);
    json_object_end(&w);
    json_object_end(&w);
    if (code == 503)
        net_request_add_header(request, "Retry-After", "1");
    net_reply(request, code, "application/problem+json", w.text, w.text ? w.size : 0);
    json_release(&w);
}
