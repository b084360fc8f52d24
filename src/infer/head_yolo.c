/* YOLO families that share centred padding, RGB and 0..1 input:
 *   CHANNELS  [1, 4 + C, N]  v8, v9, 11, 12: box and class rows, one column an anchor
 *   ROWS      [1, N, 4 + C]  the same, transposed
 *   OBJECT    [1, N, 5 + C]  v5, v6, v7: an objectness multiplies the class scores
 *   FINAL     [1, N, 6]      end to end: x1 y1 x2 y2 score class, suppressed already; N may be
 *                            known to the run only
 * Other tasks than boxes have further columns behind these: mask coefficients (and a second output
 * of prototypes), keypoints, an angle. See yolo_tasks.c. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/head_parts.h"
#include "infer/labels.h"
#include "infer/yolo.h"

enum { BLOCK = 1024 };

static bool is_yolo(const char *model_type)
{
    return model_type && !strncasecmp(model_type, "yolo", 4) && strcasecmp(model_type, "yolox");
}

/* "[1,4+C+M,N]" and the like. */
static void describe(const struct yolo_layout *layout, char *text, size_t size)
{
    static const char *const detect[] = {"?", "[1,4+C,N]", "[1,N,4+C]", "[1,N,5+C]", "[1,N,6]"};
    static const char *const more[] = {"?", "[1,4+C+%d,N]", "[1,N,4+C+%d]", "[1,N,5+C+%d]",
                                       "[1,N,6+%d]"};
    if (!layout->extra) {
        snprintf(text, size, "%s", detect[layout->form]);
        return;
    }
    const char *end = strchr(more[layout->form], '%');
    snprintf(text, size, "%.*s%d%s", (int)(end - more[layout->form]), more[layout->form],
             layout->extra, end + 2);
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct yolo_layout layout;
    char words[32];
    int classes = labels_count(facts->meta);
    const char *type = metadata_get(facts->meta, "model_type"), *from = facts->meta->source;
    yolo_read_layout(facts, &layout);
    if (layout.form == YOLO_UNKNOWN)
        return 0;
    describe(&layout, words, sizeof words);
    if (is_yolo(type)) {
        snprintf(evidence, HEAD_EVIDENCE, "%s model_type=%.40s, output %s", from, type, words);
        return 100;
    }
    if (classes && layout.told) {
        snprintf(evidence, HEAD_EVIDENCE, "%s task=%s, %d names, output %s", from,
                 fov_task_name(layout.task), classes, words);
        return 100;
    }
    if (layout.task == FOV_TASK_SEGMENT) {
        snprintf(evidence, HEAD_EVIDENCE, "shape: output %s and %d prototypes of masks", words,
                 layout.extra);
        return 80;
    }
    if (layout.task != FOV_TASK_DETECT) {
        snprintf(evidence, HEAD_EVIDENCE, "%s of %s, output %s", fov_task_name(layout.task),
                 layout.told ? "the metadata" : "the file's name", words);
        return 80;
    }
    /* one row a cell with objectness: YOLOX is likelier, but for names of YOLOv6 */
    bool cells = layout.form == YOLO_OBJECT && layout.anchors == head_grid_cells(facts);
    bool v6 = head_is_called(facts, "yolov6") || !strcmp(facts->outputs->name, "outputs");
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: one output %s",
             cells && !v6                    ? "assumed YOLOv6, "
             : head_is_called(facts, "yolo") ? "named yolo, "
                                             : "",
             words);
    return !cells ? 70 : v6 ? 65 : 40;
}

