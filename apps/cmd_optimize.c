/* fovea optimize MODEL: a faster file of a model, kept only when it sees what the original sees. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "base/text.h"
#include "commands.h"
#include "npy.h"
#include "optimize.h"
#include "optimize_tool.h"
#include "options.h"
#include "upright.h"

enum { HOLD_OUT = 3, CALIBRATION_MAX = 300, WORST = 4 };

static const struct target targets[] = {
    {"openvino", ".xml", "fp32 fp16 int8"},  {"onnx", ".onnx", "fp32 fp16 int8"},
    {"tflite", ".tflite", "fp32 fp16 int8"}, {"tensorrt", NULL, "fp32 fp16 int8"},
    {"edgetpu", ".tflite", "int8"},          {"coreml", ".mlpackage", "fp32 fp16"}};

/* ---- options ---- */

static const char details[] =
    "The result is compared with the original on pictures that were not used to make it: a third\n"
    "of --calibration, or --pictures. Below --min-agreement nothing is written (exit 1).\n"
    "Agreement is the share of boxes that have a partner of the same class with half their area\n"
    "in common in the other model's answer. The worst pictures are in fovea-out/optimize/.\n\n"
    "  fovea optimize best.onnx --precision int8 --calibration pictures -o best_int8.xml\n"
    "  fovea optimize best.onnx --precision fp16 --pictures pictures -o best.xml\n"
    "  fovea optimize best.pt --pictures pictures -o best.xml   (your own exporter runs best.pt)\n"
    "  fovea optimize best.onnx --target tensorrt --pictures pictures -o engines";

static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            return size > 0;
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size > tail && strcasecmp(text + size - tail, end) == 0;
}

static int wrong(const char *sentence, const char *word)
{
    fprintf(stderr, "fovea optimize: ");
    fprintf(stderr, "%s%s%s%s\n", sentence, word ? ", not '" : "", word ? word : "",
            word ? "'" : "");
    fprintf(stderr, "see: fovea optimize --help\n");
    return OPTIONS_ERROR;
}

/* The Edge TPU's compiler takes what is INT8 already; TensorRT's engines are built by the runtime.
 */
static bool is_calibrated(const struct optimize *o)
{
    return !strcmp(o->precision, "int8") && strcmp(o->target->name, "tensorrt") != 0 &&
           strcmp(o->target->name, "edgetpu") != 0;
}

/* A file "-x.onnx" must not be read as an option by the programs that it is handed to. */
static const char *as_file(const char *path, char *named, size_t size)
{
    if (!path || path[0] != '-')
        return path;
    snprintf(named, size, "./%s", path);
    return named;
}

static int check(struct optimize *o)
{
    o->model = as_file(o->model, o->named[0], sizeof o->named[0]);
    o->output = as_file(o->output, o->named[1], sizeof o->named[1]);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (!strcmp(targets[i].name, o->target_name))
            o->target = &targets[i];
    if (!o->target)
        return wrong("--target is openvino, onnx, tflite, tensorrt, edgetpu or coreml",
                     o->target_name);
    if (!has_word(o->target->precisions, o->precision))
        return wrong(o->target->suffix && !strcmp(o->target->precisions, "int8")
                         ? "--precision of this target is int8"
                         : "--precision is fp32, fp16 or int8 (coreml: no int8)",
                     o->precision);
    if (!o->output)
        return wrong("where the result goes is missing: -o FILE", NULL);
    if (o->target->suffix && !ends_with(o->output, o->target->suffix)) {
        fprintf(stderr, "fovea optimize: -o of target %s ends with %s, not '%s'\n", o->target->name,
                o->target->suffix, o->output);
        return OPTIONS_ERROR;
    }
    if (optimize_replaces_original(o))
        return wrong("the result would replace the original: -o another FILE", NULL);
    if (is_calibrated(o) && !o->calibration)
        return wrong("int8 needs pictures of what the model will see: --calibration DIR", NULL);
    if (!o->calibration && !o->pictures && o->least > 0)
        return wrong("agreement is measured on pictures: --pictures DIR (or --calibration DIR)",
                     NULL);
    return 0;
}

/* `-o FILE` is the one short option: everybody expects it. */
static void lengthen(int argc, char **argv)
{
    static char output[] = "--output";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "-o"))
            argv[i] = output;
}

