/* Exports of PaddleDetection that have a second input for the scale of the picture:
 *   ROWS  [n,6] of class, score and two corners, and how many there are: suppressed already
 *   PAIR  boxes [1,N,4] and scores [1,C,N], not suppressed
 * Their inputs im_shape and scale_factor get the input's own size and 1, so that boxes come in
 * its pixels. */
#include <stdio.h>
#include <string.h>

#include "infer/head_parts.h"
#include "infer/labels.h"

enum form { NONE, ROWS, PAIR };
enum { ROWS_MAX = 100000 };

static enum form form_of(const struct head_facts *facts, struct head_setup *setup)
{
    if (head_input_with(facts, "scale_factor") < 0 || facts->output_count < 1 ||
        facts->output_count > 2)
        return NONE;
    for (int i = 0; i < facts->output_count; i++) {
        const fov_tensor *t = &facts->outputs[i],
                         *other = &facts->outputs[facts->output_count - 1 - i];
        setup->boxes = i;
        setup->scores = facts->output_count - 1 - i;
        if (head_shape_is(t, 2, -1, 6, -1, -1) && head_rows_fit(t->shape[0], ROWS_MAX))
            return ROWS;
        if (other != t && head_shape_is(t, 3, 1, -1, 4, -1) &&
            head_shape_is(other, 3, 1, -1, t->shape[1], -1) && other->shape[1] >= 1 &&
            other->shape[1] <= HEAD_COLUMNS && head_rows_fit(t->shape[1], ROWS_MAX) &&
            t->shape[1] > 0)
            return PAIR;
    }
    return NONE;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    enum form form = form_of(facts, &setup);
    if (form == NONE)
        return 0;
    bool picodet = head_is_called(facts, "picodet");
    bool unscaled = head_is_called(facts, "ppyoloe_plus") || head_is_called(facts, "rtdetr");
    snprintf(evidence, HEAD_EVIDENCE, "input scale_factor, output %s, %s",
             form == ROWS ? "[n,6]" : "[1,N,4] and [1,C,N]",
             picodet || unscaled ? "name of the file" : "mean and scale of ImageNet assumed");
    return picodet || unscaled ? 90 : 59;
}

/* Values of the inputs beside the picture. */
static void set_constants(const struct head_facts *facts, struct head_setup *setup)
{
    int64_t width = 1, height = 1;
    head_input_size(facts, &width, &height);
    for (int i = 0; i < facts->input_count; i++) {
        bool factor = strstr(facts->inputs[i].name, "scale_factor");
        bool shape = strstr(facts->inputs[i].name, "im_shape");
        if (!factor && !shape)
            continue;
        setup->constants[i].count = 2;
        setup->constants[i].values[0] = factor ? 1 : (float)height;
        setup->constants[i].values[1] = factor ? 1 : (float)width;
    }
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    setup->form = (int)form_of(facts, setup);
    if (setup->form == NONE)
        return fov_fail(error, FOV_EMODEL,
                        "head paddle needs an input scale_factor and an output [n,6], or [1,N,4] "
                        "and [1,C,N]");
    int classes = labels_count(facts->meta);
    set_constants(facts, setup);
    setup->input.fit = FIT_STRETCH;
    if (head_is_called(facts, "ppyoloe_plus") || head_is_called(facts, "rtdetr"))
        head_set_scale(&setup->input, 0, 255);
    else
        head_set_imagenet(&setup->input);
    setup->background = -1;
    setup->columns = classes ? classes : 80;
    setup->nms = setup->form == ROWS ? NMS_NONE : NMS_PER_CLASS;
    if (setup->form == PAIR) {
        setup->columns = (int)facts->outputs[setup->scores].shape[1];
        setup->anchors = (int)facts->outputs[setup->boxes].shape[1];
    }
    return FOV_OK;
}

static void decode_rows(const struct head_setup *setup, const fov_tensor *rows,
                        const struct head_query *query, struct candidates *into)
{
    const float *row = rows->data;
    for (size_t i = 0; i < fov_tensor_count(rows) / 6; i++, row += 6) {
        if (row[1] < query->conf || row[0] < 0 || row[0] >= (float)setup->columns)
            continue; /* class -1: nothing found */
        struct candidate c = head_box(setup, row + 2);
        c.class_raw = (int32_t)row[0];
        c.score = row[1];
        c.anchor = (int32_t)i;
        head_add(query, c, into);
    }
}

static void decode_pair(const struct head_setup *setup, const fov_tensor *boxes,
                        const fov_tensor *scores, const struct head_query *query,
                        struct candidates *into)
{
    const float *score = scores->data;
    size_t anchors = (size_t)setup->anchors;
    if (fov_tensor_count(boxes) < 4 * anchors ||
        fov_tensor_count(scores) < anchors * (size_t)setup->columns)
        return;
    for (int k = 0; k < setup->columns; k++)
        for (size_t i = 0; i < anchors; i++) {
            if (score[(size_t)k * anchors + i] < query->conf)
                continue;
            struct candidate c = head_box(setup, (const float *)boxes->data + 4 * i);
            c.class_raw = k;
            c.score = score[(size_t)k * anchors + i];
            c.anchor = (int32_t)i;
            head_add(query, c, into);
        }
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    if (setup->form == ROWS)
        decode_rows(setup, &out[setup->boxes], query, into);
    else
        decode_pair(setup, &out[setup->boxes], &out[setup->scores], query, into);
}

const struct head head_paddle = {
    .name = "paddle", .match = match, .configure = configure, .decode = decode};
