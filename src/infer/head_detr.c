/* Detection transformers: a fixed number of queries, no suppression, the picture stretched.
 *   SIZED   labels [1,Q], boxes [1,Q,4], scores [1,Q] and an input for the size of the picture:
 *           RT-DETR, D-FINE, DEIM as their own tools export them
 *   ROWS    [1,Q,4+C], centre and size 0..1: RT-DETR of Ultralytics
 *   BEST    [1,Q,6], centre and size 0..1, score, class: RT-DETR of newer ones of it
 *   LOGITS  logits [1,Q,C] and pred_boxes [1,Q,4]: Hugging Face. The classes of RT-DETR and its kin
 *           are independent; DETR's last column is "no object" and a softmax goes over all
 *   DETS    dets [1,Q,4] and labels [1,Q,C], logits: RF-DETR
 * Sources: Carion et al., "End-to-End Object Detection with Transformers", 2020; Zhao et al.,
 * "DETRs Beat YOLOs on Real-time Object Detection", 2023; Robinson et al., "RF-DETR", 2025. */
#include <stdio.h>
#include <string.h>

#include "infer/head_parts.h"
#include "infer/labels.h"

enum form { NONE, SIZED, ROWS, BEST, LOGITS, DETS };
enum { QUERIES = 2000 };

static bool is_boxes(const fov_tensor *t)
{
    return head_shape_is(t, 3, 1, -1, 4, -1) && t->shape[1] >= 1 && t->shape[1] <= QUERIES;
}

/* Labels, boxes and scores in any order: boxes by shape, the others by name, else by type. */
static bool find_sized(const struct head_facts *facts, struct head_setup *setup)
{
    bool sized = facts->input_count == 2 && facts->output_count == 3;
    setup->boxes = setup->scores = setup->classes = -1;
    for (int i = 0; sized && i < facts->input_count; i++)
        sized = i == head_picture_input(facts) || head_shape_is(&facts->inputs[i], 2, 1, 2, -1, -1);
    for (int i = 0; sized && i < facts->output_count; i++) {
        const fov_tensor *t = &facts->outputs[i];
        bool whole = t->dtype == FOV_I64 || t->dtype == FOV_I32 || strstr(t->name, "label");
        if (is_boxes(t) && setup->boxes < 0)
            setup->boxes = i;
        else if (head_shape_is(t, 2, 1, -1, -1, -1) && whole)
            setup->classes = i;
        else if (head_shape_is(t, 2, 1, -1, -1, -1))
            setup->scores = i;
    }
    if (setup->boxes < 0 || setup->scores < 0 || setup->classes < 0)
        return false;
    int64_t queries = facts->outputs[setup->boxes].shape[1];
    return facts->outputs[setup->scores].shape[1] == queries &&
           facts->outputs[setup->classes].shape[1] == queries;
}

static bool is_rtdetr(const struct head_facts *facts)
{
    const char *head = metadata_get(facts->meta, "head");
    return (head && !strcmp(head, "RTDETRDecoder")) || head_is_called(facts, "rtdetr");
}

/* A row a query, not one a cell of a grid as YOLO has. Six numbers are those of YOLO's end to end
 * as well, unless the file says that it is RT-DETR. */
static enum form find_rows(const struct head_facts *facts, int classes)
{
    const fov_tensor *out = facts->outputs;
    const char *task = metadata_get(facts->meta, "task");
    int64_t cells = head_grid_cells(facts);
    if (facts->output_count != 1 || out->rank != 3 || (out->shape[0] != 1 && out->shape[0] != -1) ||
        cells < 1 || (task && strcmp(task, "detect")))
        return NONE;
    if (out->shape[2] < 5 || out->shape[2] > 4 + HEAD_COLUMNS)
        return NONE;
    int64_t queries = out->shape[1], columns = out->shape[2] - 4;
    if (columns == 2 && is_rtdetr(facts) && head_rows_fit(queries, QUERIES))
        return BEST;
    bool told = queries >= 10 && queries <= 1000 && queries != cells && queries != 3 * cells &&
                columns != 2 && (!classes || columns == classes);
    return told && (columns + 4 < queries || is_rtdetr(facts)) ? ROWS : NONE;
}

