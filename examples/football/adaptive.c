/* Example 2 of document 003: the frame rate follows the latency, between 5 and 15 a second, so that
 * a frame takes 100 ms or less.
 *
 *   cc adaptive.c $(pkg-config --cflags --libs fovea) -o adaptive
 *   ./adaptive config.yaml video.mp4
 */
#include <stdio.h>

#include <fovea/fovea.h>

static void on_change(void *user, const fov_change *change)
{
    (void)user;
    fprintf(stderr, "%s: %.0f -> %.0f (%s)\n", change->knob, change->from, change->to, change->why);
}

/* Results are taken here; when the source has ended, FOV_EOS comes. */
static fov_status follow(fov_stream *stream, fov_error *error)
{
    fov_result *r = NULL;
    fov_status status;
    while ((status = fov_stream_get(stream, -1, &r, error)) == FOV_OK) {
        if (r->outcome == FOV_DELIVERED)
            printf("Frame %llu: %zu players, %.1f ms\n", (unsigned long long)r->frame->seq,
                   r->football->count, (double)r->timings.total / 1e6);
        fov_result_release(&r);
    }
    return status == FOV_EOS ? FOV_OK : status;
}

static fov_status run(fov_pipeline *pipeline, const char *url, fov_error *error)
{
    fov_source *source = NULL;
    fov_stream *stream = NULL;
    fov_source_params from = {.url = url};
    fov_stream_params params = fov_pipeline_stream_params(pipeline);
    params.results = 8;
    params.adaptive = (fov_adaptive){.target_latency_ms = 100,
                                     .initial_fps = 10,
                                     .min_fps = 5,
                                     .max_fps = 15,
                                     .on_change = on_change};
    fov_status status = fov_source_open(&source, &from, error);
    if (status == FOV_OK)
        status = fov_stream_open(&stream, fov_pipeline_workers(pipeline), &params, error);
    if (status == FOV_OK)
        status = fov_stream_start_source(stream, &source, false, error);
    if (status == FOV_OK)
        status = follow(stream, error);
    fov_stream_close(&stream);
    fov_source_close(&source);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONFIG SOURCE\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_pipeline *pipeline = NULL;
    fov_pipeline_params params = {.config = argv[1]};

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK)
        status = run(pipeline, argv[2], &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
