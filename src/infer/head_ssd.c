/* SSD: decoded boxes with a probability a class (form PAIRS), or the four lists that TensorFlow's
 * object detection API ends with, suppressed already (form LISTS).
 * Source: Liu et al., "SSD: Single Shot MultiBox Detector", 2016. */
#include "infer/head.h"

#include <stdio.h>
#include <string.h>

enum { PAIRS, LISTS };

static int output_named(const struct head_facts *facts, const char *name)
{
    for (int i = 0; i < facts->output_count; i++)
        if (!strncmp(facts->outputs[i].name, name, strlen(name)))
            return i;
    return -1;
}

static bool is_boxes(const fov_tensor *t)
{
    return t->rank == 3 && t->shape[0] == 1 && t->shape[1] > 0 && t->shape[2] == 4;
}

/* Boxes and scores over the same anchors. */
static bool find_pair(const struct head_facts *facts, int *boxes, int *scores)
{
    if (facts->output_count != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        const fov_tensor *b = &facts->outputs[i], *s = &facts->outputs[1 - i];
        if (is_boxes(b) && s->rank == 3 && s->shape[0] == 1 && s->shape[1] == b->shape[1] &&
            s->shape[2] >= 2 && s->shape[2] <= HEAD_COLUMNS) {
            *boxes = i;
            *scores = 1 - i;
            return true;
        }
    }
    return false;
}

static bool find_lists(const struct head_facts *facts, struct head_setup *setup)
{
    setup->boxes = output_named(facts, "detection_boxes");
    setup->scores = output_named(facts, "detection_scores");
    setup->classes = output_named(facts, "detection_classes");
    setup->count = output_named(facts, "num_detections");
    return setup->boxes >= 0 && setup->scores >= 0 && setup->classes >= 0 && setup->count >= 0;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup;
    int boxes, scores;
    const char *type = metadata_get(facts->meta, "model_type");
    bool named = type && (!strcmp(type, "ssd") || !strcmp(type, "SSD"));
    bool pair = find_pair(facts, &boxes, &scores);
    if (named && pair) {
        snprintf(evidence, HEAD_EVIDENCE, "%s model_type=%s", facts->meta->source, type);
        return 100;
    }
    if (find_lists(facts, &setup)) {
        snprintf(evidence, HEAD_EVIDENCE, "outputs named detection_boxes, _classes, _scores, num_");
        return 90;
    }
    /* shapes alone do not tell the scale of a float picture */
    if (pair && facts->input_count && facts->inputs[0].dtype == FOV_U8) {
        snprintf(evidence, HEAD_EVIDENCE,
                 "shapes: boxes [1,N,4] and scores [1,N,C], input of bytes");
        return 50;
    }
    return 0;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    setup->input.fit = FIT_STRETCH;
    const char *order = metadata_get(facts->meta, "fovea_box_order");
    const char *space = metadata_get(facts->meta, "fovea_box_space");
    const char *background = metadata_get(facts->meta, "fovea_background");
    setup->y_first = !order || strcmp(order, "x0y0x1y1");
    setup->normalized = !space || !strcmp(space, "normalized");
    setup->background = background && strcmp(background, "0") ? -1 : 0;
    if (find_pair(facts, &setup->boxes, &setup->scores)) {
        setup->form = PAIRS;
        setup->nms = NMS_PER_CLASS;
        setup->anchors = (int)facts->outputs[setup->boxes].shape[1];
        setup->columns = (int)facts->outputs[setup->scores].shape[2];
        return FOV_OK;
    }
    if (!find_lists(facts, setup))
        return fov_fail(error, FOV_EMODEL, "head ssd needs boxes [1,N,4] and scores [1,N,C]");
    setup->form = LISTS;
    setup->nms = NMS_NONE;
    setup->columns = 91; /* COCO's ids; the lists do not say */
    return FOV_OK;
}

static struct candidate box_of(const struct head_setup *setup, const float *b)
{
    float width = setup->normalized ? (float)setup->input.width : 1;
    float height = setup->normalized ? (float)setup->input.height : 1;
    int x = setup->y_first, y = !setup->y_first;
    return (struct candidate){
        .x1 = b[x] * width, .y1 = b[y] * height, .x2 = b[2 + x] * width, .y2 = b[2 + y] * height};
}

static void add(const struct head_setup *setup, const float *boxes, int anchor, int column,
                float score, const struct head_query *query, struct candidates *into)
{
    if (column == setup->background || (query->wanted && !query->wanted[column]))
        return;
    struct candidate c = box_of(setup, boxes + 4 * (size_t)anchor);
    c.score = score;
    c.class_raw = column;
    c.anchor = anchor;
    candidates_add(into, &c);
}

/* Every class of an anchor counts on its own, as in the model's own postprocessor. */
static void decode_pairs(const struct head_setup *setup, const fov_tensor *out,
                         const struct head_query *query, struct candidates *into)
{
    const float *boxes = out[setup->boxes].data, *scores = out[setup->scores].data;
    int first = setup->background == 0; /* nearly every row has nothing but background */
    size_t columns = (size_t)(setup->columns - first);
    for (int anchor = 0; anchor < setup->anchors; anchor++) {
        const float *row = scores + (size_t)anchor * (size_t)setup->columns;
        if (!setup->kernels->any_at_least(row + first, columns, query->conf))
            continue;
        for (int column = first; column < setup->columns; column++)
            if (row[column] >= query->conf)
                add(setup, boxes, anchor, column, row[column], query, into);
    }
}

static void decode_lists(const struct head_setup *setup, const fov_tensor *out,
                         const struct head_query *query, struct candidates *into)
{
    const fov_tensor *count = &out[setup->count], *boxes = &out[setup->boxes];
    const float *scores = out[setup->scores].data, *classes = out[setup->classes].data;
    size_t rows = fov_tensor_count(boxes) / 4;
    float said = fov_tensor_count(count) ? *(const float *)count->data : 0;
    if (rows > fov_tensor_count(&out[setup->scores]) ||
        rows > fov_tensor_count(&out[setup->classes]))
        return;
    for (size_t i = 0; i < rows && (float)i < said; i++)
        if (scores[i] >= query->conf && classes[i] >= 0 && classes[i] < (float)setup->columns)
            add(setup, boxes->data, (int)i, (int)classes[i], scores[i], query, into);
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    if (setup->form == LISTS)
        decode_lists(setup, out, query, into);
    else
        decode_pairs(setup, out, query, into);
}

const struct head head_ssd = {
    .name = "ssd", .match = match, .configure = configure, .decode = decode};
