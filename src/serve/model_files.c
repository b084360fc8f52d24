#include "serve/model_files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fovea/model.h>

#include "base/dynlib.h"
#include "base/text.h"
#include "serve/registry.h"

static bool is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* `before` + NAME, with the endings that a model's file has. */
static bool find_from(const char *before, const char *name, char *path, size_t size)
{
    static const char *const forms[] = {"", "/model.xml", ".xml", ".onnx", ".tflite"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        int length = snprintf(path, size, "%s%s%s", before, name, forms[i]);
        if (length > 0 && (size_t)length < size && is_file(path))
            return true;
    }
    return false;
}

bool model_files_in(const char *folder, const char *name, char *path, size_t size)
{
    char before[PATH_MAX];
    if (!folder || !folder[0] || !name[0] || strstr(name, "..") ||
        snprintf(before, sizeof before, "%s/", folder) >= (int)sizeof before)
        return false;
    return find_from(before, name, path, size);
}

bool model_files_strip(char *name)
{
    static const char *const endings[] = {".xml", ".onnx", ".tflite"};
    char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot > name && i < sizeof endings / sizeof *endings; i++)
        if (strcmp(dot, endings[i]) == 0) {
            *dot = '\0';
            return true;
        }
    return false;
}

bool model_files_name(const char *folder, const char *file, char *name, size_t size)
{
    char path[PATH_MAX], inside[PATH_MAX];
    text_copy(name, size, file);
    if (file[0] == '.' || !model_files_in(folder, file, path, sizeof path))
        return false;
    int length = snprintf(inside, sizeof inside, "%s/%s/model.xml", folder, file);
    if (length > 0 && (size_t)length < sizeof inside && strcmp(path, inside) == 0)
        return true;
    return model_files_strip(name) && model_files_in(folder, name, inside, sizeof inside) &&
           strcmp(path, inside) == 0;
}

static void user_folder(char *folder, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length = 0;
    folder[0] = '\0';
    if (data && data[0] == '/')
        length = snprintf(folder, size, "%s/fovea/models", data);
    else if (home && home[0] == '/')
        length = snprintf(folder, size, "%s/.local/share/fovea/models", home);
    if ((size_t)length >= size)
        folder[0] = '\0';
}

void model_files_folder(const struct settings *s, char *folder, size_t size)
{
    if (s->models.dir && s->models.dir[0])
        text_copy(folder, size, s->models.dir);
    else
        user_folder(folder, size);
}

static bool in_folders(const struct settings *s, const char *name, char *path, size_t size)
{
    char folder[PATH_MAX - 16], fetched[PATH_MAX];
    if (model_files_in(s->models.dir, name, path, size))
        return true;
    user_folder(folder, sizeof folder);
    if (model_files_in(folder, name, path, size))
        return true;
    if (!dynlib_deps_folder(folder, sizeof folder))
        return false;
    snprintf(fetched, sizeof fetched, "%s/models", folder);
    return model_files_in(fetched, name, path, size);
}

fov_status model_files_find(const struct settings *s, const char *name, enum model_name whose,
                            char *path, size_t size, fov_error *error)
{
    text_copy(path, size, name);
    if (whose == MODEL_OF_USER && (fov_model_is_address(name) || find_from("", name, path, size)))
        return FOV_OK;
    if (in_folders(s, name, path, size))
        return FOV_OK;
    text_copy(path, size, name);
    if (whose == MODEL_OF_USER && is_folder(name)) /* refused with what is inside */
        return FOV_OK;
    if (registry_offers(name))
        return fov_fail(error, FOV_ENOTFOUND,
                        "model %.80s is not on this machine; `fovea models pull %.80s` fetches it",
                        name, name);
    return fov_fail(error, FOV_ENOTFOUND,
                    "model %.80s: no such file or name; `make build` fetches the default one, "
                    "`fovea models list` shows the names, --model FILE takes another",
                    name);
}

static void each_in(const struct settings *s, const char *folder,
                    void (*told)(void *user, const char *name, const char *path), void *user)
{
    char name[256], path[PATH_MAX];
    DIR *dir = folder && folder[0] ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (model_files_name(folder, entry->d_name, name, sizeof name) &&
            in_folders(s, name, path, sizeof path))
            told(user, name, path);
    if (dir)
        closedir(dir);
}

void model_files_each(const struct settings *s,
                      void (*told)(void *user, const char *name, const char *path), void *user)
{
    char folder[PATH_MAX - 16], fetched[PATH_MAX];
    each_in(s, s->models.dir, told, user);
    user_folder(folder, sizeof folder);
    each_in(s, folder, told, user);
    if (!dynlib_deps_folder(folder, sizeof folder))
        return;
    snprintf(fetched, sizeof fetched, "%s/models", folder);
    each_in(s, fetched, told, user);
}
