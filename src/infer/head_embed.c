/* Embeddings: [1,N] numbers of which only the distance to others means something (the same person
 * again, a similar picture). Nothing in the shape tells them from a classifier's scores: the name
 * does, or an input as tall as a standing person. They are given as the model gives them. */
#include <stdio.h>
#include <string.h>

#include "infer/head.h"

enum { NUMBERS_MAX = 16384 };

static int64_t numbers_of(const struct head_facts *facts)
{
    const fov_tensor *out = facts->outputs;
    if (facts->output_count != 1 || out->rank < 2 || out->shape[0] != 1 || out->shape[1] < 2)
        return 0;
    for (int d = 2; d < out->rank; d++)
        if (out->shape[d] != 1)
            return 0;
    return out->shape[1] <= NUMBERS_MAX ? out->shape[1] : 0;
}

/* The word in the file's name or the output's that says so; NULL when there is none. */
static const char *telling_word(const struct head_facts *facts)
{
    static const char *const words[] = {"reid",       "re-id",   "re_id",   "reidentification",
                                        "embed",      "feature", "arcface", "facenet",
                                        "mobileface", "osnet"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((facts->name && strcasestr(facts->name, words[i])) ||
            strcasestr(facts->outputs[0].name, words[i]))
            return words[i];
    return NULL;
}

static bool is_tall(const struct head_facts *facts)
{
    int64_t width, height;
    return head_input_size(facts, &width, &height) && width > 0 && height == 2 * width;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    int64_t numbers = numbers_of(facts);
    if (!numbers || head_picture_input(facts) < 0 || metadata_get(facts->meta, "task"))
        return 0;
    const char *word = telling_word(facts);
    bool power_of_two = numbers >= 64 && (numbers & (numbers - 1)) == 0;
    if (word) {
        snprintf(evidence, HEAD_EVIDENCE, "named \"%s\", %d numbers", word, (int)numbers);
        return 90;
    }
    if (is_tall(facts) && power_of_two) {
        snprintf(evidence, HEAD_EVIDENCE,
                 "shape: %d numbers of an input twice as tall as wide, as people stand",
                 (int)numbers);
        return 65;
    }
    snprintf(evidence, HEAD_EVIDENCE, "assumed, shape: %d numbers", (int)numbers);
    return 20;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!numbers_of(facts))
        return fov_fail(error, FOV_EMODEL, "head embed needs one output [1,N], N up to %d",
                        NUMBERS_MAX);
    /* Open Model Zoo's, the usual ones: BGR as it is */
    setup->input.fit = FIT_STRETCH;
    setup->input.bgr = true;
    setup->task = FOV_TASK_EMBED;
    setup->embedding = (int)numbers_of(facts);
    setup->background = -1;
    return FOV_OK;
}

static void read(const struct head_setup *setup, const fov_tensor *out,
                 const struct head_query *query, const struct head_output *output)
{
    fov_details *d = output->into->details;
    (void)query;
    if (!d || d->embedding_capacity < (size_t)setup->embedding)
        return;
    d->embedding_count = (size_t)setup->embedding;
    memcpy(d->embedding, out->data, d->embedding_count * sizeof *d->embedding);
}

const struct head head_embed = {
    .name = "embed", .match = match, .configure = configure, .read = read};
