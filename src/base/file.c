#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
