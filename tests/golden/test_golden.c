/* Detections against references made without fovea (tests/ref and the test data's refs): same
 * boxes, same scores, nothing missing, nothing more. Full decode, f32. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <fovea/backend.h>
#include <fovea/model.h>
#include <fovea/picture.h>

#include "base/json.h"
#include "infer/gfl.h"
#include "infer/model_internal.h"

enum { ROOM = 300, PATH_ROOM = 1024, FILE_MAX = 16 << 20 };

/* How the reference fed its pictures, where that is not what the head does by itself. */
enum feeding {
    AS_OURS,
    AREA,        /* stretched by averages of areas; boxes cut to whole pixels */
    AREA_PADDED, /* the same with the aspect kept; cells centred (stride - 1) / 2 */
    AREA_BGR     /* the same, and blue first */
};

struct golden {
    const char *reference, *model; /* below the test data, else below the sources or .deps */
    bool test_data;
    float conf, iou;
    float floor;           /* the reference reports nothing below */
    float least_iou, most; /* score difference */
    enum feeding feeding;
    int first_class;     /* what the reference calls our class 0 */
    const char *backend; /* NULL: the first that reads the file */
};

/* The uncut SSD graph drops scores below 0.3 itself. Of the quantised models the references come
 * from the runtimes that they were made for; those are taken first, and give the same numbers.
 * OpenVINO rounds otherwise inside the network: it is held loosely here, and tightly to its own
 * Python interface in test_runtime_parity.py. */
static const struct golden cases[] = {
    {"tests/ref/ssd_skimage.json", "models/ssd_mobilenet_v2/model.xml", false, 0.1f, 0.6f, 0.3f,
     0.95f, 0.01f, AS_OURS, 0, NULL},
    {"refs/ssd_mobilenet_v2.json", "models/ssd_mobilenet_v2/model.xml", true, 0.1f, 0.6f, 0.3f,
     0.95f, 0.01f, AS_OURS, 0, NULL},
    {"refs/yolox_nano_416.json", "models/yolox_nano_416.onnx", true, 0.1f, 0.45f, 0.1f, 0.95f,
     0.01f, AS_OURS, 0, NULL},
    {"refs/yolox_nano_416_float16_tflite.json", "models/yolox_nano_416_float16.tflite", true, 0.1f,
     0.45f, 0.1f, 0.95f, 0.01f, AS_OURS, 0, NULL},
    {"refs/yolov8n_640_int8dyn.json", "models/yolov8n_640_int8dyn.onnx", true, 0.25f, 0.7f, 0.25f,
     0.95f, 0.01f, AS_OURS, 0, NULL},
    {"refs/yolov5n_640_int8.json", "models/yolov5n_640_int8.tflite", true, 0.25f, 0.45f, 0.25f,
     0.95f, 0.01f, AS_OURS, 0, NULL},
    {"refs/yolov8n_640_int8dyn.json", "models/yolov8n_640_int8dyn.onnx", true, 0.25f, 0.7f, 0.25f,
     0.9f, 0.06f, AS_OURS, 0, "openvino"},
    {"refs/yolov5n_640_int8.json", "models/yolov5n_640_int8.tflite", true, 0.25f, 0.45f, 0.25f,
     0.75f, 0.1f, AS_OURS, 0, "openvino"},
    {"refs/nanodet_m_320.json", "models/nanodet_m_320.onnx", true, 0.35f, 0.6f, 0.35f, 0.95f, 0.01f,
     AREA_PADDED, 0, NULL},
    {"refs/picodet_s_320.json", "models/picodet_s_320.onnx", true, 0.5f, 0.6f, 0.5f, 0.95f, 0.01f,
     AREA_BGR, 0, NULL},
    {"refs/fastestdet_352.json", "models/fastestdet_352.onnx", true, 0.65f, 0.45f, 0.65f, 0.95f,
     0.01f, AREA, 0, NULL},
    {"refs/fastestdet_352.json", "models/openvino/fastestdet_352_fp16.xml", true, 0.65f, 0.45f,
     0.65f, 0.95f, 0.01f, AREA, 0, NULL},
    {"refs/yunet_n_320.json", "models/yunet_n_320.onnx", true, 0.6f, 0.3f, 0.6f, 0.95f, 0.01f,
     AS_OURS, 0, NULL},
    {"refs/ultraface_slim_320.json", "models/ultraface_slim_320.onnx", true, 0.7f, 0.3f, 0.7f,
     0.95f, 0.01f, AS_OURS, 1, NULL},
    {"refs/yolox_nano_416_float16_tflite.json", "models/yolox_nano_416_float16.tflite", true, 0.1f,
     0.45f, 0.1f, 0.95f, 0.01f, AS_OURS, 0, "litert"},
    {"refs/yolox_nano_416.json", "models/yolox_nano_416.onnx", true, 0.1f, 0.45f, 0.1f, 0.95f,
     0.01f, AS_OURS, 0, "onnxruntime"},
};