static int parse(struct optimize *o, int argc, char **argv)
{
    static const struct usage usage = {
        "optimize", "MODEL -o FILE",
        "A faster file of a model, kept only when it sees what the original sees.", details};
    const struct option_spec options[] = {
        {"target", OPTION_TEXT, &o->target_name, 0, 0, "T",
         "openvino (default), onnx, tflite, tensorrt, edgetpu, coreml"},
        {"precision", OPTION_TEXT, &o->precision, 0, 0, "P", "fp32, fp16 (default), int8"},
        {"calibration", OPTION_TEXT, &o->calibration, 0, 0, "DIR",
         "pictures or a video of what the model will see"},
        {"pictures", OPTION_TEXT, &o->pictures, 0, 0, "DIR", "pictures to compare on"},
        {"min-agreement", OPTION_NUMBER, &o->least, 0, 1, "N", "least agreement (0.95)"},
        {"output", OPTION_TEXT, &o->output, 0, 0, "FILE", "the result; -o is the same"},
        {"conf", OPTION_NUMBER, &o->chosen.conf, 0.0001, 1, "N", "boxes that count (0.25)"},
        {"head", OPTION_TEXT, &o->chosen.head, 0, 0, "H", "read the model as ssd, yolo, ..."},
        {"input", OPTION_TEXT, &o->chosen.input, 0, 0, "WORDS", "pixels: bgr,letterbox,scale=255"},
        {"labels", OPTION_TEXT, &o->chosen.labels, 0, 0, "FILE", "one label a line"},
        {"imgsz", OPTION_INT, &o->chosen.imgsz, 32, 4096, "N", "input size, dynamic models only"},
        {"json", OPTION_FLAG, &o->json, 0, 0, NULL, "one JSON object on standard output"},
        {0}};
    o->target_name = "openvino";
    o->precision = "fp16";
    o->least = 0.95;
    lengthen(argc, argv);
    int count = options_parse(&usage, options, argc, argv, &o->model, 1);
    if (count < 0)
        return count;
    return count == 1 ? check(o) : wrong("a model is missing", NULL);
}

/* ---- pictures ---- */

/* Calls `each` for the pictures of a folder, broken ones left out; it stops at the first failure,
 * FOV_EOS being a wish and no failure. `number` counts from 0. */
static fov_status for_pictures(struct optimize *o, const char *url,
                               fov_status (*each)(struct optimize *o, struct upright *w, int number,
                                                  fov_error *error),
                               fov_error *error)
{
    struct upright w;
    int number = 0;
    fov_status status = upright_begin(&w, url, error);
    while (!status) {
        status = upright_next(&w, error);
        if (upright_is_broken(status))
            status = FOV_OK;
        else if (!status)
            status = each(o, &w, number++, error);
    }
    upright_end(&w);
    return status == FOV_EOS ? FOV_OK : status;
}

/* Every third picture of the calibration folder is kept for the comparison. */
static bool is_held_out(const struct optimize *o, int number)
{
    return !o->pictures && number % HOLD_OUT == HOLD_OUT - 1;
}

/* ---- the models ---- */

static fov_status open_side(struct side *side, const fov_model_params *params, fov_error *error)
{
    side->found = (fov_detections){.items = side->items, .capacity = AGREEMENT_BOXES};
    fov_status status = fov_model_open(&side->model, params, error);
    return status ? status : fov_runner_open(&side->runner, side->model, error);
}

static void close_side(struct side *side)
{
    fov_runner_close(&side->runner);
    fov_model_close(&side->model);
}

/* The original runs in f32: it is the measure. */
static fov_status open_original(struct optimize *o, fov_error *error)
{
    struct side *side = &o->original;
    side->found = (fov_detections){.items = side->items, .capacity = AGREEMENT_BOXES};
    o->chosen.model = o->source;
    o->chosen.exact = true;
    fov_status status = chosen_model_open(&o->chosen, &side->model, error);
    return status ? status : fov_runner_open(&side->runner, side->model, error);
}

