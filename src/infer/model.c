/* Opening a model: file → metadata → backend → head → labels → warm-up. */
#include "infer/model_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/input_words.h"

enum { WARMUP_RUNS = 5, WARMUP_MS = 500, PICTURE_SIDE_MAX = 4096 };

/* `model.xml` in a folder is called after the folder. */
void model_set_name(fov_model *model, const fov_model_params *params)
{
    const char *path = params->path, *base = strrchr(path, '/');
    if (params->id && *params->id) {
        text_copy(model->id, sizeof model->id, params->id);
        return;
    }
    if (chain_is_scheme(path)) { /* "oip://host:port/NAME/version", "NAME:…" */
        const char *host = strstr(path, "://"), *name = host ? strchr(host + 3, '/') : NULL;
        name = name ? name + 1 : path;
        snprintf(model->id, sizeof model->id, "%.*s", (int)strcspn(name, "/:"), name);
        return;
    }
    const char *start = base ? base + 1 : path, *end = strrchr(start, '.');
    size_t size = end ? (size_t)(end - start) : strlen(start);
    if (size == 5 && !strncmp(start, "model", 5) && base && base > path) {
        const char *slash = base;
        while (slash > path && slash[-1] != '/')
            slash--;
        start = slash;
        size = (size_t)(base - slash);
    }
    snprintf(model->id, sizeof model->id, "%.*s", (int)(size < 120 ? size : 120), start);
}

/* "[640, 640]" (height, width) of the exporter, when the caller asks for no size. */
void model_read_size(const struct metadata *meta, fov_model_params *params)
{
    const char *size = metadata_get(meta, "imgsz");
    int height, width;
    if (params->input_width > 0 || !size)
        return;
    int read = sscanf(size, "[%d, %d]", &height, &width);
    if (read == 2 && height > 0 && width > 0 && height <= PICTURE_SIDE_MAX &&
        width <= PICTURE_SIDE_MAX) {
        params->input_width = width;
        params->input_height = height;
    }
}

static void keep_said(void *user, const char *key, const char *value)
{
    metadata_add(user, key, strlen(key), value, strlen(value));
}

static void ask_metadata(fov_model *model)
{
    if (!model->backend->metadata)
        return;
    model->meta.source = model->backend->name;
    model->backend->metadata(model->loaded, keep_said, &model->meta);
}

static struct head_facts facts_of(const fov_model *model)
{
    return (struct head_facts){.inputs = model->inputs,
                               .outputs = model->outputs,
                               .input_count = model->about.input_count,
                               .output_count = model->about.output_count,
                               .meta = &model->meta,
                               .name = model->id};
}

/* Heads read one picture: its share of each tensor. A batch that is fixed in the model or was asked
 * for shows as the first dimension of the picture's input. */
fov_status model_split_batch(fov_model *model, fov_error *error)
{
    fov_backend_model *about = &model->about;
    struct head_facts facts = facts_of(model);
    memcpy(model->inputs, about->inputs, sizeof model->inputs);
    memcpy(model->outputs, about->outputs, sizeof model->outputs);
    int picture = head_picture_input(&facts);
    int64_t batch = picture < 0 ? 1 : model->inputs[picture].shape[0];
    if (batch > FOV_BATCH_MAX)
        return fov_fail(error, FOV_EUNSUPPORTED, "a batch of %lld; at most %d fit",
                        (long long)batch, FOV_BATCH_MAX);
    about->batch = batch > 1 ? (int)batch : 1;
    for (int i = 0; about->batch > 1 && i < about->input_count + about->output_count; i++) {
        bool input = i < about->input_count;
        fov_tensor *t = input ? &model->inputs[i] : &model->outputs[i - about->input_count];
        if (t->rank < 1 || t->shape[0] != batch)
            return fov_fail(error, FOV_EUNSUPPORTED,
                            "a batch of %lld, but %s has no such dimension: export the model with "
                            "a batch of 1",
                            (long long)batch, t->name);
        t->shape[0] = 1;
    }
    return FOV_OK;
}

