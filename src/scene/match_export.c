/* A match file as the files that other programs read. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "scene/out.h"

static const struct out_format *const formats[] = {&out_mot, &out_gamestate, &out_skillcorner,
                                                   &out_tracab, &out_epts};

enum { FORMATS = sizeof formats / sizeof *formats };

const char *fov_match_format(int i, const char **help)
{
    if (i < 0 || i >= FORMATS)
        return NULL;
    if (help)
        *help = formats[i]->help;
    return formats[i]->name;
}

static const struct out_format *find_format(const char *name, fov_error *error)
{
    const char *names[FORMATS];
    char all[128];
    for (int i = 0; i < FORMATS; i++) {
        names[i] = formats[i]->name;
        if (name && strcmp(name, names[i]) == 0)
            return formats[i];
    }
    text_list(all, sizeof all, fov_match_format);
    const char *near = text_nearest(name ? name : "", names, FORMATS);
    fov_fail(error, FOV_ENOTFOUND, "no format %.40s; %s%s%sthere are %s", name ? name : "",
             near ? "perhaps " : "", near ? near : "", near ? "; " : "", all);
    return NULL;
}

void out_xml_text(FILE *file, const char *text)
{
    for (; *text; text++) {
        const char *named = *text == '&'    ? "&amp;"
                            : *text == '<'  ? "&lt;"
                            : *text == '>'  ? "&gt;"
                            : *text == '"'  ? "&quot;"
                            : *text == '\'' ? "&apos;"
                                            : NULL;
        if (named)
            fputs(named, file);
        else
            fputc((unsigned char)*text < ' ' || *text == 0x7F ? ' ' : *text, file);
    }
}

void out_json(struct out *out, FILE *file)
{
    out->failed = out->failed || out->json.failed;
    if (out->json.size > 0)
        fwrite(out->json.text, 1, out->json.size, file);
    json_reset(&out->json);
}

/* ---- the roster ------------------------------------------------------------------------------ */

static int place_of(const struct out_roster *r, int32_t id)
{
    int i = 0;
    while (i < r->count && r->people[i].id != id)
        i++;
    return i;
}

const struct out_person *out_find(const struct out_roster *roster, int32_t id)
{
    int i = place_of(roster, id);
    return i < roster->count ? &roster->people[i] : NULL;
}

static bool note(struct out_roster *r, const fov_match_entry *e)
{
    int i = place_of(r, e->id);
    if (i == ROSTER_MAX)
        return false;
    struct out_person *p = &r->people[i];
    if (i == r->count) {
        *p = (struct out_person){.id = e->id, .team = e->team, .role = e->role};
        r->count++;
    }
    p->team = e->team >= 0 ? e->team : p->team;
    p->number = e->number ? e->number : p->number;
    p->role = e->role;
    return true;
}

static fov_status read_roster(struct out_roster *r, struct match_reader *reader, fov_error *error)
{
    fov_status status;
    r->first = -1;
    while ((status = match_reader_next(reader, error)) == FOV_OK) {
        const fov_match_frame *f = &reader->frame;
        if (r->first < 0) {
            r->first = f->number;
            r->first_s = f->time_s;
        }
        r->last = f->number;
        for (size_t i = 0; i < f->count; i++)
            if (!note(r, &f->entries[i]))
                return fov_fail(error, FOV_ELIMIT, "more than %d names in a match", ROSTER_MAX);
    }
    if (status == FOV_EOS && r->first < 0)
        return fov_fail(error, FOV_EFORMAT, "the match has no frame");
    return status == FOV_EOS ? FOV_OK : status;
}

/* ---- files that appear when they are whole --------------------------------------------------- */

enum { PATH_MAX_HERE = 600 };

static bool path_of(char path[PATH_MAX_HERE], const char *folder, const char *name,
                    const char *ending)
{
    return snprintf(path, PATH_MAX_HERE, "%s/%s%s", folder, name, ending) < PATH_MAX_HERE;
}

