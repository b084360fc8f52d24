/* YOLO families that share centred padding, RGB and 0..1 input:
 *   CHANNELS  [1, 4 + C, N]  v8, v9, 11, 12: box and class rows, one column an anchor
 *   ROWS      [1, N, 4 + C]  the same, transposed
 *   OBJECT    [1, N, 5 + C]  v5, v6, v7: an objectness multiplies the class scores
 *   FINAL     [1, N, 6]      end to end: x1 y1 x2 y2 score class, suppressed already */
#include "infer/head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/labels.h"

enum form { UNKNOWN, CHANNELS, ROWS, OBJECT, FINAL };
enum { FINAL_ROWS = 1000, BLOCK = 1024 };

static bool is_detector(const struct head_facts *facts)
{
    const char *task = metadata_get(facts->meta, "task");
    return !task || !strcmp(task, "detect");
}

/* What the one output is; `classes` comes from the labels, 0 when unknown. */
static enum form form_of(const struct head_facts *facts, int classes)
{
    const fov_tensor *out = facts->outputs;
    if (facts->output_count != 1 || out->rank != 3 || out->shape[0] != 1)
        return UNKNOWN;
    int64_t a = out->shape[1], b = out->shape[2], cells = head_grid_cells(facts);
    if (b == 6 && a > 0 && a <= FINAL_ROWS)
        return FINAL;
    if (a >= 5 && a < b && a <= 4 + HEAD_COLUMNS)
        return !classes || a == 4 + classes ? CHANNELS : UNKNOWN;
    if (b < 5 || b > 5 + HEAD_COLUMNS || a <= b)
        return UNKNOWN;
    if (classes && b == 4 + classes)
        return ROWS;
    bool grid = a == cells || a == 3 * cells;
    return b >= 6 && grid && (!classes || b == 5 + classes) ? OBJECT : UNKNOWN;
}

static bool is_yolo(const char *model_type)
{
    return model_type && !strncasecmp(model_type, "yolo", 4) && strcasecmp(model_type, "yolox");
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    static const char *const words[] = {"?", "[1,4+C,N]", "[1,N,4+C]", "[1,N,5+C]", "[1,N,6]"};
    int classes = labels_count(facts->meta);
    enum form form = form_of(facts, classes);
    const char *type = metadata_get(facts->meta, "model_type"), *from = facts->meta->source;
    if (form == UNKNOWN || !is_detector(facts))
        return 0;
    if (is_yolo(type)) {
        snprintf(evidence, HEAD_EVIDENCE, "%s model_type=%.40s, output %s", from, type,
                 words[form]);
        return 100;
    }
    if (classes && metadata_get(facts->meta, "task")) {
        snprintf(evidence, HEAD_EVIDENCE, "%s task=detect, %d names, output %s", from, classes,
                 words[form]);
        return 100;
    }
    snprintf(evidence, HEAD_EVIDENCE, "shape: one output %s", words[form]);
    /* one row a cell with objectness: YOLOX is likelier */
    return form == OBJECT && facts->outputs->shape[1] == head_grid_cells(facts) ? 40 : 70;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    const fov_tensor *out = facts->outputs;
    int classes = labels_count(facts->meta);
    setup->form = form_of(facts, classes);
    if (setup->form == UNKNOWN || !is_detector(facts))
        return fov_fail(error, FOV_EMODEL,
                        "head yolo needs one output [1,4+C,N], [1,N,5+C] or "
                        "[1,N,6] of a detection model");
    setup->input.fit = FIT_CENTRE;
    setup->input.pad = 114;
    setup->input.quant_cut = true; /* YOLOv5's and Ultralytics' own tools: (x / 255 / scale) cut */
    for (int i = 0; i < 3; i++)
        setup->input.scale[i] = 255;
    bool channels = setup->form == CHANNELS;
    int rest = (int)out->shape[channels ? 1 : 2] - (setup->form == OBJECT ? 5 : 4);
    setup->anchors = (int)out->shape[channels ? 2 : 1];
    setup->columns = setup->form == FINAL ? (classes ? classes : 80) : rest;
    setup->background = -1;
    setup->nms = setup->form == FINAL ? NMS_NONE : NMS_PER_CLASS;
    setup->needs_probe = true;
    return FOV_OK;
}