static fov_status load(fov_model *model, const fov_model_params *params,
                       const struct chain_link *link, fov_error *error)
{
    fov_model_params mine = *params;
    char cache[4096];
    mine.device = link->device;
    mine.cache_dir = NULL;
    if (link->keeps != CHAIN_KEEPS_NOTHING) { /* a folder for nothing would push out another's */
        struct cache_key key = chain_cache_key(params, link);
        mine.cache_dir = cache_open(params->cache_dir, &key, cache, sizeof cache);
    }
    model->backend = link->backend;
    fov_status status = FOV_OK;
    if (!chain_is_scheme(params->path)) {
        model_read_size(&model->meta, &mine);
        status = model_check_backend(model, error);
    }
    if (!status)
        status = link->backend->load(&mine, &model->loaded, error);
    if (status)
        return status;
    ask_metadata(model);
    model->backend->describe(model->loaded, &model->about);
    for (int i = 0; i < model->about.input_count; i++) {
        model->about.inputs[i].scale = model->meta.inputs[i].scale;
        model->about.inputs[i].zero = model->meta.inputs[i].zero;
    }
    for (int i = 0; i < model->about.output_count; i++) {
        model->about.outputs[i].scale = model->meta.outputs[i].scale;
        model->about.outputs[i].zero = model->meta.outputs[i].zero;
    }
    return model_split_batch(model, error);
}

/* Unsigned bytes are pixels, whatever their scale says, unless the head knows that the model's own
 * tools round otherwise; signed ones follow it where the head knows what real numbers the model was
 * trained on. */
static void map_bytes(fov_model *model)
{
    struct letterbox_spec *spec = &model->setup.input;
    const fov_tensor *in = &model->about.inputs[model->setup.picture];
    bool follows = spec->dtype == FOV_I8 || (spec->dtype == FOV_U8 && spec->quant_cut);
    if (follows && in->scale > 0 && spec->scale[0] != 1) {
        spec->quant_scale = in->scale;
        spec->quant_zero = in->zero;
    }
}

/* The words of the `input` option. Bytes with a scale of their own take mean and scale through it;
 * bytes without one are pixels, and nothing else. */
static fov_status apply_words(fov_model *model, const char *words, fov_error *error)
{
    struct letterbox_spec *spec = &model->setup.input, before = *spec;
    const fov_tensor *in = &model->about.inputs[model->setup.picture];
    fov_status status = input_words_apply(words, spec, error);
    bool asked = memcmp(before.mean, spec->mean, sizeof spec->mean) ||
                 memcmp(before.scale, spec->scale, sizeof spec->scale);
    if (status || !asked || spec->dtype != FOV_U8)
        return status;
    if (in->scale <= 0)
        return fov_fail(error, FOV_EINVAL,
                        "input: this model takes bytes as they are, mean and scale do not apply");
    spec->quant_scale = in->scale;
    spec->quant_zero = in->zero;
    return FOV_OK;
}

/* An output with a column a class tells how many there are; one with numbers of classes does not.
 */
static bool tells_classes(const fov_model *model)
{
    const fov_backend_model *about = &model->about;
    for (int i = 0; i < about->output_count; i++)
        for (int d = 0; d < about->outputs[i].rank; d++) {
            int64_t rest = about->outputs[i].shape[d] - model->setup.columns;
            if (rest == 0 || rest == 4 || rest == 5)
                return true;
        }
    return model->setup.nms != NMS_NONE;
}

static fov_status labels_of(fov_model *model, const fov_model_params *params, fov_error *error)
{
    model->setup.open_classes = model->setup.open_classes || !tells_classes(model);
    return labels_make(&model->labels, &model->setup, &model->meta, params->labels, error);
}

fov_status model_configure(fov_model *model, const fov_model_params *params, fov_error *error)
{
    struct head_facts facts = facts_of(model);
    model->setup.kernels = infer_kernels();
    fov_status status = head_choose(&facts, params->head, &model->head, &model->confidence,
                                    model->evidence, error);
    if (!status)
        status = model->head->configure(&facts, &model->setup, error);
    if (!status)
        status = head_read_input(&facts, &model->setup, error);
    if (!status)
        status = apply_words(model, params->input, error);
    if (!status)
        map_bytes(model);
    if (!status && model->setup.columns > HEAD_COLUMNS)
        status = fov_fail(error, FOV_EUNSUPPORTED, "more than %d classes", HEAD_COLUMNS);
    if (!status)
        status = labels_of(model, params, error);
    return status;
}

/* The first runs are up to five times as slow as the later ones; the very first also tells a head
 * what shapes cannot. */
static fov_status warm_up(fov_model *model, const fov_model_params *params, fov_error *error)
{
    fov_runner *runner = NULL;
    fov_tensor out[FOV_MODEL_OUTPUTS], slice[FOV_MODEL_OUTPUTS];
    int64_t start = clock_now_ns();
    bool probe = model->setup.needs_probe && model->head->probe;
    if (!probe && (params->no_warmup || chain_is_scheme(params->path)))
        return FOV_OK;
    fov_status status = runner_open_unsettled(&runner, model, error);
    int runs = params->no_warmup ? 1 : WARMUP_RUNS;
    for (int i = 0; !status && i < runs; i++) {
        runner_fill_noise(runner);
        int64_t begin = clock_now_ns();
        status = runner_run(runner, out, error);
        double ms = ns_to_ms(clock_now_ns() - begin);
        if (!status && (i == 0 || ms < model->info.run_ms))
            model->info.run_ms = ms;
        if (!status)
            status = runner_check_finite(runner, out, error);
        if (!status && i == 0 && probe) {
            runner_slice(runner, out, 0, slice);
            model->head->probe(&model->setup, slice, model->evidence);
        }
        if (clock_now_ns() - start > WARMUP_MS * NS_PER_MS)
            break;
    }
    fov_runner_close(&runner);
    model->info.warmup_ms = ns_to_ms(clock_now_ns() - start);
    return status;
}

