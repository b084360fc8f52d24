/* Whether two models see the same: boxes of both on the same pictures, matched. */
#ifndef APPS_AGREEMENT_H
#define APPS_AGREEMENT_H

#include <fovea/fovea.h>

enum { AGREEMENT_BOXES = 300, AGREEMENT_PICTURES = 1000 };

/* A box has a partner when the other model found one of the same class that overlaps by this. */
#define AGREEMENT_OVERLAP 0.5f

struct agreement {
    int pictures;
    long original, optimised, matched; /* boxes */
    double overlap;                    /* sum over the matched */
    double original_ms, optimised_ms;  /* sums of inference */
    float of_picture[AGREEMENT_PICTURES];
};

/* Counts one picture. Boxes without a partner in either list lower the picture's agreement. */
void agreement_add(struct agreement *a, const fov_detections *original,
                   const fov_detections *optimised);

/* Share of the original's boxes that were found again, and of the found that the original has. */
double agreement_recall(const struct agreement *a);
double agreement_precision(const struct agreement *a);

/* Twice the matched over all boxes of both: 1 when they see the same. -1: neither saw anything. */
double agreement_share(const struct agreement *a);

/* Mean overlap of the matched boxes, 0 when there are none. */
double agreement_overlap(const struct agreement *a);

/* The picture's copies beside each other, each with its model's boxes, as `path` (JPEG). */
fov_status agreement_save(const fov_image *image, const fov_detections *original,
                          const fov_detections *optimised, const fov_model *model, const char *path,
                          fov_error *error);

#endif