static const char *data_folder(void)
{
    const char *named = getenv("FOVEA_TEST_DATA");
    return named ? named : SOURCE_ROOT "/../shared/data";
}

static const char *deps_folder(void)
{
    const char *named = getenv("FOVEA_DEPS");
    return named ? named : SOURCE_ROOT "/.deps";
}

/* Whole file, NUL behind it; NULL when it cannot be read. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = f ? malloc(FILE_MAX) : NULL;
    *size = bytes ? fread(bytes, 1, FILE_MAX - 1, f) : 0;
    if (bytes)
        bytes[*size] = '\0';
    if (f)
        fclose(f);
    return bytes;
}

static float overlap(const fov_detection *a, const double b[4])
{
    double x0 = a->x1 > b[0] ? a->x1 : b[0], x1 = a->x2 < b[2] ? a->x2 : b[2];
    double y0 = a->y1 > b[1] ? a->y1 : b[1], y1 = a->y2 < b[3] ? a->y2 : b[3];
    double common = x1 > x0 && y1 > y0 ? (x1 - x0) * (y1 - y0) : 0;
    double areas = (double)(a->x2 - a->x1) * (a->y2 - a->y1) + (b[2] - b[0]) * (b[3] - b[1]);
    return (float)(common / (areas - common));
}

struct expected {
    int64_t class_id;
    double score, box[4];
    const json_value *landmarks; /* NULL: none */
};

static struct expected read_expected(const struct golden *g, const json_value *item)
{
    struct expected e = {.landmarks = json_get(item, "landmarks")};
    bool named = json_get_int(item, "class_id", &e.class_id) ||
                 json_get_int(item, "class", &e.class_id);
    e.class_id -= g->first_class;
    bool read = (named || e.landmarks) && (json_get_number(item, "confidence", &e.score) ||
                                           json_get_number(item, "score", &e.score));
    for (int i = 0; i < 4; i++)
        read = read && json_number(json_at(json_get(item, "box"), (size_t)i), &e.box[i]);
    assert_true(read);
    return e;
}

/* Landmarks stand within two pixels of the reference. */
static bool has_landmarks(const struct expected *e, const fov_detections *found, size_t k)
{
    size_t count = json_count(e->landmarks);
    if (!count)
        return true;
    const fov_detail *detail = found->details ? &found->details->items[k] : NULL;
    if (!detail || detail->keypoint_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const fov_keypoint *p = &found->details->keypoints[detail->keypoint + i];
        double at[2];
        for (size_t xy = 0; xy < 2; xy++)
            assert_true(json_number(json_at(json_at(e->landmarks, i), xy), &at[xy]));
        if (hypot(p->x - at[0], p->y - at[1]) > 2)
            return false;
    }
    return true;
}

/* Some references let boxes reach beyond the picture. */
static void clip(double box[4], const fov_picture_info *info)
{
    for (int i = 0; i < 4; i++)
        box[i] = fmin(fmax(box[i], 0), i % 2 ? info->height : info->width);
}

static int compare(const struct golden *g, const char *picture, const fov_picture_info *info,
                   const json_value *list, fov_detections *found)
{
    bool used[ROOM] = {false};
    int wrong = 0;
    for (size_t i = 0; i < json_count(list); i++) {
        struct expected e = read_expected(g, json_at(list, i));
        clip(e.box, info);
        size_t best = ROOM;
        float most = 0;
        for (size_t k = 0; k < found->count; k++) {
            float o = overlap(&found->items[k], e.box);
            if (!used[k] && found->items[k].class_id == e.class_id && o > most) {
                most = o;
                best = k;
            }
        }
        float score = best < ROOM ? found->items[best].score : 0;
        if (best < ROOM) {
            used[best] = true;
            if (!has_landmarks(&e, found, best))
                most = 0;
        }
        bool may_miss = e.score < (double)(g->conf + g->most); /* fell below the threshold */
        bool good = most >= g->least_iou && score >= (float)e.score - g->most &&
                    score <= (float)e.score + g->most;
        if (!good && !(best == ROOM && may_miss)) {
            wrong++;
            print_error("%s: class %d score %.4f: found with IoU %.3f, score %.4f\n", picture,
                        (int)e.class_id, e.score, (double)most, (double)score);
        }
    }
    for (size_t k = 0; k < found->count; k++)
        if (!used[k] && found->items[k].score >= g->floor + g->most) {
            wrong++;
            print_error("%s: class %d score %.4f is not in the reference\n", picture,
                        found->items[k].class_id, (double)found->items[k].score);
        }
    return wrong;
}

