/* GET, PUT, DELETE /api/v1/realtime/football/{stream_id}/homography: where a stream's camera
 * looks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "scene/football_json.h"
#include "serve/members.h"
#include "serve/room.h"
#include "serve/routes.h"

struct room *football_room(struct exchange *x)
{
    const char *id = exchange_param(x, "stream_id");
    struct room *room = room_find(x->server, x->room);
    if (!room || room->ended || (!room->feed && !room->connecting)) {
        serve_problem(x, 404, "not_found",
                      "no stream '%.80s' runs; /api/v1/realtime/video/streams lists them", id);
        return NULL;
    }
    if (!room->football) {
        serve_problem(x, 409, "no_football",
                      "stream '%.80s' is no football stream: start it with \"kind\": \"football\"",
                      id);
        return NULL;
    }
    if (room->feed)
        return room;
    serve_problem(x, 409, "not_open", "the source of stream '%.80s' is still being opened", id);
    return NULL;
}

static struct football_place place_of(const struct feed_football *football)
{
    return (struct football_place){football->size, atomic_load(&football->width),
                                   atomic_load(&football->height)};
}

/* ---- GET ---------------------------------------------------------------------------------------
 */

static void write_landmarks(struct json_writer *w, const fov_pitch_size *size)
{
    const char *name;
    double pitch[2];
    json_name(w, "landmarks");
    json_array_begin(w);
    for (int i = 0; fov_pitch_landmark(FOV_PITCH_LANDMARKS, i, size, &name, pitch); i++) {
        json_object_begin(w);
        json_add_string(w, "name", name);
        football_add_pair(w, "pitch", pitch[0], pitch[1], 3);
        json_object_end(w);
    }
    json_array_end(w);
}

/* Members matrix, k1: of a view, or null. */
static void write_view(struct json_writer *w, const fov_pitch_view *view)
{
    json_name(w, "matrix");
    if (view)
        football_put_matrix(w, view->map);
    else
        json_put_null(w);
    if (view)
        json_add_number(w, "k1", view->k1, 6);
    else
        json_add_null(w, "k1");
}

/* The calibration that the next start of this source finds. */
static void write_kept(struct json_writer *w, const struct feed_football *football,
                       const struct football_place *place)
{
    const struct kept_view *kept = &football->kept;
    char why[160] = "";
    json_name(w, "kept");
    if (!football->has_kept) {
        json_put_null(w);
        return;
    }
    if (football->kept_why[0])
        text_copy(why, sizeof why, football->kept_why);
    else
        football_kept_why(kept, place->width, place->height, why, sizeof why);
    json_object_begin(w);
    json_add_int(w, "set_at", kept->set_ms);
    football_add_pair(w, "picture", kept->view.width, kept->view.height, 3);
    json_add_bool(w, "used", !why[0]);
    json_add_string(w, "why", why[0] ? why : NULL);
    json_object_end(w);
}

/* What is known now; the landmarks are for pages that offer them. */
static void write_state(struct json_writer *w, const struct room *room, bool landmarks)
{
    const struct feed_football *football = room->feed->football;
    struct football_place place = place_of(football);
    fov_pitch_view view;
    double sigma_px = 0;
    bool known = false;
    uint64_t seq = UINT64_MAX;
    fov_error error = {0};
    fov_stream_get_pitch_view(room->feed->stream, &view, &known, &sigma_px, &seq, &error);
    json_object_begin(w);
    json_add_string(w, "stream_id", room->stream_id);
    json_add_string(w, "token", room->name);
    json_add_bool(w, "known", known);
    write_view(w, known ? &view : NULL);
    if (known)
        json_add_number(w, "sigma_px", sigma_px, 2);
    else
        json_add_null(w, "sigma_px");
    football_add_pair(w, "size", place.size.length, place.size.width, 3);
    json_name(w, "frame_id");
    if (place.width > 0 && seq != UINT64_MAX)
        json_put_int(w, (int64_t)seq);
    else
        json_put_null(w);
    if (place.width > 0)
        football_add_pair(w, "picture", place.width, place.height, 3);
    else
        json_add_null(w, "picture");
    json_add_bool(w, "still_camera", football->still);
    write_kept(w, football, &place);
    if (landmarks)
        write_landmarks(w, &place.size);
    json_object_end(w);
}

