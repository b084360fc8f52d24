/* The view thread: draws the boxes and encodes, once a frame for all who look, and never runs a
 * model. Each feed has one slot: a newer result replaces the one that waits. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "serve/football_paint.h"
#include "serve/message.h"
#include "serve/room.h"

enum { DETECTIONS_MAX = FOOTBALL_BOXES_MAX };

struct view_job {
    bool set, plain, drawn; /* what is wanted of it */
    int quality;            /* percent */
    uint64_t seq, dropped_before;
    fov_frame *frame, *picture;
    fov_model *model;
    fov_timings timings;
    bool analysed, in_time; /* not analysed: there was no result, model is NULL */
    size_t count;
    struct net_blob *note, *football;
    struct football_paint paint;
    fov_details *details; /* memory that stays with the slot; NULL for models of boxes */
    fov_detection items[DETECTIONS_MAX];
};

struct view {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct feed *first, **end; /* feeds whose slot is set */
    bool stopping, joined;
    /* the thread's own */
    struct view_job job;
    fov_detection boxes[DETECTIONS_MAX]; /* as they are drawn */
    fov_encoder *encoder;
    fov_frame_pool *copies;
};

static void job_release(struct view_job *job)
{
    fov_frame_unref(&job->frame);
    fov_frame_unref(&job->picture);
    fov_model_close(&job->model);
    net_blob_unref(&job->note);
    net_blob_unref(&job->football);
    job->set = false;
}

/* ---- slots ------------------------------------------------------------------------------------
 */

fov_status view_prepare(struct feed *feed)
{
    feed->job = calloc(1, sizeof *feed->job);
    return feed->job ? FOV_OK : FOV_ENOMEM;
}

void view_forget(struct feed *feed)
{
    if (feed->job) {
        job_release(feed->job);
        fov_details_destroy(&feed->job->details);
    }
    free(feed->job);
    feed->job = NULL;
}

static void job_fill(struct view_job *job, struct feed *feed, const fov_result *result,
                     struct net_blob *note, struct net_blob *football)
{
    job->set = true;
    job->plain = note != NULL;
    job->drawn = atomic_load(&feed->server_looks);
    job->seq = feed_seq(feed, result->frame);
    job->quality = atomic_load(&feed->quality);
    job->dropped_before = atomic_exchange(&feed->dropped, 0);
    job->frame = fov_frame_ref(result->frame);
    job->picture = fov_frame_ref(result->picture ? result->picture : result->frame);
    job->analysed = result->outcome == FOV_DELIVERED;
    if (job->analysed)
        job->model = fov_model_ref(
            (fov_model *)result->model); /* counts in it are its own affair */
    job->timings = result->timings;
    job->in_time = result->in_time;
    job->note = note;
    job->football = football ? net_blob_ref(football) : NULL;
    job->count = result->detections->count < DETECTIONS_MAX ? result->detections->count
                                                            : DETECTIONS_MAX;
    if (job->count > 0)
        memcpy(job->items, result->detections->items, job->count * sizeof *job->items);
    job->paint.set = false;
    if (result->football && job->drawn)
        football_paint_fill(&job->paint, result);
    if (fov_details_like(&job->details, result->detections->details) == FOV_OK)
        fov_details_copy(job->details, result->detections->details, job->count);
}

void view_submit(struct view *view, struct feed *feed, const fov_result *result,
                 struct net_blob *note, struct net_blob *football)
{
    struct view_job *job = feed->job;
    uint64_t dropped = 0;
    pthread_mutex_lock(&view->lock);
    if (view->stopping) {
        pthread_mutex_unlock(&view->lock);
        net_blob_unref(&note);
        return;
    }
    if (job->set) { /* replaced: it counts with those that were dropped before it */
        dropped = job->dropped_before + 1;
        job_release(job);
    }
    job_fill(job, feed, result, note, football);
    job->dropped_before += dropped;
    if (!feed->queued) {
        feed->queued = true;
        feed->view_next = NULL;
        *view->end = feed_ref(feed);
        view->end = &feed->view_next;
        pthread_cond_signal(&view->changed);
    }
    pthread_mutex_unlock(&view->lock);
}

/* Moves the next slot into view->job; returns its feed with a reference, NULL at the end. */
static struct feed *take(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    while (!view->first && !view->stopping)
        pthread_cond_wait(&view->changed, &view->lock);
    struct feed *feed = view->first;
    if (feed) {
        if (!(view->first = feed->view_next))
            view->end = &view->first;
        feed->queued = false;
        size_t used = offsetof(struct view_job, items) + feed->job->count * sizeof(fov_detection);
        fov_details *details = view->job.details; /* serves the slot's next result */
        memcpy(&view->job, feed->job, used);
        memset(feed->job, 0, offsetof(struct view_job, items));
        feed->job->details = details;
    }
    pthread_mutex_unlock(&view->lock);
    return feed;
}

