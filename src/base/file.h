/* Files that are read whole; small ones that the program keeps: written whole, and put aside when
 * they cannot be used. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <fovea/status.h>

/* Reads all bytes of a file or a pipe, at most `most`. `*data` is to be freed, NULL when that
 * failed: FOV_ENOTFOUND, FOV_EIO, FOV_EFORMAT (larger), FOV_ENOMEM. Thread-safety: safe. Blocks: on
 * the disk. */
fov_status file_read(const char *path, size_t most, char **data, size_t *size, fov_error *error);

/* Writes a new file PATH.new, to the disk, and gives it the name `path`: a reader sees the old text
 * or the new one, whole, also after the power has gone. Returns FOV_EIO with the reason, and the
 * old file is as it was. Thread-safety: one writer of a path at a time. Blocks: on the disk. */
fov_status file_replace(const char *path, const void *data, size_t size, mode_t mode,
                        fov_error *error);

/* Renames the file to PATH.broken-SECONDS, which `aside` gets. False: it is where it was. */
bool file_move_aside(const char *path, char *aside, size_t size);

#endif