/* TensorRT's result is no file but the engines that the runtime builds and keeps. */
static void ask_for_engines(const struct optimize *o, fov_model_params *params)
{
    params->path = o->source;
    params->backend = "onnxruntime";
    params->device = "TENSORRT";
    params->cache_dir = o->part;
    params->precision = !strcmp(o->precision, "fp32")   ? FOV_PRECISION_F32
                        : !strcmp(o->precision, "int8") ? FOV_PRECISION_INT8
                                                        : FOV_PRECISION_F16;
}

/* A runtime that fell back has built nothing. */
static fov_status check_engines(const struct optimize *o, fov_error *error)
{
    const fov_model_info *info = fov_model_get_info(o->optimised.model);
    if (o->target->suffix || !strcasecmp(info->device, "TENSORRT"))
        return FOV_OK;
    return fov_fail(error, FOV_ERUNTIME, "TensorRT does not run it here: %.180s", info->fallback);
}

/* The result as a user would open it; the original's head is named only when it is not recognised
 * without. */
static fov_status open_optimised(struct optimize *o, fov_error *error)
{
    char id[128];
    const char *slash = strrchr(o->output, '/'), *base = slash ? slash + 1 : o->output;
    const fov_model_info *was = fov_model_get_info(o->original.model);
    fov_model_params params = {.path = o->part,
                               .id = id,
                               .head = o->chosen.head,
                               .input = o->chosen.input,
                               .labels = o->chosen.labels,
                               .input_width = was->input_width,
                               .input_height = was->input_height};
    snprintf(id, sizeof id, "%.*s", (int)strcspn(base, "."), base);
    if (!o->target->suffix)
        ask_for_engines(o, &params);
    fov_status status = open_side(&o->optimised, &params, error);
    if (!status)
        status = check_engines(o, error);
    if (!status && !strcmp(fov_model_get_info(o->optimised.model)->head, was->head))
        return FOV_OK;
    if (o->chosen.head || !o->target->suffix)
        return status;
    fov_error again = {0};
    close_side(&o->optimised);
    params.head = was->head;
    if (open_side(&o->optimised, &params, &again) != FOV_OK)
        return status ? status : fov_fail(error, again.status, "%s", again.message);
    snprintf(o->note, sizeof o->note,
             "the file does not tell how it is read: use it with --head %s", was->head);
    return FOV_OK;
}

/* ---- converting ---- */

static fov_status write_tensor(struct optimize *o, struct upright *w, int number, fov_error *error)
{
    char path[PATH_MAX];
    fov_tensor input;
    if (is_held_out(o, number))
        return FOV_OK;
    if (o->tensors == CALIBRATION_MAX)
        return FOV_EOS;
    fov_status status = fov_runner_prepare(o->original.runner, &w->image, &input, error);
    snprintf(path, sizeof path, "%s/%05d.npy", o->work, o->tensors++);
    return status ? status : npy_write(path, &input, error);
}

static void shape_text(const struct optimize *o, char *text, size_t size)
{
    const fov_model_info *info = fov_model_get_info(o->original.model);
    bool planar = !strcmp(info->layout, "nchw");
    int channels = !strcmp(info->color, "gray") ? 1 : 3;
    if (planar)
        snprintf(text, size, "1,%d,%d,%d", channels, info->input_height, info->input_width);
    else
        snprintf(text, size, "1,%d,%d,%d", info->input_height, info->input_width, channels);
}

static fov_status convert(struct optimize *o, fov_error *error)
{
    struct optimize_tool tool = {.progress = isatty(STDERR_FILENO)};
    char shape[64];
    shape_text(o, shape, sizeof shape);
    fov_status status = optimize_tool_find(&tool, false, error);
    if (!status && is_calibrated(o))
        status = for_pictures(o, o->calibration, write_tensor, error);
    if (!status && is_calibrated(o) && !o->tensors)
        status = fov_fail(error, FOV_EINVAL, "no picture of %s can be read", o->calibration);
    if (status)
        return status;
    const char *const words[] = {
        "convert", o->source,  "--target", o->target->name, "--precision", o->precision, "--shape",
        shape,     "--inputs", o->work,    "--output",      o->part,       NULL};
    return optimize_tool_run(&tool, words, error);
}

