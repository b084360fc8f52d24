/* Pipelines: frames in, results out, one call at a time. Underneath is a stream, so that there is
 * one way from pixels to a result and not two. */
#include "flow/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LANE_BYTES ((size_t)1 << 40) /* the caller has these frames in memory anyway */
#define BATCH_BYTES ((size_t)256 << 20)
#define ASK_MS 500 /* between looks whether a result is still to come */

/* ---- a way through --------------------------------------------------------------------------- */

static int gather_of(const struct pipeline_setup *setup)
{
    return setup->batch_size < FOV_GATHER_MAX ? setup->batch_size : FOV_GATHER_MAX;
}

fov_status lane_open(struct lane *lane, fov_pipeline *p, fov_error *error)
{
    const fov_stream_params params = {.name = "football pipeline",
                                      .fifo = true,
                                      .capacity = PIPELINE_FRAMES_MAX,
                                      .results = PIPELINE_FRAMES_MAX,
                                      .max_bytes = LANE_BYTES,
                                      .gather = gather_of(&p->setup),
                                      .detect = p->setup.detect,
                                      .football = &p->setup.football};
    lane->next_seq = 0;
    return fov_stream_open(&lane->stream, p->workers, &params, error);
}

void lane_close(struct lane *lane)
{
    fov_stream_close(&lane->stream);
}

/* A result that could not be kept would be waited for in vain. */
static fov_status next_result(struct lane *lane, fov_result **result, fov_error *error)
{
    fov_stats stats;
    fov_status status;
    while ((status = fov_stream_get(lane->stream, ASK_MS, result, error)) == FOV_EAGAIN) {
        fov_stream_get_stats(lane->stream, 1, &stats);
        if (stats.waiting == 0 && stats.untaken > 0 &&
            fov_stream_get(lane->stream, 0, result, error) == FOV_EAGAIN)
            return fov_fail(error, FOV_ENOMEM, "no memory for a result");
    }
    return status;
}

/* Pictures that cannot be read are answered at once, others in order. */
static fov_status collect(struct lane *lane, uint64_t first, int count, fov_result **results,
                          fov_error *error)
{
    for (int left = count; left > 0;) {
        fov_result *result = NULL;
        fov_status status = next_result(lane, &result, error);
        if (status)
            return status;
        uint64_t at = result->frame->seq - first;
        if (at >= (uint64_t)count) { /* of a call that was given up */
            fov_result_release(&result);
            continue;
        }
        if (result->outcome == FOV_DROPPED)
            result->outcome = FOV_FAILED; /* the only drop here: by decode, with its status */
        results[at] = result;
        left--;
    }
    return FOV_OK;
}

static fov_status put_all(struct lane *lane, fov_frame **frames, int count, fov_error *error)
{
    fov_status status = FOV_OK;
    for (int i = 0; i < count && status == FOV_OK; i++) {
        frames[i]->deadline_ns = 0; /* a frame that is late is worked off as well */
        status = fov_stream_put_wait(lane->stream, &frames[i], -1, NULL);
    }
    fov_stream_flush(lane->stream);
    return status
               ? fov_fail(error, status, "the pipeline takes no frame: %s", fov_status_text(status))
               : FOV_OK;
}

static void count_all(struct tally *tally, int64_t called, fov_result *const *results, int count)
{
    for (int i = 0; i < count; i++) {
        const fov_result *r = results[i];
        if (r->outcome == FOV_DELIVERED)
            tally_add(tally, called, r->frame->capture_ns + r->timings.total, r->football);
    }
}

