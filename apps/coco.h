/* COCO: annotations, detections, and mean average precision as pycocotools computes it. */
#ifndef APPS_COCO_H
#define APPS_COCO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fovea/status.h>

struct coco_image {
    int64_t id;
    char *file_name;
};

struct coco_category {
    int64_t id;
    char *name;
};

/* Ground truth or detection: x, y, width, height in px of the picture. */
struct coco_box {
    int image, category; /* indices into the sorted images and categories */
    double x, y, w, h;
    double area;  /* ground truth: of the annotation's mask; detection: w * h */
    double score; /* detection */
    bool crowd;   /* ground truth: a group; matching it counts neither way */
};

struct coco_boxes {
    struct coco_box *items;
    size_t count, capacity;
};

struct coco {
    struct coco_image *images;        /* by id */
    struct coco_category *categories; /* by id */
    size_t image_count, category_count;
    struct coco_boxes truth;
};

/* Reads an annotation file (at most 1 GiB). Returns FOV_ENOTFOUND, FOV_EFORMAT, FOV_ENOMEM. */
fov_status coco_read(struct coco *coco, const char *path, fov_error *error);
void coco_release(struct coco *coco);

/* Reads detections: [{"image_id","category_id","bbox":[x,y,w,h],"score"}...]; those of unknown
 * images are an error, of unknown categories left out, as pycocotools does. */
fov_status coco_read_detections(const struct coco *coco, struct coco_boxes *boxes, const char *path,
                                fov_error *error);

/* False without memory. */
bool coco_add(struct coco_boxes *boxes, const struct coco_box *box);
void coco_release_boxes(struct coco_boxes *boxes);

/* Index of a category by name, -1 when there is none. */
int coco_category_named(const struct coco *coco, const char *name);

/* The twelve figures of pycocotools, in its order; -1 where there is nothing to measure. */
enum { COCO_FIGURES = 12 };
extern const char *const coco_figure_names[COCO_FIGURES];

/* Sorts both lists. Returns FOV_ENOMEM. */
fov_status coco_evaluate(struct coco *coco, struct coco_boxes *detections,
                         double figures[COCO_FIGURES]);

#endif