static fov_status open_files(struct out *o, const struct out_format *format, const char *folder,
                             fov_error *error)
{
    char path[PATH_MAX_HERE];
    for (int i = 0; i < OUT_FILES && format->files[i]; i++) {
        if (!path_of(path, folder, format->files[i], ".new"))
            return fov_fail(error, FOV_EIO, "%.100s…: the path is too long", folder);
        unlink(path); /* of one that was cut off */
        o->files[i] = fopen(path, "wbxe");
        if (!o->files[i])
            return fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
    }
    return FOV_OK;
}

static bool finish_file(FILE *file)
{
    bool good = !ferror(file) && fflush(file) == 0 && fsync(fileno(file)) == 0;
    return fclose(file) == 0 && good;
}

/* Gives all of them their names, or with `good` false none. */
static fov_status close_files(struct out *o, const struct out_format *format, const char *folder,
                              bool good, fov_error *error)
{
    char fresh[PATH_MAX_HERE], path[PATH_MAX_HERE];
    bool wanted = good;
    for (int i = 0; i < OUT_FILES && o->files[i]; i++)
        good = finish_file(o->files[i]) && good;
    int reason = errno;
    for (int i = 0; i < OUT_FILES && o->files[i]; i++) {
        path_of(fresh, folder, format->files[i], ".new");
        path_of(path, folder, format->files[i], "");
        if (good && rename(fresh, path)) {
            good = false;
            reason = errno;
        }
        if (!good)
            unlink(fresh);
    }
    if (wanted && !good)
        return fov_fail(error, FOV_EIO, "%s: %s", folder, strerror(reason));
    return FOV_OK;
}

/* ---- two passes ------------------------------------------------------------------------------ */

static fov_status write_frames(struct out *o, const struct out_format *format,
                               struct match_reader *reader, fov_error *error)
{
    fov_status status;
    format->begin(o);
    while ((status = match_reader_next(reader, error)) == FOV_OK &&
           reader->last <= o->roster->last) {
        const fov_match_frame *f = &reader->frame;
        if (f->ball_known)
            memcpy(o->ball, f->ball, sizeof o->ball);
        if (f->ball_team >= 0)
            o->ball_team = f->ball_team;
        format->frame(o, f);
    }
    if (status != FOV_OK && status != FOV_EOS)
        return status;
    format->end(o);
    return o->failed ? fov_fail(error, FOV_ENOMEM, "no memory for an export") : FOV_OK;
}

static fov_status write_all(struct match_reader *reader, const struct out_roster *roster,
                            const struct out_format *format, const char *path, const char *folder,
                            fov_error *error)
{
    struct out o = {.about = &reader->about, .roster = roster, .ball_team = -1};
    match_reader_close(reader);
    fov_status status = match_reader_open(reader, path, error);
    if (status == FOV_OK)
        status = open_files(&o, format, folder, error);
    if (status == FOV_OK)
        status = write_frames(&o, format, reader, error);
    fov_status closed = close_files(&o, format, folder, status == FOV_OK, error);
    json_release(&o.json);
    return status ? status : closed;
}

static fov_status export_with(struct match_reader *reader, struct out_roster *roster,
                              const struct out_format *format, const char *path, const char *folder,
                              fov_error *error)
{
    fov_status status = match_reader_open(reader, path, error);
    if (status)
        return status;
    double fps = reader->about.fps;
    if (format->whole_fps && fps != floor(fps))
        return fov_fail(error, FOV_EUNSUPPORTED, "%s holds whole frames a second only, not %g",
                        format->name, fps);
    status = read_roster(roster, reader, error);
    return status ? status : write_all(reader, roster, format, path, folder, error);
}

fov_status fov_match_file_export(const char *path, const char *name, const char *folder,
                                 fov_error *error)
{
    const struct out_format *format = find_format(name, error);
    if (!format)
        return FOV_ENOTFOUND;
    struct match_reader *reader = calloc(1, sizeof *reader);
    struct out_roster roster = {.people = calloc(ROSTER_MAX, sizeof *roster.people)};
    fov_status status = reader && roster.people
                            ? export_with(reader, &roster, format, path, folder, error)
                            : fov_fail(error, FOV_ENOMEM, "no memory for an export");
    if (reader)
        match_reader_close(reader);
    free(reader);
    free(roster.people);
    return status;
}
