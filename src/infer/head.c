#include "infer/head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "head_list.h"

#define DECLARE(name) extern const struct head head_##name;
FOV_HEADS(DECLARE)
#undef DECLARE

static const struct head *const heads[] = {
#define ROW(name) &head_##name,
    FOV_HEADS(ROW)
#undef ROW
};

enum { HEADS = sizeof heads / sizeof *heads };

const struct head *head_at(size_t i)
{
    return i < HEADS ? heads[i] : NULL;
}

const struct head *head_named(const char *name)
{
    for (size_t i = 0; i < HEADS; i++)
        if (!strcmp(heads[i]->name, name))
            return heads[i];
    return NULL;
}

/* Channels of a picture's input and where they stand: 1 (planar) or 3; 0 for other inputs. */
static int channel_dimension(const fov_tensor *t, int channels)
{
    if (t->rank != 4)
        return 0;
    return t->shape[1] == channels ? 1 : t->shape[3] == channels ? 3 : 0;
}

int head_picture_input(const struct head_facts *facts)
{
    for (int channels = 3; channels >= 1; channels -= 2)
        for (int i = 0; i < facts->input_count; i++)
            if (channel_dimension(&facts->inputs[i], channels))
                return i;
    return -1;
}

bool head_input_size(const struct head_facts *facts, int64_t *width, int64_t *height)
{
    int i = head_picture_input(facts);
    if (i < 0)
        return false;
    const fov_tensor *in = &facts->inputs[i];
    int at = channel_dimension(in, 3) ? channel_dimension(in, 3) : channel_dimension(in, 1);
    *height = in->shape[at == 1 ? 2 : 1];
    *width = in->shape[at == 1 ? 3 : 2];
    return true;
}

int64_t head_grid_cells(const struct head_facts *facts)
{
    int64_t height, width, cells = 0;
    if (!head_input_size(facts, &width, &height))
        return 0;
    for (int stride = 8; stride <= 32 && width > 0 && height > 0; stride *= 2)
        cells += (width / stride) * (height / stride);
    return cells;
}

static size_t add_text(char *text, size_t size, size_t at, const char *more)
{
    int n = snprintf(text + at, size - at, "%s", more);
    return n < 0 || (size_t)n >= size - at ? size - 1 : at + (size_t)n;
}

static size_t describe(const fov_tensor *tensors, int count, char *text, size_t size, size_t at)
{
    char one[160];
    for (int i = 0; i < count; i++) {
        snprintf(one, sizeof one, "%s%s %s[", i ? ", " : "",
                 tensors[i].name[0] ? tensors[i].name : "-", fov_dtype_name(tensors[i].dtype));
        at = add_text(text, size, at, one);
        for (int d = 0; d < tensors[i].rank; d++) {
            snprintf(one, sizeof one, "%s%lld", d ? "," : "", (long long)tensors[i].shape[d]);
            at = add_text(text, size, at, one);
        }
        at = add_text(text, size, at, "]");
    }
    return at;
}

void head_describe_shapes(const struct head_facts *facts, char *text, size_t size)
{
    text[0] = '\0';
    size_t at = describe(facts->inputs, facts->input_count, text, size, 0);
    at = add_text(text, size, at, " -> ");
    describe(facts->outputs, facts->output_count, text, size, at);
}

/* "ssd, yolo, ..."; whole names only. */
static void list_names(char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < HEADS; i++) {
        bool fits = at + strlen(heads[i]->name) + sizeof ", ..." < size;
        at = add_text(text, size, at, i ? ", " : "");
        at = add_text(text, size, at, fits ? heads[i]->name : "...");
        if (!fits)
            return;
    }
}

/* Two heads that fit equally well are never told apart silently. */
static void mention_rival(char evidence[HEAD_EVIDENCE], const struct head *rival)
{
    char reason[HEAD_EVIDENCE];
    if (!rival)
        return;
    snprintf(reason, sizeof reason, "%s", evidence);
    snprintf(evidence, HEAD_EVIDENCE, "assumed, --head %s fits as well: %.110s", rival->name,
             reason);
}

fov_status head_choose(const struct head_facts *facts, const char *wanted, const struct head **head,
                       int *confidence, char evidence[HEAD_EVIDENCE], fov_error *error)
{
    char shapes[160], reason[HEAD_EVIDENCE], names[90];
    const struct head *rival = NULL;
    int best = 0;
    head_describe_shapes(facts, shapes, sizeof shapes);
    list_names(names, sizeof names);
    if (wanted && !head_named(wanted))
        return fov_fail(error, FOV_EINVAL, "no head \"%.40s\"; there are %s", wanted, names);
    *head = NULL;
    for (size_t i = 0; i < HEADS; i++) {
        if (wanted && strcmp(wanted, heads[i]->name))
            continue;
        reason[0] = '\0';
        int score = heads[i]->match(facts, reason);
        if (score == best && best > 0)
            rival = heads[i];
        if (score > best) {
            best = score;
            rival = NULL;
            *head = heads[i];
            snprintf(evidence, HEAD_EVIDENCE, "%.*s", HEAD_EVIDENCE - 1, reason);
        }
    }
    mention_rival(evidence, *head ? rival : NULL);
    *confidence = best;
    if (*head)
        return FOV_OK;
    if (wanted)
        return fov_fail(error, FOV_EMODEL, "head %s cannot read this model: %s", wanted, shapes);
    return fov_fail(error, FOV_EUNSUPPORTED,
                    "no head reads this model: %.90s; name one with --head (%s)", shapes, names);
}