static void describe_scale(const struct letterbox_spec *in, char *text, size_t size)
{
    const float *m = in->mean, *s = in->scale;
    bool one_mean = m[0] == m[1] && m[1] == m[2], one_scale = s[0] == s[1] && s[1] == s[2];
    bool bytes = in->dtype == FOV_U8 || in->dtype == FOV_I8;
    if ((bytes && in->quant_scale == 0) || (one_mean && one_scale && m[0] == 0 && s[0] == 1))
        text_copy(text, size, in->dtype == FOV_I8 ? "- 128" : "as it is");
    else if (one_mean && one_scale && m[0] == 0)
        snprintf(text, size, "/ %g", (double)s[0]);
    else
        snprintf(text, size, "(- %g %g %g) / %g %g %g", (double)m[0], (double)m[1], (double)m[2],
                 (double)s[0], (double)s[1], (double)s[2]);
}

/* The runtime names the precision of what is left in float; a quantised file says so itself. */
static const char *effective_precision(const fov_model *model)
{
    const char *said = metadata_get(&model->meta, "fovea_precision");
    return said && !strcmp(said, "int8") ? "int8" : model->about.precision;
}

void model_fill_info(fov_model *model)
{
    static const char *const fits[] = {"stretched", "aspect kept, padded",
                                       "aspect kept, padded right and below",
                                       "aspect kept, the middle cut out"};
    struct head_facts facts = facts_of(model);
    head_describe_shapes(&facts, model->shapes, sizeof model->shapes);
    describe_scale(&model->setup.input, model->scale, sizeof model->scale);
    const struct letterbox_spec *in = &model->setup.input;
    const fov_backend_model *about = &model->about;
    fov_model_info info = {.id = model->id,
                           .path = model->path,
                           .file_reason = model->file_reason,
                           .head = model->head->name,
                           .head_evidence = model->evidence,
                           .backend = model->backend ? model->backend->name : "",
                           .backend_version = about->version,
                           .device = about->device,
                           .device_name = about->device_name,
                           .precision = effective_precision(model),
                           .input_width = in->width,
                           .input_height = in->height,
                           .open_size = about->open_size,
                           .task = model->setup.task,
                           .keypoints = model->setup.keypoints,
                           .embedding = model->setup.embedding,
                           .head_confidence = model->confidence,
                           .fallback = model->fallback,
                           .batch = about->batch,
                           .letterbox = in->fit == FIT_CENTRE || in->fit == FIT_TOP_LEFT,
                           .fit = fits[in->fit],
                           .layout = in->planar ? "nchw" : "nhwc",
                           .color = in->gray  ? "gray"
                                    : in->bgr ? "bgr"
                                              : "rgb",
                           .input_dtype = in->dtype,
                           .labels = (const char *const *)model->labels.names,
                           .label_count = model->labels.count,
                           .label_source = model->labels.from,
                           .threads = about->threads,
                           .max_runners = about->max_runners,
                           .delay_ns = about->delay_ns,
                           .load_ms = about->load_ms,
                           .compile_ms = about->compile_ms,
                           .shapes = model->shapes,
                           .scale = model->scale};
    model->info = info;
}

/* Sets model->path and params->path; false without memory. */
static bool choose_file(fov_model *model, fov_model_params *params)
{
    char path[4096];
    const char *name;
    if (strlen(params->path) < sizeof path)
        variant_choose(params, variant_fast_int8(&name), path, sizeof path, model->file_reason);
    model->path = strdup(model->file_reason[0] ? path : params->path);
    params->path = model->path;
    return model->path != NULL;
}

/* Back to before a try. */
static void forget_try(fov_model *model)
{
    if (model->loaded)
        model->backend->unload(model->loaded);
    labels_release(&model->labels);
    model->loaded = NULL;
    model->backend = NULL;
    model->setup = (struct head_setup){0};
    model->about = (fov_backend_model){0};
}

static void release(fov_model *model)
{
    forget_try(model);
    metadata_release(&model->meta);
    free(model->found);
    free(model->path);
    free(model);
}

