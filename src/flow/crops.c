/* A stream's models of appearance from its parameters to its end, and what becomes of the vectors
 * by the thread that publishes. */
#include "flow/crops.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MOST = 4096, TEAM_NUMBERS_MOST = 2048 };

static const char *const words[CROP_USES] = {"appearance_model", "team_model"};

/* ---- life ------------------------------------------------------------------------------------ */

const char *crops_model_id(const fov_stream_params *params, enum crop_use use)
{
    const fov_football_params *f = params->football;
    const char *id = use == CROP_TEAMS ? f ? f->team_model : NULL
                     : f && f->appearance_model && f->appearance_model[0]
                         ? f->appearance_model
                         : params->appearance_model;
    return id && id[0] ? id : NULL;
}

/* Why a model cannot serve. */
static fov_status check_model(const fov_model_info *info, enum crop_use use, fov_error *error)
{
    int most = use == CROP_NAMES ? NUMBERS_MOST : TEAM_NUMBERS_MOST;
    if (info->task != FOV_TASK_EMBED)
        return fov_fail(error, FOV_EINVAL,
                        "%s: %.40s (%.50s) is a model for %s, and gives no vectors to compare; one "
                        "for %s is needed (re-identification)",
                        words[use], info->id, info->path, fov_task_name(info->task),
                        fov_task_name(FOV_TASK_EMBED));
    if (info->embedding < 1 || info->embedding > most)
        return fov_fail(error, FOV_EINVAL, "%s: %.60s gives %d numbers, not 1 to %d", words[use],
                        info->id, info->embedding, most);
    return FOV_OK;
}

fov_status cropper_accepts(const struct cropper *c, const fov_model_info *names,
                           const fov_model_info *teams, fov_error *error)
{
    const fov_model_info *infos[CROP_USES] = {names, teams};
    for (int use = 0; c && use < CROP_USES; use++) {
        const fov_model_info *info = c->sizes[use] ? infos[use] : NULL;
        fov_status status = info ? check_model(info, (enum crop_use)use, error) : FOV_OK;
        if (!status && info && info->embedding != c->sizes[use])
            status = fov_fail(error, FOV_EINVAL, "%s: %.60s was replaced meanwhile", words[use],
                              info->id);
        if (status)
            return status;
    }
    return FOV_OK;
}

static fov_status find_size(struct cropper *c, fov_workers *pool, const char *id, enum crop_use use,
                            fov_error *error)
{
    fov_model *model = id ? fov_workers_model(pool, id) : NULL;
    if (!id)
        return FOV_OK;
    if (!model)
        return fov_fail(error, FOV_ENOTFOUND, "%s: no model '%.100s' is loaded", words[use], id);
    fov_status status = check_model(fov_model_get_info(model), use, error);
    if (!status)
        c->sizes[use] = fov_model_get_info(model)->embedding;
    fov_model_close(&model);
    return status;
}

/* Whether anybody would look at the vectors. */
static fov_status check(const fov_stream_params *p, fov_error *error)
{
    const char *tracker = p->football  ? p->football->tracker.name
                          : p->tracker ? p->tracker->name
                                       : NULL;
    if (p->football && p->football->teams.embedding_size && !crops_model_id(p, CROP_TEAMS))
        return fov_fail(error, FOV_EINVAL,
                        "football: teams.embedding_size goes with a team_model, or with "
                        "fov_football_update");
    if (p->football && p->football->teams.named && crops_model_id(p, CROP_TEAMS))
        return fov_fail(error, FOV_EINVAL,
                        "%s: with it teams are told by vectors, and the colours of their shirts "
                        "say nothing of those: leave one of the two out",
                        words[CROP_TEAMS]);
    if (!crops_model_id(p, CROP_NAMES))
        return FOV_OK;
    if (!p->football && !p->tracker)
        return fov_fail(error, FOV_EINVAL,
                        "%s: appearance helps a tracker, and this stream has none",
                        words[CROP_NAMES]);
    for (int i = 0; tracker && fov_tracker_name(i, NULL); i++)
        if (strcmp(tracker, fov_tracker_name(i, NULL)) == 0 &&
            !fov_tracker_uses_embeddings(tracker))
            return fov_fail(error, FOV_EINVAL,
                            "%s: the tracker %s does not look at appearance; botsort, bytetrack "
                            "and pitch do",
                            words[CROP_NAMES], tracker);
    return FOV_OK;
}

static fov_status fill(struct cropper *c, fov_workers *pool, const char *const ids[CROP_USES],
                       fov_error *error)
{
    for (int use = 0; use < CROP_USES; use++) {
        fov_status status = find_size(c, pool, ids[use], (enum crop_use)use, error);
        if (status)
            return status;
    }
    c->shared = ids[CROP_NAMES] && ids[CROP_TEAMS] && strcmp(ids[CROP_NAMES], ids[CROP_TEAMS]) == 0;
    for (int use = 0; use < CROP_USES; use++) {
        if (c->sizes[use] == 0 || (use == CROP_TEAMS && c->shared))
            continue;
        c->rows[use] = calloc((size_t)DETECTIONS_MAX * (size_t)c->sizes[use], sizeof(float));
        if (!c->rows[use])
            return fov_fail(error, FOV_ENOMEM, "no memory for vectors of %d numbers",
                            c->sizes[use]);
    }
    return FOV_OK;
}

