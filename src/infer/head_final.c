/* Outputs that are suppressed already:
 *   BATCHED   [n,7]     picture, two corners in px, class, score     YOLOv7, YOLOv9 (MIT)
 *   FLAT      [n,7]     picture, two corners in px, score, class     Super-Gradients
 *   SSD       [1,1,n,7] picture, class, score, two corners 0..1      DetectionOutput of OpenVINO
 *   AUTOML    [1,n,7]   picture, y0 x0 y1 x1 in px, score, class     EfficientDet of AutoML
 *   SCORED    [1,n,5] or [n,5] of two corners in px and score, labels [1,n] or [n]
 *                                                                    MMDetection, model_api
 *   LISTS     count, boxes [1,n,4] in px, scores [1,n], classes [1,n]   end of TensorRT's exports
 */
#include <stdio.h>
#include <string.h>

#include "infer/head_parts.h"
#include "infer/labels.h"

enum form { NONE, BATCHED, FLAT, SSD, AUTOML, SCORED, LISTS };
enum { ROWS_MAX = 100000, UNKNOWN_CLASSES = 256 };

static bool is_row_list(const fov_tensor *t, int64_t columns)
{
    return (head_shape_is(t, 2, -1, columns, -1, -1) && head_rows_fit(t->shape[0], ROWS_MAX)) ||
           (head_shape_is(t, 3, 1, -1, columns, -1) && head_rows_fit(t->shape[1], ROWS_MAX));
}

static bool is_list(const fov_tensor *t)
{
    return (t->rank == 1 && head_rows_fit(t->shape[0], ROWS_MAX)) ||
           (head_shape_is(t, 2, 1, -1, -1, -1) && head_rows_fit(t->shape[1], ROWS_MAX));
}

static bool find_lists(const struct head_facts *facts, struct head_setup *setup)
{
    setup->count = head_output_with(facts, "num_");
    setup->boxes = head_output_with(facts, "boxes");
    setup->scores = head_output_with(facts, "scores");
    setup->classes = head_output_with(facts, "classes");
    return facts->output_count == 4 && setup->count >= 0 && setup->boxes >= 0 &&
           setup->scores >= 0 && setup->classes >= 0 &&
           is_row_list(&facts->outputs[setup->boxes], 4) &&
           is_list(&facts->outputs[setup->scores]) && is_list(&facts->outputs[setup->classes]) &&
           head_output_with(facts, "detection_") < 0; /* TensorFlow's: y first, 0..1 */
}

static bool find_scored(const struct head_facts *facts, struct head_setup *setup)
{
    for (int i = 0; i < 2 && facts->output_count == 2; i++) {
        setup->boxes = i;
        setup->classes = 1 - i;
        if (is_row_list(&facts->outputs[i], 5) && is_list(&facts->outputs[1 - i]))
            return true;
    }
    return false;
}

static enum form form_of(const struct head_facts *facts, struct head_setup *setup)
{
    const fov_tensor *out = facts->outputs;
    if (find_lists(facts, setup))
        return LISTS;
    if (find_scored(facts, setup))
        return SCORED;
    if (facts->output_count != 1)
        return NONE;
    if (head_shape_is(out, 4, 1, 1, -1, 7) && head_rows_fit(out->shape[2], ROWS_MAX))
        return SSD;
    if (head_shape_is(out, 3, 1, -1, 7, -1) && strstr(out->name, "detections") &&
        head_rows_fit(out->shape[1], ROWS_MAX))
        return AUTOML;
    if (!head_shape_is(out, 2, -1, 7, -1, -1) || !head_rows_fit(out->shape[0], ROWS_MAX))
        return NONE;
    return strstr(out->name, "flat_predictions") ? FLAT : BATCHED;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    static const struct {
        const char *reason;
        int confidence;
    } rows[] = {
        [BATCHED] = {"shape: rows [n,7] with the picture's number, input of YOLO assumed", 59},
        [FLAT] = {"output flat_predictions [n,7]", 85},
        [SSD] = {"shape: DetectionOutput [1,1,n,7]", 80},
        [AUTOML] = {"output detections [1,n,7]", 75},
        [SCORED] = {"shapes: boxes with score [n,5] and labels, mean and scale assumed", 55},
        [LISTS] = {"outputs for count, boxes, scores and classes, input of YOLO assumed", 59},
    };
    struct head_setup setup = {0};
    enum form form = form_of(facts, &setup);
    if (form == NONE)
        return 0;
    snprintf(evidence, HEAD_EVIDENCE, "%s", rows[form].reason);
    return rows[form].confidence;
}

