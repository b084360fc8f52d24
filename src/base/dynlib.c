#include "base/dynlib.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

static const char *resolve(void *handle, const struct dynlib_symbol *symbols)
{
    for (const struct dynlib_symbol *s = symbols; s->name; s++) {
        *s->address = dlsym(handle, s->name);
        if (!*s->address && !s->optional)
            return s->name;
    }
    return NULL;
}

static void forget(const struct dynlib_symbol *symbols)
{
    for (const struct dynlib_symbol *s = symbols; s->name; s++)
        *s->address = NULL;
}

fov_status dynlib_open(const char *const *paths, const struct dynlib_symbol *symbols,
                       const char **opened, fov_error *error)
{
    fov_fail(error, FOV_ERUNTIME, "no library to open");
    for (; *paths; paths++) {
        void *handle = dlopen(*paths, RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            fov_fail(error, FOV_ERUNTIME, "%s", dlerror());
            continue;
        }
        const char *missing = resolve(handle, symbols);
        if (!missing) {
            if (opened)
                *opened = *paths;
            return FOV_OK;
        }
        fov_fail(error, FOV_ERUNTIME, "%s has no %s: not the expected version", *paths, missing);
        forget(symbols);
    }
    return FOV_ERUNTIME;
}

void dynlib_folder_of(const void *address, char *folder, size_t size)
{
    Dl_info info;
    struct link_map *map = NULL;
    char resolved[PATH_MAX];
    folder[0] = '\0';
    if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) || !info.dli_fname)
        return;
    /* Of the program itself only argv[0] is told, which names no place when PATH found it. */
    bool program = map && map->l_name[0] == '\0';
    if (!realpath(program ? "/proc/self/exe" : info.dli_fname, resolved))
        return;
    char *slash = strrchr(resolved, '/');
    if (!slash)
        return;
    *slash = '\0';
    text_copy(folder, size, resolved);
}

static int is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int dynlib_deps_folder(char *folder, size_t size)
{
    static const char *const places[] = {"/.deps",          "/../.deps",
                                         "/../../.deps",    "/../../../.deps",
                                         "/../share/fovea", "/../../share/fovea"};
    const char *named = getenv("FOVEA_DEPS");
    if (named && is_folder(named)) {
        text_copy(folder, size, named);
        return 1;
    }
    char here[PATH_MAX], path[PATH_MAX + 32], resolved[PATH_MAX];
    dynlib_folder_of((const void *)(size_t)&dynlib_deps_folder, here, sizeof here);
    for (size_t i = 0; here[0] && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s", here, places[i]);
        if (is_folder(path) && realpath(path, resolved)) {
            text_copy(folder, size, resolved);
            return 1;
        }
    }
    return 0;
}

const char *dynlib_named(const char *runtime_dir)
{
    const char *named = runtime_dir ? runtime_dir : getenv("FOVEA_RUNTIME_DIR");
    return named && *named ? named : NULL;
}

/* Of a wheel, this library lies in SITE/fovea/lib, and packages of runtimes in SITE. */
static bool beside_wheel(const char *wheel, char *folder, size_t size)
{
    char here[PATH_MAX];
    dynlib_folder_of((const void *)(size_t)&dynlib_folders, here, sizeof here);
    int length = wheel && here[0] ? snprintf(folder, size, "%s/../../%s", here, wheel) : 0;
    return length > 0 && (size_t)length < size && is_folder(folder);
}

size_t dynlib_folders(const struct dynlib_library *library, const char *named,
                      char folders[DYNLIB_FOLDERS][DYNLIB_PATH])
{
    const char *const usual[] = {"/usr/local/lib", "/usr/lib/x86_64-linux-gnu",
                                 "/usr/lib/aarch64-linux-gnu", library->further};
    char deps[DYNLIB_PATH - 32];
    size_t count = 0;
    if (named) {
        for (const char *const *below = library->below; *below && count < DYNLIB_FOLDERS; below++)
            snprintf(folders[count++], DYNLIB_PATH, "%s%s", named, *below);
        return count;
    }
    if (dynlib_deps_folder(deps, sizeof deps))
        snprintf(folders[count++], DYNLIB_PATH, "%s/%s", deps, library->deps);
    count += beside_wheel(library->wheel, folders[count], DYNLIB_PATH);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        text_copy(folders[count++], DYNLIB_PATH, usual[i]);
    return count;
}

enum { PATHS = 8 };

/* Adds the paths of what is named so in `folder`, whatever the version. */
static size_t find_in(const char *folder, const char *file, char paths[][DYNLIB_PATH], size_t count)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && count < PATHS && (e = readdir(dir));)
        if (!strncmp(e->d_name, file, strlen(file))) {
            int n = snprintf(paths[count], DYNLIB_PATH, "%s/%s", folder, e->d_name);
            count += n > 0 && n < DYNLIB_PATH;
        }
    if (dir)
        closedir(dir);
    return count;
}

fov_status dynlib_find(const struct dynlib_library *library, const char *runtime_dir,
                       const struct dynlib_symbol *symbols, char *opened, size_t size,
                       fov_error *error)
{
    char folders[DYNLIB_FOLDERS][DYNLIB_PATH], found[PATHS][DYNLIB_PATH];
    const char *paths[PATHS + 2] = {NULL}, *first = NULL, *named = dynlib_named(runtime_dir);
    size_t folder_count = dynlib_folders(library, named, folders), count = 0;
    for (size_t i = 0; i < folder_count; i++)
        count = find_in(folders[i], library->file, found, count);
    for (size_t i = 0; i < count; i++)
        paths[i] = found[i];
    if (!count && named)
        return fov_fail(error, FOV_ERUNTIME,
                        "%s is not in %.120s (no %s*): name its folder with FOVEA_RUNTIME_DIR",
                        library->title, named, library->file);
    if (!named)
        paths[count] = library->file; /* where the system's loader looks */
    fov_error reason;
    if (dynlib_open(paths, symbols, &first, &reason) != FOV_OK)
        return fov_fail(error, FOV_ERUNTIME,
                        "%s cannot be opened (%.110s): run `make build`, or name its folder with "
                        "FOVEA_RUNTIME_DIR",
                        library->title, reason.message);
    text_copy(opened, size, first);
    return FOV_OK;
}
