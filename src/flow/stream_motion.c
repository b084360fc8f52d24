/* Camera motion of a stream: a worker reduces each picture that it decodes to a small grey one
 * (motion_see), beside the others; what they tell is read from them in frame order, by the thread
 * that names boxes (motion_next). */
#include "flow/flow.h"

#include <stdlib.h>

#include "track/camera_motion.h"
#include "track/luma.h"

enum { SIDE = 320 }; /* px of the longer side */

struct mover {
    fov_camera_motion *motion;
    fov_detection boxes[DETECTIONS_MAX]; /* of a frame, in px of its small picture */
};

fov_status mover_make(struct mover **mover, fov_error *error)
{
    const fov_camera_motion_params params = {.side = SIDE};
    *mover = calloc(1, sizeof **mover);
    if (!*mover)
        return fov_fail(error, FOV_ENOMEM, "no memory for camera motion");
    return fov_camera_motion_create(&(*mover)->motion, &params, error);
}

void mover_free(struct mover **mover)
{
    if (*mover)
        fov_camera_motion_destroy(&(*mover)->motion);
    free(*mover);
    *mover = NULL;
}

static bool gray_has_room(struct gray *gray, size_t size)
{
    if (gray->room >= size)
        return true;
    free(gray->pixels);
    gray->pixels = malloc(size);
    gray->room = gray->pixels ? size : 0;
    return gray->pixels != NULL;
}

void motion_see(void *user, int index, const fov_image *image)
{
    struct worker *w = user;
    struct run_frame *f = &w->run.frames[w->whole[index]];
    struct gray *gray = &w->grays[w->whole[index]];
    int factor = luma_factor(image->width, image->height, SIDE);
    int width = image->width / factor, height = image->height / factor;
    size_t sums = 3 * (size_t)image->width * sizeof(uint16_t);
    gray->width = gray->height = 0;
    if (!f->moves || width == 0 || height == 0 || image->width > LUMA_SIDE_MAX ||
        image->height > LUMA_SIDE_MAX ||
        !gray_has_room(gray, sums + (size_t)width * (size_t)height))
        return;
    gray->width = width;
    gray->height = height;
    luma_reduce(image, factor, (uint16_t *)(void *)gray->pixels, gray->pixels + sums,
                (size_t)width);
    gray->offset = sums;
}

void motion_next(struct mover *m, const struct job *job, fov_motion *out)
{
    const struct gray *g = &job->gray;
    *out = (fov_motion){.map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    if (g->width == 0 || job->width <= 0 ||
        job->height <= 0) { /* what follows has nothing before */
        fov_camera_motion_reset(m->motion);
        return;
    }
    const fov_image small = {.pixels = FOV_GRAY8,
                             .width = g->width,
                             .height = g->height,
                             .plane = {g->pixels + g->offset},
                             .stride = {g->width}};
    const struct camera_motion_boxes boxes = {&job->detections, m->boxes, DETECTIONS_MAX};
    camera_motion_scaled(m->motion, &small, job->width, job->height, &boxes, out);
}
