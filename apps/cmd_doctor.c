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
#include "wrap.h"

struct finding {
    const char *subject;
    const char *word; /* in place of "absent" for what is there and not used; NULL otherwise */
    bool ok, essential;
    char text[640], mend[280];
    char looked_for[320]; /* what and where, when it is not there; "" otherwise */
};

enum { FINDINGS_MAX = 8 + FOV_RUNTIMES_MAX + FOV_ACCELERATORS_MAX };

/* What a runtime is for, which file it is, and what brings it here. */
static const struct runtime_note {
    const char *name, *purpose, *file, *mend;
} runtime_notes[] = {
    {"openvino", "processors, Intel GPUs and NPUs", "libopenvino_c.so",
     "make build   (fetches it into .deps)"},
    {"onnxruntime", "NVIDIA GPUs, Apple, any processor", "libonnxruntime.so",
     "make build   (fetches it into .deps)"},
    {"litert", "ARM boards, Coral", "libLiteRt.so, libtensorflowlite_c.so",
     "make build   (fetches it into .deps)"},
    {"remote", "models on another machine", NULL, "only needed for these: apt install libcurl4"},
};

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

static const struct runtime_note *note_of(const char *name)
{
    for (size_t i = 0; i < sizeof runtime_notes / sizeof *runtime_notes; i++)
        if (strcmp(runtime_notes[i].name, name) == 0)
            return &runtime_notes[i];
    return NULL;
}

/* A folder that the user named stands alone: then that is what to mend. */
static void explain_absence(struct finding *f, const struct runtime_note *note)
{
    const char *named = getenv("FOVEA_RUNTIME_DIR");
    char deps[PATH_MAX - 64];
    snprintf(f->mend, sizeof f->mend, "%s", note->mend);
    if (!note->file)
        return;
    if (named && *named) {
        snprintf(f->looked_for, sizeof f->looked_for,
                 "%s in %.150s alone, as FOVEA_RUNTIME_DIR says", note->file, named);
        snprintf(f->mend, sizeof f->mend,
                 "unset FOVEA_RUNTIME_DIR, or let it name the folder that holds %s", note->file);
    } else if (dynlib_deps_folder(deps, sizeof deps))
        snprintf(f->looked_for, sizeof f->looked_for,
                 "%s in %.150s/%s/lib and the system's folders", note->file, deps, note->name);
    else
        snprintf(f->looked_for, sizeof f->looked_for,
                 "%s in the system's folders; there is no .deps folder", note->file);
}

static void describe_runtime(struct finding *f, const char *name, const fov_backend_probe *p)
{
    const struct runtime_note *note = note_of(name);
    char devices[FOV_RUNTIMES_MAX * 34] = "";
    f->ok = p->available;
    if (p->available) {
        size_t used = 0;
        for (int i = 0; i < p->device_count && used + 34 < sizeof devices; i++)
            used += (size_t)snprintf(devices + used, sizeof devices - used, "%s%s", i ? ", " : "",
                                     p->devices[i]);
        snprintf(f->text, sizeof f->text, "%.*s for %s; %s", (int)strcspn(p->version, "-"),
                 p->version, devices[0] ? devices : "no device", p->library);
        return;
    }
    if (note) {
        snprintf(f->text, sizeof f->text, "for %s: %s", note->purpose, p->reason);
        explain_absence(f, note);
    } else
        snprintf(f->text, sizeof f->text, "%s", p->reason);
}

/* One runtime is enough; without any, the first is what is missing. */
static void check_runtimes(struct report *r, const fov_device_info *info)
{
    bool any = false;
    for (int i = 0; i < info->runtime_count; i++)
        any |= info->runtimes[i].probe.available && strcmp(info->runtimes[i].name, "remote") != 0;
    for (int i = 0; i < info->runtime_count; i++)
        describe_runtime(add(r, info->runtimes[i].name, !any && i == 0), info->runtimes[i].name,
                         &info->runtimes[i].probe);
}

