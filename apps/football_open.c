/* Opening what a match needs, in the order in which it costs: the source, the calibration, the
 * folder, the models. */
#include "football.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"
#include "serve/settings.h"

#define WARM_S                                                                                     \
    3.0 /* looked at again before the first new frame: names, teams and the ball return */
#define AGAIN_S 60.0       /* less than this is looked at again from the beginning, if need be */
#define SEEK_SLACK_S 0.002 /* times are kept as they are written */
#define DRAWN "drawn"

enum { HOLD = FOOTBALL_HELD + 24, LIVE_RESULTS = 16 };

/* ---- source ---------------------------------------------------------------------------------- */

static fov_status open_reader(struct football_run *r, double seek_s, fov_error *error)
{
    const struct football_asked *a = &r->asked;
    fov_reader_params params = {.open = {.url = a->url, .seek_ms = 1e3 * seek_s},
                                .buffer = 8,
                                .hold = HOLD,
                                .tell_broken = true};
    fov_status status = fov_reader_open(&r->reader, &params, error);
    if (status)
        return status;
    const fov_source_info *info = fov_reader_get_info(r->reader);
    r->live = info->live;
    r->fps = info->fps > 0 && info->fps < a->fps ? info->fps : a->fps;
    return FOV_OK;
}

/* Photographs may have to be turned. Frames of a camera are taken as they are. */
static fov_status open_turner(struct football_run *r, fov_error *error)
{
    const fov_frame_pool_params pool = {
        .slots = HOLD + 8, .max_bytes = READING_PICTURE_BYTES, .keep_bytes = READING_PICTURE_BYTES};
    if (strcmp(fov_reader_get_info(r->reader)->kind, "images") != 0)
        return FOV_OK;
    fov_status status = fov_frame_pool_create(&r->turned, &pool, error);
    return status ? status : fov_decoder_create(&r->turner, error);
}

/* FOV_OK also at the end of a source without pictures: `first` is NULL then. */
static fov_status read_first(struct football_run *r, fov_error *error)
{
    fov_status status = FOV_EAGAIN;
    while ((status == FOV_EAGAIN || status == FOV_EFORMAT) && !football_is_stopped()) {
        status = football_next(r, &r->first, error);
        if (status == FOV_EFORMAT)
            football_pass_broken(r, error);
    }
    if (status == FOV_EOS || status == FOV_EAGAIN || status == FOV_EFORMAT)
        return FOV_OK;
    if (status)
        return status;
    r->width = r->first->width;
    r->height = r->first->height;
    return FOV_OK;
}

/* What a calibration says of the first picture is not true of a later one: the view of that time
 * takes its place. */
static double go_back_to_view(struct football_run *r, double from_s)
{
    struct football_view found;
    if (r->asked.still)
        return from_s;
    bool calibrated = r->params.view != NULL;
    r->params.view = NULL;
    if (!football_views_find(r, WARM_S, &found)) {
        if (calibrated && (double)r->before.last < AGAIN_S * r->fps) {
            r->params.view = &r->view; /* all of it once more */
            r->number = -1;
            return 0;
        }
        if (calibrated)
            fprintf(stderr,
                    "fovea: the pitch was not in view where the run before stopped: there are "
                    "no metres from here on, unless --pitch-model finds it\n");
        return from_s;
    }
    r->view = found.view;
    r->params.view = &r->view;
    r->number = found.number - 1;
    return found.pts_ms / 1e3 - SEEK_SLACK_S;
}

/* A camera that was calibrated once may look elsewhere by now. */
static void go_on_live(struct football_run *r)
{
    r->number = r->before.last;
    if (r->before.last < 0 || !r->params.view || r->asked.still || r->before.other_view)
        return;
    r->params.view = NULL;
    fprintf(stderr, "fovea: the calibration is of the first picture of the run before, and the "
                    "camera may have moved: no metres. --still says that it has not; or give a "
                    "new calibration\n");
}

/* A file goes on a little before where it stopped. What cannot be wound there is read through. */
static fov_status rewind_reader(struct football_run *r, fov_error *error)
{
    double from_s = (double)r->before.last / r->fps - WARM_S;
    if (r->live)
        go_on_live(r);
    if (r->before.last < 0 || r->live || from_s <= 0)
        return FOV_OK;
    r->number = (int64_t)(from_s * r->fps) - 1;
    from_s = go_back_to_view(r, from_s);
    if (from_s <= 0 || strcmp(fov_reader_get_info(r->reader)->kind, "video") != 0)
        return FOV_OK;
    fov_frame_unref(&r->first);
    fov_reader_close(&r->reader);
    return open_reader(r, from_s, error);
}

/* ---- models and stream ----------------------------------------------------------------------- */

