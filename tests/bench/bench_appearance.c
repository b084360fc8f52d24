/* What a model of appearance costs and is worth, on pictures of MOT17 with their true boxes. Prints
 * Markdown.
 *
 *     bench_appearance MODEL FOLDER...     folders of MOT17-mini: gt/gt.txt, img1/000001.jpg, ...
 *
 * Cost: of a crop, by pictures in a run. "Raw" is the runtime's run alone, as often as in the
 * stream; "runner" cuts nothing and has the pixels at hand; "stream" is all that a frame takes more
 * with appearance: cutting, running, keeping, comparing.
 * Worth: cosines of the same person in the next picture, and of two people of one picture. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <fovea/fovea.h>

#include "base/clock.h"
#include "media/image.h"
#include "quantile.h"

enum { BOXES = 64, ROUNDS = 24, NUMBERS = 4096, PICTURES = 16, NICE = 5 };

#define LOW 0.1 /* quantile that is told: on a busy machine others take the rest */

struct box {
    int id;
    fov_detection at;
};

struct picture {
    struct box boxes[BOXES];
    int count;
    char path[1024];
};

/* People that are told of and at least half in sight. */
static int read_pictures(const char *folder, struct picture *pictures)
{
    char path[1024], line[256];
    int most = 0;
    memset(pictures, 0, PICTURES * sizeof *pictures);
    snprintf(path, sizeof path, "%s/gt/gt.txt", folder);
    FILE *from = fopen(path, "r");
    while (from && fgets(line, sizeof line, from)) {
        int frame, id, wanted, class_id;
        float x, y, w, h, seen;
        if (sscanf(line, "%d,%d,%f,%f,%f,%f,%d,%d,%f", &frame, &id, &x, &y, &w, &h, &wanted,
                   &class_id, &seen) != 9 ||
            frame < 1 || frame > PICTURES || !wanted || class_id != 1 || seen < 0.5f)
            continue;
        struct picture *p = &pictures[frame - 1];
        snprintf(p->path, sizeof p->path, "%s/img1/%06d.jpg", folder, frame);
        FILE *there = fopen(p->path, "rb");
        if (!there)
            continue;
        fclose(there);
        if (p->count < BOXES)
            p->boxes[p->count++] = (struct box){
                id, {.x1 = x, .y1 = y, .x2 = x + w, .y2 = y + h, .score = 0.9f}};
        most = frame > most ? frame : most;
    }
    if (from)
        fclose(from);
    return most;
}

static fov_frame *load(fov_frame_pool *pool, fov_decoder *decoder, const char *path)
{
    fov_frame *encoded = NULL, *frame = NULL;
    FILE *from = fopen(path, "rb");
    if (!from || fseek(from, 0, SEEK_END))
        return NULL;
    size_t size = (size_t)ftell(from);
    rewind(from);
    if (fov_frame_get(pool, size, &encoded) || fov_frame_get(pool, 0, &frame) ||
        fread(encoded->bytes, 1, size, from) != size ||
        fov_decode_into(decoder, encoded->bytes, size, frame, NULL)) {
        fclose(from);
        return NULL;
    }
    fclose(from);
    fov_frame_unref(&encoded);
    frame->width = frame->image.width;
    frame->height = frame->image.height;
    return frame;
}

static int clamp(float value, int most)
{
    return value < 0 ? 0 : value > (float)most ? most : (int)value;
}

/* As src/flow/crops_run.c cuts. */
static fov_image cut(const fov_image *whole, const fov_detection *d)
{
    fov_image part = *whole;
    int x = clamp(d->x1, whole->width - 2) & ~1, y = clamp(d->y1, whole->height - 2) & ~1;
    for (int p = 0; p < 3 && whole->plane[p]; p++)
        part.plane[p] += (p && whole->shift_y ? y / 2 : y) * whole->stride[p] +
                         (p && whole->shift_x ? x / 2 : x);
    part.width = clamp(d->x2, whole->width) - x;
    part.height = clamp(d->y2, whole->height) - y;
    return part;
}

/* ---- worth ----------------------------------------------------------------------------------- */

static bool embed(fov_runner *runner, const fov_image *part, fov_details *details, float *vector)
{
    fov_detections out = {.details = details};
    if (fov_runner_detect(runner, part, part->width, part->height, NULL, &out, NULL, NULL))
        return false;
    double square = 0;
    for (size_t i = 0; i < details->embedding_count; i++)
        square += (double)details->embedding[i] * (double)details->embedding[i];
    for (size_t i = 0; i < details->embedding_count; i++)
        vector[i] = (float)((double)details->embedding[i] / sqrt(square));
    return true;
}

