/* What the parts of `fovea optimize` share. */
#ifndef APPS_OPTIMIZE_H
#define APPS_OPTIMIZE_H

#include <limits.h>

#include <fovea/fovea.h>

#include "agreement.h"
#include "chosen_model.h"

#define OPTIMIZE_WORST "fovea-out/optimize" /* the pictures that agree least */
#define OPTIMIZE_BESIDE ".fovea-optimize-"  /* how the folder beside the result begins */

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
    const char *source;       /* the model that is converted: `model`, or what was exported of it */
    char work[PATH_MAX - 64]; /* folder of this run: tensors, exported files; "": not made */
    char beside[PATH_MAX];    /* another, in the folder of the result; "": not made */
    char part[PATH_MAX + 264]; /* in it: the result before it is accepted */
    char exported[PATH_MAX];
    char named[2][PATH_MAX]; /* model and output where their names look like options */
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

/* True when the result, or its weights, would take the place of the original's file, whatever name
 * leads there. Needs model, output and target. */
bool optimize_replaces_original(const struct optimize *o);

/* Makes the folders of this run and names `part`. Returns FOV_EIO when the result could not be
 * written where it is to go. */
fov_status optimize_places_make(struct optimize *o, fov_error *error);

/* Removes the folders of this run and what is in them. */
void optimize_places_remove(const struct optimize *o);

/* Renames `part`, and OpenVINO's weights, to `output`. False with errno when that failed; what was
 * there before then stands as it did. */
bool optimize_put(struct optimize *o);

#endif
