#include "base/dynlib.h"

#include <dlfcn.h>
#include <limits.h>
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
    char resolved[PATH_MAX];
    folder[0] = '\0';
    if (!dladdr(address, &info) || !info.dli_fname || !realpath(info.dli_fname, resolved))
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