/* Up to three numbers out of "123.6 116.2 103.5", "[255.0]", ...; one stands for all. False for
 * numbers that no picture survives: those of 0 for a scale, not finite, or beyond a million. */
static bool read_three(const char *text, float least, float three[3])
{
    int count = 0;
    for (char *end; text && count < 3; text = end) {
        text += strspn(text, " ,[]()");
        float number = strtof(text, &end);
        if (end == text)
            break;
        if (!isfinite(number) || fabsf(number) < least || fabsf(number) > 1e6f)
            return false;
        three[count++] = number;
    }
    for (int i = 1; count == 1 && i < 3; i++)
        three[i] = three[0];
    return true;
}

void head_guess_scale(const struct head_facts *facts, struct letterbox_spec *spec)
{
    static const float mean[3] = {123.675f, 116.28f, 103.53f},
                       scale[3] = {58.395f, 57.12f, 57.375f};
    int i = head_picture_input(facts);
    if (i < 0 || facts->inputs[i].dtype == FOV_U8 || facts->inputs[i].dtype == FOV_I8)
        return;
    bool planar = channel_dimension(&facts->inputs[i], 3) == 1;
    for (int c = 0; c < 3; c++) {
        spec->mean[c] = planar ? mean[c] : 127.5f;
        spec->scale[c] = planar ? scale[c] : 127.5f;
    }
}

static bool is_true(const char *text)
{
    return text && (!strcmp(text, "True") || !strcmp(text, "true") || !strcmp(text, "YES") ||
                    !strcmp(text, "1"));
}

static fov_status read_shared_metadata(const struct metadata *meta, struct letterbox_spec *spec,
                                       fov_error *error)
{
    const char *resize = metadata_get(meta, "resize_type");
    if (resize && !strcmp(resize, "standard"))
        spec->fit = FIT_STRETCH;
    else if (resize && !strcmp(resize, "fit_to_window_letterbox"))
        spec->fit = FIT_CENTRE;
    else if (resize && !strcmp(resize, "fit_to_window"))
        spec->fit = FIT_TOP_LEFT;
    /* pictures are BGR for the writers of this key */
    const char *reverse = metadata_get(meta, "reverse_input_channels");
    if (reverse)
        spec->bgr = !is_true(reverse);
    if (!read_three(metadata_get(meta, "mean_values"), 0, spec->mean) ||
        !read_three(metadata_get(meta, "scale_values"), 1e-6f, spec->scale))
        return fov_fail(error, FOV_EMODEL,
                        "mean_values or scale_values of the model's metadata are no numbers for a "
                        "picture (scale not 0)");
    const char *pad = metadata_get(meta, "pad_value");
    if (pad)
        spec->pad = (uint8_t)strtol(pad, NULL, 10);
    return FOV_OK;
}

/* Inputs beside the picture must have been given their values by the head. */
static bool others_are_known(const struct head_facts *facts, const struct head_setup *setup)
{
    for (int i = 0; i < facts->input_count; i++) {
        size_t count = fov_tensor_count(&facts->inputs[i]);
        bool known = setup->constants[i].count == CONSTANT_FILL ||
                     (size_t)setup->constants[i].count == count;
        if (i != setup->picture && (!count || !known || facts->inputs[i].dtype == FOV_DTYPE_NONE))
            return false;
    }
    return true;
}

static bool is_pixel_type(fov_dtype dtype)
{
    return dtype == FOV_U8 || dtype == FOV_I8 || dtype == FOV_F16 || dtype == FOV_F32;
}

fov_status head_read_input(const struct head_facts *facts, struct head_setup *setup,
                           fov_error *error)
{
    struct letterbox_spec *spec = &setup->input;
    char shapes[160];
    int64_t width = 0, height = 0;
    head_describe_shapes(facts, shapes, sizeof shapes);
    setup->picture = head_picture_input(facts);
    const fov_tensor *in = &facts->inputs[setup->picture < 0 ? 0 : setup->picture];
    if (!head_input_size(facts, &width, &height) || in->shape[0] != 1)
        return fov_fail(error, FOV_EUNSUPPORTED, "the input is not one picture: %s", shapes);
    if (!others_are_known(facts, setup))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "an input beside the picture that this head has no value for: %s", shapes);
    if (width < 1 || height < 1 || width > 8192 || height > 8192)
        return fov_fail(error, FOV_EMODEL, "the input has no usable size: %s", shapes);
    if (!is_pixel_type(in->dtype))
        return fov_fail(error, FOV_EUNSUPPORTED, "the input is %s: %s", fov_dtype_name(in->dtype),
                        shapes);
    spec->width = (int)width;
    spec->height = (int)height;
    spec->gray = !channel_dimension(in, 3);
    spec->planar = channel_dimension(in, spec->gray ? 1 : 3) == 1;
    spec->dtype = in->dtype;
    for (int i = 0; i < 3; i++)
        if (spec->scale[i] == 0)
            spec->scale[i] = 1;
    return read_shared_metadata(facts->meta, spec, error);
}