static enum nms_kind nms_of(const struct yolo_layout *layout)
{
    if (layout->form == YOLO_FINAL)
        return NMS_NONE;
    return layout->task == FOV_TASK_ORIENTED ? NMS_ROTATED : NMS_PER_CLASS;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    struct yolo_layout layout;
    yolo_read_layout(facts, &layout);
    if (layout.form == YOLO_UNKNOWN)
        return fov_fail(error, FOV_EMODEL,
                        "head yolo needs [1,4+C,N], [1,N,5+C] or [1,N,6], with further columns "
                        "for masks, keypoints or an angle");
    setup->input.fit = FIT_CENTRE;
    setup->input.pad = 114;
    setup->input.quant_cut = true; /* YOLOv5's and Ultralytics' own tools: (x / 255 / scale) cut */
    for (int i = 0; i < 3; i++)
        setup->input.scale[i] = 255;
    setup->form = layout.form;
    setup->task = layout.task;
    setup->anchors = layout.anchors;
    setup->columns = layout.columns;
    setup->extra = layout.extra;
    setup->keypoints = layout.keypoints;
    setup->keypoint_values = layout.keypoint_values;
    setup->boxes = layout.boxes;
    setup->masks = layout.masks;
    setup->masks_last = layout.masks_last;
    if (layout.masks >= 0) {
        const int64_t *shape = facts->outputs[layout.masks].shape;
        setup->mask_height = (int)shape[layout.masks_last ? 1 : 2];
        setup->mask_width = (int)shape[layout.masks_last ? 2 : 3];
    }
    setup->label = layout.task == FOV_TASK_POSE ? "person" : NULL;
    setup->background = -1;
    setup->nms = nms_of(&layout);
    setup->needs_probe = true;
    return FOV_OK;
}

int yolo_extra(const struct head_setup *setup)
{
    if (setup->form == YOLO_FINAL)
        return 6;
    return setup->columns + (setup->form == YOLO_OBJECT ? 5 : 4);
}

int yolo_row(const struct head_setup *setup)
{
    return yolo_extra(setup) + setup->extra;
}

/* Rows of a list whose length only the run tells. */
static int rows_of(const struct head_setup *setup, const fov_tensor *out)
{
    if (setup->form != YOLO_FINAL)
        return setup->anchors;
    return (int)(fov_tensor_count(out) / (size_t)yolo_row(setup));
}

/* Some exports give 0..1 of the input: no coordinate of any anchor is then above 1 by much. */
static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    const fov_tensor *boxes = &out[setup->boxes];
    float most = 0;
    for (int anchor = 0; anchor < rows_of(setup, boxes); anchor++)
        for (int i = 0; i < 4; i++) {
            float value = yolo_value(setup, boxes->data, anchor, i);
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
    float x = yolo_value(setup, data, anchor, 0) * across,
          y = yolo_value(setup, data, anchor, 1) * down;
    float w = yolo_value(setup, data, anchor, 2) * across,
          h = yolo_value(setup, data, anchor, 3) * down;
    struct candidate c = {x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, column, anchor, 0};
    if (setup->task == FOV_TASK_ORIENTED) /* centre and sides in every form */
        c.angle = yolo_value(setup, data, anchor, yolo_extra(setup));
    else if (setup->form == YOLO_FINAL)
        c = (struct candidate){x, y, w, h, score, column, anchor, 0};
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
    int skip = setup->form == YOLO_OBJECT ? 5 : 4;
    size_t size = (size_t)yolo_row(setup);
    for (int anchor = 0; anchor < setup->anchors; anchor++) {
        const float *row = data + (size_t)anchor * size;
        float object = setup->form == YOLO_OBJECT ? row[4] : 1;
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

static void decode_final(const struct head_setup *setup, const fov_tensor *out,
                         const struct head_query *query, struct candidates *into)
{
    for (int i = 0; i < rows_of(setup, out); i++) {
        const float *row = (const float *)out->data + (size_t)yolo_row(setup) * (size_t)i;
        if (row[4] >= query->conf && row[5] >= 0 && row[5] < (float)setup->columns)
            add(setup, out->data, i, (int)row[5], row[4], query, into);
    }
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    const float *data = out[setup->boxes].data;
    if (setup->form == YOLO_CHANNELS)
        decode_channels(setup, data, query, into);
    else if (setup->form == YOLO_FINAL)
        decode_final(setup, &out[setup->boxes], query, into);
    else
        decode_rows(setup, data, query, into);
}

const struct head head_yolo = {.name = "yolo",
                               .match = match,
                               .configure = configure,
                               .probe = probe,
                               .decode = decode,
                               .refine = yolo_refine,
                               .scratch = yolo_scratch};
