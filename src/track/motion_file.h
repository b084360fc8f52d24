/* Camera motion from a file; see fovea/motion.h. */
#ifndef TRACK_MOTION_FILE_H
#define TRACK_MOTION_FILE_H

#include <fovea/motion.h>

enum { MOTION_FILE_LINES = 4000000, MOTION_FILE_LINE = 1025, MOTION_FILE_BYTES = 256 << 20 };

/* Reads the text of such a file. `name` stands in messages. */
fov_status motion_file_read(fov_motion_file **file, const char *text, size_t size, const char *name,
                            fov_error *error);

#endif
