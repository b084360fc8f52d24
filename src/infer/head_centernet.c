/* CenterNet: a heat map [1,C,h,w] of centres, sizes [1,2,h,w] and offsets [1,2,h,w] in cells, at a
 * quarter of the input. A peak is a cell that is the largest of its 3 x 3 neighbours.
 * Source: Zhou et al., "Objects as Points", 2019. */
#include <stdio.h>
#include <string.h>

#include "infer/head_parts.h"

enum { STRIDE = 4 };

static bool is_map(const struct head_facts *facts, int i, int64_t channels)
{
    int64_t width, height;
    return i >= 0 && i < facts->output_count && head_input_size(facts, &width, &height) &&
           width >= STRIDE && height >= STRIDE && width % STRIDE == 0 && height % STRIDE == 0 &&
           width <= 8192 && height <= 8192 &&
           head_shape_is(&facts->outputs[i], 4, 1, channels, height / STRIDE, width / STRIDE);
}

/* By name where names tell, else by order. */
static bool find(const struct head_facts *facts, struct head_setup *setup, bool *named)
{
    int heat = head_output_with(facts, "hm"), size = head_output_with(facts, "wh");
    int offset = head_output_with(facts, "reg");
    if (facts->output_count != 3)
        return false;
    *named = heat >= 0 && size >= 0 && offset >= 0;
    setup->scores = *named ? heat : 0;
    setup->boxes = *named ? size : 1;
    setup->points = *named ? offset : 2;
    int64_t classes = facts->outputs[setup->scores].shape[1];
    return is_map(facts, setup->scores, -1) && is_map(facts, setup->boxes, 2) &&
           is_map(facts, setup->points, 2) && classes >= 1 && classes <= HEAD_COLUMNS &&
           setup->scores != setup->boxes && setup->boxes != setup->points;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    bool named;
    if (!find(facts, &setup, &named))
        return 0;
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: heat map, sizes and offsets at stride 4",
             named ? "outputs hm, wh, reg, " : "assumed, ");
    return named ? 90 : 55;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    static const float mean[3] = {0.408f, 0.447f, 0.470f}, deviation[3] = {0.289f, 0.274f, 0.278f};
    bool named;
    if (!find(facts, setup, &named))
        return fov_fail(error, FOV_EMODEL,
                        "head centernet needs outputs [1,C,h,w], [1,2,h,w], [1,2,h,w] at stride 4");
    setup->input.fit = FIT_CENTRE;
    setup->input.bgr = true;
    for (int i = 0; i < 3; i++) {
        setup->input.mean[i] = 255 * mean[i];
        setup->input.scale[i] = 255 * deviation[i];
    }
    setup->columns = (int)facts->outputs[setup->scores].shape[1];
    setup->background = -1;
    setup->nms = NMS_NONE;
    setup->needs_probe = true;
    return FOV_OK;
}

static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    const fov_tensor *heat = &out[setup->scores];
    bool logits = head_has_logits(heat->data, fov_tensor_count(heat));
    setup->activation = logits ? SCORES_SIGMOID : SCORES_READY;
    head_explain(evidence, ", scores are %s", logits ? "logits" : "probabilities");
}

static bool is_peak(const float *map, int x, int y, int across, int down)
{
    float here = map[y * across + x];
    for (int j = y > 0 ? y - 1 : 0; j <= y + 1 && j < down; j++)
        for (int i = x > 0 ? x - 1 : 0; i <= x + 1 && i < across; i++)
            if (map[j * across + i] > here)
                return false;
    return true;
}

static struct candidate box_of(const float *size, const float *offset, int cell, int cells,
                               int across)
{
    float x = (float)(cell % across) + offset[cell];
    float y = (float)(cell / across) + offset[cells + cell];
    float w = size[cell] / 2, h = size[cells + cell] / 2, side = STRIDE;
    return (struct candidate){.x1 = (x - w) * side,
                              .y1 = (y - h) * side,
                              .x2 = (x + w) * side,
                              .y2 = (y + h) * side,
                              .anchor = cell};
}

/* One row of one class's map. */
static void decode_row(const struct head_setup *setup, const fov_tensor *out, int k, int y,
                       const struct head_query *query, struct candidates *into)
{
    int across = setup->input.width / STRIDE, down = setup->input.height / STRIDE;
    int cells = across * down;
    const float *map = (const float *)out[setup->scores].data + (size_t)k * (size_t)cells;
    for (int x = 0; x < across; x++) {
        float value = map[y * across + x];
        float score = setup->activation == SCORES_SIGMOID ? head_sigmoid(value) : value;
        if (score < query->conf || !is_peak(map, x, y, across, down))
            continue;
        struct candidate c = box_of(out[setup->boxes].data, out[setup->points].data, y * across + x,
                                    cells, across);
        c.score = score;
        c.class_raw = k;
        head_add(query, c, into);
    }
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    int across = setup->input.width / STRIDE, down = setup->input.height / STRIDE;
    const float *row = out[setup->scores].data;
    float least = head_raw_threshold(setup, query->conf);
    for (int k = 0; k < setup->columns; k++)
        for (int y = 0; y < down; y++, row += across)
            if (setup->kernels->any_at_least(row, (size_t)across, least))
                decode_row(setup, out, k, y, query, into);
}

const struct head head_centernet = {
    .name = "centernet", .match = match, .configure = configure, .probe = probe, .decode = decode};
