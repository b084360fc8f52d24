#include "infer/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fovea/log.h>

#include "base/sha256.h"
#include "base/text.h"

enum {
    PART = 64 * 1024, /* of a file's start and end */
    NAME = 24,        /* hexadecimal digits */
    KEPT = 16,
    SEEN_MAX = 256,   /* folders looked at */
    FILES_MAX = 1024, /* removed from one */
    DEPTH = 4,
};

/* ---- names ---- */

/* Both ends of the file and its size, into `bytes`; how many. 0 when it cannot be read. */
static size_t read_ends(const char *path, char *bytes)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t size = 0;
    if (file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode)) {
        int64_t from = about.st_size > PART ? about.st_size - PART : 0;
        ssize_t head = pread(file, bytes, PART, 0);
        ssize_t tail = head < 0 ? -1 : pread(file, bytes + head, PART, from);
        if (tail >= 0)
            size = (size_t)(head + tail) +
                   (size_t)snprintf(bytes + head + tail, 32, "|%lld|", (long long)about.st_size);
    }
    if (file >= 0)
        close(file);
    return size;
}

/* The sum over the file's parts, each with the sum before it, into `bytes`; how many. 0 when it
 * cannot be read. */
static size_t read_all(const char *path, char *bytes)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *part = malloc(SHA256_TEXT + PART);
    bool good = part && file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    ssize_t got = good ? 1 : -1;
    if (good)
        memset(part, 0, SHA256_TEXT);
    while (got > 0 && (got = read(file, part + SHA256_TEXT, PART)) > 0)
        sha256_text(part, SHA256_TEXT + (size_t)got, part);
    if (got == 0)
        memcpy(bytes, part, SHA256_TEXT);
    free(part);
    if (file >= 0)
        close(file);
    return got == 0 ? SHA256_TEXT : 0;
}

bool cache_path(const char *root, const struct cache_key *key, char *folder, size_t size)
{
    char beside[PATH_MAX], sum[SHA256_TEXT];
    char *bytes = malloc(2 * (2 * PART + 32) + 512);
    size_t (*look)(const char *, char *) = key->whole ? read_all : read_ends;
    size_t used = bytes ? look(key->model, bytes) : 0;
    const char *dot = strrchr(key->model, '.');
    bool good = used > 0;
    if (good && dot && strcmp(dot, ".xml") == 0 &&
        snprintf(beside, sizeof beside, "%.*s.bin", (int)(dot - key->model), key->model) <
            (int)sizeof beside)
        used += look(beside, bytes + used);
    if (good) {
        int words = snprintf(bytes + used, 512, "%s|%s|%s|%s", key->backend, key->version,
                             key->device, key->precision);
        sha256_text(bytes, used + (size_t)(words < 512 ? words : 511), sum);
        good = snprintf(folder, size, "%s/%.*s", root, NAME, sum) < (int)size;
    }
    free(bytes);
    return good;
}

static bool is_ours(const char *name)
{
    return strlen(name) == NAME && strspn(name, "0123456789abcdef") == NAME;
}

/* ---- the folder ---- */

static void warn(const char *root, const char *why)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool said;
    pthread_mutex_lock(&lock);
    bool first = !said;
    said = true;
    pthread_mutex_unlock(&lock);
    if (first)
        fov_log(FOV_LOG_WARN, "infer",
                "compiled models cannot be kept in %s: %s; the next start compiles again "
                "(models.cache names another folder)",
                root, why);
}

static bool make_folders(const char *path)
{
    char part[PATH_MAX];
    if (text_copy(part, sizeof part, path) != strlen(path))
        return false;
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST)
                return false;
            *p = '/';
        }
    return mkdir(part, 0700) == 0 || errno == EEXIST;
}

/* Why the folder is not to be trusted with code that we run later; NULL when it is. */
static const char *distrust(const char *folder, char *why, size_t size)
{
    struct stat about;
    if (lstat(folder, &about) != 0)
        return strerror(errno);
    if (S_ISLNK(about.st_mode))
        return "it is a symbolic link; name the folder itself";
    if (!S_ISDIR(about.st_mode))
        return "it is not a folder";
    if (about.st_uid != geteuid())
        return "it belongs to another user";
    if (about.st_mode & (S_IWGRP | S_IWOTH)) {
        snprintf(why, size, "others may write there; chmod 700 %s", folder);
        return why;
    }
    return access(folder, W_OK | X_OK) == 0 ? NULL : strerror(errno);
}

static bool make_trusted(const char *folder)
{
    char why[PATH_MAX + 48];
    const char *reason = make_folders(folder) ? distrust(folder, why, sizeof why) : strerror(errno);
    if (reason)
        warn(folder, reason);
    return !reason;
}

/* ---- old folders ---- */

struct seen {
    char name[NAME + 1];
    struct timespec used;
};

static int by_age(const void *one, const void *other)
{
    const struct timespec a = ((const struct seen *)one)->used;
    const struct timespec b = ((const struct seen *)other)->used;
    if (a.tv_sec != b.tv_sec)
        return a.tv_sec < b.tv_sec ? 1 : -1;
    return a.tv_nsec < b.tv_nsec ? 1 : a.tv_nsec > b.tv_nsec ? -1 : 0;
}

static void remove_tree(int parent, const char *name, int depth)
{
    int file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = file >= 0 ? fdopendir(file) : NULL;
    int count = 0;
    if (!dir && file >= 0)
        close(file);
    for (struct dirent *e; dir && count++ < FILES_MAX && (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (unlinkat(file, e->d_name, 0) != 0 && depth > 0)
            remove_tree(file, e->d_name, depth - 1);
    }
    if (dir)
        closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void forget_old(const char *root)
{
    struct seen *seen = calloc(SEEN_MAX, sizeof *seen);
    DIR *dir = seen ? opendir(root) : NULL;
    size_t count = 0;
    struct stat about;
    for (struct dirent *e; dir && count < SEEN_MAX && (e = readdir(dir));)
        if (is_ours(e->d_name) &&
            fstatat(dirfd(dir), e->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(about.st_mode)) {
            text_copy(seen[count].name, sizeof seen->name, e->d_name);
            seen[count++].used = about.st_mtim;
        }
    if (count > KEPT)
        qsort(seen, count, sizeof *seen, by_age);
    for (size_t i = KEPT; i < count; i++)
        remove_tree(dirfd(dir), seen[i].name, DEPTH);
    if (dir)
        closedir(dir);
    free(seen);
}

const char *cache_open(const char *root, const struct cache_key *key, char *folder, size_t size)
{
    if (!root || !root[0] || !cache_path(root, key, folder, size) || !make_trusted(root) ||
        !make_trusted(folder))
        return NULL;
    utimensat(AT_FDCWD, folder, NULL, AT_SYMLINK_NOFOLLOW); /* used last: now */
    forget_old(root);
    return folder;
}

bool cache_holds(const char *root, const struct cache_key *key, const char *ending)
{
    char folder[PATH_MAX], why[PATH_MAX + 48];
    bool found = false;
    if (!root || !root[0] || !cache_path(root, key, folder, sizeof folder) ||
        distrust(root, why, sizeof why) || distrust(folder, why, sizeof why))
        return false;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        const char *dot = strrchr(e->d_name, '.');
        found = dot && strcmp(dot, ending) == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}
