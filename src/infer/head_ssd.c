/* SSD: decoded boxes with a probability or a logit a class (form PAIRS), or four lists, suppressed
 * already: those that TensorFlow's object detection API ends with (form LISTS) and those of
 * TFLite's own postprocessing (form TFLITE), whose names differ and whose classes count from 0.
 * Source: Liu et al., "SSD: Single Shot MultiBox Detector", 2016. */
#include <stdio.h>
#include <string.h>

#include "infer/head_parts.h"
#include "infer/labels.h"

enum { PAIRS, LISTS, TFLITE };
enum { ROWS_MAX = 10000, COCO_NUMBERS = 91 };

static int output_named(const struct head_facts *facts, const char *name)
{
    for (int i = 0; i < facts->output_count; i++)
        if (!strncmp(facts->outputs[i].name, name, strlen(name)))
            return i;
    return -1;
}

/* Boxes and scores over the same anchors. */
static bool find_pair(const struct head_facts *facts, int *boxes, int *scores)
{
    return head_find_pair(facts, boxes, scores) && facts->outputs[*scores].shape[2] >= 2;
}

static bool find_lists(const struct head_facts *facts, struct head_setup *setup)
{
    setup->boxes = output_named(facts, "detection_boxes");
    setup->scores = output_named(facts, "detection_scores");
    setup->classes = output_named(facts, "detection_classes");
    setup->count = output_named(facts, "num_detections");
    return setup->boxes >= 0 && setup->scores >= 0 && setup->classes >= 0 && setup->count >= 0;
}

/* Which list is which by their names' ends: TFLite_Detection_PostProcess, :1 classes, :2 scores,
 * :3 count; StatefulPartitionedCall:3 boxes, :2 classes, :1 scores, :0 count. */
static void name_lists(const struct head_facts *facts, struct head_setup *setup, const int lists[2])
{
    const char *first = facts->outputs[lists[0]].name, *end = strrchr(first, ':');
    bool stateful = strstr(first, "StatefulPartitionedCall") != NULL;
    bool postprocess = strstr(first, "TFLite_Detection_PostProcess") != NULL;
    bool first_is_scores = (stateful && end && !strcmp(end, ":1")) ||
                           (postprocess && end && !strcmp(end, ":2"));
    setup->scores = lists[first_is_scores ? 0 : 1];
    setup->classes = lists[first_is_scores ? 1 : 0];
}

/* Four outputs in any order: boxes [1,n,4], two lists [1,n], and a count. */
static bool find_tflite(const struct head_facts *facts, struct head_setup *setup)
{
    int lists[2], found = 0;
    setup->boxes = setup->count = -1;
    for (int i = 0; i < facts->output_count && facts->output_count == 4; i++) {
        const fov_tensor *t = &facts->outputs[i];
        bool one = head_shape_is(t, 1, 1, -1, -1, -1) || head_shape_is(t, 0, -1, -1, -1, -1);
        if (head_shape_is(t, 3, 1, -1, 4, -1) && head_rows_fit(t->shape[1], ROWS_MAX))
            setup->boxes = i;
        else if (one)
            setup->count = i;
        else if (found < 2 && head_shape_is(t, 2, 1, -1, -1, -1))
            lists[found++] = i;
    }
    if (setup->boxes < 0 || setup->count < 0 || found != 2)
        return false;
    for (int k = 0; k < 2; k++)
        if (facts->outputs[lists[k]].shape[1] != facts->outputs[setup->boxes].shape[1])
            return false;
    name_lists(facts, setup, lists);
    return true;
}

