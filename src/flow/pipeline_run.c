/* Sources through a pipeline, to see what it can do: as quickly as it can, and in real time. */
#include "flow/pipeline.h"

#include <fovea/reader.h>

#include "base/clock.h"

#define DRAWN "pattern:football?size=1920x1080"
#define PAUSE_NS (10 * NS_PER_MS) /* between looks for the last answers */

/* ---- as quickly as it can -------------------------------------------------------------------- */

static fov_status open_reader(fov_reader **reader, const char *source, double fps, bool paced,
                              fov_error *error)
{
    const fov_reader_params params = {.open = {.url = source ? source : DRAWN},
                                      .hold = 2 * PIPELINE_FRAMES_MAX,
                                      .target_fps = fps,
                                      .paced = paced};
    return fov_reader_open(reader, &params, error);
}

static fov_status profile_some(struct lane *lane, fov_reader *reader, int most, int *got,
                               fov_error *error)
{
    fov_frame *frames[PIPELINE_FRAMES_MAX];
    fov_result *results[PIPELINE_FRAMES_MAX];
    fov_status status = fov_reader_get_batch(reader, -1, frames, most, got, error);
    if (status)
        return status;
    for (int i = 0; i < *got; i++)
        frames[i]->capture_ns = 0; /* it happens now, whenever it was read */
    status = lane_run(lane, frames, *got, results, error);
    for (int i = 0; i < *got && status == FOV_OK; i++)
        fov_result_release(&results[i]);
    return status;
}

static fov_status profile(struct lane *lane, fov_reader *reader, int batch, int frames,
                          fov_error *error)
{
    fov_status status = FOV_OK;
    for (int done = 0, got = 0; done < frames && status == FOV_OK; done += got)
        status = profile_some(lane, reader, frames - done < batch ? frames - done : batch, &got,
                              error);
    return status == FOV_EOS ? FOV_OK : status;
}

fov_status fov_pipeline_profile(fov_pipeline *p, const char *source, int frames,
                                fov_pipeline_metrics *metrics, fov_error *error)
{
    struct lane lane = {0};
    fov_reader *reader = NULL;
    if (frames < 1)
        return fov_fail(error, FOV_EINVAL, "pipeline: a profile needs 1 frame and more, not %d",
                        frames);
    tally_init(&lane.tally);
    fov_status status = open_reader(&reader, source, 0, false, error);
    if (status == FOV_OK)
        status = lane_open(&lane, p, error);
    if (status == FOV_OK)
        status = profile(&lane, reader, p->setup.batch_size, frames, error);
    lane_close(&lane);
    fov_reader_close(&reader);
    if (status == FOV_OK && lane.tally.frames == 0)
        status = fov_fail(error, FOV_EFORMAT, "%s: no frame could be worked off",
                          source ? source : DRAWN);
    if (status == FOV_OK) {
        tally_metrics(&lane.tally, metrics);
        metrics->gpu_memory_mb = pipeline_gpu_mb(p->workers);
    }
    tally_release(&lane.tally);
    return status;
}

/* ---- in real time ---------------------------------------------------------------------------- */

static void on_result(void *user, const fov_result *r)
{
    struct tally *tally = user;
    if (r->outcome == FOV_DELIVERED)
        tally_add(tally, r->frame->capture_ns, r->frame->capture_ns + r->timings.total,
                  r->football);
}

/* Puts what is due until the time is over or the source ends. */
static fov_status play(fov_stream *stream, fov_reader *reader, int64_t until, fov_error *error)
{
    bool live = fov_reader_get_info(reader)->live;
    for (int64_t now; (now = clock_now_ns()) < until;) {
        fov_frame *frame = NULL;
        int left_ms = (int)((until - now) / NS_PER_MS) + 1;
        fov_status status = fov_reader_get(reader, left_ms, &frame, NULL, error);
        if (status == FOV_EAGAIN)
            continue;
        if (status)
            return status == FOV_EOS ? FOV_OK : status;
        if (!live) {
            frame->capture_ns = clock_now_ns(); /* it happens now, whenever it was read */
            frame->decode_ns = 0;
        }
        status = fov_stream_put(stream, &frame, NULL);
        if (status)
            return fov_fail(error, status, "the stream takes no frame");
    }
    return FOV_OK;
}

/* The last frames are still worked off: at most as long as their deadline, or two seconds. */
static void settle(fov_stream *stream, double max_latency_ms)
{
    int64_t end = clock_now_ns() + ms_to_ns(max_latency_ms > 0 ? max_latency_ms : 2000);
    fov_stats stats;
    fov_stream_finish(stream);
    for (;;) {
        fov_stream_get_stats(stream, 1, &stats);
        if (stats.waiting == 0 || clock_now_ns() > end)
            return;
        struct timespec pause = ns_to_timespec(PAUSE_NS);
        nanosleep(&pause, NULL);
    }
}

static void tell(const struct tally *t, int64_t began, int64_t ended, fov_pipeline_run *run)
{
    double n = (double)t->frames;
    run->duration_s = (double)(ended - began) / 1e9;
    run->offered = run->stats.accepted;
    run->delivered = run->stats.delivered;
    run->dropped = run->offered - run->delivered; /* those that failed among them */
    run->drop_rate = run->offered ? (double)run->dropped / (double)run->offered : 0;
    run->avg_fps = run->duration_s > 0 ? (double)run->delivered / run->duration_s : 0;
    run->e2e_latency_ms = n > 0 ? t->sum_ns / n / 1e6 : 0;
    run->e2e_p50_ms = tally_ms(t, 0.50);
    run->e2e_p95_ms = tally_ms(t, 0.95);
    run->e2e_p99_ms = tally_ms(t, 0.99);
    for (int i = 0; n > 0 && i < FOV_PART_COUNT; i++)
        run->part_ms[i] = t->part_ns[i] / n / 1e6;
}

fov_status fov_pipeline_benchmark(fov_pipeline *p, const char *source, double duration_s,
                                  double target_fps, fov_pipeline_run *run, fov_error *error)
{
    struct tally tally;
    fov_reader *reader = NULL;
    fov_stream *stream = NULL;
    if (!(duration_s > 0 && duration_s <= 86400) || !(target_fps >= 0 && target_fps <= 1000))
        return fov_fail(error, FOV_EINVAL,
                        "pipeline: a benchmark takes 0 to 86400 s, at 0 to 1000 "
                        "frames a second");
    fov_stream_params params = fov_pipeline_stream_params(p);
    params.target_fps = 0; /* the reader leaves the others out, so that none of them is a drop */
    params.on_result = on_result;
    params.user = &tally;
    tally_init(&tally);
    fov_status status = open_reader(&reader, source,
                                    target_fps > 0 ? target_fps : p->setup.target_fps, true, error);
    if (status == FOV_OK)
        status = fov_stream_open(&stream, p->workers, &params, error);
    if (status == FOV_OK) {
        int64_t began = clock_now_ns();
        status = play(stream, reader, began + (int64_t)(duration_s * 1e9), error);
        int64_t ended = clock_now_ns();
        settle(stream, params.max_latency_ms);
        fov_stream_close_stats(&stream, 60, &run->stats);
        tell(&tally, began, ended, run);
    }
    fov_reader_close(&reader);
    tally_release(&tally);
    return status;
}