fov_status cropper_make(fov_stream *s, const fov_stream_params *params, fov_error *error)
{
    const char *const ids[CROP_USES] = {crops_model_id(params, CROP_NAMES),
                                        crops_model_id(params, CROP_TEAMS)};
    fov_status status = check(params, error);
    if (status || (!ids[CROP_NAMES] && !ids[CROP_TEAMS]))
        return status;
    struct cropper *c = calloc(1, sizeof *c);
    if (!c)
        return fov_fail(error, FOV_ENOMEM, "no memory for a stream's appearance");
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->lock, NULL);
    status = fill(c, s->pool, ids, error);
    if (status)
        cropper_unref(&c);
    s->cropper = c;
    return status;
}

struct cropper *cropper_ref(struct cropper *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void cropper_unref(struct cropper **out)
{
    struct cropper *c = *out;
    *out = NULL;
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    for (int use = 0; use < CROP_USES; use++)
        free(c->rows[use]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- a frame's memory ------------------------------------------------------------------------ */

static bool has_room(struct crop_set *set, int size)
{
    size_t room = (size_t)FOV_CROPS_MAX * (size_t)size;
    set->count = 0;
    if (set->room >= room)
        return true;
    free(set->vectors);
    set->vectors = malloc(room * sizeof *set->vectors);
    set->room = set->vectors ? room : 0;
    return set->vectors != NULL;
}

bool crops_reserve(struct crops **out, const struct cropper *c)
{
    struct crops *crops = *out ? *out : (*out = calloc(1, sizeof *crops));
    if (!crops)
        return false;
    crops->told = (fov_crops){0};
    bool ready = true;
    for (int use = 0; use < CROP_USES; use++)
        ready = has_room(&crops->sets[use], c->sizes[use]) || c->sizes[use] == 0 ? ready : false;
    return ready;
}

void crops_free(struct crops **crops)
{
    for (int use = 0; *crops && use < CROP_USES; use++)
        free((*crops)->sets[use].vectors);
    free(*crops);
    *crops = NULL;
}

/* ---- in frame order -------------------------------------------------------------------------- */

/* Which set has the vectors for a use. */
static enum crop_use set_of(const struct cropper *c, enum crop_use use)
{
    return use == CROP_TEAMS && c->shared ? CROP_NAMES : use;
}

const float *crops_begin(struct cropper *c, enum crop_use use, const struct crops *crops)
{
    enum crop_use own = set_of(c, use);
    const struct crop_set *set = &crops->sets[own];
    size_t size = (size_t)c->sizes[use];
    if (size == 0)
        return NULL;
    for (int i = 0; i < set->count; i++)
        memcpy(c->rows[own] + set->box[i] * size, set->vectors + (size_t)i * size,
               size * sizeof(float));
    return c->rows[own];
}

static bool was_seen(const struct crop_set *set, int detection)
{
    for (int i = 0; i < set->count; i++)
        if (set->box[i] == detection)
            return true;
    return false;
}

/* As the frame before left it: tracks come in much the same order, so that it is near. */
static const struct crop_track *before(const struct cropper *c, int32_t id)
{
    size_t count = c->known.count, near = c->next.count;
    for (size_t i = 0; i < count; i++) {
        const struct crop_track *t = &c->known.tracks[(near + i) % count];
        if (t->id == id)
            return t;
    }
    return NULL;
}

void crops_tell(struct cropper *c, const struct crop_track *track, int detection,
                const struct crops *crops, int64_t time_ns)
{
    if (c->next.count == CROP_TRACKS)
        return;
    const struct crop_track *old = before(c, track->id);
    struct crop_track *t = &c->next.tracks[c->next.count++];
    *t = *track;
    for (int use = 0; use < CROP_USES; use++) {
        t->vector_ns[use] = old ? old->vector_ns[use] : CROP_NEVER;
        if (detection >= 0 && was_seen(&crops->sets[set_of(c, (enum crop_use)use)], detection))
            t->vector_ns[use] = time_ns;
    }
}

void crops_end(struct cropper *c, const struct crops *crops, int64_t time_ns)
{
    for (int use = 0; use < CROP_USES; use++)
        for (int i = 0; c->rows[use] && i < crops->sets[use].count; i++)
            memset(c->rows[use] + crops->sets[use].box[i] * (size_t)c->sizes[use], 0,
                   (size_t)c->sizes[use] * sizeof(float));
    c->next.time_ns = time_ns;
    pthread_mutex_lock(&c->lock);
    c->known.time_ns = time_ns;
    c->known.count = c->next.count;
    memcpy(c->known.tracks, c->next.tracks, c->next.count * sizeof *c->next.tracks);
    pthread_mutex_unlock(&c->lock);
    c->next.count = 0;
}

void crops_learn(struct job *job, const fov_tracks *tracks, int64_t time_ns)
{
    struct cropper *c = job->stream->cropper;
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *t = &tracks->items[i];
        const struct crop_track track = {.id = t->id,
                                         .box = {t->x1, t->y1, t->x2, t->y2},
                                         .vx = t->vx,
                                         .vy = t->vy,
                                         .seen = t->detection >= 0};
        if (t->state != FOV_TRACK_REMOVED)
            crops_tell(c, &track, t->detection, job->crops, time_ns);
    }
    crops_end(c, job->crops, time_ns);
}
