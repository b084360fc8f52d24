/* What commands that read a source frame by frame (predict, replay, record) share. */
#ifndef APPS_READING_H
#define APPS_READING_H

#include <fovea/fovea.h>

#define READING_PICTURE_BYTES ((size_t)256 << 20) /* pixels of one picture */

/* Statuses of one broken picture; the others of the source may be fine. */
bool reading_goes_on(fov_status status);

/* A live source that could not be opened, as against one broken picture. */
bool reading_has_ended(const fov_source *source);

/* "12 of 90, 30.1 fps, 3 s to go" over the line before, every eighth frame; `more` stands behind
 * the rate. On standard error. */
void reading_progress(const fov_source *source, int64_t done, int64_t start_ns, const char *more);

#endif