fov_status lane_run(struct lane *lane, fov_frame **frames, int count, fov_result **results,
                    fov_error *error)
{
    int64_t called = clock_now_ns();
    uint64_t first = lane->next_seq;
    for (int i = 0; i < count; i++)
        results[i] = NULL;
    lane->next_seq += (uint64_t)count;
    fov_status status = put_all(lane, frames, count, error);
    if (status == FOV_OK)
        status = collect(lane, first, count, results, error);
    if (status == FOV_OK) {
        count_all(&lane->tally, called, results, count);
        return FOV_OK;
    }
    for (int i = 0; i < count; i++) {
        fov_frame_unref(&frames[i]);
        fov_result_release(&results[i]);
    }
    return status;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void forget_frames(fov_frame **frames, int count)
{
    for (int i = 0; frames && i < count; i++)
        fov_frame_unref(&frames[i]);
}

static bool all_there(fov_frame *const *frames, int count)
{
    for (int i = 0; i < count; i++)
        if (!frames[i])
            return false;
    return true;
}

fov_status fov_pipeline_process_batch(fov_pipeline *p, fov_frame **frames, int count,
                                      fov_result **results, fov_error *error)
{
    if (count < 1 || count > PIPELINE_FRAMES_MAX) {
        forget_frames(frames, count);
        return fov_fail(error, FOV_EINVAL, "pipeline: a batch has 1 to %d frames, not %d",
                        PIPELINE_FRAMES_MAX, count);
    }
    if (!p || !results || !frames || !all_there(frames, count)) {
        forget_frames(frames, count);
        return fov_fail(error, FOV_EINVAL, "pipeline: frames and a place for results are required");
    }
    return lane_run(&p->lane, frames, count, results, error);
}

fov_status fov_pipeline_process(fov_pipeline *p, fov_frame **frame, fov_result **result,
                                fov_error *error)
{
    fov_status status = fov_pipeline_process_batch(p, frame, 1, result, error);
    if (status || (*result)->outcome == FOV_DELIVERED)
        return status;
    status = fov_fail(error, (*result)->status ? (*result)->status : FOV_EINFER, "%s",
                      (*result)->message);
    fov_result_release(result);
    return status;
}

/* ---- the view -------------------------------------------------------------------------------- */

static fov_status check_view(const fov_pipeline *p, const fov_pitch_view *view, fov_error *error)
{
    fov_pitch_view same;
    const fov_pitch_size *size = &p->setup.football.match.pitch;
    return fov_pitch_view_from_matrix(&same, view->map, view->width, view->height, size, error);
}

/* Nothing was seen yet: the view is the first frame's. */
static fov_status reopen(fov_pipeline *p, fov_error *error)
{
    fov_stream *before = p->lane.stream;
    fov_status status = lane_open(&p->lane, p, error);
    if (status)
        p->lane.stream = before;
    else
        fov_stream_close(&before);
    return status;
}

fov_status fov_pipeline_set_view(fov_pipeline *p, const fov_pitch_view *view, fov_error *error)
{
    const fov_pitch_view before = p->view, *had = p->setup.football.view;
    fov_status status = view ? check_view(p, view, error) : FOV_OK;
    if (status)
        return status;
    p->setup.football.view = view ? &p->view : NULL;
    if (view)
        p->view = *view;
    status = p->lane.next_seq > 0
                 ? fov_stream_set_pitch_view(p->lane.stream, view, UINT64_MAX, error)
                 : reopen(p, error);
    if (status) {
        p->view = before;
        p->setup.football.view = had;
    }
    return status;
}

/* ---- streams --------------------------------------------------------------------------------- */

fov_stream_params fov_pipeline_stream_params(fov_pipeline *p)
{
    const struct pipeline_setup *s = &p->setup;
    fov_stream_params params = {.name = "football", .detect = s->detect, .football = &s->football};
    if (s->mode == FOV_PIPELINE_REALTIME) {
        params.target_fps = s->target_fps;
        params.max_latency_ms = s->max_latency_ms;
    } else {
        params.fifo = true;
        params.gather = gather_of(s);
        params.capacity = PIPELINE_FRAMES_MAX < 2 * params.gather ? PIPELINE_FRAMES_MAX
                                                                  : 2 * params.gather;
        params.max_bytes = BATCH_BYTES;
    }
    return params;
}

fov_workers *fov_pipeline_workers(fov_pipeline *p)
{
    return p->workers;
}

/* ---- numbers --------------------------------------------------------------------------------- */

void fov_pipeline_get_metrics(fov_pipeline *p, fov_pipeline_metrics *metrics)
{
    tally_metrics(&p->lane.tally, metrics);
    metrics->gpu_memory_mb = pipeline_gpu_mb(p->workers);
}

void fov_pipeline_reset_metrics(fov_pipeline *p)
{
    tally_clear(&p->lane.tally);
}

/* ---- life ------------------------------------------------------------------------------------ */

enum { TEXTS = 10 };

static void texts_of(fov_football_params *f, const char **texts[TEXTS])
{
    const char **all[TEXTS] = {&f->player_model,  &f->ball_model,        &f->pitch_model,
                               &f->player_labels, &f->goalkeeper_labels, &f->referee_labels,
                               &f->ball_labels,   &f->tracker.name,      &f->names[0],
                               &f->names[1]};
    memcpy(texts, all, sizeof all);
}

/* False: no memory; what was copied is the pipeline's all the same. */
static bool copy_texts(fov_football_params *f)
{
    const char **texts[TEXTS];
    bool whole = true;
    texts_of(f, texts);
    for (int i = 0; i < TEXTS; i++) {
        const char *text = *texts[i];
        *texts[i] = text ? strdup(text) : NULL;
        whole &= !text || *texts[i];
    }
    return whole;
}

static void free_texts(fov_football_params *f)
{
    const char **texts[TEXTS];
    texts_of(f, texts);
    for (int i = 0; i < TEXTS; i++)
        free((void *)(uintptr_t)*texts[i]);
}

static fov_status check(const struct pipeline_setup *s, fov_error *error)
{
    if (s->mode != FOV_PIPELINE_REALTIME && s->mode != FOV_PIPELINE_BATCH)
        return fov_fail(error, FOV_EINVAL, "pipeline: mode %d is none", (int)s->mode);
    if (!(s->target_fps > 0 && s->target_fps <= 1000))
        return fov_fail(error, FOV_EINVAL, "pipeline: target_fps %g is not in 0..1000",
                        s->target_fps);
    if (s->batch_size < 1 || s->batch_size > PIPELINE_FRAMES_MAX)
        return fov_fail(error, FOV_EINVAL, "pipeline: batch_size %d is not in 1..%d", s->batch_size,
                        PIPELINE_FRAMES_MAX);
    if (!(s->max_latency_ms >= 0 && s->max_latency_ms <= 1e9))
        return fov_fail(error, FOV_EINVAL, "pipeline: max_latency_ms is not in 0..1e9");
    return FOV_OK;
}

fov_status pipeline_create(fov_pipeline **out, fov_workers **workers,
                           const struct pipeline_setup *setup, fov_error *error)
{
    fov_status status = check(setup, error);
    fov_pipeline *p = status ? NULL : calloc(1, sizeof *p);
    if (!p) {
        fov_workers_destroy(workers);
        return status ? status : fov_fail(error, FOV_ENOMEM, "no memory for a pipeline");
    }
    p->workers = *workers;
    *workers = NULL;
    p->setup = *setup;
    tally_init(&p->lane.tally);
    if (setup->football.view) {
        p->view = *setup->football.view;
        p->setup.football.view = &p->view;
    }
    if (!copy_texts(&p->setup.football))
        status = fov_fail(error, FOV_ENOMEM, "no memory for a pipeline");
    if (status == FOV_OK)
        status = lane_open(&p->lane, p, error);
    if (status)
        fov_pipeline_destroy(&p);
    *out = p;
    return status;
}

void fov_pipeline_destroy(fov_pipeline **pipeline)
{
    fov_pipeline *p = pipeline ? *pipeline : NULL;
    if (!p)
        return;
    *pipeline = NULL;
    lane_close(&p->lane);
    fov_workers_destroy(&p->workers);
    tally_release(&p->lane.tally);
    free_texts(&p->setup.football);
    free(p);
}
