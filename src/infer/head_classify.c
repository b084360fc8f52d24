/* Classifiers: [1,C], maybe with dimensions of 1 behind it: a score for each class of the picture
 * as a whole, as probabilities or as logits. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/head.h"

/* The one output as C numbers; 0 when it is something else. */
static int64_t columns_of(const struct head_facts *facts)
{
    const fov_tensor *out = facts->outputs;
    int64_t columns = 1;
    if (facts->output_count != 1 || out->rank < 2 || out->shape[0] != 1)
        return 0;
    for (int d = 1; d < out->rank; d++) {
        if (out->shape[d] < 1 || (columns > 1 && out->shape[d] > 1))
            return 0;
        columns *= out->shape[d];
    }
    return columns;
}

static bool is_told(const struct head_facts *facts)
{
    const char *task = metadata_get(facts->meta, "task");
    const char *type = metadata_get(facts->meta, "model_type");
    return (task && !strcmp(task, "classify")) || (type && !strcasecmp(type, "classification"));
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    const char *task = metadata_get(facts->meta, "task");
    int64_t columns = columns_of(facts);
    if (columns < 2 || columns > HEAD_COLUMNS || head_picture_input(facts) < 0)
        return 0;
    if (is_told(facts)) {
        snprintf(evidence, HEAD_EVIDENCE, "%s says classification, %d scores", facts->meta->source,
                 (int)columns);
        return 100;
    }
    snprintf(evidence, HEAD_EVIDENCE, "shape: one row of %d scores", (int)columns);
    return task ? 0 : 60;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    const char *task = metadata_get(facts->meta, "task");
    int64_t columns = columns_of(facts);
    int picture = head_picture_input(facts);
    if (columns < 2 || columns > HEAD_COLUMNS || picture < 0)
        return fov_fail(error, FOV_EMODEL, "head classify needs one output [1,C], 2 to %d classes",
                        HEAD_COLUMNS);
    fov_dtype dtype = facts->inputs[picture].dtype;
    /* quantised models come from TensorFlow's tools, which stretch; the others cut the middle out
     */
    setup->input.fit = dtype == FOV_U8 || dtype == FOV_I8 ? FIT_STRETCH : FIT_CROP;
    if (task) /* Ultralytics */
        for (int i = 0; dtype != FOV_U8 && dtype != FOV_I8 && i < 3; i++)
            setup->input.scale[i] = 255;
    else
        head_guess_scale(facts, &setup->input);
    setup->task = FOV_TASK_CLASSIFY;
    setup->columns = (int)columns;
    setup->background = -1;
    setup->needs_probe = true;
    return FOV_OK;
}

/* Logits of noise do not all lie within 0..1. */
static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    const float *scores = out->data;
    setup->done = true;
    for (int c = 0; c < setup->columns; c++)
        setup->done = setup->done && scores[c] >= 0 && scores[c] <= 1.0001f;
    size_t used = strlen(evidence);
    snprintf(evidence + used, HEAD_EVIDENCE - used, ", %s",
             setup->done ? "probabilities" : "logits: softmax follows");
}

/* What turns a score into a probability: exp(score - most) / sum. */
struct softmax {
    float most, sum;
};

static struct softmax softmax_of(const struct head_setup *setup, const float *scores)
{
    struct softmax s = {scores[0], 0};
    for (int c = 1; c < setup->columns; c++)
        s.most = fmaxf(s.most, scores[c]);
    for (int c = 0; c < setup->columns; c++)
        s.sum += expf(scores[c] - s.most);
    return s;
}

/* Keeps the list sorted, best first; earlier columns win ties. */
static void insert(fov_details *d, int column, float score)
{
    int at = d->class_count;
    while (at > 0 && d->classes[at - 1].score < score)
        at--;
    if (at == FOV_CLASSES_MAX)
        return;
    int last = d->class_count < FOV_CLASSES_MAX ? d->class_count++ : FOV_CLASSES_MAX - 1;
    for (int i = last; i > at; i--)
        d->classes[i] = d->classes[i - 1];
    d->classes[at] = (fov_class_score){column, score};
}

static void read(const struct head_setup *setup, const fov_tensor *out,
                 const struct head_query *query, const struct head_output *output)
{
    fov_details *details = output->into->details;
    const float *scores = out->data;
    struct softmax s = setup->done ? (struct softmax){0} : softmax_of(setup, scores);
    for (int c = 0; details && c < setup->columns; c++) {
        float score = setup->done ? scores[c] : expf(scores[c] - s.most) / s.sum;
        if (!query->wanted || query->wanted[c])
            insert(details, c, fminf(fmaxf(score, 0), 1));
    }
}

const struct head head_classify = {
    .name = "classify", .match = match, .configure = configure, .probe = probe, .read = read};