static fov_status add_model(struct football_run *r, const char *model, const char *id,
                            const char **named, fov_error *error)
{
    struct chosen_model chosen = {.model = model,
                                  .id = id,
                                  .backend = r->asked.chosen.backend,
                                  .device = r->asked.chosen.device,
                                  .precision = r->asked.chosen.precision};
    if (!model)
        return FOV_OK;
    bool drawn = strcmp(model, DRAWN) == 0; /* no model */
    *named = drawn ? DRAWN : id;
    if (drawn)
        return FOV_OK;
    return chosen_model_add(&chosen, r->workers, error);
}

/* Models of appearance; one that serves for both is opened once. */
static fov_status add_looks(struct football_run *r, fov_error *error)
{
    const struct football_asked *a = &r->asked;
    bool same = a->appearance && a->team_model && strcmp(a->appearance, a->team_model) == 0;
    fov_status status = add_model(r, a->appearance, "appearance", &r->params.appearance_model,
                                  error);
    if (same)
        r->params.team_model = r->params.appearance_model;
    return status || same ? status
                          : add_model(r, a->team_model, "team", &r->params.team_model, error);
}

static void tell_fallback(fov_workers *workers)
{
    fov_model *model = fov_workers_model(workers, NULL);
    const fov_model_info *m = model ? fov_model_get_info(model) : NULL;
    if (m && m->fallback[0])
        fprintf(stderr, "fovea: runs on %s %s (%s)\n", m->backend, m->device, m->fallback);
    fov_model_close(&model);
}

static fov_status open_models(struct football_run *r, fov_error *error)
{
    struct football_asked *a = &r->asked;
    fov_workers_params params = {.workers = 2, .pin_latency = true};
    if (a->chosen.model && strcmp(a->chosen.model, DRAWN) == 0) {
        r->params.player_model = DRAWN;
        a->chosen.model = FOV_FOOTBALL_DRAWN; /* there has to be one; it is never run */
        a->chosen.id = DRAWN;
    }
    fov_status status = chosen_model_start(&a->chosen, &params, &r->workers, error);
    if (!status)
        tell_fallback(r->workers);
    if (!status)
        status = add_model(r, a->ball_model, "ball", &r->params.ball_model, error);
    if (!status)
        status = add_model(r, a->pitch_model, "pitch", &r->params.pitch_model, error);
    return status ? status : add_looks(r, error);
}

static fov_status open_stream(struct football_run *r, fov_error *error)
{
    const struct football_asked *a = &r->asked;
    fov_football_params *f = &r->params;
    f->player_conf = a->chosen.conf_given ? (float)a->chosen.conf : 0;
    f->tracker.name = a->tracker;
    f->match.pitch = r->pitch;
    f->names[0] = r->names[0];
    f->names[1] = r->names[1];
    f->still_camera = a->still;
    fov_stream_params params = {.name = "football",
                                .max_latency_ms = r->live ? a->max_latency_ms : 0,
                                .fifo = !r->live,
                                .capacity = r->live ? 0 : 2,
                                .max_bytes = r->live ? 0 : READING_PICTURE_BYTES,
                                .results = r->live ? LIVE_RESULTS : 4,
                                .detect = {.conf = (float)a->chosen.conf,
                                           .iou = (float)a->chosen.iou,
                                           .exact = a->chosen.exact},
                                .football = f,
                                .still_camera = a->still};
    fov_status status = fov_stream_open(&r->stream, r->workers, &params, error);
    if (!status && a->out && a->video)
        fov_stream_watch(r->stream, true);
    return status;
}

fov_status football_open(struct football_run *r, fov_error *error)
{
    fov_match_params figures = {.max_people = FOOTBALL_PEOPLE};
    r->before.last = r->written = r->number = -1;
    fov_source_redact(r->shown, sizeof r->shown, r->asked.url);
    fov_status status = football_settle_asked(r, error);
    if (!status)
        status = football_check_formats(r->asked.formats, error);
    if (!status)
        status = open_reader(r, 0, error);
    if (!status)
        status = open_turner(r, error);
    if (!status)
        status = read_first(r, error);
    if (status || !r->first)
        return status;
    status = football_calibrate(r, error);
    figures.pitch = r->pitch;
    if (!status)
        status = fov_match_create(&r->match, &figures, error);
    if (!status && r->asked.out)
        status = football_folder_open(r, error);
    if (!status)
        status = rewind_reader(r, error);
    if (!status)
        status = fov_decoder_create(&r->decoder, error);
    if (!status)
        status = open_models(r, error);
    return status ? status : open_stream(r, error);
}

fov_status football_close(struct football_run *r, fov_error *error)
{
    football_stop_reading(r);
    if (r->stream)
        fov_stream_close(&r->stream);
    fov_status status = football_folder_close(r, error);
    fov_status video = football_video_close(r, status ? NULL : error);
    fov_frame_unref(&r->first);
    fov_decoder_destroy(&r->decoder);
    fov_decoder_destroy(&r->turner);
    fov_workers_destroy(&r->workers);
    fov_reader_close(&r->reader);
    fov_frame_pool_destroy(&r->turned);
    fov_match_destroy(&r->match);
    json_release(&r->line);
    free(r->sums.who);
    settings_free(&r->settings);
    return status ? status : video;
}
