/* The pictures of a source one after the other, decoded whole and turned upright. */
#ifndef APPS_UPRIGHT_H
#define APPS_UPRIGHT_H

#include <fovea/fovea.h>

struct upright {
    fov_source *source;
    fov_frame_pool *pool;
    fov_decoder *decoder;
    fov_frame *frame;
    fov_image image; /* upright, RGB */
    const char *name;
};

/* Opens a file, folder, glob or video. To be ended also when this fails. */
fov_status upright_begin(struct upright *u, const char *url, fov_error *error);
void upright_end(struct upright *u);

/* The next picture, FOV_EOS after the last; a broken one fails with a status that
 * upright_is_broken knows, and the next may be read. */
fov_status upright_next(struct upright *u, fov_error *error);
bool upright_is_broken(fov_status status);

/* A photograph that its EXIF block says to turn, on its way to a model: the frame is replaced by
 * one of `pool` with pixels. Others stay as they are. */
fov_status upright_frame(fov_decoder *decoder, fov_frame_pool *pool, fov_frame **frame,
                         fov_error *error);

#endif
