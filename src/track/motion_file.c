/* Camera motion from a file: lines of a frame's number and an affine map. */
#include "track/motion_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "base/text.h"

enum { VALUES = 6, FIRST_ROOM = 1024 };

/* Digits of such files end at the sixth: what is a similarity up to there was one. */
#define SAME 2e-5

struct motion_line {
    int64_t frame;
    double affine[VALUES];
};

struct fov_motion_file {
    size_t count, room;
    struct motion_line *lines;
};

/* Where a text is read; `line` counts from 1. */
struct place {
    const char *name;
    size_t line;
    fov_error *error;
};

static fov_status wrong(const struct place *at, const char *why)
{
    return fov_fail(at->error, FOV_EFORMAT, "%s:%zu: %s", at->name, at->line, why);
}

/* ---- one line -------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the next word out of `*text`; NULL at the end. */
static char *next_word(char **text)
{
    char *word = *text;
    while (is_blank(*word))
        word++;
    char *end = word;
    while (*end && !is_blank(*end))
        end++;
    *text = *end ? end + 1 : end;
    *end = '\0';
    return *word ? word : NULL;
}

/* A map that turns the picture over, or folds it to a line, is no motion of a camera. */
static bool is_motion(const double a[VALUES])
{
    double det = a[0] * a[4] - a[1] * a[3];
    double size = (a[0] * a[0] + a[1] * a[1] + a[3] * a[3] + a[4] * a[4]) / 2; /* det at most */
    return det > 1e-4 && det < 1e4 && det > 0.01 * size;
}

static fov_status parse_words(char *text, struct motion_line *line, const struct place *at)
{
    long long frame;
    char *word = next_word(&text);
    if (!word || !text_to_int(word, 0, INT32_MAX, &frame))
        return wrong(at, "the number of a frame, from 0, is expected first");
    line->frame = frame;
    for (int i = 0; i < VALUES; i++) {
        word = next_word(&text);
        if (!word)
            return wrong(at, "six numbers are expected behind the frame's");
        if (!text_to_double(word, -1e6, 1e6, &line->affine[i]))
            return wrong(at, "a number between -1000000 and 1000000 is expected");
    }
    if (next_word(&text))
        return wrong(at, "more than six numbers behind the frame's");
    return is_motion(line->affine)
               ? FOV_OK
               : wrong(at, "no motion: the map turns the picture over or shrinks it to nothing");
}

static bool only_blanks(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && is_blank(text[i]))
        i++;
    return i == size;
}

/* ---- all lines ------------------------------------------------------------------------------- */

static fov_status add(fov_motion_file *file, const struct motion_line *line, const struct place *at)
{
    if (file->count && line->frame <= file->lines[file->count - 1].frame)
        return wrong(at, "the numbers of frames do not rise");
    if (file->count == MOTION_FILE_LINES)
        return fov_fail(at->error, FOV_ELIMIT, "%s: more than %d lines", at->name,
                        MOTION_FILE_LINES);
    if (file->count == file->room) {
        size_t room = file->room ? 2 * file->room : FIRST_ROOM;
        struct motion_line *lines = realloc(file->lines, room * sizeof *lines);
        if (!lines)
            return fov_fail(at->error, FOV_ENOMEM, "%s: no memory for %zu lines", at->name, room);
        file->lines = lines;
        file->room = room;
    }
    file->lines[file->count++] = *line;
    return FOV_OK;
}

static fov_status read_line(fov_motion_file *file, const char *text, size_t size,
                            const struct place *at)
{
    char copy[MOTION_FILE_LINE];
    struct motion_line line;
    if (only_blanks(text, size))
        return FOV_OK;
    if (size >= sizeof copy)
        return wrong(at, "longer than 255 bytes");
    if (memchr(text, '\0', size))
        return wrong(at, "a zero byte: this is no text");
    memcpy(copy, text, size);
    copy[size] = '\0';
    fov_status status = parse_words(copy, &line, at);
    return status == FOV_OK ? add(file, &line, at) : status;
}

static fov_status read_lines(fov_motion_file *file, const char *text, size_t size, struct place *at)
{
    for (const char *end = text + size; text < end; at->line++) {
        const char *feed = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((feed ? feed : end) - text);
        fov_status status = read_line(file, text, length, at);
        if (status != FOV_OK)
            return status;
        text += length + (feed ? 1 : 0);
    }
    return file->count ? FOV_OK : fov_fail(at->error, FOV_EFORMAT, "%s: no lines", at->name);
}

fov_status motion_file_read(fov_motion_file **file, const char *text, size_t size, const char *name,
                            fov_error *error)
{
    struct place at = {name, 1, error};
    *file = calloc(1, sizeof **file);
    if (!*file)
        return fov_fail(error, FOV_ENOMEM, "%s: no memory", name);
    fov_status status = read_lines(*file, text, size, &at);
    if (status != FOV_OK)
        fov_motion_file_close(file);
    return status;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Its bytes, to be freed; NULL with the reason. */
static char *read_bytes(FILE *from, const char *path, size_t *size, fov_error *error)
{
    size_t room = 1 << 16, got = 1;
    char *bytes = NULL;
    for (*size = 0; got > 0; *size += got) {
        if (!bytes || *size == room) {
            char *larger = realloc(bytes, room *= bytes ? 2 : 1);
            if (!larger) {
                fov_fail(error, FOV_ENOMEM, "%s: no memory for %zu bytes", path, room);
                goto fail;
            }
            bytes = larger;
        }
        got = fread(bytes + *size, 1, room - *size, from);
        if (*size + got > MOTION_FILE_BYTES) {
            fov_fail(error, FOV_ELIMIT, "%s: larger than %d bytes", path, MOTION_FILE_BYTES);
            goto fail;
        }
    }
    if (!ferror(from))
        return bytes;
    fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
fail:
    free(bytes);
    return NULL;
}

fov_status fov_motion_file_open(fov_motion_file **file, const char *path, fov_error *error)
{
    fov_error own = {0};
    size_t size;
    *file = NULL;
    FILE *from = fopen(path, "rbe");
    if (!from)
        return fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
    char *bytes = read_bytes(from, path, &size, &own);
    fclose(from);
    if (!bytes)
        return fov_fail(error, own.status, "%s", own.message);
    fov_status status = motion_file_read(file, bytes, size, path, error);
    free(bytes);
    return status;
}

void fov_motion_file_close(fov_motion_file **file)
{
    if (*file)
        free((*file)->lines);
    free(*file);
    *file = NULL;
}

static int by_frame(const void *key, const void *member)
{
    int64_t frame = *(const int64_t *)key, other = ((const struct motion_line *)member)->frame;
    return (frame > other) - (frame < other);
}

bool fov_motion_file_at(const fov_motion_file *file, int64_t number, fov_motion *motion)
{
    const struct motion_line *line = bsearch(&number, file->lines, file->count, sizeof *file->lines,
                                             by_frame);
    *motion = (fov_motion){.kind = FOV_MOTION_NONE};
    memcpy(motion->map, PLANE_IDENTITY, sizeof motion->map);
    if (!line)
        return false;
    const double *a = line->affine;
    memcpy(motion->map, a, sizeof line->affine);
    bool similar = fabs(a[0] - a[4]) < SAME && fabs(a[1] + a[3]) < SAME;
    motion->kind = similar ? FOV_MOTION_SIMILARITY : FOV_MOTION_HOMOGRAPHY;
    return true;
}
