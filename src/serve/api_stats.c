/* GET /api/v1/realtime/video/stats: how all frames, or those of one stream, fared. */
#include <ctype.h>

#include "base/text.h"
#include "serve/admission.h"
#include "serve/hazard.h"
#include "serve/message.h"
#include "serve/room.h"
#include "serve/routes.h"

static void device_word(fov_workers *workers, char *word, size_t size)
{
    fov_model *model = fov_workers_model(workers, NULL);
    text_copy(word, size, model ? fov_model_get_info(model)->device : "none");
    for (char *c = word; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    fov_model_close(&model);
}

static fov_stream *find_stream(struct server *server, const char *id)
{
    fov_stream *stream = session_stream(server, id);
    if (!stream)
        stream = hazard_stream(server, id);
    return stream ? stream : room_stream(server, id);
}

/* The room that it runs for; NULL: it is a session. */
static const struct room *room_of_stream(struct server *server, const fov_stream *stream)
{
    const struct room *room = server->rooms->first;
    while (room && (!room->feed || room->feed->stream != stream))
        room = room->next;
    return room;
}

static enum admission admission_of(fov_stream *stream)
{
    fov_admission now;
    return fov_stream_get_admission(stream, &now) ? ADMISSION_GUARANTEED : ADMISSION_BEST_EFFORT;
}

void get_video_stats(struct exchange *x)
{
    fov_workers *workers = serve_workers(x);
    double window = 60;
    char device[32];
    fov_stats stats;
    fov_workers_info info;
    if (!workers || serve_param_number(x, "window", 1, 60, &window) < 0)
        return;
    const char *id = net_request_param(x->request, "stream_id");
    fov_stream *stream = id ? find_stream(x->server, id) : NULL;
    if (id && !stream) {
        serve_problem(x, 404, "not_found",
                      "no stream '%.80s' runs; /api/v1/realtime/video/streams lists them", id);
        return;
    }
    if (stream)
        fov_stream_get_stats(stream, window, &stats);
    else
        fov_workers_get_stats(workers, window, &stats);
    fov_workers_get_info(workers, &info);
    device_word(workers, device, sizeof device);
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    message_stats(w, &stats, info.bound_ms, device);
    if (stream)
        admission_write(w, admission_of(stream), stream);
    const struct room *room = stream ? room_of_stream(x->server, stream) : NULL;
    if (room && room->feed->football)
        football_write_stats(w, room->feed->football, stream);
    admission_write_all(w, workers);
    json_object_end(w);
    serve_json(x, 200, w);
}
