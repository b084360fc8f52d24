/* Example 3 of document 003: a live stream, until Ctrl-C. Its reading has a thread of its own that
 * decodes and keeps the newest picture; a connection that breaks is opened again.
 *
 *   cc live.c $(pkg-config --cflags --libs fovea) -o live
 *   ./live config.yaml rtmp://live.stream.url/match
 */
#include <signal.h>
#include <stdio.h>

#include <fovea/fovea.h>

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void print(const fov_result *r)
{
    const fov_football_frame *f = r->football;
    printf("Frame %llu: %zu players; %s %.0f %% of the ball, %s %.0f %%\n",
           (unsigned long long)r->frame->seq, f->count, f->sides[0].name,
           100 * f->sides[0].figures.ball_share, f->sides[1].name,
           100 * f->sides[1].figures.ball_share);
}

static void print_state(fov_stream *stream)
{
    fov_source_state state;
    if (fov_stream_get_source_state(stream, &state) && state.phase != FOV_SOURCE_LIVE)
        fprintf(stderr, "%s %s\n", fov_source_phase_name(state.phase), state.error);
}

static fov_status follow(fov_stream *stream, fov_error *error)
{
    fov_status status = FOV_OK;
    while (!stopped && (status == FOV_OK || status == FOV_EAGAIN)) {
        fov_result *result = NULL;
        status = fov_stream_get(stream, 1000, &result, error);
        if (status == FOV_OK && result->outcome == FOV_DELIVERED)
            print(result);
        else if (status == FOV_EAGAIN)
            print_state(stream);
        fov_result_release(&result);
    }
    return status == FOV_EOS || status == FOV_EAGAIN ? FOV_OK : status;
}

static fov_status run(fov_pipeline *pipeline, const char *url, fov_error *error)
{
    fov_source *source = NULL;
    fov_stream *stream = NULL;
    fov_source_params from = {.url = url, .patient = true};
    fov_stream_params params = fov_pipeline_stream_params(pipeline);
    params.results = 8;
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
    fov_pipeline_params params = {.config = argv[1], .target_fps = 10};
    setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, also into a pipe */
    signal(SIGINT, stop);
    signal(SIGTERM, stop);

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK)
        status = run(pipeline, argv[2], &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