/* Mean of the source's pixels under each pixel of the result, as cv2.INTER_AREA. */
static void average_areas(const fov_image *from, uint8_t *to, int width, int height)
{
    double step_x = (double)from->width / width, step_y = (double)from->height / height;
    for (int i = 0; i < width * height; i++) {
        double x0 = i % width * step_x, x1 = fmin(x0 + step_x, from->width);
        double y0 = i / width * step_y, y1 = fmin(y0 + step_y, from->height), sum[3] = {0};
        for (int y = (int)y0; y < y1; y++)
            for (int x = (int)x0; x < x1; x++) {
                const uint8_t *p = from->plane[0] + y * from->stride[0] + 3 * x;
                double part = (fmin(x + 1, x1) - fmax(x, x0)) * (fmin(y + 1, y1) - fmax(y, y0));
                for (int c = 0; c < 3; c++)
                    sum[c] += part * p[c];
            }
        for (int c = 0; c < 3; c++)
            to[3 * i + c] = (uint8_t)lrint(sum[c] / ((x1 - x0) * (y1 - y0)));
    }
}

static void scale_and_cut(fov_detections *found, double across, double down)
{
    for (size_t i = 0; i < found->count; i++) {
        fov_detection *d = &found->items[i];
        d->x1 = (float)trunc(d->x1 * across);
        d->x2 = (float)trunc(d->x2 * across);
        d->y1 = (float)trunc(d->y1 * down);
        d->y2 = (float)trunc(d->y2 * down);
    }
}

/* The picture as the reference resized it, which is then as large as the model wants it. */
static fov_status detect_averaged(const struct golden *g, fov_runner *runner,
                                  const fov_frame *frame, const fov_detect_params *params,
                                  fov_detections *found, const fov_model_info *info,
                                  fov_error *error)
{
    fov_decoder *decoder = NULL;
    fov_image image;
    fov_picture_info about;
    int width = info->input_width, height = info->input_height;
    fov_status status = fov_decoder_create(&decoder, error);
    if (!status)
        status = fov_decode(decoder, frame->bytes, frame->size, FOV_RGB24, 1, &image, &about,
                            error);
    if (!status && g->feeding != AREA) {
        double ratio = (double)image.height / image.width;
        width = ratio > 1 ? (int)(width / ratio) : width;
        height = ratio > 1 ? height : (int)(height * ratio);
    }
    uint8_t *pixels = malloc((size_t)width * (size_t)height * 3);
    assert_non_null(pixels);
    if (!status) {
        average_areas(&image, pixels, width, height);
        fov_image small = {FOV_RGB24, width, height, {pixels}, {width * 3}, 0, 0};
        status = fov_runner_detect(runner, &small, width, height, params, found, NULL, error);
        scale_and_cut(found, (double)image.width / width, (double)image.height / height);
    }
    free(pixels);
    fov_decoder_destroy(&decoder);
    return status;
}

static int run_picture(const struct golden *g, fov_model *model, fov_runner *runner,
                       const char *path, const json_value *list)
{
    fov_detection items[ROOM];
    const fov_model_info *info = fov_model_get_info(model);
    fov_detections found = {.items = items, .count = 0, .capacity = ROOM};
    fov_detect_params params = {.conf = g->conf, .iou = g->iou, .exact = true};
    fov_frame frame = {0};
    fov_error error = {.message = ""};
    frame.bytes = read_file(path, &frame.size);
    fov_picture_info size;
    if (!frame.bytes || fov_picture_probe(frame.bytes, frame.size, &size, &error))
        fail_msg("%s cannot be read", path);
    assert_int_equal(fov_details_create(&found.details, info->task, ROOM, info->keypoints, 0),
                     FOV_OK);
    fov_status status = g->feeding == AS_OURS
                            ? fov_runner_detect_frame(runner, &frame, &params, &found, NULL, NULL,
                                                      NULL, &error)
                            : detect_averaged(g, runner, &frame, &params, &found, info, &error);
    if (status)
        fail_msg("%s: %s", path, error.message);
    free(frame.bytes);
    int wrong = compare(g, path, &size, list, &found);
    fov_details_destroy(&found.details);
    return wrong;
}

