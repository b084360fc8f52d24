/* Annotated copies: a JPEG for each picture, one video for the frames of a video. */
#ifndef APPS_SAVER_H
#define APPS_SAVER_H

#include <fovea/fovea.h>

struct saver;

/* `folder` is made when missing. `source` names the video's file. `fps`: of the video. */
fov_status saver_create(struct saver **saver, const char *folder, const char *source, double fps,
                        fov_error *error);

/* Draws into the frame's pixels (a video's; the caller owns the frame alone) or into a decoded,
 * turned copy of its picture, and writes it. `name`: the picture's file name, NULL for videos. */
fov_status saver_add(struct saver *saver, fov_frame *frame, const char *name,
                     const fov_detections *detections, const fov_model *model, fov_error *error);

/* Sets NULL, accepts NULL. */
fov_status saver_close(struct saver **saver, fov_error *error);

#endif
