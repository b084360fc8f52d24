/* Example 4 of document 003: a video in batches, all of its frames, in order.
 *
 *   cc batch.c $(pkg-config --cflags --libs fovea) -o batch
 *   ./batch config.yaml video.mp4 8
 */
#include <stdio.h>
#include <stdlib.h>

#include <fovea/fovea.h>

enum { BATCH_MAX = 64 };

static void print(const fov_result *r)
{
    if (r->outcome == FOV_DELIVERED)
        printf("Frame %llu: %zu players\n", (unsigned long long)r->frame->seq, r->football->count);
    else
        printf("Frame %llu: %s\n", (unsigned long long)r->frame->seq, r->message);
}

/* To the end: the last batch may be short, the call after it says FOV_EOS. */
static fov_status run(fov_pipeline *pipeline, fov_reader *reader, int batch, fov_error *error)
{
    fov_frame *frames[BATCH_MAX];
    fov_result *results[BATCH_MAX];
    fov_status status;
    int got;
    while ((status = fov_reader_get_batch(reader, -1, frames, batch, &got, error)) == FOV_OK) {
        status = fov_pipeline_process_batch(pipeline, frames, got, results, error);
        if (status != FOV_OK)
            return status;
        for (int i = 0; i < got; i++) {
            print(results[i]);
            fov_result_release(&results[i]);
        }
    }
    return status == FOV_EOS ? FOV_OK : status;
}

int main(int argc, char **argv)
{
    int batch = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 8;
    if (argc < 3 || batch < 1 || batch > BATCH_MAX) {
        fprintf(stderr, "usage: %s CONFIG SOURCE [BATCH]\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_pipeline *pipeline = NULL;
    fov_reader *reader = NULL;
    fov_pipeline_params params = {
        .mode = FOV_PIPELINE_BATCH, .config = argv[1], .batch_size = batch};
    fov_reader_params from = {.open = {.url = argv[2]}, .hold = 2 * batch};

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK)
        status = fov_reader_open(&reader, &from, &error);
    if (status == FOV_OK)
        status = run(pipeline, reader, batch, &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_reader_close(&reader);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