/* Some references come from demonstrations that feed a model otherwise than it was trained. What
 * is compared then is the reading of its outputs. */
static void feed_as_reference(fov_model *model, enum feeding feeding)
{
    struct letterbox_spec *input = &model->setup.input;
    if (feeding == AREA_PADDED || feeding == AREA_BGR) {
        model->setup.form = GFL_MIDDLE_PIXEL;
        input->fit = FIT_CENTRE;
    }
    for (int i = 0; i < 3 && feeding == AREA_BGR; i += 2) {
        input->bgr = true;
        input->mean[i] = i ? 123.675f : 103.53f;
        input->scale[i] = i ? 58.395f : 57.375f;
    }
}

/* Both forms: {"pictures": [{"file", "detections"}]} and {"results": {"images/x.jpg": []}}. */
static int run_pictures(const struct golden *g, fov_model *model, fov_runner *runner,
                        const json_value *root)
{
    char path[PATH_ROOM];
    int wrong = 0;
    const json_value *pictures = json_get(root, "pictures"), *results = json_get(root, "results");
    for (size_t i = 0; i < json_count(pictures); i++) {
        const char *file;
        assert_true(json_get_string(json_at(pictures, i), "file", &file));
        snprintf(path, sizeof path, "%s/media/%s", deps_folder(), file);
        wrong += run_picture(g, model, runner, path, json_get(json_at(pictures, i), "detections"));
    }
    for (size_t i = 0; i < json_count(results); i++) {
        snprintf(path, sizeof path, "%s/%s", data_folder(), json_key(json_at(results, i)));
        wrong += run_picture(g, model, runner, path, json_at(results, i));
    }
    assert_true(json_count(pictures) + json_count(results) > 0);
    return wrong;
}

static bool is_here(const char *backend)
{
    static fov_backend_probe probe;
    for (size_t i = 0; fov_backend_at(i); i++)
        if (backend && !strcmp(fov_backend_at(i)->name, backend)) {
            fov_backend_at(i)->probe(NULL, &probe);
            return probe.available;
        }
    return !backend;
}

static void run_case(void **state)
{
    const struct golden *g = *state;
    char reference[PATH_ROOM], model_path[PATH_ROOM];
    bool ssd = strstr(g->model, "ssd_mobilenet") != NULL;
    snprintf(reference, sizeof reference, "%s/%s", g->test_data ? data_folder() : SOURCE_ROOT,
             g->reference);
    snprintf(model_path, sizeof model_path, "%s/%s", ssd ? deps_folder() : data_folder(), g->model);
    if (access(reference, R_OK) || access(model_path, R_OK)) {
        print_message("SKIP golden %s: %s is not there\n", g->reference,
                      access(reference, R_OK) ? reference : model_path);
        skip();
    }
    if (!is_here(g->backend)) {
        print_message("SKIP golden %s: no %s here\n", g->reference, g->backend);
        skip();
    }
    size_t size;
    uint8_t *text = read_file(reference, &size);
    fov_error error = {.message = ""};
    json_value *root = json_parse((const char *)text, size, FILE_MAX, &error);
    fov_model_params params = {
        .path = model_path, .backend = g->backend, .precision = FOV_PRECISION_F32};
    fov_model *model = NULL;
    fov_runner *runner = NULL;
    if (!root || fov_model_open(&model, &params, &error))
        fail_msg("%s: %s", g->reference, error.message);
    feed_as_reference(model, g->feeding);
    if (fov_runner_open(&runner, model, &error))
        fail_msg("%s: %s", g->reference, error.message);
    int wrong = run_pictures(g, model, runner, root);
    fov_runner_close(&runner);
    fov_model_close(&model);
    json_free(&root);
    free(text);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES];
    char names[CASES][128];
    for (size_t i = 0; i < CASES; i++) {
        snprintf(names[i], sizeof names[i], "%s%s%s", cases[i].reference,
                 cases[i].backend ? " by " : "", cases[i].backend ? cases[i].backend : "");
        tests[i] = (struct CMUnitTest){names[i], run_case, NULL, NULL,
                                       (void *)(uintptr_t)&cases[i]};
    }
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
