/* Libraries opened at run time. Never closed: their threads may still run. */
#ifndef BASE_DYNLIB_H
#define BASE_DYNLIB_H

#include <fovea/status.h>

struct dynlib_symbol {
    const char *name;
    void **address; /* set by dynlib_open */
    int optional;   /* missing is fine: *address = NULL */
};

/* Opens the first of `paths` (NULL-terminated; a bare name goes through the system's search) that
 * loads and has all symbols (list ends with name NULL). `handle` may be NULL. On failure the reason
 * names the last error and nothing stays set. Returns FOV_ERUNTIME. Thread-safety: callers
 * serialise one table. */
fov_status dynlib_open(const char *const *paths, const struct dynlib_symbol *symbols,
                       const char **opened, fov_error *error);

/* Folder of the program or library that contains `address`, without trailing slash; "" if unknown.
 */
void dynlib_folder_of(const void *address, char *folder, size_t size);

/* Path of the project's fetched parts: $FOVEA_DEPS, else `.deps` beside or above the folder of this
 * library (build tree), else `<prefix>/share/fovea`. Returns 0 when none exists. */
int dynlib_deps_folder(char *folder, size_t size);

#endif
