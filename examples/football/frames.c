/* A realtime pipeline, frame by frame, and its numbers at the end.
 *
 *   cc frames.c $(pkg-config --cflags --libs fovea) -o frames
 *   ./frames config.yaml 'pattern:football?frames=50'
 */
#include <stdio.h>

#include <fovea/fovea.h>

static void print(const fov_result *r)
{
    const fov_football_frame *f = r->football;
    printf("Frame %llu: %zu players", (unsigned long long)r->frame->seq, f->count);
    if (f->ball.state != FOV_BALL_NONE)
        printf(", ball at %.0f, %.0f px", (double)f->ball.x, (double)f->ball.y);
    printf("\n");
}

static fov_status run(fov_pipeline *pipeline, fov_reader *reader, fov_error *error)
{
    fov_frame *frame;
    fov_status status;
    while ((status = fov_reader_get(reader, -1, &frame, NULL, error)) == FOV_OK) {
        fov_result *result = NULL;
        status = fov_pipeline_process(pipeline, &frame, &result, error);
        if (status != FOV_OK)
            return status;
        print(result);
        fov_result_release(&result);
    }
    return status == FOV_EOS ? FOV_OK : status;
}

static void print_metrics(fov_pipeline *pipeline)
{
    fov_pipeline_metrics m;
    fov_pipeline_get_metrics(pipeline, &m);
    printf("FPS: %.1f\nLatency: %.1f ms (p95 %.1f)\nMemory: %.1f MB\n", m.avg_fps, m.avg_latency_ms,
           m.p95_latency_ms, m.memory_mb);
    if (m.gpu_memory_mb >= 0)
        printf("GPU Memory: %.1f MB\n", m.gpu_memory_mb);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONFIG SOURCE\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_pipeline *pipeline = NULL;
    fov_reader *reader = NULL;
    fov_pipeline_params params = {
        .mode = FOV_PIPELINE_REALTIME, .config = argv[1], .target_fps = 10};
    fov_reader_params from = {.open = {.url = argv[2]}, .target_fps = 10};

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK)
        status = fov_reader_open(&reader, &from, &error);
    if (status == FOV_OK)
        status = run(pipeline, reader, &error);
    if (status == FOV_OK)
        print_metrics(pipeline);
    else
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_reader_close(&reader);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