/* What only its own framework opens is exported by that, where the user has it. */
static fov_status export_source(struct optimize *o, fov_error *error)
{
    static const char *const foreign[] = {".pt", ".pth", ".h5", ".keras"};
    struct optimize_tool tool = {.progress = isatty(STDERR_FILENO)};
    bool is_foreign = false;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        is_foreign |= ends_with(o->model, foreign[i]);
    o->source = o->model;
    if (!is_foreign)
        return FOV_OK;
    if (access(o->model, R_OK) != 0)
        return fov_fail(error, FOV_ENOTFOUND, "%.160s: %s", o->model, strerror(errno));
    snprintf(o->exported, sizeof o->exported, "%s/exported.onnx", o->work);
    fov_status status = optimize_tool_find(&tool, true, error);
    const char *const words[] = {"export", o->model, "--output", o->exported, NULL};
    if (!status)
        status = optimize_tool_run(&tool, words, error);
    o->source = o->exported;
    return status;
}

/* ---- comparing ---- */

static fov_status detect_both(struct optimize *o, const fov_image *image, double ms[2],
                              fov_error *error)
{
    fov_detect_params params = {.conf = (float)o->chosen.conf,
                                .iou = (float)o->chosen.iou,
                                .max_detections = AGREEMENT_BOXES,
                                .exact = true};
    struct side *sides[] = {&o->original, &o->optimised};
    for (int i = 0; i < 2; i++) {
        fov_timings times = {0};
        fov_status status = fov_runner_detect(sides[i]->runner, image, image->width, image->height,
                                              &params, &sides[i]->found, &times, error);
        if (status)
            return status;
        ms[i] = ns_to_ms(times.inference);
    }
    return FOV_OK;
}

static bool is_compared(const struct optimize *o, int number)
{
    return o->pictures || is_held_out(o, number);
}

static fov_status compare(struct optimize *o, struct upright *w, int number, fov_error *error)
{
    double ms[2];
    if (!is_compared(o, number))
        return FOV_OK;
    if (o->agreement.pictures == AGREEMENT_PICTURES)
        return FOV_EOS;
    fov_status status = detect_both(o, &w->image, ms, error);
    if (status)
        return status;
    agreement_add(&o->agreement, &o->original.found, &o->optimised.found);
    o->agreement.original_ms += ms[0];
    o->agreement.optimised_ms += ms[1];
    return FOV_OK;
}

/* One of the four pictures that agree least, and not wholly. */
static bool is_worst(const struct agreement *a, int picture)
{
    int worse = 0;
    for (int i = 0; i < a->pictures && i < AGREEMENT_PICTURES; i++)
        worse += a->of_picture[i] < a->of_picture[picture] ||
                 (a->of_picture[i] == a->of_picture[picture] && i < picture);
    return a->of_picture[picture] < 1 && worse < WORST;
}

/* "best_int8-street.jpg": of the result, and of the picture (a video's frame: its number). */
static void name_copy(const struct optimize *o, const char *name, int number, char *path,
                      size_t size)
{
    const char *slash = strrchr(o->output, '/'), *base = slash ? slash + 1 : o->output;
    char digits[16];
    snprintf(digits, sizeof digits, "%d", number);
    snprintf(path, size, "%s/%.*s-%.200s%s", OPTIMIZE_WORST, (int)strcspn(base, "."), base,
             name ? name : digits, name && ends_with(name, ".jpg") ? "" : ".jpg");
}

static fov_status save_worst(struct optimize *o, struct upright *w, int number, fov_error *error)
{
    char path[512];
    double ms[2];
    int picture = o->pictures ? number : number / HOLD_OUT;
    if (!is_compared(o, number))
        return FOV_OK;
    if (picture >= AGREEMENT_PICTURES)
        return FOV_EOS;
    if (!is_worst(&o->agreement, picture))
        return FOV_OK;
    fov_status status = detect_both(o, &w->image, ms, error);
    name_copy(o, w->name, number, path, sizeof path);
    return status ? status
                  : agreement_save(&w->image, &o->original.found, &o->optimised.found,
                                   o->original.model, path, error);
}

/* Only --min-agreement 0 takes what was not compared: a file that nothing can run here (an Edge
 * TPU's, Core ML's), no pictures, nothing found on them. */
