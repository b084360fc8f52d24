/* Pipelines made of a file of settings: which models, how they are opened, what football is told.
 */
#include <fovea/pipeline.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "flow/pipeline.h"
#include "serve/model_settings.h"
#include "serve/settings_football.h"

extern char **environ;

#define MAX_LATENCY_MS 2000 /* the bound of document 003 */

enum { REALTIME_BATCH = 1, BATCH_BATCH = 8 };

/* ---- the file -------------------------------------------------------------------------------- */

/* What was wrong, the first of it in words. */
struct mistakes {
    char first[400];
    int count;
};

static void keep_first(void *user, bool fatal, const char *text)
{
    struct mistakes *m = user;
    if (fatal && m->count++ == 0)
        text_copy(m->first, sizeof m->first, text);
}

static fov_status read_settings(const char *file, struct settings **settings, fov_error *error)
{
    struct mistakes mistakes = {.count = 0};
    fov_error why = {0};
    fov_status status = settings_load(settings, file, environ, NULL, 0, keep_first, &mistakes,
                                      &why);
    if (status == FOV_OK || mistakes.count == 0)
        return status ? fov_fail(error, status, "%s", why.message) : FOV_OK;
    if (mistakes.count == 1)
        return fov_fail(error, status, "%s", mistakes.first);
    return fov_fail(error, status, "%s (and %d more; `fovea config check` lists them)",
                    mistakes.first, mistakes.count - 1);
}

/* ---- what the caller gives goes before it -----------------------------------------------------
 */

static void take_teams(fov_football_params *to, const fov_football_params *file)
{
    for (int i = 0; i < 2; i++)
        if (!to->names[i])
            to->names[i] = file->names[i];
    if (to->teams.named)
        return;
    to->teams.named = file->teams.named;
    memcpy(to->teams.colors, file->teams.colors, sizeof to->teams.colors);
}

/* All of `own`, and of the file what is left open there; models have their names already. */
static void merge(fov_football_params *file, const fov_football_params *own)
{
    fov_football_params to = *own;
    to.player_model = file->player_model;
    to.ball_model = file->ball_model;
    to.pitch_model = file->pitch_model;
    to.appearance_model = file->appearance_model;
    to.team_model = file->team_model;
    if (to.pitch_layout == 0)
        to.pitch_layout = file->pitch_layout;
    if (!(to.player_conf > 0))
        to.player_conf = file->player_conf;
    if (!(to.ball_conf > 0))
        to.ball_conf = file->ball_conf;
    if (!(to.ball_fps > 0))
        to.ball_fps = file->ball_fps;
    if (!to.tracker.name)
        to.tracker.name = file->tracker.name;
    if (!(to.match.pitch.length > 0))
        to.match.pitch.length = file->match.pitch.length;
    if (!(to.match.pitch.width > 0))
        to.match.pitch.width = file->match.pitch.width;
    if (!to.view)
        to.view = file->view;
    to.still_camera |= file->still_camera;
    take_teams(&to, file);
    *file = to;
}

/* The models that the caller names are opened as those of the file are. */
static void name_models(const struct settings *s, const fov_pipeline_params *params,
                        struct settings_football *f)
{
    const fov_football_params none = {0}, *own = params->football ? params->football : &none;
    settings_football_name(s, f, FOOTBALL_PLAYERS,
                           params->model ? params->model : own->player_model);
    settings_football_name(s, f, FOOTBALL_BALL, own->ball_model);
    settings_football_name(s, f, FOOTBALL_PITCH, own->pitch_model);
    settings_football_name(s, f, FOOTBALL_APPEARANCE, own->appearance_model);
    settings_football_name(s, f, FOOTBALL_TEAM, own->team_model);
    merge(&f->params, own);
}

/* ---- workers --------------------------------------------------------------------------------- */

/* Batches of a file: several frames a run, one run at a time on all cores. */
static fov_workers_params workers_of(const struct settings *s, const fov_pipeline_params *params)
{
    fov_workers_params workers = model_settings_workers(s);
    if (params->workers > 0)
        workers.workers = params->workers;
    if (params->mode == FOV_PIPELINE_BATCH) {
        workers.pin_latency = !workers.pin_throughput;
        workers.always_batch = true;
    }
    return workers;
}

static int batch_of(const struct settings *s, const fov_pipeline_params *params)
{
    int fallback = params->mode == FOV_PIPELINE_BATCH ? BATCH_BATCH : REALTIME_BATCH;
    int batch = params->batch_size ? params->batch_size : s->football.batch_size;
    return batch ? batch : fallback;
}

