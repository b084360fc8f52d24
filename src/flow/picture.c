/* Running a frame. When somebody watches the stream, its picture is decoded once, whole, for the
 * eyes, and the model gets a reduced copy of it. */
#include "flow/flow.h"

#include <stdlib.h>

#include "base/clock.h"
#include "flow/reduce.h"
#include "infer/runner.h"
#include "media/image.h"

static void detect_frame(struct run *run)
{
    run->error.status = fov_runner_detect_frame(run->runner, run->frame, &run->params,
                                                &run->detections, &run->width, &run->height,
                                                &run->timings, &run->error);
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

/* Fills `picture` with the frame's pixels as full-size YUV. */
static fov_status make_whole(struct worker *w, const fov_frame *frame, fov_frame *picture)
{
    const fov_image *image = &frame->image;
    fov_status status = FOV_OK;
    if (frame->bytes) {
        if (!w->decoder)
            status = fov_decoder_create(&w->decoder, NULL);
        return status ? status
                      : fov_decode_into(w->decoder, frame->bytes, frame->size, picture, NULL);
    }
    status = fov_frame_alloc_image(picture, FOV_YUV, image->width, image->height, 1, 1);
    if (status == FOV_OK)
        image_convert(&picture->image, image);
    return status;
}

/* NULL when there is no room for a picture now, or it cannot be decoded whole: the run itself then
 * says what is wrong with it, if anything. */
static fov_frame *whole_picture(struct worker *w)
{
    fov_frame *picture = NULL, *frame = w->run.frame;
    if (!frame->bytes && frame->image.pixels == FOV_YUV)
        return fov_frame_ref(frame); /* is one already */
    if (fov_frame_get(w->pool->pictures, 0, &picture) != FOV_OK)
        return NULL;
    if (make_whole(w, frame, picture) == FOV_OK)
        label(picture, frame);
    else
        fov_frame_unref(&picture);
    return picture;
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

static void detect_picture(struct worker *w)
{
    struct run *run = &w->run;
    const fov_image *whole = &run->picture->image;
    fov_image small = *whole;
    int by = reduce_denominator(fov_model_get_info(run->form->model), whole->width, whole->height);
    int64_t start = clock_now_ns();
    if (by > 1 && has_scratch(w, reduce_size(whole, by)))
        reduce_image(&small, whole, by, w->scratch);
    int64_t reduced = clock_now_ns();
    run->width = whole->width;
    run->height = whole->height;
    run->error.status = fov_runner_detect(run->runner, &small, run->width, run->height,
                                          &run->params, &run->detections, &run->timings,
                                          &run->error);
    run->timings.decode = reduced - start;
}

static bool details_fit(const fov_details *d, const fov_model_info *m, size_t room)
{
    bool masks = m->task == FOV_TASK_SEGMENT || m->task == FOV_TASK_SEMANTIC;
    if (m->task == FOV_TASK_DETECT)
        return !d;
    return d && d->capacity >= room && d->keypoint_capacity >= room * (size_t)m->keypoints &&
           (d->run_capacity > 0) == masks && d->embedding_capacity == (size_t)m->embedding;
}

/* Room for what the model's task gives; made again only when the task changes. */
static void prepare_details(struct worker *w)
{
    struct run *run = &w->run;
    const fov_model_info *m = fov_model_get_info(run->form->model);
    size_t room = run->detections.capacity;
    if (!details_fit(w->details, m, room)) {
        fov_details_destroy(&w->details);
        fov_details_create(&w->details, m->task, room, m->keypoints, m->embedding);
    }
    run->detections.details = w->details;
}

void picture_detect(struct worker *w)
{
    struct run *run = &w->run;
    int64_t start = clock_now_ns();
    prepare_details(w);
    runner_limit(run->runner, run->limit_ns);
    if (run->watched)
        run->picture = whole_picture(w);
    int64_t decoded = clock_now_ns();
    if (run->picture && run->frame->bytes && !run->params.exact)
        detect_picture(w);
    else
        detect_frame(run);
    run->timings.decode += decoded - start;
}