/* One try; `final` when another runtime would not do better: the file itself is of no use. */
static fov_status open_on(fov_model *model, const fov_model_params *params,
                          const struct chain_link *link, bool *final, fov_error *error)
{
    *final = false;
    fov_status status = load(model, params, link, error);
    if (!status) {
        status = model_configure(model, params, error);
        *final = status != FOV_OK;
    }
    if (!status) {
        model_fill_info(model);
        status = warm_up(model, params, error);
    }
    if (status)
        forget_try(model);
    return status;
}

/* Tries what may run the model, best first, until one does. */
static fov_status open_somewhere(fov_model *model, const fov_model_params *params, fov_error *error)
{
    struct chain chain;
    struct chain_link link;
    bool final = false;
    int tries = 0;
    fov_error first = {0}, why = {0};
    fov_model_params sized = *params;
    model_read_size(&model->meta, &sized);
    if (model->found && model_check_size(model, &sized, error))
        return error ? error->status : FOV_EMODEL;
    fov_status status = chain_begin(&chain, params, model->found, error), failed = FOV_OK;
    if (status)
        return status;
    while (!final && chain_next(&chain, &link)) {
        status = open_on(model, params, &link, &final, &why);
        if (!status) {
            text_copy(model->fallback, sizeof model->fallback, chain.missed);
            break;
        }
        if (final || !tries++) {
            first = why;
            failed = status;
        }
        if (!final)
            chain_miss(&chain, &link, why.message);
    }
    if (!model->loaded && failed) /* of several reasons all are told, one stands for itself */
        status = fov_fail(error, failed, "%s", tries > 1 && !final ? chain.missed : first.message);
    else if (!model->loaded)
        status = chain_fail(&chain, error);
    chain_end(&chain);
    return status;
}

/* The INT8 form was our choice: when it cannot be used, what was named still can. */
static fov_status open_as_named(fov_model **model, const fov_model_params *params, const char *why,
                                fov_error *error)
{
    fov_model_params plain = *params;
    plain.no_int8 = true;
    fov_status status = fov_model_open(model, &plain, error);
    if (!status)
        snprintf((*model)->file_reason, sizeof(*model)->file_reason,
                 "float form: the INT8 form cannot be used: %.100s", why);
    return status;
}

/* A function: there is no file, and no other runtime to try. Takes `made`. */
static fov_status open_own(fov_model **model, fov_model *made, const fov_model_params *params,
                           fov_error *error)
{
    fov_error why = {0};
    fov_status status = own_model_make(made, params, &why);
    if (status) {
        release(made);
        return fov_fail(error, status, "%s", why.message);
    }
    *model = made;
    return FOV_OK;
}

fov_status fov_model_open(fov_model **model, const fov_model_params *params, fov_error *error)
{
    if (model)
        *model = NULL;
    if (!model || !params || !params->path || !*params->path)
        return fov_fail(error, FOV_EINVAL, "no model path");
    fov_model *made = calloc(1, sizeof *made);
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    atomic_init(&made->references, 1);
    atomic_init(&made->runners, 0);
    made->meta = (struct metadata){.source = ""};
    if (params->own)
        return open_own(model, made, params, error);
    fov_error why = {0};
    fov_model_params chosen = *params;
    fov_status status = choose_file(made, &chosen)
                            ? model_look_into(made, &chosen, &why)
                            : fov_fail(&why, FOV_ENOMEM, "no memory for a model");
    if (!status) {
        model_set_name(made, params);
        status = open_somewhere(made, &chosen, &why);
    }
    bool ours = made->path && strcmp(made->path, params->path) != 0 &&
                params->precision == FOV_PRECISION_AUTO;
    if (status) {
        release(made);
        return ours ? open_as_named(model, params, why.message, error)
                    : fov_fail(error, status, "%s", why.message);
    }
    *model = made;
    return FOV_OK;
}

bool fov_model_is_address(const char *path)
{
    return path && chain_is_scheme(path);
}

fov_model *fov_model_ref(fov_model *model)
{
    atomic_fetch_add(&model->references, 1);
    return model;
}

void fov_model_close(fov_model **model)
{
    if (!model || !*model)
        return;
    fov_model *m = *model;
    *model = NULL;
    if (atomic_fetch_sub(&m->references, 1) == 1)
        release(m);
}

const fov_model_info *fov_model_get_info(const fov_model *model)
{
    return &model->info;
}

const char *fov_model_label(const fov_model *model, int class_id)
{
    static _Thread_local char text[32];
    if (class_id >= 0 && class_id < model->labels.count)
        return model->labels.names[class_id];
    if (class_id == FOV_LABEL_BALL)
        return "ball";
    snprintf(text, sizeof text, "class_%d", class_id);
    return text;
}
