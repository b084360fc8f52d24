/* Running a frame. When somebody watches the stream, or it is of football, or crops are to be cut
 * out of it, its picture is decoded once, whole, and the model gets a reduced copy of it. */
#include "flow/flow.h"

#include <stdlib.h>

#include "base/clock.h"
#include "flow/crops.h"
#include "flow/look.h"
#include "flow/reduce.h"
#include "infer/runner.h"
#include "media/image.h"

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
static fov_frame *whole_picture(struct worker *w, fov_frame *frame)
{
    fov_frame *picture = NULL;
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

bool scratch_reserve(struct scratch *s, size_t size)
{
    if (s->size >= size)
        return true;
    free(s->memory);
    s->memory = malloc(size);
    s->size = s->memory ? size : 0;
    return s->memory != NULL;
}

/* The picture that was decoded whole, reduced for the model. */
static void use_picture(struct worker *w, int i, fov_image *small, fov_item *item)
{
    struct run_frame *f = &w->run.frames[i];
    const fov_image *whole = &f->picture->image;
    int by = reduce_denominator(fov_model_get_info(w->run.form->model), whole->width,
                                whole->height);
    int64_t start = clock_now_ns();
    *small = *whole;
    if (by > 1 && scratch_reserve(&w->scratches[i], reduce_size(whole, by)))
        reduce_image(small, whole, by, w->scratches[i].memory);
    f->reduced = true;
    f->timings.decode = clock_now_ns() - start;
    item->frame = NULL;
    item->image = small;
    item->width = whole->width;
    item->height = whole->height;
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
static void prepare_details(struct worker *w, int i)
{
    struct run_frame *f = &w->run.frames[i];
    const fov_model_info *m = fov_model_get_info(w->run.form->model);
    size_t room = f->detections.capacity;
    if (!details_fit(w->details[i], m, room)) {
        fov_details_destroy(&w->details[i]);
        fov_details_create(&w->details[i], m->task, room, m->keypoints, m->embedding);
    }
    f->detections.details = w->details[i];
}

/* Takes the time that a frame's picture was decoded whole. */
static int64_t prepare_picture(struct worker *w, struct run_frame *f)
{
    int64_t start = clock_now_ns();
    if (f->watched || f->look || f->cropper)
        f->picture = whole_picture(w, f->frame);
    return clock_now_ns() - start;
}

/* The whole run has a limit only when each of its frames has one: then the latest. */
static int64_t limit_of(const struct run *run)
{
    int64_t limit = 0;
    for (int i = 0; i < run->count; i++) {
        if (!run->frames[i].limit_ns)
            return 0;
        limit = run->frames[i].limit_ns > limit ? run->frames[i].limit_ns : limit;
    }
    return limit;
}

/* The frames that go through the model whole, together. */
static void run_whole(struct worker *w, fov_item *items, int count)
{
    struct run *run = &w->run;
    if (count == 0)
        return;
    runner_limit(run->runner, limit_of(run));
    runner_show(run->runner, motion_see, w);
    fov_runner_detect_items(run->runner, items, count, NULL);
    runner_show(run->runner, NULL, NULL); /* others use it too */
    for (int k = 0; k < count; k++) {
        struct run_frame *f = &run->frames[w->whole[k]];
        f->error = items[k].error;
        f->width = items[k].width;
        f->height = items[k].height;
    }
}

static void run_tiles(struct worker *w)
{
    for (int i = 0; i < w->run.count; i++)
        if (w->run.frames[i].look && w->looked[i]->tiles && !look_in_tiles(w, i))
            return;
}

/* What is looked for beside the model's boxes. */
static void look_on(struct worker *w)
{
    struct run *run = &w->run;
    for (int i = 0; i < run->count; i++)
        if (run->frames[i].look)
            look_sort(w, i);
    int64_t start = clock_now_ns();
    look_for_others(w);
    for (int i = 0; i < run->count; i++)
        if (run->frames[i].look)
            look_end(w, i);
    int64_t crops = clock_now_ns();
    crops_see(w);
    int64_t end = clock_now_ns();
    for (int i = 0; i < run->count; i++) {
        run->frames[i].aside_ns = end - start;
        run->frames[i].crops_ns = end - crops;
    }
}

void picture_detect(struct worker *w)
{
    struct run *run = &w->run;
    fov_item items[BATCH_MAX];
    fov_image small[BATCH_MAX];
    int64_t seen_ns[BATCH_MAX];
    int whole = 0;
    for (int i = 0; i < run->count; i++) {
        struct run_frame *f = &run->frames[i];
        prepare_details(w, i);
        w->grays[i].width = 0;
        seen_ns[i] = prepare_picture(w, f);
        if (f->look)
            look_begin(w, i);
        if (f->look && w->looked[i]->tiles)
            continue;
        fov_item *item = &items[whole];
        *item = (fov_item){
            .frame = f->frame, .params = &f->params, .out = &f->detections, .timings = &f->timings};
        if (f->picture && f->frame->bytes && !f->params.exact)
            use_picture(w, i, &small[i], item);
        w->whole[whole++] = i;
    }
    run_whole(w, items, whole);
    run_tiles(w);
    for (int i = 0; i < run->count; i++)
        run->frames[i].timings.decode += seen_ns[i];
    look_on(w);
}
