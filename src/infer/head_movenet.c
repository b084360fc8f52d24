/* MoveNet for one person: [1,1,17,3], a row y x score a keypoint, in 0..1 of the input.
 * Source: TensorFlow Hub, "movenet/singlepose". */
#include <math.h>
#include <stdio.h>

#include "infer/head.h"

enum { KEYPOINTS = 17 };

static const float seen = 0.2f; /* a keypoint that counts for the box */

static bool fits(const struct head_facts *facts)
{
    const fov_tensor *out = facts->outputs;
    return facts->output_count == 1 && out->rank == 4 && out->shape[0] == 1 && out->shape[1] == 1 &&
           out->shape[2] == KEYPOINTS && out->shape[3] == 3;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    if (!fits(facts))
        return 0;
    snprintf(evidence, HEAD_EVIDENCE, "shape: 17 keypoints of y, x and score");
    return 85;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!fits(facts))
        return fov_fail(error, FOV_EMODEL, "head movenet needs one output [1,1,17,3]");
    setup->input.fit = FIT_STRETCH;
    setup->task = FOV_TASK_POSE;
    setup->columns = 1;
    setup->label = "person";
    setup->keypoints = KEYPOINTS;
    setup->keypoint_values = 3;
    setup->background = -1;
    return FOV_OK;
}

/* Around the keypoints that were seen; false when there are none. */
static bool bound(const fov_keypoint *points, fov_detection *d)
{
    bool any = false;
    for (int k = 0; k < KEYPOINTS; k++) {
        if (points[k].score < seen)
            continue;
        d->x1 = any ? fminf(d->x1, points[k].x) : points[k].x;
        d->y1 = any ? fminf(d->y1, points[k].y) : points[k].y;
        d->x2 = any ? fmaxf(d->x2, points[k].x) : points[k].x;
        d->y2 = any ? fmaxf(d->y2, points[k].y) : points[k].y;
        any = true;
    }
    return any && d->x2 > d->x1 && d->y2 > d->y1;
}

static void write_keypoints(fov_details *d, const fov_keypoint *points)
{
    if (!d || !d->capacity || d->keypoint_capacity < KEYPOINTS)
        return;
    for (int k = 0; k < KEYPOINTS; k++)
        d->keypoints[k] = points[k];
    d->keypoint_count = KEYPOINTS;
    d->items[0].keypoint_count = KEYPOINTS;
}

/* The person's score is the mean of the keypoints'. */
static void read(const struct head_setup *setup, const fov_tensor *out,
                 const struct head_query *query, const struct head_output *output)
{
    fov_detections *into = output->into;
    fov_keypoint points[KEYPOINTS];
    fov_detection d = {.track_id = -1};
    const float *row = out->data;
    for (int k = 0; k < KEYPOINTS; k++, row += 3) {
        points[k] = (fov_keypoint){row[1] * (float)setup->input.width,
                                   row[0] * (float)setup->input.height, fminf(fmaxf(row[2], 0), 1)};
        letterbox_undo(output->box, &points[k].x, &points[k].y);
        d.score += points[k].score / KEYPOINTS;
    }
    bool wanted = !query->wanted || query->wanted[0];
    if (!wanted || d.score < query->conf || !into->capacity || !bound(points, &d))
        return;
    into->items[into->count++] = d;
    write_keypoints(into->details, points);
}

const struct head head_movenet = {
    .name = "movenet", .match = match, .configure = configure, .read = read};
