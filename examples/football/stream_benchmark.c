/* The stream processor benchmark of document 003: a source in real time for so many seconds.
 *
 *   cc stream_benchmark.c $(pkg-config --cflags --libs fovea) -o stream_benchmark
 *   ./stream_benchmark config.yaml test_video.mp4 30 10
 */
#include <stdio.h>
#include <stdlib.h>

#include <fovea/fovea.h>

static void print(const fov_pipeline_run *run)
{
    printf("Achieved FPS: %.1f\n", run->avg_fps);
    printf("E2E Latency: %.1f ms (p50 %.1f, p95 %.1f, p99 %.1f)\n", run->e2e_latency_ms,
           run->e2e_p50_ms, run->e2e_p95_ms, run->e2e_p99_ms);
    printf("Frames: %llu offered, %llu delivered, %llu dropped (%.1f %%)\n",
           (unsigned long long)run->offered, (unsigned long long)run->delivered,
           (unsigned long long)run->dropped, 100 * run->drop_rate);
    for (int i = 0; i < FOV_PART_COUNT; i++)
        printf("%-20s %6.1f ms\n", fov_football_part_name((fov_football_part)i), run->part_ms[i]);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: %s CONFIG SOURCE [SECONDS [FPS]]\n", argv[0]);
        return 2;
    }
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 30;
    double fps = argc > 4 ? strtod(argv[4], NULL) : 10;
    fov_error error = {FOV_OK, ""};
    fov_pipeline *pipeline = NULL;
    fov_pipeline_run run;
    fov_pipeline_params params = {.config = argv[1], .target_fps = fps};

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK)
        status = fov_pipeline_benchmark(pipeline, argv[2], seconds, 0, &run, &error);
    if (status == FOV_OK)
        print(&run);
    else
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
