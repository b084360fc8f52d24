/* YuNet: faces with five landmarks, from four outputs for each of the strides 8, 16, 32:
 * class [1,n,1], objectness [1,n,1], box [1,n,4], landmarks [1,n,10].
 * Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023; OpenCV's decoder. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/head_parts.h"

enum { CLASSES, OBJECTS, BOXES, LANDMARKS, PARTS, POINTS = 5 };

/* Outputs of a level by their widths; the two of width 1 by name, else in this order. */
static bool sort_level(const struct head_facts *facts, const int found[4], int parts[PARTS])
{
    parts[CLASSES] = parts[OBJECTS] = parts[BOXES] = parts[LANDMARKS] = -1;
    for (int i = 0; i < PARTS; i++) {
        int64_t columns = facts->outputs[found[i]].shape[2];
        int part = columns == 4            ? BOXES
                   : columns == 2 * POINTS ? LANDMARKS
                   : columns != 1          ? -1
                   : parts[CLASSES] < 0    ? CLASSES
                                           : OBJECTS;
        if (part < 0 || parts[part] >= 0)
            return false;
        parts[part] = found[i];
    }
    /* their product counts, so that a mistake here would change nothing */
    return parts[OBJECTS] >= 0 && parts[BOXES] >= 0 && parts[LANDMARKS] >= 0;
}

static bool find(const struct head_facts *facts, struct head_setup *setup)
{
    int found[HEAD_LEVELS][4], parts[PARTS];
    setup->levels = head_find_levels(facts, PARTS, found);
    for (int level = 0; level < setup->levels; level++) {
        if (!sort_level(facts, found[level], parts))
            return false;
        setup->strides[level] = 8 << level;
        for (int part = 0; part < PARTS; part++)
            setup->level_outputs[part][level] = parts[part];
    }
    return setup->levels > 0;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    if (!find(facts, &setup))
        return 0;
    snprintf(evidence, HEAD_EVIDENCE,
             "shape: class, objectness, box and 5 points for each of %d levels", setup.levels);
    return 95;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!find(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head yunet needs outputs [1,n,1], [1,n,1], [1,n,4] and [1,n,10] for each "
                        "of the strides 8, 16, 32");
    setup->input.fit = FIT_STRETCH;
    setup->input.bgr = true;
    setup->task = FOV_TASK_POSE;
    setup->keypoints = POINTS;
    setup->keypoint_values = 2;
    setup->columns = 1;
    setup->background = -1;
    setup->label = "face";
    setup->nms = NMS_AGNOSTIC;
    return FOV_OK;
}

static int across_at(const struct head_setup *setup, int level)
{
    return (setup->input.width + setup->strides[level] - 1) / setup->strides[level];
}

static int cells_at(const struct head_setup *setup, int level)
{
    return (int)head_cells(setup->input.width, setup->input.height, setup->strides[level]);
}

static float within_one(float x)
{
    return fminf(fmaxf(x, 0), 1);
}

static struct candidate box_of(const float *b, int cell_x, int cell_y, int stride)
{
    float side = (float)stride;
    float x = ((float)cell_x + b[0]) * side, y = ((float)cell_y + b[1]) * side;
    float w = expf(fminf(b[2], 20)) * side, h = expf(fminf(b[3], 20)) * side;
    return (struct candidate){.x1 = x - w / 2, .y1 = y - h / 2, .x2 = x + w / 2, .y2 = y + h / 2};
}

static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    int first = 0;
    for (int level = 0; level < setup->levels; level++) {
        const float *part[PARTS];
        int cells = cells_at(setup, level), across = across_at(setup, level);
        for (int k = 0; k < PARTS; k++)
            part[k] = out[setup->level_outputs[k][level]].data;
        for (int i = 0; i < cells; i++) {
            float score = sqrtf(within_one(part[CLASSES][i]) * within_one(part[OBJECTS][i]));
            if (score < query->conf)
                continue;
            struct candidate c = box_of(part[BOXES] + 4 * (size_t)i, i % across, i / across,
                                        setup->strides[level]);
            c.score = score;
            c.anchor = first + i;
            head_add(query, c, into);
        }
        first += cells;
    }
}

/* The five points of an anchor: right and left eye, nose, right and left corner of the mouth. How
 * sure the model is of each it does not say; they have the score of the face. */
static void put_points(const struct head_setup *setup, const fov_tensor *out, int anchor,
                       float score, const struct letterbox *box, fov_keypoint *points)
{
    int level = 0, cell = anchor;
    while (level < setup->levels - 1 && cell >= cells_at(setup, level))
        cell -= cells_at(setup, level++);
    const float *p = (const float *)out[setup->level_outputs[LANDMARKS][level]].data +
                     2 * POINTS * (size_t)cell;
    int across = across_at(setup, level);
    float side = (float)setup->strides[level];
    for (int i = 0; i < POINTS; i++) {
        points[i].x = (p[2 * i] + (float)(cell % across)) * side;
        points[i].y = (p[2 * i + 1] + (float)(cell / across)) * side;
        points[i].score = score;
        letterbox_undo(box, &points[i].x, &points[i].y);
    }
}

static void refine(const struct head_setup *setup, const fov_tensor *out,
                   const struct candidate *kept, const struct head_output *output)
{
    fov_details *details = output->into->details;
    for (size_t i = 0; i < output->into->count && i < details->capacity; i++) {
        if (details->keypoint_count + POINTS > details->keypoint_capacity) {
            details->cut = true;
            return;
        }
        put_points(setup, out, kept[i].anchor, output->into->items[i].score, output->box,
                   details->keypoints + details->keypoint_count);
        details->items[i].keypoint = (uint32_t)details->keypoint_count;
        details->items[i].keypoint_count = POINTS;
        details->keypoint_count += POINTS;
    }
}

const struct head head_yunet = {
    .name = "yunet", .match = match, .configure = configure, .decode = decode, .refine = refine};