void get_homography(struct exchange *x)
{
    struct room *room = football_room(x);
    if (!room)
        return;
    struct json_writer *w = serve_writer(x->server);
    write_state(w, room, true);
    serve_json(x, 200, w);
}

/* ---- keeping ----------------------------------------------------------------------------------
 */

/* A request that is answered when its calibration is on the disk. */
struct keeping {
    struct server *server;
    uint64_t request_id;
    struct json_writer answer;
};

static void refuse_kept(struct net_request *request, const char *why)
{
    char detail[300];
    snprintf(detail, sizeof detail, "it is in force, but cannot be kept beyond this run: %s", why);
    net_reply_problem(request, 507, "not_kept", detail);
}

static void on_kept(void *arg, fov_status status, const char *message)
{
    struct keeping *k = arg;
    struct net_request *request = net_request_find(k->server->loop, k->request_id);
    if (request && status == FOV_OK)
        serve_reply(request, 200, &k->answer);
    else if (request)
        refuse_kept(request, message);
    json_release(&k->answer);
    free(k);
}

/* False: answered; nothing may be set, for it could not be kept now. */
static bool may_keep(struct exchange *x, bool preview)
{
    if (preview || !view_book_busy(x->server->rooms->views))
        return true;
    serve_busy(x, 1, "busy", "another calibration is being written; try again");
    return false;
}

/* Keeps what was set (NULL: forgets it) for the next start of the room's source; answers. */
static void keep(struct exchange *x, struct room *room, const fov_pitch_view *view,
                 struct json_writer *answer)
{
    struct view_book *book = x->server->rooms->views;
    struct feed_football *football = room->feed->football;
    struct keeping *k = malloc(sizeof *k);
    fov_error error = {0};
    if (k)
        *k = (struct keeping){x->server, net_request_id(x->request), *answer};
    football->kept = (struct kept_view){.pitch = football->size,
                                        .set_ms = (int64_t)clock_unix_ms()};
    if (view)
        football->kept.view = *view;
    football->has_kept = view != NULL;
    football->kept_why[0] = '\0';
    atomic_store(&football->kept_width, 0);
    if (k && view_book_set(x->server, book, &football->key, view ? &football->kept : NULL, on_kept,
                           k, &error) == FOV_OK)
        return;
    refuse_kept(x->request, k ? error.message : "not enough memory");
    json_release(answer);
    free(k);
}

/* Nothing is to be kept. */
static void answer_now(struct exchange *x, struct json_writer *answer)
{
    serve_json(x, 200, answer);
    json_release(answer);
}

/* ---- PUT, DELETE -------------------------------------------------------------------------------
 */

static void forget(struct exchange *x, struct room *room, bool preview)
{
    fov_error error = {0};
    fov_status status = FOV_OK;
    if (!may_keep(x, preview))
        return;
    if (!preview)
        status = fov_stream_set_pitch_view(room->feed->stream, NULL, UINT64_MAX, &error);
    if (status != FOV_OK) {
        serve_error(x, status, &error);
        return;
    }
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_bool(&w, "known", false);
    if (preview)
        json_add_bool(&w, "preview", true);
    write_view(&w, NULL);
    json_object_end(&w);
    if (preview || !view_book_find(x->server->rooms->views, &room->feed->football->key))
        answer_now(x, &w);
    else
        keep(x, room, NULL, &w);
}

/* The frame that was clicked on; UINT64_MAX: the newest. */
static bool read_frame(struct exchange *x, const json_value *json, uint64_t *seq)
{
    int64_t id = -1;
    *seq = UINT64_MAX;
    if (!json_has(json, "frame_id") || json_is_null(json_get(json, "frame_id")))
        return true;
    if (json_get_int(json, "frame_id", &id) && id >= 0) {
        *seq = (uint64_t)id;
        return true;
    }
    serve_problem(x, 422, "invalid_argument",
                  "frame_id must be the frameNumber of a picture (X-Frame-Id of latest.jpg)");
    return false;
}

/* From now on. */
static void set_still(struct room *room, bool still)
{
    struct feed_football *football = room->feed->football;
    fov_stream_set_still_camera(room->feed->stream, still, NULL);
    if (football->still != still)
        fov_log(FOV_LOG_INFO, "serve", "room %s: the camera %s", room->name,
                still ? "stands still" : "moves");
    football->still = still;
}

