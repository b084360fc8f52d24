/* Where the files of `fovea optimize` stand: while they are made, and where they go when accepted.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "optimize.h"

/* OpenVINO's result is two files. */
static bool is_pair(const struct optimize *o)
{
    return !strcmp(o->target->name, "openvino");
}

static bool is_folder(const struct optimize *o)
{
    return !o->target->suffix || !strcmp(o->target->name, "coreml");
}

/* "best.xml": "best.bin". False when the name has no room. */
static bool name_weights(const char *path, char *weights, size_t size)
{
    int length = snprintf(weights, size, "%.*s.bin", (int)strlen(path) - 4, path);
    return length >= 0 && (size_t)length < size;
}

static bool is_same(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

bool optimize_replaces_original(const struct optimize *o)
{
    char of_model[PATH_MAX], of_output[PATH_MAX];
    size_t size = strlen(o->model);
    if (!strcmp(o->output, o->model) || is_same(o->output, o->model))
        return true;
    return is_pair(o) && size > 4 && !strcmp(o->model + size - 4, ".xml") &&
           name_weights(o->model, of_model, sizeof of_model) &&
           name_weights(o->output, of_output, sizeof of_output) && is_same(of_model, of_output);
}

/* ---- the folders of a run ---- */

static bool is_filled(const char *path)
{
    int entries = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    while (readdir(folder))
        entries++;
    closedir(folder);
    return entries > 2; /* itself and the one above */
}

/* A folder of this run beside the result, so that a rename puts the result in its place. Nobody
 * else writes there, and nothing in it was there before. */
static fov_status make_part(struct optimize *o, fov_error *error)
{
    const char *suffix = o->target->suffix ? o->target->suffix : "";
    size_t end = strlen(o->output) - strlen(suffix), start;
    while (!*suffix && end > 1 && o->output[end - 1] == '/')
        end--;
    for (start = end; start > 0 && o->output[start - 1] != '/';)
        start--;
    int length = snprintf(o->beside, sizeof o->beside, "%.*s" OPTIMIZE_BESIDE "XXXXXX", (int)start,
                          o->output);
    if ((size_t)length >= sizeof o->beside)
        errno = ENAMETOOLONG;
    if ((size_t)length >= sizeof o->beside || !mkdtemp(o->beside)) {
        o->beside[0] = '\0';
        return fov_fail(error, FOV_EIO, "%.160s cannot be written there: %s", o->output,
                        strerror(errno));
    }
    length = snprintf(o->part, sizeof o->part, "%s/%.*s%s", o->beside, (int)(end - start),
                      o->output + start, suffix);
    return (size_t)length < sizeof o->part
               ? FOV_OK
               : fov_fail(error, FOV_EIO, "%.160s: the name is too long", o->output);
}

fov_status optimize_places_make(struct optimize *o, fov_error *error)
{
    const char *temporary = getenv("TMPDIR");
    if (is_folder(o) && is_filled(o->output))
        return fov_fail(error, FOV_EIO, "%.160s is there already: -o another name", o->output);
    fov_status status = make_part(o, error);
    if (status)
        return status;
    int length = snprintf(o->work, sizeof o->work, "%s/fovea-optimize-XXXXXX",
                          temporary && *temporary ? temporary : "/tmp");
    if ((size_t)length < sizeof o->work && mkdtemp(o->work))
        return FOV_OK;
    status = fov_fail(error, FOV_EIO, "%.160s: %s", o->work,
                      strerror((size_t)length < sizeof o->work ? errno : ENAMETOOLONG));
    o->work[0] = '\0';
    return status;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    (void)!remove(path);
    return 0;
}

void optimize_places_remove(const struct optimize *o)
{
    const char *const folders[] = {o->work, o->beside};
    for (int i = 0; i < 2; i++)
        if (folders[i][0])
            nftw(folders[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- an accepted result ---- */

/* Moves the weights that the result replaces into this run's folder. True also when there are
 * none; `kept` says which. */
static bool keep_old(const char *weights, const char *old, bool *kept)
{
    struct stat about;
    *kept = false;
    if (lstat(weights, &about) != 0)
        return errno == ENOENT;
    if (S_ISDIR(about.st_mode))
        errno = EISDIR;
    else
        *kept = rename(weights, old) == 0;
    return *kept;
}

/* Weights first: a description without them is of no use. Both or neither. */
static bool put_pair(struct optimize *o)
{
    char made[sizeof o->part], weights[PATH_MAX], old[sizeof o->beside + 8];
    bool kept;
    errno = ENAMETOOLONG;
    if (!name_weights(o->part, made, sizeof made) ||
        !name_weights(o->output, weights, sizeof weights))
        return false;
    snprintf(old, sizeof old, "%s/old.bin", o->beside);
    if (!strcmp(old, made)) /* -o old.xml */
        snprintf(old, sizeof old, "%s/was.bin", o->beside);
    if (!keep_old(weights, old, &kept))
        return false;
    bool moved = rename(made, weights) == 0;
    if (moved && rename(o->part, o->output) == 0)
        return true;
    int why = errno;
    if (moved)
        unlink(weights);
    if (kept && rename(old, weights) != 0) {
        fprintf(stderr, "fovea optimize: %s could not be put back and is now %s\n", weights, old);
        o->beside[0] = '\0';
    }
    errno = why;
    return false;
}

bool optimize_put(struct optimize *o)
{
    return is_pair(o) ? put_pair(o) : rename(o->part, o->output) == 0;
}
