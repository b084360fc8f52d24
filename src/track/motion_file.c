/* Maps of frames from a file: lines of a frame's number and an affine map, or a homography. */
#include "track/motion_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/plane.h"
#include "base/text.h"

enum { AFFINE = 6, HOMOGRAPHY = 9, FIRST_ROOM = 1024 };

/* Homographies have any scale: those that are divided by their last number are huge where that
 * comes near to nothing. */
#define LARGEST_OF_AFFINE 1e6
#define LARGEST_OF_HOMOGRAPHY 1e30

/* Digits of such files end at the sixth: what is a similarity up to there was one. */
#define SAME 2e-5

struct motion_line {
    int64_t frame;
    double map[9];
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
    return fov_fail(at->error, FOV_EFORMAT, "%.100s:%zu: %s", at->name, at->line, why);
}

/* ---- one line -------------------------------------------------------------------------------- */

/* Words of a line, terminated where they stand; how many there are, `most` at most. Lines whose
 * first number ends at a comma are parted by commas, so "0,5" among blanks is no number. */
static int cut_words(char *text, char **words, int most)
{
    const char *first = text + strspn(text, " \t\r");
    const char *parts = first[strcspn(first, ", \t\r")] == ',' ? ", \t\r" : " \t\r";
    char *rest, *word = strtok_r(text, parts, &rest);
    int count = 0;
    for (; word && count < most; word = strtok_r(NULL, parts, &rest))
        words[count++] = word;
    return count;
}

/* A map that turns the picture over, or folds it to a line, is no motion of a camera. */
static bool is_motion(const double a[AFFINE])
{
    double det = a[0] * a[4] - a[1] * a[3];
    double size = (a[0] * a[0] + a[1] * a[1] + a[3] * a[3] + a[4] * a[4]) / 2; /* det at most */
    return det > 1e-4 && det < 1e4 && det > 0.01 * size;
}

static fov_status check_map(const double map[9], int values, const struct place *at)
{
    double inverse[9];
    if (values == AFFINE && !is_motion(map))
        return wrong(at, "no motion: the map turns the picture over or shrinks it to nothing");
    return plane_invert(map, inverse) ? FOV_OK : wrong(at, "a motion that has no way back");
}

static fov_status parse_line(char *text, struct motion_line *line, const struct place *at)
{
    char *words[1 + HOMOGRAPHY + 1];
    int values = cut_words(text, words, 1 + HOMOGRAPHY + 1) - 1;
    double frame, most = values == AFFINE ? LARGEST_OF_AFFINE : LARGEST_OF_HOMOGRAPHY;
    if (values < 0 || !text_to_double(words[0], 0, INT32_MAX, &frame) || frame != floor(frame))
        return wrong(at, "the number of a frame, from 0, is expected first");
    if (values != AFFINE && values != HOMOGRAPHY)
        return wrong(at, "not 7 numbers (frame a b tx c d ty) or 10");
    line->frame = (int64_t)frame;
    memcpy(line->map, PLANE_IDENTITY, sizeof line->map);
    for (int i = 0; i < values; i++)
        if (!text_to_double(words[i + 1], -most, most, &line->map[i]))
            return wrong(at, values == AFFINE ? "a number between -1000000 and 1000000 is expected"
                                              : "a number between -1e30 and 1e30 is expected");
    return check_map(line->map, values, at);
}

/* ---- all lines ------------------------------------------------------------------------------- */

static fov_status add(fov_motion_file *file, const struct motion_line *line, const struct place *at)
{
    if (file->count && line->frame <= file->lines[file->count - 1].frame)
        return wrong(at, "the numbers of frames do not rise");
    if (file->count == MOTION_FILE_LINES)
        return fov_fail(at->error, FOV_ELIMIT, "%.100s: more than %d lines", at->name,
                        MOTION_FILE_LINES);
    if (file->count == file->room) {
        size_t room = file->room ? 2 * file->room : FIRST_ROOM;
        struct motion_line *lines = realloc(file->lines, room * sizeof *lines);
        if (!lines)
            return fov_fail(at->error, FOV_ENOMEM, "%.100s: no memory for %zu lines", at->name,
                            room);
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
    if (size >= sizeof copy)
        return wrong(at, "longer than 1024 bytes");
    if (memchr(text, '\0', size))
        return wrong(at, "a zero byte: this is no text");
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (copy[strspn(copy, " \t\r")] == '\0')
        return FOV_OK;
    fov_status status = parse_line(copy, &line, at);
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
    return file->count ? FOV_OK : fov_fail(at->error, FOV_EFORMAT, "%.100s: no lines", at->name);
}

fov_status motion_file_read(fov_motion_file **file, const char *text, size_t size, const char *name,
                            fov_error *error)
{
    struct place at = {name, 1, error};
    *file = calloc(1, sizeof **file);
    if (!*file)
        return fov_fail(error, FOV_ENOMEM, "%.100s: no memory", name);
    fov_status status = read_lines(*file, text, size, &at);
    if (status != FOV_OK)
        fov_motion_file_close(file);
    return status;
}

/* ---- the file -------------------------------------------------------------------------------- */

fov_status fov_motion_file_open(fov_motion_file **file, const char *path, fov_error *error)
{
    char *text;
    size_t size;
    *file = NULL;
    fov_status status = file_read(path, MOTION_FILE_BYTES, &text, &size, error);
    if (status == FOV_OK)
        status = motion_file_read(file, text, size, path, error);
    free(text);
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
    const double *a = line->map;
    memcpy(motion->map, a, sizeof line->map);
    bool similar = fabs(a[0] - a[4]) < SAME && fabs(a[1] + a[3]) < SAME &&
                   memcmp(a + AFFINE, PLANE_IDENTITY + AFFINE, 3 * sizeof *a) == 0;
    motion->kind = similar ? FOV_MOTION_SIMILARITY : FOV_MOTION_HOMOGRAPHY;
    return true;
}
