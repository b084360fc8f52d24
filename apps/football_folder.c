/* The match in its folder: match.jsonl, whose lines are put on the disk every other second, and
 * run.json, which says what it is of. */
#include "football.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "scene/football_json.h"
#include "scene/match_lines.h"

enum { RUN_BYTES = 1 << 16, FOLDER_BYTES = 400 };

#define SYNC_NS (2 * NS_PER_S)
#define SYNC_S 5.0 /* of the match, where that passes faster */

struct football_folder {
    fov_match_file *file;
    int64_t synced_ns;
    double synced_s; /* of the match */
    bool fresh;      /* frames that are not on the disk yet */
};

void football_folder_path(const struct football_run *r, char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", r->asked.out, name);
}

/* ---- what it is of --------------------------------------------------------------------------- */

/* Of a file, so that another one of the same name is noticed; 0 for what is none. */
static int64_t bytes_of(const char *url)
{
    struct stat st;
    return stat(url, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
}

static bool same_view(const json_value *then, const fov_pitch_view *view)
{
    if (!then || json_is_null(then))
        return !view;
    for (size_t i = 0; view && i < 9; i++) {
        double number;
        if (!json_number(json_at(then, i), &number) ||
            fabs(number - view->map[i]) > 1e-6 * fabs(number) + 1e-12)
            return false;
    }
    return view != NULL;
}

static void write_members(const struct football_run *r, struct json_writer *w)
{
    json_object_begin(w);
    json_add_int(w, "football_run", 1);
    json_add_string(w, "source", r->shown);
    json_add_int(w, "bytes", bytes_of(r->asked.url));
    json_add_number(w, "fps", r->fps, 6);
    json_add_int(w, "width", r->width);
    json_add_int(w, "height", r->height);
    json_add_number(w, "length_m", r->pitch.length, 4);
    json_add_number(w, "width_m", r->pitch.width, 4);
    json_add_number(w, "begun_ms", r->before.begun_ms, 0);
    json_name(w, "calibration");
    if (r->params.view)
        football_put_matrix(w, r->params.view->map);
    else
        json_put_null(w);
    json_object_end(w);
}

static fov_status write_run(struct football_run *r, const char *path, fov_error *error)
{
    struct json_writer w = {0};
    write_members(r, &w);
    fov_status status = w.failed ? fov_fail(error, FOV_ENOMEM, "no memory for %s", path)
                                 : file_replace(path, w.text, w.size, 0666, error);
    json_release(&w);
    return status;
}

static fov_status differs(const char *path, const char *what, const char *then, const char *now,
                          fov_error *error)
{
    return fov_fail(error, FOV_EINVAL,
                    "%.60s is of a match with another %s (%.50s, now %.50s): name another --out",
                    path, what, then, now);
}

static fov_status differs_by(const char *path, const char *what, double then, double now,
                             fov_error *error)
{
    char a[32], b[32];
    snprintf(a, sizeof a, "%.10g", then);
    snprintf(b, sizeof b, "%.10g", now);
    return differs(path, what, a, b, error);
}

static fov_status compare(struct football_run *r, const char *path, const json_value *json,
                          fov_error *error)
{
    const char *source;
    const struct {
        const char *key, *what;
        double now, slack;
    } numbers[] = {{"bytes", "size of the file", (double)bytes_of(r->asked.url), 0},
                   {"fps", "rate", r->fps, 1e-4},
                   {"width", "width of the picture", r->width, 0},
                   {"height", "height of the picture", r->height, 0},
                   {"length_m", "length of the pitch", r->pitch.length, 1e-3},
                   {"width_m", "width of the pitch", r->pitch.width, 1e-3}};
    if (!json_get_string(json, "source", &source) ||
        !json_get_number(json, "begun_ms", &r->before.begun_ms))
        return fov_fail(error, FOV_EFORMAT, "%.100s: it is not what a run writes", path);
    if (strcmp(source, r->shown) != 0)
        return differs(path, "source", source, r->shown, error);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double then = -1;
        json_get_number(json, numbers[i].key, &then);
        if (fabs(then - numbers[i].now) > numbers[i].slack)
            return differs_by(path, numbers[i].what, then, numbers[i].now, error);
    }
    r->before.other_view = !same_view(json_get(json, "calibration"), r->params.view);
    if (r->before.other_view && !r->live)
        return differs(path, "calibration", "metres would mean something else", "another one",
                       error);
    return FOV_OK;
}

static fov_status read_run(struct football_run *r, const char *path, fov_error *error)
{
    char *text;
    size_t size;
    fov_error why = {0};
    fov_status status = file_read(path, RUN_BYTES, &text, &size, error);
    if (status)
        return status;
    json_value *json = json_parse(text, size, RUN_BYTES, &why);
    status = json ? compare(r, path, json, error)
                  : fov_fail(error, FOV_EFORMAT, "%.100s: %s", path, why.message);
    json_free(&json);
    free(text);
    return status;
}

/* ---- what was written before ----------------------------------------------------------------- */

static void keep_last(struct football_before *b, const fov_match_frame *f)
{
    b->last = f->number;
    b->count = f->count;
    if (f->count > 0)
        memcpy(b->people, f->entries, f->count * sizeof *f->entries);
    for (size_t i = 0; i < f->count; i++)
        b->most_id = f->entries[i].id > b->most_id ? f->entries[i].id : b->most_id;
}