/* As a client says: 1, 0; -1: nothing. */
static void change_still(struct room *room, int still)
{
    if (still < 0)
        return;
    room->feed->football->still_said = true;
    set_still(room, still);
}

void football_reloaded(struct server *server)
{
    for (struct room *room = server->rooms->first; room; room = room->next)
        if (room->feed && room->feed->football && !room->feed->football->still_said)
            set_still(room, server->settings->football.still_camera);
}

static bool read_preview(struct exchange *x, bool *preview)
{
    const char *word = net_request_param(x->request, "preview");
    *preview = word && (strcmp(word, "true") == 0 || strcmp(word, "1") == 0);
    if (!word || *preview || strcmp(word, "false") == 0 || strcmp(word, "0") == 0)
        return true;
    serve_problem(x, 422, "invalid_argument", "preview must be true or false");
    return false;
}

static void answer_view(struct exchange *x, struct room *room, const fov_pitch_view *view,
                        const fov_pitch_quality *quality, uint64_t seq, bool preview)
{
    struct json_writer w = {0};
    struct football_place place = place_of(room->feed->football);
    bool kept = !preview && view->width > 0; /* else nobody knows for which pictures */
    json_object_begin(&w);
    json_add_bool(&w, "known", true);
    if (preview)
        json_add_bool(&w, "preview", true);
    write_view(&w, view);
    football_write_quality(&w, quality);
    football_add_pair(&w, "size", place.size.length, place.size.width, 3);
    json_add_bool(&w, "still_camera", room->feed->football->still);
    json_name(&w, "frame_id");
    if (seq != UINT64_MAX)
        json_put_int(&w, (int64_t)seq);
    else
        json_put_null(&w);
    json_add_bool(&w, "kept", kept);
    json_object_end(&w);
    if (kept)
        keep(x, room, view, &w);
    else
        answer_now(x, &w);
}

/* Fits and, unless only looked at, sets it. `still`: 1, 0; -1 changes nothing. */
static void set_view(struct exchange *x, struct room *room, const json_value *json, int still,
                     bool preview)
{
    struct football_place place = place_of(room->feed->football);
    fov_pitch_quality quality;
    fov_pitch_view view, now;
    uint64_t seq, newest = UINT64_MAX;
    bool known;
    double sigma_px;
    fov_error error = {0};
    if (!read_frame(x, json, &seq) || !may_keep(x, preview))
        return;
    fov_status status = football_read_view(json, &place, &view, &quality, &error);
    fov_stream_get_pitch_view(room->feed->stream, &now, &known, &sigma_px, &newest, NULL);
    if (status == FOV_OK && !preview)
        status = fov_stream_set_pitch_view(room->feed->stream, &view, seq, &error);
    if (status == FOV_OK && !preview)
        change_still(room, still);
    if (status == FOV_EINVAL || status == FOV_ENOTFOUND)
        football_refuse_view(x, &error, &quality);
    else if (status != FOV_OK)
        serve_error(x, status, &error);
    else
        answer_view(x, room, &view, &quality, seq != UINT64_MAX || place.width == 0 ? seq : newest,
                    preview);
}

/* With nothing to fit: only whether the camera stands still. */
static bool says_still_alone(const json_value *json)
{
    return json_has(json, "still_camera") && !json_has(json, "points") && !json_has(json, "matrix");
}

static void answer_still(struct exchange *x, struct room *room, int still, bool preview)
{
    struct json_writer *w = serve_writer(x->server);
    if (!preview)
        change_still(room, still);
    write_state(w, room, false);
    serve_json(x, 200, w);
}

void put_homography(struct exchange *x)
{
    struct room *room = football_room(x);
    bool preview, gone = false, still = false;
    json_value *json = room && read_preview(x, &preview) ? member_object(x) : NULL;
    if (!json)
        return;
    if (!member_bool(x, json, "forget", &gone) || !member_bool(x, json, "still_camera", &still))
        ; /* answered */
    else if (gone)
        forget(x, room, preview);
    else if (says_still_alone(json))
        answer_still(x, room, still, preview);
    else
        set_view(x, room, json, json_has(json, "still_camera") ? still : -1, preview);
    json_free(&json);
}

void delete_homography(struct exchange *x)
{
    struct room *room = football_room(x);
    if (room)
        forget(x, room, false);
}
