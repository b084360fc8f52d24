/* GET /api/v1/realtime/football/{stream_id}/heatmap: where a team, or one person, was. The picture
 * is painted on a thread of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scene/heat_png.h"
#include "serve/room.h"
#include "serve/routes.h"

enum { BINS_MAX = 150 * 120, WAITING_MAX = 8 };

struct painting {
    struct server *server;
    uint64_t request_id;
    fov_pitch_size pitch;
    int columns, rows;
    struct net_blob *picture; /* NULL: it failed */
    float seconds[BINS_MAX];
};

/* Loop thread. */
static void painted(void *arg)
{
    struct painting *p = arg;
    struct net_request *request = net_request_find(p->server->loop, p->request_id);
    p->server->rooms->paintings--;
    if (request && p->picture)
        net_reply_blob(request, 200, "image/png", p->picture);
    else if (request)
        net_reply_problem(request, 503, "out_of_memory", "not enough memory for a picture");
    net_blob_unref(&p->picture);
    free(p);
}

/* On the painting thread. */
static void paint(void *arg)
{
    struct painting *p = arg;
    const fov_match_heat heat = {p->seconds, p->columns, p->rows};
    fov_encoder *encoder;
    const uint8_t *bytes;
    size_t size;
    if (fov_encoder_create(&encoder, NULL) == FOV_OK &&
        heat_png_encode(encoder, &heat, &p->pitch, &bytes, &size, NULL) == FOV_OK)
        p->picture = net_blob_copy(bytes, size);
    fov_encoder_destroy(&encoder);
    net_post_surely(p->server->loop, painted, p); /* `paintings` would stay */
}

/* Of `team` or of `track_id`. False: answered. */
static bool read_whose(struct exchange *x, int *team, int32_t *id)
{
    const char *word = net_request_param(x->request, "team");
    double number = 0;
    int given = serve_param_number(x, "track_id", 1, INT32_MAX, &number);
    *id = (int32_t)number;
    *team = word && strcmp(word, "second") == 0;
    if (given < 0)
        return false;
    if (!word == !given || (word && !*team && strcmp(word, "first") != 0) ||
        (double)*id != number) {
        serve_problem(x, 422, "invalid_argument",
                      "either team, first or second, or the track_id of a person is needed");
        return false;
    }
    return true;
}

static bool may_paint(struct exchange *x)
{
    struct rooms *rooms = x->server->rooms;
    if (!rooms->painting)
        rooms->painting = chores_start("fovea-painting");
    if (rooms->paintings >= WAITING_MAX)
        serve_busy(x, 1, "too_many", "%d heat maps wait already", WAITING_MAX);
    else if (!rooms->painting)
        serve_busy(x, 1, "out_of_memory", "no thread for heat maps");
    return rooms->painting && rooms->paintings < WAITING_MAX;
}

void get_heatmap(struct exchange *x)
{
    struct room *room = football_room(x);
    struct painting *p;
    int team;
    int32_t id;
    fov_error error = {0};
    if (!room || !read_whose(x, &team, &id) || !may_paint(x))
        return;
    if (!(p = calloc(1, sizeof *p))) {
        serve_busy(x, 1, "out_of_memory", "not enough memory for a picture");
        return;
    }
    p->server = x->server;
    p->request_id = net_request_id(x->request);
    p->pitch = room->feed->football->size;
    fov_status status = fov_stream_get_heat(room->feed->stream, team, id, p->seconds, BINS_MAX,
                                            &p->columns, &p->rows, &error);
    if (status == FOV_OK && !chores_add(x->server->rooms->painting, paint, p))
        status = fov_fail(&error, FOV_ENOMEM, "not enough memory for a picture");
    if (status == FOV_OK) {
        x->server->rooms->paintings++;
        return;
    }
    free(p);
    serve_error(x, status, &error);
}
