/* COCO files. */
#include "coco.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { JSON_MAX = 1 << 30 };

bool coco_add(struct coco_boxes *boxes, const struct coco_box *box)
{
    if (boxes->count == boxes->capacity) {
        size_t capacity = boxes->capacity ? 2 * boxes->capacity : 1024;
        struct coco_box *items = realloc(boxes->items, capacity * sizeof *items);
        if (!items)
            return false;
        boxes->items = items;
        boxes->capacity = capacity;
    }
    boxes->items[boxes->count++] = *box;
    return true;
}

void coco_release_boxes(struct coco_boxes *boxes)
{
    free(boxes->items);
    *boxes = (struct coco_boxes){0};
}

void coco_release(struct coco *coco)
{
    for (size_t i = 0; i < coco->image_count; i++)
        free(coco->images[i].file_name);
    for (size_t i = 0; i < coco->category_count; i++)
        free(coco->categories[i].name);
    free(coco->images);
    free(coco->categories);
    coco_release_boxes(&coco->truth);
    *coco = (struct coco){0};
}

static int by_image_id(const void *a, const void *b)
{
    int64_t x = ((const struct coco_image *)a)->id, y = ((const struct coco_image *)b)->id;
    return (x > y) - (x < y);
}

static int by_category_id(const void *a, const void *b)
{
    int64_t x = ((const struct coco_category *)a)->id, y = ((const struct coco_category *)b)->id;
    return (x > y) - (x < y);
}

static int image_index(const struct coco *coco, int64_t id)
{
    struct coco_image key = {.id = id};
    const struct coco_image *found = bsearch(&key, coco->images, coco->image_count, sizeof key,
                                             by_image_id);
    return found ? (int)(found - coco->images) : -1;
}

static int category_index(const struct coco *coco, int64_t id)
{
    struct coco_category key = {.id = id};
    const struct coco_category *found = bsearch(&key, coco->categories, coco->category_count,
                                                sizeof key, by_category_id);
    return found ? (int)(found - coco->categories) : -1;
}

int coco_category_named(const struct coco *coco, const char *name)
{
    for (size_t i = 0; i < coco->category_count; i++)
        if (!strcmp(coco->categories[i].name, name))
            return (int)i;
    return -1;
}

static fov_status read_json(const char *path, json_value **root, fov_error *error)
{
    char *text;
    size_t size;
    fov_status status = file_read(path, JSON_MAX, &text, &size, error);
    fov_error why = {0};
    if (!status && !(*root = json_parse_own(text, size, &why)))
        status = fov_fail(error, FOV_EFORMAT, "%s: %s", path, why.message);
    free(text);
    return status;
}

/* "images" and "categories"; both sorted by id. */
static bool read_names(struct coco *coco, const json_value *images, const json_value *categories)
{
    coco->images = calloc(json_count(images) + 1, sizeof *coco->images);
    coco->categories = calloc(json_count(categories) + 1, sizeof *coco->categories);
    const char *text;
    if (!coco->images || !coco->categories)
        return false;
    for (const json_value *item = json_at(images, 0); item; item = json_next(item)) {
        struct coco_image *image = &coco->images[coco->image_count++];
        if (!json_get_int(item, "id", &image->id) || !json_get_string(item, "file_name", &text) ||
            !(image->file_name = strdup(text)))
            return false;
    }
    for (const json_value *item = json_at(categories, 0); item; item = json_next(item)) {
        struct coco_category *category = &coco->categories[coco->category_count++];
        if (!json_get_int(item, "id", &category->id) || !json_get_string(item, "name", &text) ||
            !(category->name = strdup(text)))
            return false;
    }
    qsort(coco->images, coco->image_count, sizeof *coco->images, by_image_id);
    qsort(coco->categories, coco->category_count, sizeof *coco->categories, by_category_id);
    return coco->image_count > 0 && coco->category_count > 0;
}

/* True when it is a box; image and category are -1 where unknown. */
static bool read_box(const struct coco *coco, const json_value *item, struct coco_box *box)
{
    int64_t image, category, crowd = 0;
    double xywh[4];
    const json_value *bbox = json_get(item, "bbox");
    if (!json_get_int(item, "image_id", &image) || !json_get_int(item, "category_id", &category) ||
        json_count(bbox) != 4)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!json_number(json_at(bbox, i), &xywh[i]))
            return false;
    json_get_int(item, "iscrowd", &crowd);
    *box = (struct coco_box){.image = image_index(coco, image),
                             .category = category_index(coco, category),
                             .x = xywh[0],
                             .y = xywh[1],
                             .w = xywh[2],
                             .h = xywh[3],
                             .area = xywh[2] * xywh[3],
                             .crowd = crowd != 0};
    return true;
}

static bool read_truth(struct coco *coco, const json_value *annotations)
{
    for (const json_value *item = json_at(annotations, 0); item; item = json_next(item)) {
        struct coco_box box;
        if (!read_box(coco, item, &box))
            return false;
        json_get_number(item, "area", &box.area);
        if (box.image >= 0 && box.category >= 0 && !coco_add(&coco->truth, &box))
            return false;
    }
    return true;
}

fov_status coco_read(struct coco *coco, const char *path, fov_error *error)
{
    json_value *root = NULL;
    *coco = (struct coco){0};
    fov_status status = read_json(path, &root, error);
    if (!status && (!read_names(coco, json_get(root, "images"), json_get(root, "categories")) ||
                    !read_truth(coco, json_get(root, "annotations"))))
        status = fov_fail(error, FOV_EFORMAT,
                          "%s: no COCO annotations (images, categories, annotations with bbox)",
                          path);
    json_free(&root);
    if (status)
        coco_release(coco);
    return status;
}

fov_status coco_read_detections(const struct coco *coco, struct coco_boxes *boxes, const char *path,
                                fov_error *error)
{
    json_value *root = NULL;
    fov_status status = read_json(path, &root, error);
    size_t number = 0;
    for (const json_value *item = json_at(root, 0); item && !status; item = json_next(item)) {
        struct coco_box box;
        number++;
        if (!read_box(coco, item, &box) || box.image < 0 ||
            !json_get_number(item, "score", &box.score))
            status = fov_fail(error, FOV_EFORMAT, "%s: entry %zu is no detection of these pictures",
                              path, number);
        else if (box.category >= 0 && !coco_add(boxes, &box))
            status = fov_fail(error, FOV_ENOMEM, "no memory for detections");
    }
    json_free(&root);
    return status;
}
