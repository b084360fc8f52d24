/* The Python program that converts models: where it is, what runs it, and what it says. */
#ifndef APPS_OPTIMIZE_TOOL_H
#define APPS_OPTIMIZE_TOOL_H

#include <stdbool.h>
#include <fovea/status.h>

struct optimize_tool {
    char script[1024]; /* scripts/optimize.py, or $FOVEA_OPTIMIZE_TOOL */
    char python[1024]; /* $FOVEA_OPTIMIZE_PYTHON, or that of .deps/optimize */
    bool progress;     /* a bar on standard error */
};

/* Finds script and Python. `users`: the Python that the user's own exporter is in
 * ($FOVEA_EXPORT_PYTHON, else python3) instead of the tools'; else the tools' environment is made
 * when it is missing and set-up is there. Returns FOV_ERUNTIME with what would mend it. */
fov_status optimize_tool_find(struct optimize_tool *tool, bool users, fov_error *error);

/* Runs `python script words...` (NULL-terminated, at most 20). Returns FOV_ERUNTIME when a tool is
 * missing, FOV_EMODEL when the work failed, each with the program's own sentence. */
fov_status optimize_tool_run(const struct optimize_tool *tool, const char *const *words,
                             fov_error *error);

#endif