static bool find_pair_named(const struct head_facts *facts, struct head_setup *setup,
                            const char *boxes, const char *scores)
{
    setup->boxes = head_output_with(facts, boxes);
    setup->scores = head_output_with(facts, scores);
    if (setup->boxes < 0 || setup->scores < 0 || setup->boxes == setup->scores)
        return false;
    const fov_tensor *b = &facts->outputs[setup->boxes], *s = &facts->outputs[setup->scores];
    return is_boxes(b) && head_shape_is(s, 3, 1, b->shape[1], -1, -1) && s->shape[2] >= 1 &&
           s->shape[2] <= HEAD_COLUMNS;
}

static enum form form_of(const struct head_facts *facts, struct head_setup *setup)
{
    if (find_sized(facts, setup))
        return SIZED;
    if (find_pair_named(facts, setup, "pred_boxes", "logits"))
        return LOGITS;
    if (facts->output_count == 2 && find_pair_named(facts, setup, "dets", "labels"))
        return DETS;
    return find_rows(facts, labels_count(facts->meta));
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    switch (form_of(facts, &setup)) {
    case SIZED:
        snprintf(evidence, HEAD_EVIDENCE, "labels, boxes, scores and an input for the size");
        return 90;
    case LOGITS:
        snprintf(evidence, HEAD_EVIDENCE, "outputs named logits and pred_boxes");
        return 90;
    case DETS:
        snprintf(evidence, HEAD_EVIDENCE, "outputs dets [1,Q,4] and labels [1,Q,C]");
        return 85;
    case BEST:
        snprintf(evidence, HEAD_EVIDENCE, "named RT-DETR, shape [1,Q,6]");
        return 100;
    case ROWS:
        snprintf(evidence, HEAD_EVIDENCE, "%sshape: %d rows of 4+C, no grid",
                 is_rtdetr(facts) ? "named RT-DETR, " : "assumed RT-DETR, ",
                 (int)facts->outputs->shape[1]);
        return is_rtdetr(facts) ? 100 : 58;
    default:
        return 0;
    }
}

/* The input for the size gets the model's own, width first: boxes then come in its pixels. A mask
 * of valid pixels is all ones. */
static void set_constants(const struct head_facts *facts, struct head_setup *setup)
{
    int64_t width = 1, height = 1;
    head_input_size(facts, &width, &height);
    for (int i = 0; i < facts->input_count; i++) {
        if (head_shape_is(&facts->inputs[i], 2, 1, 2, -1, -1)) {
            setup->constants[i].count = 2;
            setup->constants[i].values[0] = (float)width;
            setup->constants[i].values[1] = (float)height;
        } else if (strstr(facts->inputs[i].name, "mask")) {
            setup->constants[i].count = CONSTANT_FILL;
            setup->constants[i].values[0] = 1;
        }
    }
}

/* DETR and YOLOS have a column for "no object": one more than names, COCO's 92, or a name. */
static bool has_no_object(const struct head_facts *facts, int columns, int queries)
{
    int classes = labels_count(facts->meta);
    if (head_is_called(facts, "rtdetr") || head_is_called(facts, "dfine") ||
        head_is_called(facts, "deim") || head_is_called(facts, "deformable"))
        return false;
    if (classes)
        return columns == classes + 1;
    return columns == 92 || (columns != 80 && columns != 91 && queries == 100);
}

static void configure_logits(const struct head_facts *facts, struct head_setup *setup)
{
    const fov_tensor *scores = &facts->outputs[setup->scores];
    int columns = setup->columns = (int)scores->shape[2];
    bool no_object = setup->form == LOGITS && has_no_object(facts, columns, (int)scores->shape[1]);
    setup->activation = no_object ? SCORES_SOFTMAX : SCORES_SIGMOID;
    setup->background = no_object ? columns - 1 : -1;
    setup->best_class = no_object;
    /* COCO's own numbers, 1..90, are the columns: the first one is never used */
    if (columns == 91 && labels_count(facts->meta) != 91)
        setup->background = 0;
    if (setup->form == DETS || no_object || columns == 91)
        head_set_imagenet(&setup->input);
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    setup->form = (int)form_of(facts, setup);
    if (setup->form == NONE)
        return fov_fail(error, FOV_EMODEL,
                        "head detr needs labels, boxes and scores with an input for the size, or "
                        "[1,Q,4+C], or logits [1,Q,C] and boxes [1,Q,4]");
    int classes = labels_count(facts->meta);
    head_set_scale(&setup->input, 0, 255);
    set_constants(facts, setup);
    setup->input.fit = FIT_STRETCH;
    setup->background = -1;
    setup->nms = NMS_NONE;
    setup->centred = setup->normalized = setup->form != SIZED;
    if (setup->form == SIZED || setup->form == BEST) {
        setup->columns = classes ? classes : 80;
        setup->needs_probe = setup->form == BEST;
    } else if (setup->form == ROWS) {
        setup->best_class = true;
        setup->columns = (int)facts->outputs->shape[2] - 4;
        setup->anchors = (int)facts->outputs->shape[1];
    } else {
        setup->needs_probe = true; /* to say what was assumed */
        configure_logits(facts, setup);
    }
    return FOV_OK;
}

