/* Reads a clip ahead while a model runs, several frames at a time: all frames of a file, in order,
 * or so many a second of its own time. The model of fov_model_params.batch takes them in one run.
 *
 *   cc batch.c $(pkg-config --cflags --libs fovea) -o batch
 *   ./batch model.onnx clip.mp4 8 10
 */
#include <stdio.h>
#include <stdlib.h>

#include <fovea/fovea.h>

enum { BATCH = 16, BOXES = 100 };

static void print(const fov_model *model, const fov_frame *frame, const fov_detections *found)
{
    printf("%8.0f ms:", frame->pts_ms);
    for (size_t i = 0; i < found->count; i++)
        printf(" %s %.2f", fov_model_label(model, found->items[i].class_id),
               (double)found->items[i].score);
    printf("\n");
}

/* One run for as many frames as the model takes at once. */
static fov_status detect(fov_runner *runner, const fov_model *model, fov_frame **frames, int count,
                         fov_error *error)
{
    static fov_detection boxes[BATCH][BOXES];
    fov_detections found[BATCH];
    fov_item items[BATCH];
    int most = fov_model_get_info(model)->batch;
    for (int at = 0; at < count; at += most) {
        int n = count - at < most ? count - at : most;
        for (int i = 0; i < n; i++) {
            found[i] = (fov_detections){.items = boxes[i], .capacity = BOXES};
            items[i] = (fov_item){.frame = frames[at + i], .out = &found[i]};
        }
        fov_status status = fov_runner_detect_items(runner, items, n, error);
        if (status != FOV_OK)
            return status;
        for (int i = 0; i < n; i++)
            if (items[i].error.status == FOV_OK)
                print(model, frames[at + i], &found[i]);
    }
    return FOV_OK;
}

/* To the end: the last batch may be short, the call after it says FOV_EOS. */
static fov_status run(fov_reader *reader, fov_runner *runner, const fov_model *model, int batch,
                      fov_error *error)
{
    fov_frame *frames[BATCH];
    int got;
    fov_status status;
    while ((status = fov_reader_get_batch(reader, -1, frames, batch, &got, error)) == FOV_OK) {
        status = detect(runner, model, frames, got, error);
        for (int i = 0; i < got; i++)
            fov_frame_unref(&frames[i]);
        if (status != FOV_OK)
            return status;
    }
    return status == FOV_EOS ? FOV_OK : status;
}

int main(int argc, char **argv)
{
    int batch = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 8;
    if (argc < 3 || batch < 1 || batch > BATCH) {
        fprintf(stderr, "usage: %s MODEL SOURCE [BATCH] [FPS]\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_reader *reader = NULL;
    fov_model *model = NULL;
    fov_runner *runner = NULL;
    fov_model_params model_params = {.path = argv[1], .batch = batch};
    fov_reader_params params = {.open = {.url = argv[2]},
                                .target_fps = argc > 4 ? strtod(argv[4], NULL) : 0};

    fov_status status = fov_reader_open(&reader, &params, &error); /* it reads from here on */
    if (status == FOV_OK)
        status = fov_model_open(&model, &model_params, &error);
    if (status == FOV_OK)
        status = fov_runner_open(&runner, model, &error);
    if (status == FOV_OK)
        status = run(reader, runner, model, batch, &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);

    fov_runner_close(&runner);
    fov_model_close(&model);
    fov_reader_close(&reader);
    return fov_status_exit(status);
}
