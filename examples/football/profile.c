/* The pipeline benchmark of document 003: how quickly frames are worked off, and what takes how
 * long. Without SOURCE on the drawn match in 1080p, whose drawing takes its share of the processor.
 *
 *   cc profile.c $(pkg-config --cflags --libs fovea) -o profile
 *   ./profile config.yaml 100 video.mp4
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/fovea.h>

static void print(const fov_pipeline_metrics *m)
{
    printf("Average FPS: %.1f\nAverage Latency: %.1f ms\np95 Latency: %.1f ms\nMemory: %.1f MB\n",
           m->avg_fps, m->avg_latency_ms, m->p95_latency_ms, m->memory_mb);
    if (m->gpu_memory_mb >= 0)
        printf("GPU Memory: %.1f MB\n", m->gpu_memory_mb);
    for (int i = 0; i < FOV_PART_COUNT; i++)
        printf("%-20s %6.1f ms\n", fov_football_part_name((fov_football_part)i), m->part_ms[i]);
}

int main(int argc, char **argv)
{
    int frames = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100;
    if (argc < 2 || frames < 1) {
        fprintf(stderr, "usage: %s CONFIG [FRAMES [SOURCE]] (PIPELINE_MODE=batch)\n", argv[0]);
        return 2;
    }
    const char *mode = getenv("PIPELINE_MODE");
    fov_error error = {FOV_OK, ""};
    fov_pipeline *pipeline = NULL;
    fov_pipeline_metrics metrics;
    fov_pipeline_params params = {.config = argv[1]};
    if (mode && strcmp(mode, "batch") == 0)
        params.mode = FOV_PIPELINE_BATCH;

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK)
        status = fov_pipeline_profile(pipeline, argc > 3 ? argv[3] : NULL, frames, &metrics,
                                      &error);
    if (status == FOV_OK)
        print(&metrics);
    else
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