/* With two classes, rows of six are either: classes are whole numbers, scores are not. */
static void probe_best(struct head_setup *setup, const fov_tensor *rows,
                       char evidence[HEAD_EVIDENCE])
{
    const float *row = rows->data;
    bool fractions = false;
    for (size_t i = 0; i < fov_tensor_count(rows) / 6; i++)
        fractions |= row[6 * i + 5] > 0 && row[6 * i + 5] < 1;
    if (fractions && setup->columns == 2) {
        setup->form = ROWS;
        setup->best_class = true;
    }
    head_explain(evidence, ", last column is %s", fractions ? "a score" : "the class");
}

static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    if (setup->form == BEST) {
        probe_best(setup, &out[0], evidence);
        return;
    }
    const fov_tensor *scores = &out[setup->scores];
    if (!head_has_logits(scores->data, fov_tensor_count(scores))) {
        setup->activation = SCORES_READY;
        head_explain(evidence, ", scores are probabilities");
        return;
    }
    head_explain(evidence, setup->activation == SCORES_SOFTMAX
                               ? ", last column taken for no object (softmax)"
                               : ", classes taken as independent (sigmoid)");
}

static void decode_sized(const struct head_setup *setup, const fov_tensor *out,
                         const struct head_query *query, struct candidates *into)
{
    const float *scores = out[setup->scores].data, *classes = out[setup->classes].data;
    const float *boxes = out[setup->boxes].data;
    size_t rows = fov_tensor_count(&out[setup->boxes]) / 4;
    if (fov_tensor_count(&out[setup->scores]) < rows ||
        fov_tensor_count(&out[setup->classes]) < rows)
        return;
    for (size_t i = 0; i < rows; i++) {
        if (scores[i] < query->conf || classes[i] < 0 || classes[i] >= (float)setup->columns)
            continue;
        struct candidate c = head_box(setup, boxes + 4 * i);
        c.class_raw = (int32_t)classes[i];
        c.score = scores[i];
        c.anchor = (int32_t)i;
        head_add(query, c, into);
    }
}

static void decode_rows(const struct head_setup *setup, const fov_tensor *rows,
                        const struct head_query *query, struct candidates *into)
{
    size_t columns = 4 + (size_t)setup->columns;
    const float *row = rows->data;
    for (size_t i = 0; i < fov_tensor_count(rows) / columns; i++, row += columns) {
        if (head_row_is_low(setup, row + 4, query->conf))
            continue;
        struct candidate c = head_box(setup, row);
        c.anchor = (int32_t)i;
        head_add_row(setup, row + 4, c, query, into);
    }
}

static void decode_best(const struct head_setup *setup, const fov_tensor *rows,
                        const struct head_query *query, struct candidates *into)
{
    const float *row = rows->data;
    for (size_t i = 0; i < fov_tensor_count(rows) / 6; i++, row += 6) {
        if (row[4] < query->conf || row[5] < 0 || row[5] >= (float)setup->columns)
            continue;
        struct candidate c = head_box(setup, row);
        c.score = row[4];
        c.class_raw = (int32_t)row[5];
        c.anchor = (int32_t)i;
        head_add(query, c, into);
    }
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    if (setup->form == SIZED)
        decode_sized(setup, out, query, into);
    else if (setup->form == BEST)
        decode_best(setup, &out[0], query, into);
    else if (setup->form == ROWS)
        decode_rows(setup, out, query, into);
    else
        head_decode_pair(setup, out, query, into);
}

const struct head head_detr = {
    .name = "detr", .match = match, .configure = configure, .probe = probe, .decode = decode};
