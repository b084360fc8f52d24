#include "models.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/dynlib.h"
#include "base/json.h"
#include "chosen_model.h"
#include "serve/model_files.h"

static bool has_size(const char *folder, const char *file, int64_t bytes)
{
    char path[PATH_MAX];
    struct stat about;
    int length = snprintf(path, sizeof path, "%s/%s", folder, file);
    return folder[0] && length < (int)sizeof path && stat(path, &about) == 0 &&
           S_ISREG(about.st_mode) && (bytes < 0 || about.st_size == bytes);
}

static bool all_in(const char *folder, const struct registry_model *m)
{
    for (int i = 0; i < m->load_count; i++)
        if (!has_size(folder, m->load[i].file, m->load[i].bytes))
            return false;
    return m->load_count > 0;
}

static bool is_made(const struct registry_model *m)
{
    char deps[PATH_MAX - 16], folder[PATH_MAX];
    if (!m->made_count || !dynlib_deps_folder(deps, sizeof deps))
        return false;
    snprintf(folder, sizeof folder, "%s/models", deps);
    for (int i = 0; i < m->made_count; i++)
        if (!has_size(folder, m->made[i], -1))
            return false;
    return true;
}

bool models_is_here(const struct settings *s, const struct registry_model *m)
{
    char folder[PATH_MAX];
    model_files_folder(s, folder, sizeof folder);
    return all_in(folder, m) || is_made(m);
}

int64_t models_bytes(const struct registry_model *m)
{
    int64_t bytes = 0;
    for (int i = 0; i < m->load_count; i++)
        bytes += m->load[i].bytes;
    return bytes;
}

static void write_entry(const struct registry_model *m, bool present)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "name", m->name);
    json_add_string(&w, "title", m->title);
    json_add_string(&w, "task", m->task[0] ? m->task : NULL);
    json_add_string(&w, "licence", m->licence[0] ? m->licence : "unknown");
    json_add_string(&w, "licence_url", m->licence_url[0] ? m->licence_url : NULL);
    json_add_bool(&w, "permissive", registry_is_permissive(m->licence));
    json_add_string(&w, "origin", m->origin);
    json_add_string(&w, "head", m->head);
    json_add_string(&w, "input", m->input[0] ? m->input : NULL);
    json_add_string(&w, "note", m->note[0] ? m->note : NULL);
    json_add_int(&w, "bytes", models_bytes(m));
    json_add_bool(&w, "default", m->is_default);
    json_add_bool(&w, "present", present);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static void print_entry(const struct registry_model *m, bool present)
{
    char size[24] = "-", licence[40];
    const char *here = present ? "yes" : m->load_count ? "no" : "no: `make build` makes it";
    if (m->load_count)
        snprintf(size, sizeof size, "%.1f MB", (double)models_bytes(m) / 1e6);
    snprintf(licence, sizeof licence, "%.30s%s", m->licence[0] ? m->licence : "unknown",
             registry_is_permissive(m->licence) ? "" : " !");
    printf("%-26s %-10s %-16s %9s  %s\n", m->name, m->task[0] ? m->task : "-", licence, size, here);
}

static void print_foot(const struct registry *r)
{
    bool ask = false;
    for (int i = 0; i < r->count; i++) {
        ask |= !registry_is_permissive(r->models[i].licence);
        if (r->models[i].is_default)
            printf("\nThe default is %s. ", r->models[i].name);
    }
    printf("`fovea models pull NAME` fetches one; --json tells origins and notes.\n");
    if (ask)
        printf(
            "! Read this licence first; `--accept-licence LICENCE` says that you agree to it.\n");
}

int models_list(bool json)
{
    struct registry registry;
    struct settings *settings = NULL;
    fov_error error = {0};
    fov_status status = registry_open(&registry, &error);
    if (!status)
        status = chosen_settings(&settings, &error);
    if (status) {
        fprintf(stderr, "fovea models: %s\n", error.message);
        registry_close(&registry);
        return fov_status_exit(status);
    }
    if (!json)
        printf("%-26s %-10s %-16s %9s  %s\n", "NAME", "TASK", "LICENCE", "SIZE", "HERE");
    for (int i = 0; i < registry.count; i++)
        (json ? write_entry : print_entry)(&registry.models[i],
                                           models_is_here(settings, &registry.models[i]));
    if (!json)
        print_foot(&registry);
    settings_free(&settings);
    registry_close(&registry);
    return 0;
}

/* Made by set-up: its path ends with .deps' /models/ and the entry's file. */
static bool is_path_of(const struct registry_model *m, const char *path)
{
    char deps[PATH_MAX - 16], made[PATH_MAX + 512];
    if (!m->made_count || !dynlib_deps_folder(deps, sizeof deps))
        return false;
    for (int i = 0; i < m->made_count; i++) {
        snprintf(made, sizeof made, "%s/models/%s", deps, m->made[i]);
        if (strcmp(made, path) == 0)
            return true;
    }
    return false;
}

bool models_licence(const char *path, char *text, size_t size)
{
    struct registry registry;
    if (registry_open(&registry, NULL) != FOV_OK)
        return false;
    const struct registry_model *m = registry_find_file(&registry, path);
    for (int i = 0; !m && i < registry.count; i++)
        if (is_path_of(&registry.models[i], path))
            m = &registry.models[i];
    bool found = m && m->licence[0], renamed = found && !strstr(path, m->name);
    if (found)
        snprintf(text, size, renamed ? "%s (it is the registry's %s)" : "%s", m->licence, m->name);
    registry_close(&registry);
    return found;
}