/* ---- pictures ---------------------------------------------------------------------------------
 */

static const char *label(void *user, int class_id)
{
    return fov_model_label(user, class_id);
}

/* What boxes are called. */
struct words {
    const char *(*label)(void *user, int class_id);
    void *user;
};

static struct net_blob *encode(struct view *view, const fov_image *image)
{
    const uint8_t *bytes;
    size_t size;
    if (fov_encode_jpeg(view->encoder, image, view->job.quality, &bytes, &size, NULL) != FOV_OK)
        return NULL;
    return net_blob_copy(bytes, size);
}

static void copy_plane(const fov_image *from, fov_image *to, int plane)
{
    int height = from->height, width = from->width;
    if (plane > 0) {
        height = (height + (1 << from->shift_y) - 1) >> from->shift_y;
        width = (width + (1 << from->shift_x) - 1) >> from->shift_x;
    }
    for (int y = 0; from->plane[plane] && to->plane[plane] && y < height; y++)
        memcpy(to->plane[plane] + (size_t)y * (size_t)to->stride[plane],
               from->plane[plane] + (size_t)y * (size_t)from->stride[plane], (size_t)width);
}

/* A picture that may be drawn on: decoded ones belong to nobody else, a source's own frame is
 * copied. */
static fov_frame *canvas(struct view *view)
{
    const struct view_job *job = &view->job;
    const fov_image *image = &job->picture->image;
    fov_frame *copy = NULL;
    if (job->picture != job->frame)
        return fov_frame_ref(job->picture);
    if (fov_frame_get(view->copies, 0, &copy) != FOV_OK)
        return NULL;
    if (fov_frame_alloc_image(copy, image->pixels, image->width, image->height, image->shift_x,
                              image->shift_y) != FOV_OK) {
        fov_frame_unref(&copy);
        return NULL;
    }
    for (int plane = 0; plane < 3; plane++)
        copy_plane(image, &copy->image, plane);
    if (!image->plane[1])
        copy->image.plane[1] = copy->image.plane[2] = NULL; /* gray */
    return copy;
}

static bool has_own_jpeg(const fov_frame *frame)
{
    return frame->bytes && frame->codec == FOV_JPEG;
}

/* The picture without boxes: the camera's own JPEG where there is one. */
static struct net_blob *plain(struct view *view, double *encode_ms)
{
    const struct view_job *job = &view->job;
    int64_t start = clock_now_ns();
    if (has_own_jpeg(job->frame))
        return feed_blob(job->frame);
    struct net_blob *blob = encode(view, &job->picture->image);
    *encode_ms = ns_to_ms(clock_now_ns() - start);
    return blob;
}

/* The camera's own picture with boxes in it: what no box reaches stays as it was sent, and only the
 * rest is encoded. */
static struct net_blob *draw_into(struct view *view, const fov_frame *frame, fov_image *image,
                                  const fov_detections *detections, const struct words *words)
{
    const uint8_t *bytes;
    size_t size;
    if (fov_draw_into_jpeg(view->encoder, frame->bytes, frame->size, image, detections,
                           words->label, words->user, view->job.quality, &bytes, &size, NULL,
                           NULL) != FOV_OK)
        return NULL;
    return net_blob_copy(bytes, size);
}

/* The boxes of a football frame say whose they are. */
static struct words choose_words(struct view *view, fov_detections *detections)
{
    struct view_job *job = &view->job;
    if (!job->paint.set)
        return (struct words){label, job->model};
    memcpy(view->boxes, job->items, job->count * sizeof *view->boxes);
    football_paint_boxes(&job->paint, view->boxes, job->count);
    detections->items = view->boxes;
    return (struct words){football_paint_label, &job->paint};
}

static struct net_blob *draw(struct view *view, double *draw_ms, double *encode_ms)
{
    struct view_job *job = &view->job;
    fov_detections detections = {job->items, job->count, job->count, job->details};
    struct words words = choose_words(view, &detections);
    int64_t start = clock_now_ns();
    fov_frame *on = canvas(view);
    if (!on)
        return NULL;
    struct net_blob *blob = NULL;
    if (has_own_jpeg(job->frame) && job->quality >= QUALITY_DEFAULT) {
        blob = draw_into(view, job->frame, &on->image, &detections, &words);
    } else {
        fov_draw_detections(&on->image, &detections, words.label, words.user);
        *draw_ms = ns_to_ms(clock_now_ns() - start);
        blob = encode(view, &on->image);
    }
    *encode_ms = ns_to_ms(clock_now_ns() - start) - *draw_ms;
    fov_frame_unref(&on);
    return blob;
}

/* ---- metadata ---------------------------------------------------------------------------------
 */

static struct net_blob *plain_head(const struct feed *feed, const struct view_job *job)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    feed_write_head(&w, feed, job->frame, job->seq);
    json_add_string(&w, "format", "jpeg");
    json_add_null(&w, "detections");
    json_object_end(&w);
    return message_blob(&w);
}

