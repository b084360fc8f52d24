/* Running a frame. When somebody watches the stream, its picture is decoded once, whole, for the
 * eyes, and the model gets a reduced copy of it. */
#include "flow/flow.h"

#include <stdlib.h>

#include "base/clock.h"
#include "flow/reduce.h"
#include "media/image.h"

static void detect_frame(struct run *run)
{
    run->error.status = fov_runner_detect_frame(run->runner, run->frame, &run->params,
                                                &run->detections, &run->width, &run->height,
                                                &run->timings, &run->error);
}

/* The frame's picture as full-size YUV; NULL with FOV_OK when there is no room for it now. */
static fov_status whole_picture(struct worker *w, fov_frame **picture, fov_error *error)
{
    const fov_frame *frame = w->run.frame;
    *picture = NULL;
    if (!w->decoder && frame->bytes && fov_decoder_create(&w->decoder, error) != FOV_OK)
        return FOV_OK;
    if (fov_frame_get(w->pool->pictures, 0, picture) != FOV_OK)
        return FOV_OK;
    fov_status status;
    if (frame->bytes) {
        status = fov_decode_into(w->decoder, frame->bytes, frame->size, *picture, error);
    } else {
        const fov_image *image = &frame->image;
        status = fov_frame_alloc_image(*picture, FOV_YUV, image->width, image->height, 1, 1);
        if (status == FOV_OK)
            image_convert(&(*picture)->image, image);
    }
    if (status != FOV_OK)
        fov_frame_unref(picture);
    return status == FOV_ENOMEM ? FOV_OK : status;
}

static void label(fov_frame *picture, const fov_frame *frame)
{
    picture->seq = frame->seq;
    picture->number = frame->number;
    picture->capture_ns = frame->capture_ns;
    picture->deadline_ns = frame->deadline_ns;
    picture->sender_ms = frame->sender_ms;
    picture->pts_ms = frame->pts_ms;
    picture->width = picture->image.width;
    picture->height = picture->image.height;
}

static bool has_scratch(struct worker *w, size_t size)
{
    if (w->scratch_size >= size)
        return true;
    free(w->scratch);
    w->scratch = malloc(size);
    w->scratch_size = w->scratch ? size : 0;
    return w->scratch != NULL;
}

static void detect_picture(struct worker *w, const fov_frame *picture, int64_t start)
{
    struct run *run = &w->run;
    fov_image small = picture->image;
    const fov_model_info *model = fov_model_get_info(run->form->model);
    int by = reduce_denominator(model, small.width, small.height);
    if (by > 1 && !run->params.exact && has_scratch(w, reduce_size(&small, by)))
        reduce_image(&small, &picture->image, by, w->scratch);
    int64_t decoded = clock_now_ns();
    run->width = picture->width;
    run->height = picture->height;
    run->error.status = fov_runner_detect(run->runner, &small, run->width, run->height,
                                          &run->params, &run->detections, &run->timings,
                                          &run->error);
    run->timings.decode = decoded - start;
}

void picture_detect(struct worker *w)
{
    struct run *run = &w->run;
    const fov_image *pixels = &run->frame->image;
    int64_t start = clock_now_ns();
    if (!run->watched) {
        detect_frame(run);
    } else if (!run->frame->bytes && pixels->pixels == FOV_YUV) {
        run->picture = fov_frame_ref(run->frame); /* is one already */
        detect_frame(run);
    } else {
        run->error.status = whole_picture(w, &run->picture, &run->error);
        if (run->error.status != FOV_OK)
            return;
        if (!run->picture) {
            detect_frame(run);
            return;
        }
        label(run->picture, run->frame);
        detect_picture(w, run->picture, start);
    }
}
