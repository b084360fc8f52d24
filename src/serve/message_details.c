/* What models of other tasks than boxes add to answers. */
#include "serve/message.h"

enum { CLASSES = 5 }; /* of a classifier */

/* ---- masks ---- */

/* COCO's compressed run lengths: each as its difference to the one before the last (from the third
 * on), in groups of five bits, lowest first, with a sixth bit for "more follows", as characters
 * from '0' on. Source: pycocotools' format. */
static size_t put_length(char *text, int64_t value)
{
    size_t size = 0;
    for (bool more = true; more; size++) {
        int bits = (int)(value & 31);
        value >>= 5; /* keeps the sign */
        more = bits & 16 ? value != -1 : value != 0;
        text[size] = (char)('0' + (bits | (more ? 32 : 0)));
    }
    return size;
}

static void put_runs(struct json_writer *w, const uint32_t *runs, size_t count)
{
    enum { LONGEST = 8 }; /* characters of a length */
    char text[512];
    size_t size = 0;
    json_text_begin(w);
    for (size_t i = 0; i < count; i++) {
        size += put_length(text + size, i > 2 ? (int64_t)runs[i] - runs[i - 2] : runs[i]);
        if (size > sizeof text - LONGEST) {
            json_text_add(w, text, size);
            size = 0;
        }
    }
    json_text_add(w, text, size);
    json_text_end(w);
}

static void put_point(struct json_writer *w, float x, float y)
{
    json_array_begin(w);
    json_put_number(w, (double)x, 1);
    json_put_number(w, (double)y, 1);
    json_array_end(w);
}

static void put_mask(struct json_writer *w, const fov_details *d, const fov_detail *detail,
                     int width, int height)
{
    json_name(w, "mask");
    json_object_begin(w);
    json_name(w, "size");
    json_array_begin(w);
    json_put_int(w, height);
    json_put_int(w, width);
    json_array_end(w);
    json_name(w, "counts");
    put_runs(w, d->runs + detail->run, detail->run_count);
    json_name(w, "polygon");
    json_array_begin(w);
    for (uint32_t i = 0; i < detail->point_count; i++)
        put_point(w, d->points[detail->point + i].x, d->points[detail->point + i].y);
    json_array_end(w);
    json_object_end(w);
}

/* ---- keypoints and turned boxes ---- */

static void put_keypoints(struct json_writer *w, const fov_keypoint *points, size_t count)
{
    json_name(w, "keypoints");
    json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        json_array_begin(w);
        json_put_number(w, (double)points[i].x, 2);
        json_put_number(w, (double)points[i].y, 2);
        json_put_number(w, (double)points[i].score, 4);
        json_array_end(w);
    }
    json_array_end(w);
}

static void put_turned(struct json_writer *w, const fov_detail *detail)
{
    fov_point corners[4];
    fov_detail_corners(detail, corners);
    json_add_number(w, "angle", (double)detail->angle, 5);
    json_name(w, "corners");
    json_array_begin(w);
    for (int i = 0; i < 4; i++)
        put_point(w, corners[i].x, corners[i].y);
    json_array_end(w);
}

void message_detail(struct json_writer *w, const fov_details *details, size_t i, int width,
                    int height)
{
    if (!details || i >= details->capacity)
        return;
    const fov_detail *detail = &details->items[i];
    if (detail->run_count > 0)
        put_mask(w, details, detail, width, height);
    if (detail->keypoint_count > 0)
        put_keypoints(w, details->keypoints + detail->keypoint, detail->keypoint_count);
    if (detail->rotated)
        put_turned(w, detail);
}

/* ---- the picture as a whole ---- */

void message_task(struct json_writer *w, const fov_detections *detections, const fov_model *model)
{
    const fov_details *d = detections ? detections->details : NULL;
    fov_task task = fov_model_get_info(model)->task;
    json_add_string(w, "task", fov_task_name(task));
    if (task != FOV_TASK_CLASSIFY)
        return;
    json_name(w, "classes");
    json_array_begin(w);
    for (int i = 0; d && i < d->class_count && i < CLASSES; i++) {
        json_object_begin(w);
        json_add_string(w, "class", fov_model_label(model, d->classes[i].class_id));
        json_add_int(w, "class_id", d->classes[i].class_id);
        json_add_number(w, "confidence", (double)d->classes[i].score, 4);
        json_object_end(w);
    }
    json_array_end(w);
}

void message_embedding(struct json_writer *w, const fov_detections *detections)
{
    const fov_details *d = detections->details;
    if (!d || !d->embedding_count)
        return;
    json_name(w, "embedding");
    json_array_begin(w);
    for (size_t i = 0; i < d->embedding_count; i++)
        json_put_number(w, (double)d->embedding[i], 6);
    json_array_end(w);
}