/* The i-th number of an anchor's row or column. */
static inline float value_at(const struct head_setup *setup, const float *data, int anchor, int i)
{
    if (setup->form == CHANNELS)
        return data[(size_t)i * (size_t)setup->anchors + (size_t)anchor];
    int row = setup->form == FINAL ? 6 : setup->columns + (setup->form == OBJECT ? 5 : 4);
    return data[(size_t)anchor * (size_t)row + (size_t)i];
}

/* Some exports give 0..1 of the input: no coordinate of any anchor is then above 1 by much. */
static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    float most = 0;
    for (int anchor = 0; anchor < setup->anchors; anchor++)
        for (int i = 0; i < 4; i++) {
            float value = value_at(setup, out->data, anchor, i);
            most = value > most ? value : most;
        }
    setup->normalized = most > 0 && most <= 2;
    size_t used = strlen(evidence);
    snprintf(evidence + used, HEAD_EVIDENCE - used, ", boxes in %s (largest %.3g)",
             setup->normalized ? "0..1" : "pixels", (double)most);
}

static void add(const struct head_setup *setup, const float *data, int anchor, int column,
                float score, const struct head_query *query, struct candidates *into)
{
    if (query->wanted && !query->wanted[column])
        return;
    float across = setup->normalized ? (float)setup->input.width : 1;
    float down = setup->normalized ? (float)setup->input.height : 1;
    float x = value_at(setup, data, anchor, 0) * across,
          y = value_at(setup, data, anchor, 1) * down;
    float w = value_at(setup, data, anchor, 2) * across,
          h = value_at(setup, data, anchor, 3) * down;
    struct candidate c = {x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, column, anchor};
    if (setup->form == FINAL)
        c = (struct candidate){x, y, w, h, score, column, anchor};
    candidates_add(into, &c);
}

static void decode_channels(const struct head_setup *setup, const float *data,
                            const struct head_query *query, struct candidates *into)
{
    float best[BLOCK];
    int32_t column[BLOCK];
    size_t stride = (size_t)setup->anchors;
    for (int first = 0; first < setup->anchors; first += BLOCK) {
        int n = setup->anchors - first < BLOCK ? setup->anchors - first : BLOCK;
        const float *scores = data + 4 * stride + (size_t)first;
        setup->kernels->column_max(scores, stride, setup->columns, n, best, column);
        for (int i = 0; i < n; i++) {
            if (best[i] < query->conf)
                continue;
            if (!query->every_class)
                add(setup, data, first + i, column[i], best[i], query, into);
            for (int c = 0; query->every_class && c < setup->columns; c++)
                if (scores[(size_t)c * stride + (size_t)i] >= query->conf)
                    add(setup, data, first + i, c, scores[(size_t)c * stride + (size_t)i], query,
                        into);
        }
    }
}

/* Rows of classes, with an objectness before them or without. */
static void decode_rows(const struct head_setup *setup, const float *data,
                        const struct head_query *query, struct candidates *into)
{
    int skip = setup->form == OBJECT ? 5 : 4;
    for (int anchor = 0; anchor < setup->anchors; anchor++) {
        const float *row = data + (size_t)anchor * (size_t)(setup->columns + skip);
        float object = setup->form == OBJECT ? row[4] : 1;
        if (object < query->conf) /* class scores are at most 1 */
            continue;
        int best = 0;
        for (int c = 0; c < setup->columns; c++) {
            if (query->every_class && row[skip + c] * object >= query->conf)
                add(setup, data, anchor, c, row[skip + c] * object, query, into);
            best = row[skip + c] > row[skip + best] ? c : best;
        }
        if (!query->every_class && row[skip + best] * object >= query->conf)
            add(setup, data, anchor, best, row[skip + best] * object, query, into);
    }
}

static void decode_final(const struct head_setup *setup, const float *data,
                         const struct head_query *query, struct candidates *into)
{
    for (int i = 0; i < setup->anchors; i++) {
        const float *row = data + 6 * (size_t)i;
        if (row[4] >= query->conf && row[5] >= 0 && row[5] < (float)setup->columns)
            add(setup, data, i, (int)row[5], row[4], query, into);
    }
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    if (setup->form == CHANNELS)
        decode_channels(setup, out->data, query, into);
    else if (setup->form == FINAL)
        decode_final(setup, out->data, query, into);
    else
        decode_rows(setup, out->data, query, into);
}

const struct head head_yolo = {
    .name = "yolo", .match = match, .configure = configure, .probe = probe, .decode = decode};
