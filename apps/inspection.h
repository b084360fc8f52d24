/* `fovea models inspect`: what a file is and how it is read, for people and as JSON. */
#ifndef APPS_INSPECTION_H
#define APPS_INSPECTION_H

#include "chosen_model.h"

/* Looks into the file and, unless `no_run`, opens it with a runtime. `licence`: of a registered
 * model by its id, NULL for others. Prints; returns the exit code: 0, 3 when the file or the model
 * cannot be used (what was found is printed all the same), 2 for a wrong option. */
int inspection_print(struct chosen_model *chosen, bool no_run, bool json,
                     bool (*licence_of)(const char *id, char *text, size_t size));

#endif