static struct net_blob *drawn_head(const struct feed *feed, const struct view_job *job,
                                   double draw_ms, double encode_ms)
{
    struct json_writer w = {0};
    fov_detections detections = {(fov_detection *)job->items, job->count, job->count, job->details};
    double total = ns_to_ms(clock_now_ns() - job->frame->capture_ns);
    json_object_begin(&w);
    feed_write_head(&w, feed, job->frame, job->seq);
    json_add_string(&w, "format", "jpeg");
    json_add_number(&w, "processing_time_ms", total, 3);
    json_add_number(&w, "processed_at", clock_unix_ms(), 3);
    json_add_bool(&w, "analysed", job->analysed);
    json_add_bool(&w, "in_time", job->in_time);
    json_name(&w, "detections");
    message_detections(&w, &detections, 0, job->model, job->picture->width, job->picture->height);
    if (job->analysed)
        message_task(&w, &detections, job->model);
    football_splice(&w, job->football);
    json_add_int(&w, "dropped_before", (int64_t)job->dropped_before);
    json_name(&w, "timings_ms");
    json_object_begin(&w);
    message_timings(&w, &job->timings);
    json_add_number(&w, "draw", draw_ms, 3);
    json_add_number(&w, "encode", encode_ms, 3);
    json_object_end(&w);
    if (job->analysed)
        json_add_string(&w, "model_id", fov_model_get_info(job->model)->id);
    json_object_end(&w);
    return message_blob(&w);
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static void pictures_free(struct view_pictures *p)
{
    net_blob_unref(&p->plain_head);
    net_blob_unref(&p->plain);
    net_blob_unref(&p->note);
    net_blob_unref(&p->drawn_head);
    net_blob_unref(&p->drawn);
    feed_unref(p->feed);
    free(p);
}

static void run_pictures(void *arg)
{
    struct view_pictures *pictures = arg;
    room_pictures(pictures);
    pictures_free(pictures);
}

/* Encodes what is wanted of view->job and posts it. */
static void work_on(struct view *view, struct feed *feed)
{
    struct view_job *job = &view->job;
    struct view_pictures *p = calloc(1, sizeof *p);
    double draw_ms = 0, encode_ms = 0;
    if (!p)
        return;
    p->feed = feed_ref(feed);
    p->seq = job->seq;
    p->number = feed_number(feed, job->frame);
    bool bare = job->count == 0 && (!job->details || job->details->class_count == 0);
    if (job->plain || bare)
        p->plain = plain(view, &encode_ms);
    if (job->drawn && bare && p->plain)
        p->drawn = net_blob_ref(p->plain);
    else if (job->drawn)
        p->drawn = draw(view, &draw_ms, &encode_ms);
    if (p->drawn)
        p->drawn_head = drawn_head(feed, job, draw_ms, encode_ms);
    if (job->plain) {
        p->plain_head = plain_head(feed, job);
        p->note = job->note;
        job->note = NULL;
    }
    if (!net_post(feed->loop, run_pictures, p))
        pictures_free(p);
}

static void *work(void *arg)
{
    struct view *view = arg;
    pthread_setname_np(pthread_self(), "fovea-view");
    for (struct feed *feed; (feed = take(view)) != NULL; feed_unref(feed)) {
        work_on(view, feed);
        job_release(&view->job);
    }
    return NULL;
}

static void view_free(struct view *view)
{
    fov_encoder_destroy(&view->encoder);
    fov_frame_pool_destroy(&view->copies);
    pthread_cond_destroy(&view->changed);
    pthread_mutex_destroy(&view->lock);
    fov_details_destroy(&view->job.details);
    free(view);
}

struct view *view_start(struct server *server)
{
    struct view *view = calloc(1, sizeof *view);
    fov_frame_pool_params copies = {.slots = 2, .keep_bytes = (size_t)16 << 20};
    if (!view)
        return NULL;
    view->server = server;
    view->end = &view->first;
    pthread_mutex_init(&view->lock, NULL);
    pthread_cond_init(&view->changed, NULL);
    if (fov_encoder_create(&view->encoder, NULL) == FOV_OK &&
        fov_frame_pool_create(&view->copies, &copies, NULL) == FOV_OK &&
        pthread_create(&view->thread, NULL, work, view) == 0)
        return view;
    view_free(view);
    return NULL;
}

void view_stop(struct view *view)
{
    if (!view || view->joined)
        return;
    pthread_mutex_lock(&view->lock);
    view->stopping = true;
    pthread_cond_signal(&view->changed);
    pthread_mutex_unlock(&view->lock);
    pthread_join(view->thread, NULL);
    view->joined = true;
}

void view_destroy(struct view **view)
{
    if (!*view)
        return;
    view_stop(*view);
    view_free(*view);
    *view = NULL;
}
