/* A live source through the flow room, frame by frame.
 *
 *     bench_sources URL MODEL FRAMES
 *
 * Prints a line a frame: number, Unix ms of the arrival of its last byte, of its result, ms of
 * decoding, preprocessing, inference, postprocessing (0 for dropped ones), and the number modulo 54
 * that the clip of bench_sources.py, which drives this, has painted into its corner. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <fovea/fovea.h>

#include "base/clock.h"
#include "base/text.h"

static atomic_llong seen;

static void give_up(const char *what, const fov_error *error)
{
    fprintf(stderr, "bench_sources: %s: %s\n", what, error->message);
    exit(1);
}

static void on_result(void *user, const fov_result *r)
{
    const fov_timings *t = &r->timings;
    bool delivered = r->outcome == FOV_DELIVERED;
    double arrival = clock_unix_ms_of(r->frame->capture_ns);
    const fov_image *image = &r->frame->image;
    int level = image->pixels == FOV_YUV ? image->plane[0][32 * image->stride[0] + 32] : 0;
    (void)user;
    printf("%llu %.3f %.3f %.3f %.3f %.3f %.3f %d\n", (unsigned long long)r->frame->seq, arrival,
           arrival + ns_to_ms(t->total), delivered ? ns_to_ms(t->decode) : 0,
           delivered ? ns_to_ms(t->preprocess) : 0, delivered ? ns_to_ms(t->inference) : 0,
           delivered ? ns_to_ms(t->postprocess) : 0, (int)(level * 219.0 / 255 / 4 + 0.5));
    atomic_fetch_add(&seen, 1);
}

int main(int argc, char **argv)
{
    long long frames;
    fov_error error = {0};
    fov_source *source;
    fov_workers *workers;
    fov_stream *stream;
    if (argc != 4 || !text_to_int(argv[3], 1, 1000000, &frames)) {
        fprintf(stderr, "usage: bench_sources URL MODEL FRAMES\n");
        return 2;
    }
    fov_model_params model = {.path = argv[2]};
    fov_workers_params pool = {.model = &model};
    fov_source_params from = {.url = argv[1]};
    fov_stream_params params = {.name = "bench", .max_latency_ms = 200, .on_result = on_result};
    if (fov_workers_create(&workers, &pool, &error))
        give_up("model", &error);
    if (fov_stream_open(&stream, workers, &params, &error) ||
        fov_source_open(&source, &from, &error) ||
        fov_stream_start_source(stream, &source, false, &error))
        give_up("source", &error);
    while (atomic_load(&seen) < frames) {
        fov_source_state state;
        usleep(20000);
        if (fov_stream_get_source_state(stream, &state) && state.phase == FOV_SOURCE_ENDED) {
            fprintf(stderr, "bench_sources: %s\n", state.error);
            break;
        }
    }
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    return 0;
}