/* The player model is the workers' default. "drawn" needs none, but workers do. */
static fov_status start_workers(const struct settings *s, const fov_pipeline_params *params,
                                struct settings_football *f, const char *cache,
                                fov_workers **workers, fov_error *error)
{
    fov_model_params model;
    char path[1024];
    bool drawn = f->params.player_model && !f->names[FOOTBALL_PLAYERS];
    const char *name = drawn                        ? FOV_FOOTBALL_DRAWN
                       : f->names[FOOTBALL_PLAYERS] ? f->names[FOOTBALL_PLAYERS]
                                                    : s->models.default_model;
    fov_status status = model_settings_find(s, name, cache, &model, path, sizeof path, error);
    if (status)
        return status;
    int batch = batch_of(s, params);
    if (params->mode == FOV_PIPELINE_BATCH && model.batch == 0 && batch > 1)
        model.batch = batch < FOV_GATHER_MAX ? batch : FOV_GATHER_MAX;
    if (f->params.player_model)
        model.id = f->params.player_model;
    fov_workers_params of = workers_of(s, params);
    of.model = &model;
    status = fov_workers_create(workers, &of, error);
    if (status && model.cache_dir) { /* a full or read-only disk must not cost the model */
        model.cache_dir = NULL;
        status = fov_workers_create(workers, &of, error);
    }
    if (status == FOV_OK && !drawn)
        f->params.player_model = NULL; /* the default: the stream's */
    return status;
}

static fov_status add_models(const struct settings *s, const struct settings_football *f,
                             const char *cache, fov_workers *workers, fov_error *error)
{
    fov_status status = FOV_OK;
    for (int i = FOOTBALL_BALL; i < FOOTBALL_MODELS && status == FOV_OK; i++)
        if (f->names[i])
            status = model_settings_add(s, f->names[i], f->ids[i], cache, workers, error);
    return status;
}

/* ---- the pipeline -----------------------------------------------------------------------------
 */

static struct pipeline_setup setup_of(const struct settings *s, const fov_pipeline_params *params,
                                      const struct settings_football *f)
{
    const char *player = f->names[FOOTBALL_PLAYERS];
    double conf = (double)f->params.player_conf; /* of the caller, or of the model's entry */
    struct pipeline_setup setup = {
        .mode = params->mode,
        .target_fps = params->target_fps != 0 ? params->target_fps : s->football.target_fps,
        .max_latency_ms = params->max_latency_ms != 0 ? params->max_latency_ms : MAX_LATENCY_MS,
        .batch_size = batch_of(s, params),
        .detect = {.conf = (float)(conf > 0 ? conf : settings_model_conf(s, player, 0.25)),
                   .iou = (float)settings_model_iou(s, player)},
        .football = f->params};
    setup.football.player_conf = 0; /* it is `detect.conf`, which the caller may change */
    return setup;
}

static fov_status create(fov_pipeline **pipeline, const struct settings *s,
                         const fov_pipeline_params *params, fov_error *error)
{
    struct settings_football football;
    fov_workers *workers = NULL;
    char cache[512];
    fov_status status = settings_football(s, &football, error);
    if (status)
        return status;
    name_models(s, params, &football);
    model_settings_cache(s, cache, sizeof cache);
    status = start_workers(s, params, &football, cache, &workers, error);
    if (status == FOV_OK)
        status = add_models(s, &football, cache, workers, error);
    if (status) {
        fov_workers_destroy(&workers);
        return status;
    }
    struct pipeline_setup setup = setup_of(s, params, &football);
    return pipeline_create(pipeline, &workers, &setup, error);
}

fov_status fov_pipeline_create(fov_pipeline **pipeline, const fov_pipeline_params *params,
                               fov_error *error)
{
    static const fov_pipeline_params defaults;
    struct settings *settings;
    if (!pipeline)
        return fov_fail(error, FOV_EINVAL, "pipeline: nowhere to put it");
    *pipeline = NULL;
    params = params ? params : &defaults;
    if (params->workers < 0)
        return fov_fail(error, FOV_EINVAL, "pipeline: %d workers", params->workers);
    fov_status status = read_settings(params->config, &settings, error);
    if (status)
        return status;
    status = create(pipeline, settings, params, error);
    settings_free(&settings);
    return status;
}
