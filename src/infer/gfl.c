#include "infer/gfl.h"

#include <math.h>
#include <string.h>

/* Which of the two outputs of each level has the distances: 0 or 1; -1: neither. */
static int side_of_distances(const struct head_facts *facts, int found[HEAD_LEVELS][4], int levels)
{
    bool possible[2] = {true, true}, named[2] = {true, true};
    for (int level = 0; level < levels; level++)
        for (int side = 0; side < 2; side++) {
            const fov_tensor *t = &facts->outputs[found[level][side]];
            int64_t columns = t->shape[2], same = facts->outputs[found[0][side]].shape[2];
            if (columns != same || columns > 4 * GFL_BINS_MAX || columns % 4 || columns < 8)
                possible[side] = false;
            if (!strstr(t->name, "dis") && !strstr(t->name, "reg") && !strstr(t->name, "bbox"))
                named[side] = false;
            if (facts->outputs[found[level][side]].shape[2] > HEAD_COLUMNS || columns != same)
                possible[1 - side] = false; /* no scores either */
        }
    if (possible[0] && possible[1])
        return named[0] && !named[1] ? 0 : 1; /* scores come first where names do not tell */
    return possible[1] ? 1 : possible[0] ? 0 : -1;
}

bool gfl_find(const struct head_facts *facts, struct head_setup *setup)
{
    int found[HEAD_LEVELS][4];
    int levels = head_find_levels(facts, 2, found);
    int side = levels ? side_of_distances(facts, found, levels) : -1;
    if (side < 0)
        return false;
    setup->levels = levels;
    for (int level = 0; level < levels; level++) {
        setup->strides[level] = 8 << level;
        setup->level_outputs[0][level] = found[level][1 - side];
        setup->level_outputs[1][level] = found[level][side];
    }
    setup->columns = (int)facts->outputs[found[0][1 - side]].shape[2];
    setup->extra = (int)facts->outputs[found[0][side]].shape[2] / 4;
    return true;
}

static bool is_joined(const struct head_setup *setup)
{
    return setup->level_outputs[0][0] == setup->level_outputs[1][0];
}

void gfl_probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    bool logits = false;
    for (int level = 0; level < setup->levels; level++) {
        const fov_tensor *t = &out[setup->level_outputs[0][level]];
        size_t row = (size_t)setup->columns + (is_joined(setup) ? 4 * (size_t)setup->extra : 0);
        size_t rows = fov_tensor_count(t) / row;
        for (size_t i = 0; i < rows && !logits; i++)
            logits = head_has_logits((const float *)t->data + i * row, (size_t)setup->columns);
    }
    setup->activation = logits ? SCORES_SIGMOID : SCORES_READY;
    head_explain(evidence, ", scores are %s", logits ? "logits" : "probabilities");
}

/* Mean of a distribution over 0, 1, 2, ... given as logits. */
static float mean_of(const float *logits, int bins)
{
    float most = logits[0], sum = 0, weighted = 0;
    for (int i = 1; i < bins; i++)
        most = fmaxf(most, logits[i]);
    for (int i = 0; i < bins; i++) {
        float weight = expf(logits[i] - most);
        sum += weight;
        weighted += weight * (float)i;
    }
    return weighted / sum;
}

static float centre_of(const struct head_setup *setup, int cell, int stride)
{
    float corner = (float)cell * (float)stride, side = (float)stride;
    if (setup->form == GFL_CORNER)
        return corner;
    return corner + (setup->form == GFL_MIDDLE ? side : side - 1) / 2;
}

static struct candidate box_of(const struct head_setup *setup, const float *distances, int cell_x,
                               int cell_y, int stride)
{
    float x = centre_of(setup, cell_x, stride), y = centre_of(setup, cell_y, stride), sides[4];
    for (int i = 0; i < 4; i++)
        sides[i] = mean_of(distances + i * setup->extra, setup->extra) * (float)stride;
    return (struct candidate){
        .x1 = x - sides[0], .y1 = y - sides[1], .x2 = x + sides[2], .y2 = y + sides[3]};
}

/* One level: rows of scores and of distances, so many floats apart. */
struct level {
    const float *scores, *distances;
    size_t score_row, distance_row;
    int across, down, stride, first; /* `first`: cells of the levels before */
};

static void decode_level(const struct head_setup *setup, const struct level *level,
                         const struct head_query *query, struct candidates *into)
{
    for (int i = 0; i < level->across * level->down; i++) {
        const float *scores = level->scores + (size_t)i * level->score_row;
        if (head_row_is_low(setup, scores, query->conf))
            continue;
        struct candidate c = box_of(setup, level->distances + (size_t)i * level->distance_row,
                                    i % level->across, i / level->across, level->stride);
        c.anchor = level->first + i;
        head_add_row(setup, scores, c, query, into);
    }
}

void gfl_decode(const struct head_setup *setup, const fov_tensor *out,
                const struct head_query *query, struct candidates *into)
{
    size_t columns = (size_t)setup->columns, sides = 4 * (size_t)setup->extra;
    bool joined = is_joined(setup);
    int first = 0;
    for (int i = 0; i < setup->levels; i++) {
        const fov_tensor *scores = &out[setup->level_outputs[0][i]];
        const fov_tensor *distances = &out[setup->level_outputs[1][i]];
        struct level level = {.scores = scores->data, .distances = distances->data};
        level.stride = setup->strides[i];
        level.across = (setup->input.width + level.stride - 1) / level.stride;
        level.down = (setup->input.height + level.stride - 1) / level.stride;
        level.score_row = columns + (joined ? sides : 0);
        level.distance_row = joined ? level.score_row : sides;
        level.first = first;
        size_t cells = (size_t)level.across * (size_t)level.down, skip = joined ? (size_t)first : 0;
        if (fov_tensor_count(scores) < (skip + cells) * level.score_row ||
            fov_tensor_count(distances) < (skip + cells) * level.distance_row)
            return;
        level.scores += skip * level.score_row;
        level.distances += joined ? skip * level.score_row + columns : 0;
        decode_level(setup, &level, query, into);
        first += (int)cells;
    }
}
