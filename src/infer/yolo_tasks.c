/* What YOLO's other tasks give beside boxes: masks out of prototypes, keypoints, turned boxes. */
#include <math.h>
#include <string.h>

#include "infer/mask.h"
#include "infer/yolo.h"

static const float pi = 3.14159265f;

/* ---- masks: the anchor's coefficients times the prototypes ---- */

/* Adds `weight` times a window of one prototype, turned into columns. */
static void add_plane(const struct head_setup *setup, const float *plane, float weight,
                      const struct mask_field *f, float *values)
{
    for (int y = 0; y < f->height; y++) {
        const float *row = plane + (size_t)(f->top + y) * (size_t)setup->mask_width + f->left;
        for (int x = 0; x < f->width; x++)
            values[y * f->width + x] += weight * row[x];
    }
}

/* rows[y * width + x] to values[x * height + y]. */
static void turn(const float *rows, const struct mask_field *f, float *values)
{
    for (int x = 0; x < f->width; x++)
        for (int y = 0; y < f->height; y++)
            values[x * f->height + y] = rows[y * f->width + x];
}

static void mix_planes(const struct head_setup *setup, const float *masks, const float *weights,
                       const struct mask_field *f, float *values, float *rows)
{
    size_t plane = (size_t)setup->mask_width * (size_t)setup->mask_height;
    memset(rows, 0, (size_t)f->width * (size_t)f->height * sizeof *rows);
    for (int m = 0; m < setup->extra; m++)
        add_plane(setup, masks + (size_t)m * plane, weights[m], f, rows);
    turn(rows, f, values);
}

static void mix_cells(const struct head_setup *setup, const float *masks, const float *weights,
                      const struct mask_field *f, float *values)
{
    size_t count = (size_t)setup->extra;
    for (int x = 0; x < f->width; x++)
        for (int y = 0; y < f->height; y++) {
            const float *cell = masks + ((size_t)(f->top + y) * (size_t)setup->mask_width +
                                         (size_t)(f->left + x)) *
                                            count;
            float sum = 0;
            for (size_t m = 0; m < count; m++)
                sum += weights[m] * cell[m];
            values[x * f->height + y] = sum;
        }
}

static size_t grid_size(const struct head_setup *setup)
{
    return (size_t)setup->mask_width * (size_t)setup->mask_height;
}

/* The field, then what is needed to make it, or to write it. */
size_t yolo_scratch(const struct head_setup *setup)
{
    if (setup->task != FOV_TASK_SEGMENT)
        return 0;
    size_t field = (grid_size(setup) * sizeof(float) + 63) & ~(size_t)63;
    size_t more = mask_scratch(setup->mask_width, setup->mask_height);
    return field + (more > field ? more : field);
}

static void write_mask(const struct head_setup *setup, const fov_tensor *out, int anchor,
                       const fov_detection *d, const struct head_output *output, fov_detail *detail)
{
    float weights[256], *values = output->scratch;
    float *more = values + ((grid_size(setup) + 15) & ~(size_t)15);
    const float *masks = out[setup->masks].data;
    struct mask_field field = {.values = values};
    for (int m = 0; m < setup->extra; m++)
        weights[m] = yolo_value(setup, out[setup->boxes].data, anchor, yolo_extra(setup) + m);
    if (!mask_window(&field, output->box, d, setup->mask_width, setup->mask_height))
        return;
    if (setup->masks_last)
        mix_cells(setup, masks, weights, &field, values);
    else
        mix_planes(setup, masks, weights, &field, values, more);
    mask_write(&field, output->box, d, output->into->details, detail, more);
}

/* ---- keypoints ---- */

static void write_keypoints(const struct head_setup *setup, const fov_tensor *out, int anchor,
                            const struct head_output *output, fov_detail *detail)
{
    fov_details *d = output->into->details;
    const float *data = out[setup->boxes].data;
    float across = setup->normalized ? (float)setup->input.width : 1;
    float down = setup->normalized ? (float)setup->input.height : 1;
    if (d->keypoint_capacity - d->keypoint_count < (size_t)setup->keypoints) {
        d->cut = true;
        return;
    }
    detail->keypoint = (uint32_t)d->keypoint_count;
    detail->keypoint_count = (uint32_t)setup->keypoints;
    for (int k = 0; k < setup->keypoints; k++) {
        int at = yolo_extra(setup) + k * setup->keypoint_values;
        fov_keypoint p = {yolo_value(setup, data, anchor, at) * across,
                          yolo_value(setup, data, anchor, at + 1) * down, 1};
        if (setup->keypoint_values == 3)
            p.score = fminf(fmaxf(yolo_value(setup, data, anchor, at + 2), 0), 1);
        letterbox_undo(output->box, &p.x, &p.y);
        d->keypoints[d->keypoint_count++] = p;
    }
}

/* ---- turned boxes ---- */

/* The angle lies in 0..pi/2, as Ultralytics gives it: one description for each box. */
static void write_turned(const struct candidate *c, const struct head_output *output,
                         fov_detail *detail)
{
    const struct letterbox_place *place = &output->box->place;
    float width = (c->x2 - c->x1) * place->step_x, height = (c->y2 - c->y1) * place->step_y;
    float angle = c->angle - pi * floorf(c->angle / pi);
    bool swap = angle >= pi / 2;
    detail->rotated = true;
    detail->center_x = (c->x1 + c->x2) / 2;
    detail->center_y = (c->y1 + c->y2) / 2;
    letterbox_to_source(output->box, &detail->center_x, &detail->center_y);
    detail->width = swap ? height : width;
    detail->height = swap ? width : height;
    detail->angle = swap ? angle - pi / 2 : angle;
}

void yolo_refine(const struct head_setup *setup, const fov_tensor *out,
                 const struct candidate *kept, const struct head_output *output)
{
    const fov_detections *into = output->into;
    for (size_t i = 0; i < into->count && i < into->details->capacity; i++) {
        fov_detail *detail = &into->details->items[i];
        if (setup->task == FOV_TASK_SEGMENT)
            write_mask(setup, out, kept[i].anchor, &into->items[i], output, detail);
        else if (setup->task == FOV_TASK_POSE)
            write_keypoints(setup, out, kept[i].anchor, output, detail);
        else if (setup->task == FOV_TASK_ORIENTED)
            write_turned(&kept[i], output, detail);
    }
}
