#include "models.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "chosen_model.h"
#include "download.h"
#include "serve/model_files.h"

struct pull {
    struct registry registry;
    const struct registry_model *model;
    struct settings *settings;
    const char *accepted;
    bool json;
    char folder[PATH_MAX - 128];
    struct json_writer files; /* an array of what came */
};

static const char *licence_of(const struct registry_model *m)
{
    return m->licence[0] ? m->licence : "unknown";
}

static fov_status find(struct pull *p, const char *name, fov_error *error)
{
    const char *names[REGISTRY_MODELS], *near;
    int count = 0;
    p->model = registry_find(&p->registry, name);
    if (p->model)
        return FOV_OK;
    for (; count < p->registry.count; count++)
        names[count] = p->registry.models[count].name;
    near = text_nearest(name, names, (size_t)count);
    for (int i = 0; !near && i < count; i++) /* "nanodet" */
        near = strncmp(names[i], name, strlen(name)) == 0 ? names[i] : NULL;
    return fov_fail(error, FOV_ENOTFOUND,
                    "no model is called %.60s; %s%.64s%s`fovea models list` shows the names", name,
                    near ? "did you mean " : "", near ? near : "", near ? "? " : "");
}

/* What is asked of the user before anything is fetched. */
static fov_status check_terms(const struct pull *p, fov_error *error)
{
    const struct registry_model *m = p->model;
    const char *licence = licence_of(m), *offline = getenv("FOVEA_OFFLINE");
    if (!m->load_count)
        return fov_fail(error, FOV_EUNSUPPORTED, "%.64s is made by set-up: make build", m->name);
    if (!registry_is_permissive(m->licence) && (!p->accepted || strcmp(p->accepted, licence) != 0))
        return fov_fail(error, FOV_EDENIED,
                        "the licence of %.64s is %.40s: read it, and say --accept-licence '%.40s' "
                        "if you agree",
                        m->name, licence, licence);
    if (!p->folder[0])
        return fov_fail(error, FOV_EINVAL,
                        "no folder for models: set HOME, XDG_DATA_HOME or FOVEA_MODELS_DIR");
    if (offline && *offline && strcmp(offline, "0") != 0)
        return fov_fail(error, FOV_EDENIED,
                        "FOVEA_OFFLINE is set, so nothing is fetched; unset it, or copy %.64s into "
                        "%.80s",
                        m->load[0].file, p->folder);
    return FOV_OK;
}

static void show_terms(const struct pull *p)
{
    const struct registry_model *m = p->model;
    FILE *out = p->json ? stderr : stdout;
    fprintf(out, "%s\n", m->title);
    fprintf(out, "  %-8s %s\n", "from", m->origin[0] ? m->origin : m->load[0].url);
    fprintf(out, "  %-8s %s%s%s%s\n", "licence", licence_of(m), m->licence_url[0] ? " (" : "",
            m->licence_url, m->licence_url[0] ? ")" : "");
    if (m->note[0])
        fprintf(out, "  %-8s %s\n", "note", m->note);
    fprintf(out, "  %-8s %.1f MB, into %s\n", "size", (double)models_bytes(m) / 1e6, p->folder);
    fflush(out);
}

static fov_status fetch_file(struct pull *p, int i, fov_error *error)
{
    const struct registry_file *file = &p->model->load[i];
    struct download d = {.file = file, .folder = p->folder};
    if (!isatty(2))
        fprintf(stderr, "fetching %s (%.1f MB)\n", file->file, (double)file->bytes / 1e6);
    fov_status status = download_run(&d, error);
    if (status)
        return status;
    if (!p->json)
        printf("%s %s, its SHA-256 is right\n", d.path, d.was_here ? "is here already" : "is here");
    json_object_begin(&p->files);
    json_add_string(&p->files, "path", d.path);
    json_add_string(&p->files, "sha256", file->sha256);
    json_add_int(&p->files, "bytes", file->bytes);
    json_add_int(&p->files, "resumed_at", d.resumed);
    json_add_bool(&p->files, "fetched", !d.was_here);
    json_object_end(&p->files);
    return FOV_OK;
}

static void show_end(struct pull *p)
{
    const struct registry_model *m = p->model;
    struct json_writer w = {0};
    if (!p->json) {
        printf("\n  fovea predict PICTURE --model %s\n", m->name);
        return;
    }
    json_object_begin(&w);
    json_add_string(&w, "name", m->name);
    json_add_string(&w, "title", m->title);
    json_add_string(&w, "origin", m->origin);
    json_add_string(&w, "licence", licence_of(m));
    json_add_string(&w, "licence_url", m->licence_url[0] ? m->licence_url : NULL);
    json_name(&w, "files");
    json_put_raw(&w, p->files.text, p->files.size);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static fov_status pull(struct pull *p, const char *name, fov_error *error)
{
    fov_status status = registry_open(&p->registry, error);
    if (!status)
        status = chosen_settings(&p->settings, error);
    if (!status)
        status = find(p, name, error);
    if (status)
        return status;
    model_files_folder(p->settings, p->folder, sizeof p->folder);
    if (p->model->load_count)
        show_terms(p);
    status = check_terms(p, error);
    json_array_begin(&p->files);
    for (int i = 0; !status && i < p->model->load_count; i++)
        status = fetch_file(p, i, error);
    json_array_end(&p->files);
    return status;
}

int models_pull(const char *name, const char *accepted, bool json)
{
    struct pull p = {.accepted = accepted, .json = json};
    fov_error error = {0};
    fov_status status = pull(&p, name, &error);
    if (status)
        fprintf(stderr, "fovea models: %s\n", error.message);
    else
        show_end(&p);
    json_release(&p.files);
    settings_free(&p.settings);
    registry_close(&p.registry);
    return fov_status_exit(status);
}
