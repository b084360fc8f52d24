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

enum { DYNLIB_FOLDERS = 6, DYNLIB_PATH = 512 };

/* Where a library may lie. */
struct dynlib_library {
    const char *title;        /* in messages, "OpenVINO" */
    const char *file;         /* "libopenvino_c.so"; versions may follow the name */
    const char *deps;         /* below the fetched parts, "openvino/lib" */
    const char *const *below; /* below a folder that the user names, ends with NULL */
    const char *further;      /* a folder beside the system's usual ones */
    const char *wheel; /* where Python's package of it has it, "openvino/libs"; may be NULL */
};

/* The folder that the caller or FOVEA_RUNTIME_DIR names; NULL: neither does. */
const char *dynlib_named(const char *runtime_dir);

/* Folders to look in, best first: below `named` and nowhere else, or with NULL the fetched parts,
 * what pip has put beside a Python package that this library is in, and the system's. Returns how
 * many. */
size_t dynlib_folders(const struct dynlib_library *library, const char *named,
                      char folders[DYNLIB_FOLDERS][DYNLIB_PATH]);

/* dynlib_open of the library at the first place where it loads; `opened` gets the path. Returns
 * FOV_ERUNTIME with where it was looked for. */
fov_status dynlib_find(const struct dynlib_library *library, const char *runtime_dir,
                       const struct dynlib_symbol *symbols, char *opened, size_t size,
                       fov_error *error);

/* Folder of the program or library that contains `address`, without trailing slash; "" if unknown.
 */
void dynlib_folder_of(const void *address, char *folder, size_t size);

/* Path of the project's fetched parts: $FOVEA_DEPS, else `.deps` beside or above the folder of this
 * library (build tree), else `<prefix>/share/fovea`. Returns 0 when none exists. */
int dynlib_deps_folder(char *folder, size_t size);

#endif