/* How pictures go in, unless the metadata says otherwise. */
static void set_input(enum form form, struct letterbox_spec *input)
{
    head_set_scale(input, 0, form == SSD || form == AUTOML || form == FLAT ? 1 : 255);
    input->fit = form == SSD ? FIT_STRETCH : form == AUTOML ? FIT_TOP_LEFT : FIT_CENTRE;
    input->bgr = form == SSD;
    input->pad = form == AUTOML ? 0 : 114;
    if (form == SCORED) {
        head_set_imagenet(input);
        input->fit = FIT_TOP_LEFT;
    }
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    setup->form = (int)form_of(facts, setup);
    if (setup->form == NONE)
        return fov_fail(error, FOV_EMODEL,
                        "head final needs rows [n,7] or [1,1,n,7], boxes [n,5] with labels [n], or "
                        "lists of count, boxes, scores, classes");
    int classes = labels_count(facts->meta);
    set_input((enum form)setup->form, &setup->input);
    setup->nms = NMS_NONE;
    setup->normalized = setup->form == SSD;
    setup->y_first = setup->form == AUTOML;
    bool own = setup->form == SSD || setup->form == AUTOML; /* numbers of their own, from 1 */
    setup->background = own && !classes ? 0 : -1;
    setup->columns = classes                 ? classes
                     : setup->form == AUTOML ? 91
                     : setup->form == SSD    ? UNKNOWN_CLASSES
                                             : 80;
    return FOV_OK;
}

static void add(const struct head_setup *setup, const float *box, float score, float class_raw,
                size_t row, const struct head_query *query, struct candidates *into)
{
    if (score < query->conf || class_raw < 0 || class_raw >= (float)setup->columns ||
        (int)class_raw == setup->background)
        return;
    struct candidate c = head_box(setup, box);
    c.score = score;
    c.class_raw = (int32_t)class_raw;
    c.anchor = (int32_t)row;
    head_add(query, c, into);
}

/* Where in a row of seven the box, the score and the class stand. */
static void decode_rows(const struct head_setup *setup, const fov_tensor *rows,
                        const struct head_query *query, struct candidates *into)
{
    static const int places[][3] = {
        [BATCHED] = {1, 6, 5}, [FLAT] = {1, 5, 6}, [SSD] = {3, 2, 1}, [AUTOML] = {1, 5, 6}};
    const int *at = places[setup->form];
    const float *row = rows->data;
    for (size_t i = 0; i < fov_tensor_count(rows) / 7; i++, row += 7) {
        if (row[0] < 0 && setup->form == SSD) /* the list ends here */
            return;
        add(setup, row + at[0], row[at[1]], row[at[2]], i, query, into);
    }
}

static void decode_scored(const struct head_setup *setup, const fov_tensor *boxes,
                          const fov_tensor *labels, const struct head_query *query,
                          struct candidates *into)
{
    const float *row = boxes->data, *label = labels->data;
    size_t count = fov_tensor_count(boxes) / 5;
    if (fov_tensor_count(labels) < count)
        return;
    for (size_t i = 0; i < count; i++, row += 5)
        add(setup, row, row[4], label[i], i, query, into);
}

static void decode_lists(const struct head_setup *setup, const fov_tensor *out,
                         const struct head_query *query, struct candidates *into)
{
    const fov_tensor *boxes = &out[setup->boxes], *said = &out[setup->count];
    const fov_tensor *scores = &out[setup->scores], *classes = &out[setup->classes];
    size_t count = fov_tensor_count(boxes) / 4;
    if (!fov_tensor_count(said) || fov_tensor_count(scores) < count ||
        fov_tensor_count(classes) < count)
        return;
    for (size_t i = 0; i < count && (float)i < *(const float *)said->data; i++)
        add(setup, (const float *)boxes->data + 4 * i, ((const float *)scores->data)[i],
            ((const float *)classes->data)[i], i, query, into);
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    if (setup->form == LISTS)
        decode_lists(setup, out, query, into);
    else if (setup->form == SCORED)
        decode_scored(setup, &out[setup->boxes], &out[setup->classes], query, into);
    else
        decode_rows(setup, &out[0], query, into);
}

const struct head head_final = {
    .name = "final", .match = match, .configure = configure, .decode = decode};
