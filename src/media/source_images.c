/* Still pictures: a file, a glob, or a folder in natural order. They stay encoded. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "media/picture.h"
#include "media/source.h"

#define MAX_FILES 1000000

struct images {
    char **paths;
    size_t count, capacity, next;
};

/* ---- names ----------------------------------------------------------------------------------- */

static bool has_picture_suffix(const char *path)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".jpe", ".png", ".webp"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares two runs of digits as numbers and steps over them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t zeros_a = strspn(*a, "0"), zeros_b = strspn(*b, "0");
    const char *start_a = *a + zeros_a, *start_b = *b + zeros_b;
    size_t length_a = strspn(start_a, "0123456789"), length_b = strspn(start_b, "0123456789");
    *a = start_a + length_a;
    *b = start_b + length_b;
    if (length_a != length_b)
        return length_a < length_b ? -1 : 1;
    int order = strncmp(start_a, start_b, length_a);
    return order ? order : (zeros_a > zeros_b) - (zeros_a < zeros_b);
}

int source_natural_order(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            int order = compare_numbers(&a, &b);
            if (order)
                return order;
        } else if (*a != *b) {
            break;
        } else {
            a++;
            b++;
        }
    }
    return (unsigned char)*a - (unsigned char)*b;
}

/* ---- listing --------------------------------------------------------------------------------- */

static fov_status add(struct images *list, const char *path, fov_error *error)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        char **paths = capacity > MAX_FILES ? NULL : realloc(list->paths, capacity * sizeof *paths);
        if (!paths)
            return fov_fail(error, FOV_ELIMIT, "too many pictures in one source");
        list->paths = paths;
        list->capacity = capacity;
    }
    list->paths[list->count] = strdup(path);
    if (!list->paths[list->count])
        return fov_fail(error, FOV_ENOMEM, "no memory for a list of pictures");
    list->count++;
    return FOV_OK;
}

static fov_status list_folder(struct images *list, const char *folder, fov_error *error)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return fov_fail(error, FOV_EIO, "%.160s: %s", folder, strerror(errno));
    fov_status status = FOV_OK;
    for (struct dirent *entry; status == FOV_OK && (entry = readdir(dir));) {
        char path[PATH_MAX];
        if (!has_picture_suffix(entry->d_name) || entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
            status = add(list, path, error);
    }
    closedir(dir);
    return status;
}

static fov_status list_glob(struct images *list, const char *pattern, fov_error *error)
{
    glob_t found;
    fov_status status = FOV_OK;
    int code = glob(pattern, GLOB_NOSORT | GLOB_TILDE, NULL, &found);
    if (code == GLOB_NOMATCH)
        return fov_fail(error, FOV_ENOTFOUND, "no file matches %.160s", pattern);
    if (code)
        return fov_fail(error, FOV_EIO, "%.160s cannot be read", pattern);
    for (size_t i = 0; status == FOV_OK && i < found.gl_pathc; i++)
        if (has_picture_suffix(found.gl_pathv[i]))
            status = add(list, found.gl_pathv[i], error);
    globfree(&found);
    return status;
}

static bool is_glob(const char *url)
{
    return strpbrk(url, "*?[") != NULL;
}

static bool starts_as_picture(const char *path)
{
    uint8_t start[16];
    size_t size = source_start_of(path, start, sizeof start);
    return picture_codec(start, size) != FOV_CODEC_NONE;
}

static bool takes(const char *url, const struct stat *st)
{
    if (!st)
        return is_glob(url) || has_picture_suffix(url);
    return S_ISDIR(st->st_mode) || has_picture_suffix(url) || starts_as_picture(url);
}

static fov_status open_images(fov_source *source, const char *url, fov_error *error)
{
    struct stat st;
    struct images *list = calloc(1, sizeof *list);
    source->state = list;
    if (!list)
        return fov_fail(error, FOV_ENOMEM, "no memory for a list of pictures");
    bool exists = stat(url, &st) == 0;
    fov_status status;
    if (exists && S_ISDIR(st.st_mode))
        status = list_folder(list, url, error);
    else if (!exists && is_glob(url))
        status = list_glob(list, url, error);
    else if (!exists)
        status = fov_fail(error, FOV_ENOTFOUND, "%.180s: no such file", url);
    else
        status = add(list, url, error);
    if (status == FOV_OK && !list->count)
        status = fov_fail(error, FOV_ENOTFOUND, "%.160s holds no JPEG, PNG or WebP", url);
    if (status)
        return status;
    qsort(list->paths, list->count, sizeof *list->paths, source_natural_order);
    source->info.frames = (int64_t)list->count;
    return FOV_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static fov_status read_all(int fd, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, bytes + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return FOV_EIO;
        at += (size_t)got;
    }
    return FOV_OK;
}

static fov_status load(int fd, const char *path, fov_frame_pool *pool, fov_frame **frame,
                       fov_error *error)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EIO, "%.180s cannot be read", path);
    if (st.st_size < 1)
        return fov_fail(error, FOV_EFORMAT, "%.180s is empty", path);
    fov_status status = fov_frame_get(pool, (size_t)st.st_size, frame);
    if (status)
        return fov_fail(error, status, "%.160s: %s", path, fov_status_text(status));
    (*frame)->size = (size_t)st.st_size;
    if (read_all(fd, (*frame)->bytes, (*frame)->size))
        return fov_fail(error, FOV_EIO, "%.180s cannot be read", path);
    fov_picture_info info;
    fov_error why = {0};
    status = fov_picture_probe((*frame)->bytes, (*frame)->size, &info, &why);
    if (status)
        return fov_fail(error, status, "%.100s: %s", path, why.message);
    (*frame)->codec = info.codec;
    (*frame)->width = info.width;
    (*frame)->height = info.height;
    return FOV_OK;
}

static fov_status read_image(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                             const char **name, fov_error *error)
{
    struct images *list = source->state;
    if (list->next == list->count && source->params.loop)
        list->next = 0;
    if (list->next == list->count)
        return FOV_EOS;
    const char *path = list->paths[list->next];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    fov_status status = FOV_OK;
    if (fd < 0)
        status = fov_fail(error, errno == ENOENT ? FOV_ENOTFOUND : FOV_EIO, "%.160s: %s", path,
                          strerror(errno));
    else
        status = load(fd, path, pool, frame, error);
    if (fd >= 0)
        close(fd);
    if (status != FOV_EAGAIN)
        list->next++;
    return status;
}

static void close_images(fov_source *source)
{
    struct images *list = source->state;
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    free(list);
}

const struct source_kind source_images = {
    .takes = takes, .open = open_images, .read = read_image, .close = close_images};
