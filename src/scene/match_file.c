/* A match file that grows: whole lines, each written at once at the end that is known. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene/match_lines.h"

struct fov_match_file {
    int fd;
    int64_t end;           /* bytes of whole lines */
    int64_t last, written; /* numbers of frames: put, and on the disk; -1 none */
    struct json_writer line;
    char path[512];
};

static fov_status io_error(const struct fov_match_file *f, const char *what, fov_error *error)
{
    return fov_fail(error, FOV_EIO, "%s: %s: %s", f->path, what, strerror(errno));
}

/* A line that could not be written whole is taken back. */
static bool append(struct fov_match_file *f)
{
    size_t size = f->line.size + 1, done = 0;
    f->line.text[f->line.size] = '\n'; /* where its terminator stood */
    while (done < size) {
        ssize_t n = pwrite(f->fd, f->line.text + done, size - done, f->end + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int reason = errno;
            if (ftruncate(f->fd, f->end))
                reason = errno;
            errno = reason;
            return false;
        }
        done += (size_t)n;
    }
    f->end += (int64_t)size;
    return true;
}

static void release(struct fov_match_file **file)
{
    struct fov_match_file *f = *file;
    *file = NULL;
    if (f->fd >= 0)
        close(f->fd);
    json_release(&f->line);
    free(f);
}

/* Opens and keeps other processes from writing. */
static fov_status open_locked(struct fov_match_file **file, const char *path, int flags,
                              fov_error *error)
{
    struct fov_match_file *f = calloc(1, sizeof *f);
    *file = f;
    if (!f)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match file");
    f->fd = -1;
    f->last = f->written = -1;
    size_t length = path ? strlen(path) : 0;
    if (length == 0 || length >= sizeof f->path)
        return fov_fail(error, FOV_EINVAL, "the path of a match file has %zu bytes; 1 to %zu",
                        length, sizeof f->path - 1);
    memcpy(f->path, path, length + 1);
    f->fd = open(path, flags | O_RDWR | O_CLOEXEC, 0666);
    if (f->fd < 0 && errno == EEXIST)
        return fov_fail(error, FOV_EEXISTS, "%s is there already", path);
    if (f->fd < 0 && errno == ENOENT)
        return fov_fail(error, FOV_ENOTFOUND, "%s: no such file or folder", path);
    if (f->fd < 0)
        return io_error(f, "cannot be opened", error);
    struct stat st;
    if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EFORMAT, "%s is no file", path);
    if (flock(f->fd, LOCK_EX | LOCK_NB))
        return fov_fail(error, FOV_EBUSY, "%s is being written by another process", path);
    return FOV_OK;
}

/* A new file is there after a crash only when its folder knows of it. */
static bool sync_folder(const char *path)
{
    char folder[512];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 1;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static fov_status begin(struct fov_match_file *f, const fov_match_about *about, fov_error *error)
{
    match_write_about(&f->line, about);
    if (f->line.failed)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match file");
    if (!append(f) || fsync(f->fd) || !sync_folder(f->path))
        return io_error(f, "cannot be written", error);
    return FOV_OK;
}

fov_status fov_match_file_create(fov_match_file **file, const char *path,
                                 const fov_match_about *about, fov_error *error)
{
    fov_match_about a = *about;
    *file = NULL;
    a.pitch.length = a.pitch.length == 0 ? 105 : a.pitch.length;
    a.pitch.width = a.pitch.width == 0 ? 68 : a.pitch.width;
    fov_status status = match_check_about(&a, error);
    if (status)
        return status;
    fov_match_file *f;
    status = open_locked(&f, path, O_CREAT | O_EXCL, error);
    bool made = f && f->fd >= 0;
    if (status == FOV_OK)
        status = begin(f, &a, error);
    if (status && made)
        unlink(path);
    if (status && f)
        release(&f);
    *file = f;
    return status;
}

/* Reads what is there, which must be whole but for the last line. */
static fov_status find_end(struct fov_match_file *f, fov_error *error)
{
    struct match_reader *r = malloc(sizeof *r);
    if (!r)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match file");
    fov_status status = match_reader_open(r, f->path, error);
    while (status == FOV_OK)
        status = match_reader_next(r, error);
    f->end = r->good;
    f->last = f->written = r->last;
    match_reader_close(r);
    free(r);
    return status == FOV_EOS ? FOV_OK : status;
}

fov_status fov_match_file_resume(fov_match_file **file, const char *path, int64_t *last,
                                 fov_error *error)
{
    fov_match_file *f;
    fov_status status = open_locked(&f, path, 0, error);
    if (status == FOV_OK)
        status = find_end(f, error);
    if (status == FOV_OK && (ftruncate(f->fd, f->end) || fsync(f->fd)))
        status = io_error(f, "cannot be written", error);
    if (status && f)
        release(&f);
    if (last)
        *last = f ? f->last : -1;
    *file = f;
    return status;
}

fov_status fov_match_file_put(fov_match_file *f, const fov_match_frame *frame, fov_error *error)
{
    fov_status status = match_check_frame(frame, f->last, error);
    if (status)
        return status;
    json_reset(&f->line);
    match_write_frame(&f->line, frame);
    if (f->line.failed)
        return fov_fail(error, FOV_ENOMEM, "no memory for a frame of a match");
    if (!append(f))
        return io_error(f, "cannot be written", error);
    f->last = frame->number;
    return FOV_OK;
}

fov_status fov_match_file_sync(fov_match_file *f, int64_t *written, fov_error *error)
{
    bool done = fdatasync(f->fd) == 0;
    if (done)
        f->written = f->last;
    if (written)
        *written = f->written;
    return done ? FOV_OK : io_error(f, "cannot be put on the disk", error);
}

fov_status fov_match_file_close(fov_match_file **file, fov_error *error)
{
    if (!*file)
        return FOV_OK;
    fov_status status = fov_match_file_sync(*file, NULL, error);
    release(file);
    return status;
}
