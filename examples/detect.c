/* Detects objects in one picture and prints them: the smallest whole program on libfovea.
 *
 *   cc detect.c $(pkg-config --cflags --libs fovea) -o detect
 *   ./detect model.xml street.jpg
 */
#include <stdio.h>

#include <fovea/fovea.h>

/* Reads the first frame of anything fovea can open: a picture, a folder, a clip, "pattern:". */
static fov_status first_frame(const char *url, fov_frame_pool *pool, fov_frame **frame,
                              fov_error *error)
{
    fov_source *source = NULL;
    fov_source_params params = {.url = url};
    fov_status status = fov_source_open(&source, &params, error);
    if (status == FOV_OK)
        status = fov_source_read(source, pool, frame, NULL, error);
    fov_source_close(&source);
    return status;
}

static void print(const fov_model *model, const fov_detections *found, const fov_timings *t)
{
    for (size_t i = 0; i < found->count; i++) {
        const fov_detection *d = &found->items[i];
        printf("%-12s %.2f  %.0f,%.0f - %.0f,%.0f\n", fov_model_label(model, d->class_id),
               (double)d->score, (double)d->x1, (double)d->y1, (double)d->x2, (double)d->y2);
    }
    printf("%zu found; decode %.1f ms, inference %.1f ms\n", found->count, (double)t->decode / 1e6,
           (double)t->inference / 1e6);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL PICTURE\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_frame_pool *pool = NULL;
    fov_frame *frame = NULL;
    fov_model *model = NULL;
    fov_runner *runner = NULL;
    fov_detection items[100];
    fov_detections found = {.items = items, .capacity = 100};
    fov_timings timings = {0};
    fov_model_params model_params = {.path = argv[1]};

    fov_status status = fov_frame_pool_create(&pool, NULL, &error);
    if (status == FOV_OK)
        status = first_frame(argv[2], pool, &frame, &error);
    if (status == FOV_OK)
        status = fov_model_open(&model, &model_params, &error);
    if (status == FOV_OK)
        status = fov_runner_open(&runner, model, &error);
    if (status == FOV_OK)
        status = fov_runner_detect_frame(runner, frame, NULL, &found, NULL, NULL, &timings, &error);
    if (status == FOV_OK)
        print(model, &found, &timings);
    else
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);

    fov_runner_close(&runner);
    fov_model_close(&model);
    fov_frame_unref(&frame);
    fov_frame_pool_destroy(&pool);
    return fov_status_exit(status);
}