/* model_type=ssd stands for probabilities and needs no probe. */
static bool is_named(const struct head_facts *facts)
{
    const char *type = metadata_get(facts->meta, "model_type");
    return type && (!strcmp(type, "ssd") || !strcmp(type, "SSD"));
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup;
    int boxes, scores;
    bool pair = find_pair(facts, &boxes, &scores);
    if (pair && is_named(facts)) {
        snprintf(evidence, HEAD_EVIDENCE, "%s model_type=%s", facts->meta->source,
                 metadata_get(facts->meta, "model_type"));
        return 100;
    }
    if (find_lists(facts, &setup)) {
        snprintf(evidence, HEAD_EVIDENCE, "outputs named detection_boxes, _classes, _scores, num_");
        return 90;
    }
    if (find_tflite(facts, &setup)) {
        snprintf(evidence, HEAD_EVIDENCE, "shapes: TFLite's boxes, two lists and a count");
        return 80;
    }
    /* shapes alone do not tell the scale of a float picture */
    if (pair && facts->input_count && facts->inputs[0].dtype == FOV_U8) {
        snprintf(evidence, HEAD_EVIDENCE,
                 "assumed, shapes: boxes [1,N,4] and scores [1,N,C], input of bytes");
        return 50;
    }
    return 0;
}

static fov_status configure_lists(const struct head_facts *facts, struct head_setup *setup,
                                  fov_error *error)
{
    int classes = labels_count(facts->meta);
    setup->nms = NMS_NONE;
    setup->columns = COCO_NUMBERS; /* COCO's; the lists do not say */
    if (find_lists(facts, setup)) {
        setup->form = LISTS;
        return FOV_OK;
    }
    if (!find_tflite(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head ssd needs boxes [1,N,4] and scores [1,N,C], or four lists");
    setup->form = TFLITE;
    setup->background = -1;
    setup->columns = classes ? classes : COCO_NUMBERS - 1;
    setup->needs_probe = true;
    if (facts->inputs[0].dtype != FOV_U8) /* as the API's models were trained */
        head_set_scale(&setup->input, 127.5f, 127.5f);
    return FOV_OK;
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
    if (!find_pair(facts, &setup->boxes, &setup->scores))
        return configure_lists(facts, setup, error);
    setup->form = PAIRS;
    setup->nms = NMS_PER_CLASS;
    setup->anchors = (int)facts->outputs[setup->boxes].shape[1];
    setup->columns = (int)facts->outputs[setup->scores].shape[2];
    setup->needs_probe = !is_named(facts);
    return FOV_OK;
}

static void probe_pairs(struct head_setup *setup, const fov_tensor *scores,
                        char evidence[HEAD_EVIDENCE])
{
    if (!head_has_logits(scores->data, fov_tensor_count(scores)))
        return;
    /* a softmax is what a column for the background is for */
    setup->activation = setup->background < 0 ? SCORES_SIGMOID : SCORES_SOFTMAX;
    head_explain(evidence, ", scores are logits, %s assumed",
                 setup->background < 0 ? "sigmoid" : "softmax");
}

static bool has_fractions(const fov_tensor *t)
{
    const float *values = t->data;
    for (size_t i = 0; i < fov_tensor_count(t); i++)
        if (values[i] > -1e6f && values[i] < 1e6f && values[i] != (float)(int)values[i])
            return true;
    return false;
}

/* Classes are whole numbers; scores, as a rule, are not. */
static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    if (setup->form == PAIRS) {
        probe_pairs(setup, &out[setup->scores], evidence);
        return;
    }
    int classes = setup->classes;
    if (has_fractions(&out[classes]) && !has_fractions(&out[setup->scores])) {
        setup->classes = setup->scores;
        setup->scores = classes;
    }
    bool sure = has_fractions(&out[setup->scores]);
    head_explain(evidence, ", scores told from classes by %s", sure ? "value" : "name or order");
}

static void add(const struct head_setup *setup, const float *boxes, int anchor, int column,
                float score, const struct head_query *query, struct candidates *into)
{
    if (column == setup->background || (query->wanted && !query->wanted[column]))
        return;
    struct candidate c = head_box(setup, boxes + 4 * (size_t)anchor);
    c.score = score;
    c.class_raw = column;
    c.anchor = anchor;
    candidates_add(into, &c);
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
    if (setup->form == PAIRS) /* every class of an anchor counts, as in the model's own end */
        head_decode_pair(setup, out, query, into);
    else
        decode_lists(setup, out, query, into);
}

const struct head head_ssd = {
    .name = "ssd", .match = match, .configure = configure, .probe = probe, .decode = decode};