static fov_status read_before(struct football_run *r, const char *path, fov_error *error)
{
    struct match_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    fov_status status = match_reader_open(reader, path, error);
    while (!status && !(status = match_reader_next(reader, error))) {
        football_sum(r, &reader->frame);
        keep_last(&r->before, &reader->frame);
    }
    match_reader_close(reader);
    free(reader);
    r->same.base = r->before.most_id;
    r->written = r->before.last;
    return status == FOV_EOS ? FOV_OK : status;
}

/* Killed before the first line was whole: nothing was written yet. */
static bool is_hardly_begun(const char *path)
{
    char *text;
    size_t size;
    if (file_read(path, RUN_BYTES, &text, &size, NULL) != FOV_OK)
        return false;
    bool begun = memchr(text, '\n', size) != NULL;
    free(text);
    return !begun;
}

static fov_status go_on(struct football_run *r, const char *path, fov_error *error)
{
    fov_error why = {0};
    fov_status status = fov_match_file_resume(&r->folder->file, path, NULL, &why);
    if (!status)
        status = read_before(r, path, &why);
    if (!status)
        return FOV_OK;
    bool named = strstr(why.message, path) != NULL;
    return fov_fail(error, status, "%s%s%s", named ? "" : path, named ? "" : ": ", why.message);
}

static fov_status begin(struct football_run *r, const char *path, fov_error *error)
{
    fov_match_about about = {
        .fps = r->fps, .pitch = r->pitch, .width = r->width, .height = r->height};
    text_copy(about.home, sizeof about.home, r->names[0]);
    text_copy(about.away, sizeof about.away, r->names[1]);
    return fov_match_file_create(&r->folder->file, path, &about, error);
}

static fov_status open_match(struct football_run *r, fov_error *error)
{
    char run[1200], match[1200];
    football_folder_path(r, run, sizeof run, "run.json");
    football_folder_path(r, match, sizeof match, "match.jsonl");
    bool told = access(run, F_OK) == 0, there = access(match, F_OK) == 0;
    if (there && !told)
        return fov_fail(error, FOV_EINVAL,
                        "%.100s is there, and no run.json that says what it is of: name another "
                        "--out",
                        match);
    fov_status status = told ? read_run(r, run, error) : FOV_OK;
    if (!status && there && is_hardly_begun(match)) {
        unlink(match);
        there = false;
    }
    if (!status && there)
        status = go_on(r, match, error);
    bool begun = there && r->before.last >= 0; /* else frame 0 is of now */
    if (!status && !begun)
        r->before.begun_ms = clock_unix_ms();
    if (!status && (!begun || (r->before.other_view && r->params.view)))
        status = write_run(r, run, error);
    return status || there ? status : begin(r, match, error);
}

fov_status football_folder_open(struct football_run *r, fov_error *error)
{
    if (strlen(r->asked.out) > FOLDER_BYTES)
        return fov_fail(error, FOV_EINVAL, "the name of the folder is longer than %d bytes",
                        FOLDER_BYTES);
    r->folder = calloc(1, sizeof *r->folder);
    if (!r->folder)
        return fov_fail(error, FOV_ENOMEM, "no memory for a folder");
    if (mkdir(r->asked.out, 0777) && errno != EEXIST)
        return fov_fail(error, FOV_EIO, "%.160s: %s", r->asked.out, strerror(errno));
    r->folder->synced_ns = clock_now_ns();
    fov_status status = open_match(r, error);
    r->folder->synced_s = r->sums.last_s;
    if (!status && r->live && r->before.last >= 0)
        r->live_from_s = fmax(0, (clock_unix_ms() - r->before.begun_ms) / 1e3);
    if (!status && r->live && r->live_from_s * r->fps <= (double)r->before.last)
        r->live_from_s = (double)(r->before.last + 1) / r->fps; /* the clock was set back */
    return status;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static fov_status sync_now(struct football_run *r, fov_error *error)
{
    struct football_folder *f = r->folder;
    f->synced_ns = clock_now_ns();
    if (!f->fresh)
        return FOV_OK;
    f->fresh = false;
    fov_status status = fov_match_file_sync(f->file, &r->written, error);
    return status ? status : football_views_write(r, error);
}

fov_status football_folder_put(struct football_run *r, const fov_match_frame *frame,
                               fov_error *error)
{
    struct football_folder *f = r->folder;
    fov_status status = fov_match_file_put(f->file, frame, error);
    if (status)
        return status;
    f->fresh = true;
    if (clock_now_ns() - f->synced_ns < SYNC_NS && frame->time_s - f->synced_s < SYNC_S)
        return FOV_OK;
    f->synced_s = frame->time_s;
    return sync_now(r, error);
}

fov_status football_folder_sync(struct football_run *r, fov_error *error)
{
    return r->folder && r->folder->file ? sync_now(r, error) : FOV_OK;
}

fov_status football_folder_close(struct football_run *r, fov_error *error)
{
    if (!r->folder)
        return FOV_OK;
    fov_status status = fov_match_file_close(&r->folder->file, error);
    free(r->folder);
    r->folder = NULL;
    return status;
}