static double cosine(const float *a, const float *b, int size)
{
    double sum = 0;
    for (int i = 0; i < size; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

struct worth {
    double same, other, worst; /* sums; worst: the nearer one was somebody else */
    int sames, others;
};

static void compare(struct worth *w, const struct picture *p, const float *now,
                    const struct picture *next, const float *then, int size)
{
    for (int i = 0; i < p->count; i++) {
        double own = 2, best = -2;
        for (int k = 0; k < next->count; k++) {
            double c = cosine(now + i * size, then + k * size, size);
            if (next->boxes[k].id == p->boxes[i].id) {
                own = c;
                w->same += c;
                w->sames++;
            } else {
                w->other += c;
                w->others++;
                best = c > best ? c : best;
            }
        }
        w->worst += own <= 1.5 && best > own;
    }
}

static void print_worth(fov_model *model, fov_runner *runner, fov_frame_pool *pool,
                        fov_decoder *decoder, const char *folder)
{
    static struct picture pictures[PICTURES];
    const int size = fov_model_get_info(model)->embedding;
    float *vectors[2] = {calloc((size_t)(BOXES * size), sizeof(float)),
                         calloc((size_t)(BOXES * size), sizeof(float))};
    fov_details *details = NULL;
    struct worth w = {0};
    int count = read_pictures(folder, pictures);
    if (!vectors[0] || !vectors[1] ||
        fov_details_create(&details, FOV_TASK_EMBED, 1, 0, size) != FOV_OK)
        exit(1);
    for (int n = 0; n < count; n++) {
        fov_frame *frame = load(pool, decoder, pictures[n].path);
        for (int i = 0; frame && i < pictures[n].count; i++) {
            fov_image part = cut(&frame->image, &pictures[n].boxes[i].at);
            if (!embed(runner, &part, details, vectors[n % 2] + i * size))
                exit(1);
        }
        fov_frame_unref(&frame);
        if (n > 0)
            compare(&w, &pictures[n - 1], vectors[(n - 1) % 2], &pictures[n], vectors[n % 2], size);
    }
    if (w.sames)
        printf("| %s | %d | %.3f | %.3f | %.1f %% |\n", strrchr(folder, '/') + 1, w.sames,
               w.same / w.sames, w.other / (w.others ? w.others : 1), 100 * w.worst / w.sames);
    fov_details_destroy(&details);
    free(vectors[0]);
    free(vectors[1]);
}

/* ---- cost ------------------------------------------------------------------------------------ */

static const struct picture *shown;

/* Everybody is somebody else in every picture: all are looked at. */
static void put_boxes(void *user, const fov_frame *frame, fov_detections *detections)
{
    (void)user;
    detections->count = 0;
    for (int i = 0; i < shown->count; i++) {
        fov_detection d = shown->boxes[i].at;
        float by = (float)(frame->number % 2) * (d.x2 - d.x1);
        d.x1 += by;
        d.x2 += by;
        detections->items[detections->count++] = d;
    }
}

struct cost {
    double raw_ms, runner_ms, stream_ms, crops, frame_ms;
};

/* Runs of `batch` crops by hand: their inference, and all of it, in ms a crop. */
static void by_hand(fov_model *model, const fov_frame *frame, int batch, struct cost *cost)
{
    fov_runner *runner = NULL;
    double raw[ROUNDS], all[ROUNDS];
    fov_detections out[FOV_CROPS_MAX];
    fov_item items[FOV_CROPS_MAX];
    fov_image parts[FOV_CROPS_MAX];
    fov_timings times[FOV_CROPS_MAX];
    int size = fov_model_get_info(model)->embedding;
    if (fov_runner_open(&runner, model, NULL))
        exit(1);
    for (int k = 0; k < batch; k++) {
        out[k] = (fov_detections){0};
        if (fov_details_create(&out[k].details, FOV_TASK_EMBED, 1, 0, size))
            exit(1);
    }
    for (int r = 0; r < ROUNDS; r++) {
        raw[r] = all[r] = 0;
        for (int run = 0; run < FOV_CROPS_MAX / batch; run++) { /* as many as of a frame */
            for (int k = 0; k < batch; k++) {
                parts[k] = cut(&frame->image, &shown->boxes[(run * batch + k) % shown->count].at);
                items[k] = (fov_item){.image = &parts[k],
                                      .width = parts[k].width,
                                      .height = parts[k].height,
                                      .out = &out[k],
                                      .timings = &times[k]};
            }
            int64_t start = clock_now_ns();
            fov_runner_detect_items(runner, items, batch, NULL);
            all[r] += ns_to_ms(clock_now_ns() - start) / FOV_CROPS_MAX;
            raw[r] += ns_to_ms(times[0].inference) / FOV_CROPS_MAX;
        }
    }
    cost->raw_ms = quantile(raw, ROUNDS, LOW);
    cost->runner_ms = quantile(all, ROUNDS, LOW);
    for (int k = 0; k < batch; k++)
        fov_details_destroy(&out[k].details);
    fov_runner_close(&runner);
}

struct hand {
    fov_model *model;
    const fov_frame *frame;
    int batch;
    struct cost *cost;
};

static void *hand_run(void *argument)
{
    struct hand *h = argument;
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread */
    by_hand(h->model, h->frame, h->batch, h->cost);
    return NULL;
}

/* Behind other programs, as workers are. */
static void by_worker(struct hand *h)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, hand_run, h) || pthread_join(thread, NULL))
        exit(1);
}

