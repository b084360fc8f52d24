/* What the parts of `fovea optimize` share. */
#ifndef APPS_OPTIMIZE_H
#define APPS_OPTIMIZE_H

#include <fovea/fovea.h>

#include "agreement.h"
#include "chosen_model.h"

#define OPTIMIZE_WORST "fovea-out/optimize" /* the pictures that agree least */

struct target {
    const char *name, *suffix; /* NULL: a folder */
    const char *precisions;
};

/* One of the two models. */
struct side {
    fov_model *model;
    fov_runner *runner;
    fov_detection items[AGREEMENT_BOXES];
    fov_detections found;
};

struct optimize {
    struct chosen_model chosen;
    const char *model, *target_name, *precision, *calibration, *pictures, *output;
    double least;
    bool json;

    const struct target *target;
    const char *source; /* the model that is converted: `model`, or what was exported of it */
    char work[64];      /* folder of this run: tensors, exported files */
    char part[1024];    /* the result before it is accepted */
    struct side original, optimised;
    struct agreement agreement;
    int tensors; /* written for calibration */
    double convert_ms;
    char note[200]; /* what the user needs to know beside the figures */
};

/* Prints the figures, as a table or as JSON. `before`, `after`: megabytes. */
void optimize_report(const struct optimize *o, bool accepted, double before, double after);

/* Size of a model's file, of OpenVINO's two files together. */
double optimize_megabytes(const char *path);

#endif
