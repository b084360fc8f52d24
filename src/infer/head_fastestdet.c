/* FastestDet: one grid [1, 5 + C, h, w] at stride 16: objectness, four numbers of the box, classes
 * (softmax done). Pictures are BGR, stretched, 0..1.
 * Source: dog-qiuqiu, "FastestDet", 2022 (its decoder). */
#include <math.h>
#include <stdio.h>

#include "infer/head_parts.h"
#include "infer/labels.h"

enum { STRIDE = 16 };

static bool fits(const struct head_facts *facts)
{
    int64_t width, height;
    int classes = labels_count(facts->meta);
    const fov_tensor *out = facts->outputs;
    return facts->output_count == 1 && head_input_size(facts, &width, &height) && width >= STRIDE &&
           height >= STRIDE && width % STRIDE == 0 && height % STRIDE == 0 &&
           head_shape_is(out, 4, 1, -1, height / STRIDE, width / STRIDE) && out->shape[1] >= 6 &&
           out->shape[1] <= 5 + HEAD_COLUMNS && (!classes || out->shape[1] == 5 + classes);
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    if (!fits(facts))
        return 0;
    bool called = head_is_called(facts, "fastestdet");
    /* 80 classes are those of its own weights; other numbers could be anything of that grid */
    bool coco = facts->outputs[0].shape[1] == 85;
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: one grid [1,5+C,h,w] at stride 16",
             called ? "named fastestdet, "
             : coco ? ""
                    : "assumed, ");
    return called ? 95 : coco ? 75 : 50;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!fits(facts))
        return fov_fail(error, FOV_EMODEL,
                        "head fastestdet needs one output [1,5+C,h,w] at stride 16");
    setup->input.fit = FIT_STRETCH;
    setup->input.bgr = true;
    head_set_scale(&setup->input, 0, 255);
    setup->columns = (int)facts->outputs[0].shape[1] - 5;
    setup->background = -1;
    setup->nms = NMS_AGNOSTIC;
    return FOV_OK;
}

static float score_of(float object, float class_score)
{
    return powf(fmaxf(object, 0), 0.6f) * powf(fmaxf(class_score, 0), 0.4f);
}

/* `grid`: rows of all cells, one a number of the cell. */
static struct candidate box_of(const struct head_setup *setup, const float *grid, size_t cells,
                               int cell, int across)
{
    const float *p = grid + cell;
    float x = (float)(cell % across) + tanhf(p[cells]);
    float y = (float)(cell / across) + tanhf(p[2 * cells]);
    float w = head_sigmoid(p[3 * cells]) * (float)setup->input.width;
    float h = head_sigmoid(p[4 * cells]) * (float)setup->input.height;
    x *= STRIDE;
    y *= STRIDE;
    return (struct candidate){
        .x1 = x - w / 2, .y1 = y - h / 2, .x2 = x + w / 2, .y2 = y + h / 2, .anchor = cell};
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    int across = setup->input.width / STRIDE, down = setup->input.height / STRIDE;
    size_t cells = (size_t)across * (size_t)down;
    const float *grid = out->data, *classes = grid + 5 * cells;
    if (fov_tensor_count(out) < (size_t)(5 + setup->columns) * cells)
        return;
    for (int cell = 0; cell < across * down; cell++) {
        if (score_of(grid[cell], 1) < query->conf) /* class scores are at most 1 */
            continue;
        struct candidate c = box_of(setup, grid, cells, cell, across);
        int best = 0;
        for (int k = 0; k < setup->columns; k++)
            if (classes[(size_t)k * cells + (size_t)cell] >
                classes[(size_t)best * cells + (size_t)cell])
                best = k;
        for (int k = 0; k < setup->columns; k++) {
            c.class_raw = k;
            c.score = score_of(grid[cell], classes[(size_t)k * cells + (size_t)cell]);
            if (k == best || query->every_class)
                head_add(query, c, into);
        }
    }
}

const struct head head_fastestdet = {
    .name = "fastestdet", .match = match, .configure = configure, .decode = decode};