static void check_accelerators(struct report *r, const fov_device_info *info)
{
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        struct finding *f = add(r, a->kind, false);
        f->ok = a->usable;
        f->word = "unused";
        if (a->usable)
            snprintf(f->text, sizeof f->text, "%s, %s: %s of %s", a->name, a->where, a->device,
                     a->runtime);
        else
            snprintf(f->text, sizeof f->text, "%s, %s: %s", a->name, a->where, a->reason);
        snprintf(f->mend, sizeof f->mend, "%s", a->mend);
    }
}

/* What this process may use, and whether the processor lacks what every kernel was written for. */
static void check_machine(struct report *r, const fov_device_info *info)
{
    struct finding *f = add(r, "machine", false);
    f->ok = true;
    f->word = "slow";
    snprintf(f->text, sizeof f->text, "%s, %d of %d cores, %ld of %ld MB", info->cpu, info->cores,
             info->cores_total, info->memory_mb, info->memory_total_mb);
    for (int i = 0; i < info->feature_count; i++) {
        const fov_cpu_feature *c = &info->features[i];
        if (c->usable || (strcmp(c->name, "avx2") != 0 && strcmp(c->name, "asimd") != 0))
            continue;
        f->ok = false;
        snprintf(f->text + strlen(f->text), sizeof f->text - strlen(f->text), "; no %s: %s",
                 c->name, c->reason);
        snprintf(f->mend, sizeof f->mend, "%s", c->mend);
    }
}

static void advise(struct report *r, const fov_device_info *info)
{
    struct finding *f = add(r, "advice", false);
    f->ok = true;
    snprintf(f->text, sizeof f->text, "%s on %s, format %s, precision %s, input %d × %d: %s",
             info->recommended_runtime, info->recommended_device, info->recommended_format,
             info->recommended_precision, info->recommended_input_size,
             info->recommended_input_size, info->why);
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
    fov_status status = fov_model_open(&model, &params, &error);
    if (status != FOV_OK) {
        snprintf(f->text, sizeof f->text, "%s", error.message);
        snprintf(f->mend, sizeof f->mend, "%s",
                 status == FOV_ERUNTIME ? "the runtime comes first: see above"
                                        : "make build   (fetches the default model again)");
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
    enum { LEFT = 22 };
    for (int i = 0; i < r->count; i++) {
        const struct finding *f = &r->items[i];
        printf("%-8s %-12s ",
               f->ok          ? "ok"
               : f->essential ? "MISSING"
               : f->word      ? f->word
                              : "absent",
               f->subject);
        wrap_print(LEFT, f->text);
        if (f->looked_for[0]) {
            printf("%*slooked for ", LEFT, "");
            wrap_print(LEFT, f->looked_for);
        }
        if (f->ok || !f->mend[0])
            continue;
        printf("%*s→ ", LEFT, "");
        wrap_print(LEFT + 2, f->mend);
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
        json_add_string(&w, "looked_for", f->looked_for);
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
    const char *model = NULL, *root = NULL;
    const struct option_spec options[] = {
        {"model", OPTION_TEXT, &model, 0, 0, "FILE", "model to try; default: the default model"},
        {"root", OPTION_TEXT, &root, 0, 0, "DIR", "read /proc, /sys, /dev and /etc below DIR"},
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON array"},
        {0}};
    int count = options_parse(&usage, options, argc, argv, NULL, 0);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    static fov_device_info info;
    static struct report report;
    fov_device_probe_at(root, NULL, &info);
    check_machine(&report, &info);
    check_accelerators(&report, &info);
    check_runtimes(&report, &info);
    check_model(&report, model);
    check_video(&report);
    check_files(&report);
    advise(&report, &info);
    if (json)
        print_json(&report);
    else
        print_report(&report);
    for (int i = 0; i < report.count; i++)
        if (report.items[i].essential && !report.items[i].ok)
            return 1;
    return 0;
}