/* Frames of a stream: ms that tracking takes, by frame; crops of a frame in *crops. */
static double by_stream(fov_workers *workers, const fov_frame *picture, const char *appearance,
                        double *crops)
{
    const fov_football_params football = {
        .on_detections = put_boxes, .appearance_model = appearance, .still_camera = true};
    const fov_stream_params params = {.results = 2, .fifo = true, .football = &football};
    fov_stream *stream = NULL;
    fov_frame_pool *pool = NULL;
    double ms[ROUNDS];
    fov_error error = {0};
    *crops = 0;
    if (fov_frame_pool_create(&pool, NULL, &error) ||
        fov_stream_open(&stream, workers, &params, &error)) {
        fprintf(stderr, "bench_appearance: %s\n", error.message);
        exit(1);
    }
    for (int r = 0; r < ROUNDS; r++) {
        fov_frame *frame = NULL;
        fov_result *result = NULL;
        if (fov_frame_get(pool, 0, &frame) ||
            fov_frame_alloc_image(frame, FOV_YUV, picture->image.width, picture->image.height,
                                  picture->image.shift_x, picture->image.shift_y))
            exit(1);
        image_convert(&frame->image, &picture->image);
        frame->width = picture->width;
        frame->height = picture->height;
        frame->number = (uint64_t)r;
        frame->pts_ms = 40.0 * (r + 1);
        if (fov_stream_put_wait(stream, &frame, 60000, NULL) ||
            fov_stream_get(stream, 60000, &result, NULL) || !result->football)
            exit(1);
        ms[r] = ns_to_ms(result->football->parts_ns[FOV_PART_TRACKING]);
        *crops += (double)result->crops.taken / ROUNDS;
        fov_result_release(&result);
    }
    fov_stream_close(&stream);
    fov_frame_pool_destroy(&pool);
    return quantile(ms, ROUNDS, LOW);
}

static void print_cost(const char *model_path, const fov_frame *frame, int batch)
{
    const fov_model_params detector = {.path = "fake:boxes=none,labels=person"},
                           looks = {.path = model_path, .id = "looks", .batch = batch};
    const fov_workers_params params = {.workers = 1, .model = &detector, .pin_latency = true};
    fov_workers *workers = NULL;
    fov_error error = {0};
    struct cost cost = {0};
    if (fov_workers_create(&workers, &params, &error) ||
        fov_workers_add_model(workers, &looks, false, &error)) {
        printf("| %d | not to be had: %s |  |  |  |  |\n", batch, error.message);
        fov_workers_destroy(&workers);
        return;
    }
    fov_model *model = fov_workers_model(workers, "looks");
    int real = fov_model_get_info(model)->batch;
    double none = 0, crops = 0, without = by_stream(workers, frame, NULL, &none),
           with = by_stream(workers, frame, "looks", &crops);
    fov_workers_destroy(&workers);
    by_worker(&(struct hand){model, frame, real, &cost});
    fov_model_close(&model);
    cost.stream_ms = crops > 0 ? (with - without) / crops : 0;
    if (real != batch)
        return; /* the model takes no more: as above */
    printf("| %d | %.2f | %.2f | %.2f | %+.0f %% | %.1f: %.1f |\n", real, cost.raw_ms,
           cost.runner_ms, cost.stream_ms, 100 * (cost.stream_ms / cost.raw_ms - 1), crops,
           with - without);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct picture pictures[PICTURES];
    static const int batches[] = {1, 4, 8, 16};
    fov_frame_pool *pool = NULL;
    fov_decoder *decoder = NULL;
    fov_error error = {0};
    fov_model *model = NULL;
    fov_runner *runner = NULL;
    const fov_model_params params = {.path = argc > 1 ? argv[1] : ""};
    if (argc < 3 || read_pictures(argv[2], pictures) == 0) {
        fprintf(stderr, "bench_appearance: MODEL and folders of MOT17-mini are not there\n");
        return 77;
    }
    if (fov_model_open(&model, &params, &error) || fov_runner_open(&runner, model, &error) ||
        fov_frame_pool_create(&pool, NULL, &error) || fov_decoder_create(&decoder, &error)) {
        fprintf(stderr, "bench_appearance: %s\n", error.message);
        return 1;
    }
    shown = &pictures[0];
    printf("%d people in sight. ", shown->count);
    fov_frame *frame = load(pool, decoder, shown->path);
    const fov_model_info *info = fov_model_get_info(model);
    printf("%s, %d numbers, %s %s, %d threads.\n\n", info->id, info->embedding, info->backend,
           info->precision, info->threads);
    printf(
        "| pictures a run | raw run, ms a crop | runner | stream | beside the raw run | crops of a "
        "frame: ms |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; frame && i < sizeof batches / sizeof *batches; i++)
        print_cost(argv[1], frame, batches[i]);
    printf("\n| people of | pairs | cosine, same person | other people | somebody else is nearer "
           "|\n|---|---|---|---|---|\n");
    for (int i = 2; i < argc; i++)
        print_worth(model, runner, pool, decoder, argv[i]);
    fov_frame_unref(&frame);
    fov_runner_close(&runner);
    fov_model_close(&model);
    fov_decoder_destroy(&decoder);
    fov_frame_pool_destroy(&pool);
    return 0;
}
