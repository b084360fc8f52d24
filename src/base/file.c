#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_ROOM = 1 << 16 };

/* Up to `most` + 1 bytes: one more tells that there are more. */
static fov_status read_all(FILE *from, const char *path, size_t most, char **data, size_t *size,
                           fov_error *error)
{
    size_t room = 0, got = 1;
    for (*size = 0; got > 0 && *size <= most; *size += got) {
        if (*size == room) {
            room = room ? 2 * room : FIRST_ROOM;
            room = room > most ? most + 1 : room;
            char *larger = realloc(*data, room);
            if (!larger)
                return fov_fail(error, FOV_ENOMEM, "no memory for %.100s", path);
            *data = larger;
        }
        got = fread(*data + *size, 1, room - *size, from);
    }
    if (ferror(from))
        return fov_fail(error, FOV_EIO, "%.100s: %s", path, strerror(errno));
    bool large = most >> 30 > 0;
    return *size <= most ? FOV_OK
                         : fov_fail(error, FOV_EFORMAT, "%.100s: not a file of at most %zu %s",
                                    path, large ? most >> 30 : most >> 20, large ? "GiB" : "MiB");
}

fov_status file_read(const char *path, size_t most, char **data, size_t *size, fov_error *error)
{
    *data = NULL;
    FILE *from = fopen(path, "rbe");
    if (!from)
        return fov_fail(error, FOV_ENOTFOUND, "%.100s: %s", path, strerror(errno));
    fov_status status = read_all(from, path, most, data, size, error);
    fclose(from);
    if (status) {
        free(*data);
        *data = NULL;
    }
    return status;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR)
            return false;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

fov_status file_replace(const char *path, const void *data, size_t size, mode_t mode,
                        fov_error *error)
{
    char fresh[560];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return fov_fail(error, FOV_EIO, "%.100s…: the path is too long", path);
    unlink(fresh); /* of one that was cut off */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    bool done = fd >= 0 && write_all(fd, data, size) && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0 && close(fd) != 0 && done) {
        done = false;
        reason = errno;
    }
    if (done && rename(fresh, path) == 0)
        return FOV_OK;
    if (done)
        reason = errno;
    unlink(fresh);
    return fov_fail(error, FOV_EIO, "%s: %s", path, strerror(reason));
}

bool file_move_aside(const char *path, char *aside, size_t size)
{
    snprintf(aside, size, "%s.broken-%lld", path, (long long)time(NULL));
    return rename(path, aside) == 0;
}
