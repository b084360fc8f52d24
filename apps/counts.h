/* What is in a picture, in words on standard output. */
#ifndef APPS_COUNTS_H
#define APPS_COUNTS_H

#include <fovea/fovea.h>

void counts_print(const fov_model *model, const fov_detections *detections); /* "2 person, 1 dog" */
void counts_print_classes(const fov_model *model, const fov_details *details); /* the best three */
void counts_print_embedding(const fov_details *details);

#endif