static fov_status unmeasured(struct optimize *o, const char *why, fov_error *error)
{
    double before = optimize_megabytes(o->source), after = optimize_megabytes(o->part);
    const char *in_part = strstr(why, OPTIMIZE_BESIDE),
               *slash = in_part ? strchr(in_part, '/') : NULL;
    if (slash) /* the folder of this run means nothing to anybody */
        why = slash + 1;
    if (o->least > 0)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "what it sees cannot be compared here, and --min-agreement 0 was not "
                        "given: %.130s",
                        why);
    char said[sizeof o->note];
    text_copy(said, sizeof said, o->note);
    snprintf(o->note, sizeof o->note, "%.99s%s%.98s", why, said[0] ? "; " : "", said);
    if (!optimize_put(o))
        return fov_fail(error, FOV_EIO, "%.160s: %s", o->output, strerror(errno));
    optimize_report(o, true, before, after);
    return FOV_EOS;
}

static fov_status compare_all(struct optimize *o, fov_error *error)
{
    const char *url = o->pictures ? o->pictures : o->calibration;
    if (!url)
        return unmeasured(o, "no pictures were given", error);
    fov_status status = for_pictures(o, url, compare, error);
    if (status)
        return status;
    if (!o->agreement.pictures)
        return fov_fail(error, FOV_EINVAL, "no picture is left to compare on: %.100s needs 3", url);
    bool blind = agreement_share(&o->agreement) < 0;
    if (blind && o->least <= 0)
        return unmeasured(o, "neither model finds anything on these pictures", error);
    if (blind)
        return fov_fail(error, FOV_EINVAL,
                        "neither model finds anything on these pictures: --pictures others, or a "
                        "lower --conf");
    if (mkdir("fovea-out", 0777) && errno != EEXIST)
        return fov_fail(error, FOV_EIO, "fovea-out: %s", strerror(errno));
    if (mkdir(OPTIMIZE_WORST, 0777) && errno != EEXIST)
        return fov_fail(error, FOV_EIO, "%s: %s", OPTIMIZE_WORST, strerror(errno));
    return for_pictures(o, url, save_worst, error);
}

/* ---- the run ---- */

static fov_status make(struct optimize *o, fov_error *error)
{
    int64_t start = clock_now_ns();
    fov_status status = export_source(o, error);
    if (!status)
        status = open_original(o, error);
    if (!status && o->target->suffix)
        status = convert(o, error);
    if (status)
        return status;
    status = open_optimised(o, error);
    o->convert_ms = ns_to_ms(clock_now_ns() - start);
    bool foreign = !strcmp(o->target->name, "edgetpu") || !strcmp(o->target->name, "coreml");
    if (!foreign || (status != FOV_ERUNTIME && status != FOV_EUNSUPPORTED))
        return status;
    fov_error why = *error;
    return unmeasured(o, why.message, error);
}

/* Returns the exit code. */
static int judge(struct optimize *o)
{
    double before = optimize_megabytes(o->source), after = optimize_megabytes(o->part);
    bool accepted = agreement_share(&o->agreement) >= o->least;
    bool written = accepted && optimize_put(o);
    int why = errno;
    optimize_report(o, written, before, after);
    fflush(stdout);
    if (!accepted)
        fprintf(stderr, "fovea optimize: agreement %.3f is below %g: nothing was written\n",
                agreement_share(&o->agreement), o->least);
    else if (!written)
        fprintf(stderr, "fovea optimize: %s: %s: nothing was written\n", o->output, strerror(why));
    return written ? 0 : 1;
}

static int exit_of(fov_status status, bool opened)
{
    if (status == FOV_EOS)
        return 0;
    return opened && status == FOV_EMODEL ? 1 : fov_status_exit(status);
}

int cmd_optimize(int argc, char **argv)
{
    struct optimize *o = calloc(1, sizeof *o);
    fov_error error = {0};
    int code = o ? parse(o, argc, argv) : 1;
    if (code) {
        free(o);
        return code == OPTIONS_HELP ? 0 : code == OPTIONS_ERROR ? 2 : 1;
    }
    fov_status status = optimize_places_make(o, &error);
    if (!status)
        status = make(o, &error);
    if (!status)
        status = compare_all(o, &error);
    code = status ? exit_of(status, o->original.model != NULL) : judge(o);
    if (status && status != FOV_EOS)
        fprintf(stderr, "fovea optimize: %s\n", error.message);
    close_side(&o->optimised);
    close_side(&o->original);
    optimize_places_remove(o);
    free(o);
    return code;
}
