/* YOLOX: [1, N, 5 + C] over grids at strides 8, 16, 32, either raw (centre offsets in cells, log
 * sizes) or decoded to pixels; picture at the top left, BGR, 0..255.
 * Source: Ge et al., "YOLOX: Exceeding YOLO Series in 2021". */
#include "infer/head_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/labels.h"

enum { RAW, DECODED };

static bool fits(const struct head_facts *facts)
{
    const fov_tensor *out = facts->outputs;
    int classes = labels_count(facts->meta);
    return facts->output_count == 1 && out->rank == 3 && out->shape[0] == 1 && out->shape[1] > 0 &&
           out->shape[1] == head_grid_cells(facts) && out->shape[2] >= 6 &&
           out->shape[2] <= 5 + HEAD_COLUMNS && (!classes || out->shape[2] == 5 + classes);
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    const char *type = metadata_get(facts->meta, "model_type");
    if (!fits(facts) || head_is_called(facts, "yolov6"))
        return 0;
    bool named = type && !strcasecmp(type, "yolox");
    bool called = named || head_is_called(facts, "yolox");
    snprintf(evidence, HEAD_EVIDENCE, "%s%sshape: one row a cell of the grids 8, 16, 32",
             named ? facts->meta->source : "",
             named    ? " model_type=YOLOX, "
             : called ? "named yolox, "
                      : "assumed (YOLOv6 has it too), ");
    return named ? 100 : called ? 90 : 59;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!fits(facts))
        return fov_fail(error, FOV_EMODEL,
                        "head yolox needs one output [1,N,5+C], N cells of strides 8, 16, 32");
    setup->input.fit = FIT_TOP_LEFT;
    setup->input.bgr = true;
    setup->input.pad = 114;
    setup->anchors = (int)facts->outputs->shape[1];
    setup->columns = (int)facts->outputs->shape[2] - 5;
    setup->background = -1;
    setup->nms = NMS_AGNOSTIC;
    setup->needs_probe = true;
    return FOV_OK;
}

/* A log size is negative for every box smaller than its stride; a size in pixels never is. */
static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    const float *row = out->data;
    setup->form = DECODED;
    for (int i = 0; i < setup->anchors; i++, row += 5 + setup->columns)
        if (row[2] < 0 || row[3] < 0)
            setup->form = RAW;
    size_t used = strlen(evidence);
    snprintf(evidence + used, HEAD_EVIDENCE - used, ", boxes %s",
             setup->form == RAW ? "raw (log sizes)" : "in pixels");
}

static void add_cell(const struct head_setup *setup, const float *row, int anchor, int cell_x,
                     int cell_y, int stride, int column, struct candidates *into)
{
    float x = row[0], y = row[1], w = row[2], h = row[3];
    if (setup->form == RAW) {
        x = (x + (float)cell_x) * (float)stride;
        y = (y + (float)cell_y) * (float)stride;
        w = expf(fminf(w, 20)) * (float)stride;
        h = expf(fminf(h, 20)) * (float)stride;
    }
    struct candidate c = {x - w / 2, y - h / 2, x + w / 2, y + h / 2, row[4] * row[5 + column],
                          column,    anchor,    0};
    candidates_add(into, &c);
}

static void decode_cell(const struct head_setup *setup, const float *row, int anchor, int cell_x,
                        int cell_y, int stride, const struct head_query *query,
                        struct candidates *into)
{
    int best = 0;
    if (row[4] < query->conf) /* class scores are at most 1 */
        return;
    for (int c = 0; c < setup->columns; c++) {
        best = row[5 + c] > row[5 + best] ? c : best;
        if (query->every_class && row[4] * row[5 + c] >= query->conf &&
            (!query->wanted || query->wanted[c]))
            add_cell(setup, row, anchor, cell_x, cell_y, stride, c, into);
    }
    if (!query->every_class && row[4] * row[5 + best] >= query->conf &&
        (!query->wanted || query->wanted[best]))
        add_cell(setup, row, anchor, cell_x, cell_y, stride, best, into);
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    const float *row = out->data;
    int anchor = 0;
    for (int stride = 8; stride <= 32; stride *= 2) {
        int across = setup->input.width / stride, down = setup->input.height / stride;
        for (int y = 0; y < down; y++)
            for (int x = 0; x < across; x++, anchor++, row += 5 + setup->columns)
                decode_cell(setup, row, anchor, x, y, stride, query, into);
    }
}

const struct head head_yolox = {
    .name = "yolox", .match = match, .configure = configure, .probe = probe, .decode = decode};
