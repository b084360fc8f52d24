/* fovea doctor: what is there, what is missing, what mends it. Exit code 0 when frames can be
 * analysed. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fovea/device.h>
#include <fovea/fovea.h>
#include "base/dynlib.h"
#include "base/json.h"
#include "commands.h"
#include "options.h"

struct finding {
    const char *subject;
    bool ok, essential;
    char text[400], mend[200];
};

enum { FINDINGS_MAX = 24 };

struct report {
    struct finding items[FINDINGS_MAX];
    int count;
};

static struct finding *add(struct report *r, const char *subject, bool essential)
{
    static struct finding spare;
    struct finding *f = r->count < FINDINGS_MAX ? &r->items[r->count++] : &spare;
    *f = (struct finding){.subject = subject, .essential = essential};
    return f;
}

/* Models on other machines are a way out, not what this machine needs. */
static bool is_remote(const fov_device_info *info, int i)
{
    return !strcmp(info->runtimes[i].name, "remote");
}

static void check_runtimes(struct report *r, const fov_device_info *info)
{
    int local = 0;
    for (int i = 0; i < info->runtime_count; i++)
        local += !is_remote(info, i);
    for (int i = 0; i < info->runtime_count; i++) {
        const fov_backend_probe *p = &info->runtimes[i].probe;
        bool remote = is_remote(info, i);
        struct finding *f = add(r, info->runtimes[i].name, local == 1 && !remote);
        f->ok = p->available;
        if (p->available)
            snprintf(f->text, sizeof f->text, "%s, %s", p->version, p->library);
        else
            snprintf(f->text, sizeof f->text, "%s", p->reason);
        if (!p->available)
            snprintf(f->mend, sizeof f->mend, "%s",
                     remote ? "apt install libcurl4   (for models on other machines)"
                            : "make build   (fetches the runtime into .deps)");
    }
}

static void check_model(struct report *r, const char *path)
{
    struct finding *f = add(r, "model", true);
    char deps[PATH_MAX - 64], standard[PATH_MAX];
    if (!path) {
        if (!dynlib_deps_folder(deps, sizeof deps)) {
            snprintf(f->text, sizeof f->text, "no .deps folder with the default model");
            snprintf(f->mend, sizeof f->mend, "make build   (fetches it), or name one: --model F");
            return;
        }
        snprintf(standard, sizeof standard, "%s/models/ssd_mobilenet_v2/model.xml", deps);
        path = standard;
    }
    fov_model *model = NULL;
    fov_error error = {0};
    fov_model_params params = {.path = path};
    if (fov_model_open(&model, &params, &error) != FOV_OK) {
        snprintf(f->text, sizeof f->text, "%s", error.message);
        snprintf(f->mend, sizeof f->mend, "make build   (fetches the default model again)");
        return;
    }
    const fov_model_info *m = fov_model_get_info(model);
    f->ok = true;
    snprintf(f->text, sizeof f->text, "%s on %s %s, %s, %d×%d, ready in %.0f ms", m->id, m->backend,
             m->device, m->precision, m->input_width, m->input_height,
             m->load_ms + m->compile_ms + m->warmup_ms);
    fov_model_close(&model);
}

static void check_video(struct report *r)
{
    struct finding *f = add(r, "video", false);
    fov_source *source = NULL;
    fov_error error = {0};
    /* A file that is not there: what counts is whether FFmpeg itself could be opened to look. */
    fov_source_params params = {.url = "/nonexistent/probe.mp4"};
    fov_status status = fov_source_open(&source, &params, &error);
    f->ok = status != FOV_ERUNTIME;
    snprintf(f->text, sizeof f->text, "%s",
             f->ok ? "FFmpeg module found: video files, PNG and WebP" : error.message);
    if (!f->ok)
        snprintf(f->mend, sizeof f->mend,
                 "apt install libavformat59 libavcodec59 libswscale6 (Ubuntu 24.04: 60, 60, 7)");
    fov_source_close(&source);
}

static void check_files(struct report *r)
{
    struct finding *f = add(r, "open files", false);
    long limit = sysconf(_SC_OPEN_MAX);
    f->ok = limit < 0 || limit >= 1024;
    snprintf(f->text, sizeof f->text, "at most %ld at once", limit);
    if (!f->ok)
        snprintf(f->mend, sizeof f->mend, "ulimit -n 4096");
    struct statvfs disk;
    struct finding *d = add(r, "disk", false);
    if (statvfs(".", &disk) != 0) {
        snprintf(d->text, sizeof d->text, "cannot be read");
        return;
    }
    unsigned long long free_mb = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
    d->ok = free_mb > 500;
    snprintf(d->text, sizeof d->text, "%llu MB free here", free_mb);
    if (!d->ok)
        snprintf(d->mend, sizeof d->mend, "set-up needs about 500 MB");
}

static void print_report(const struct report *r)
{
    for (int i = 0; i < r->count; i++) {
        const struct finding *f = &r->items[i];
        printf("%-8s %-12s %s\n",
               f->ok          ? "ok"
               : f->essential ? "MISSING"
                              : "absent",
               f->subject, f->text);
        if (!f->ok && f->mend[0])
            printf("%-8s %-12s → %s\n", "", "", f->mend);
    }
}

static void print_json(const struct report *r)
{
    struct json_writer w = {0};
    json_array_begin(&w);
    for (int i = 0; i < r->count; i++) {
        const struct finding *f = &r->items[i];
        json_object_begin(&w);
        json_add_string(&w, "subject", f->subject);
        json_add_bool(&w, "ok", f->ok);
        json_add_bool(&w, "essential", f->essential);
        json_add_string(&w, "text", f->text);
        json_add_string(&w, "mend", f->mend);
        json_object_end(&w);
    }
    json_array_end(&w);
    puts(w.text ? w.text : "[]");
    json_release(&w);
}

int cmd_doctor(int argc, char **argv)
{
    static const struct usage usage = {
        "doctor", "", "What is there, what is missing, and the command that mends it.",
        "Exit code 0 when pictures can be analysed, 1 when something essential is missing."};
    bool json = false;
    const char *model = NULL;
    const struct option_spec options[] = {
        {"model", OPTION_TEXT, &model, 0, 0, "FILE", "model to try; default: the default model"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON array"},
        {0}};
    int count = options_parse(&usage, options, argc, argv, NULL, 0);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    static fov_device_info info;
    static struct report report;
    fov_device_probe(NULL, &info);
    check_runtimes(&report, &info);
    check_model(&report, model);
    check_video(&report);
    check_files(&report);
    if (json)
        print_json(&report);
    else
        print_report(&report);
    for (int i = 0; i < report.count; i++)
        if (report.items[i].essential && !report.items[i].ok)
            return 1;
    return 0;
}
