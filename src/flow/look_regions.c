/* People in tiles: a small model sees nothing of a far player in the whole picture, but in a part
 * of it that it takes nearly as it is. */
#include <stdlib.h>

#include "base/clock.h"
#include "flow/look.h"
#include "flow/reduce.h"
#include "infer/runner.h"

enum { PEOPLE_GROUP, BALL_GROUP };

bool look_has_tiling(struct worker *w)
{
    if (!w->tiling)
        w->tiling = calloc(1, sizeof *w->tiling);
    return w->tiling != NULL;
}

/* ---- running parts of a picture -----------------------------------------------------------------
 */

static void add_boxes(struct worker *w, const fov_detections *seen, int tile,
                      const fov_ball_region *region, const struct look_classes *classes,
                      const fov_image *whole)
{
    struct tiling *t = w->tiling;
    for (size_t i = 0; i < seen->count && t->count < DETECTIONS_MAX; i++) {
        int32_t id = seen->items[i].class_id;
        int kind = id >= 0 && id < LOOK_LABELS_MAX ? classes->kind[id] : -1;
        if (kind >= 0)
            t->boxes[t->count++] = tile_box_of(&seen->items[i], tile, region,
                                               kind == FOV_CLASS_BALL ? BALL_GROUP : PEOPLE_GROUP,
                                               whole->width, whole->height);
    }
}

static void add_time(fov_timings *to, const fov_timings *t, int items)
{
    to->preprocess += t->preprocess;
    to->postprocess += t->postprocess;
    to->inference += t->inference / items;
}

/* One run, of as many parts as the model takes at once. */
static void run_some(struct worker *w, int i, const fov_ball_region *regions, int count, int first,
                     const fov_detect_params *params, const struct look_classes *classes,
                     fov_error *error)
{
    struct run_frame *f = &w->run.frames[i];
    const fov_image *whole = &f->picture->image;
    fov_image parts[BATCH_MAX];
    fov_item items[BATCH_MAX];
    fov_detections out[BATCH_MAX];
    fov_timings times[BATCH_MAX];
    for (int k = 0; k < count; k++) {
        parts[k] = image_part(whole, regions[k].x, regions[k].y, regions[k].width,
                              regions[k].height);
        times[k] = (fov_timings){0};
        out[k] = (fov_detections){.items = w->tiling->seen[k], .capacity = TILE_BOXES};
        items[k] = (fov_item){.image = &parts[k],
                              .width = parts[k].width,
                              .height = parts[k].height,
                              .params = params,
                              .out = &out[k],
                              .timings = &times[k]};
    }
    runner_limit(w->run.runner, f->limit_ns);
    fov_runner_detect_items(w->run.runner, items, count, NULL);
    for (int k = 0; k < count; k++) {
        add_time(&f->timings, &times[k], count);
        if (items[k].error.status)
            *error = items[k].error;
        else
            add_boxes(w, &out[k], first + k, &regions[k], classes, whole);
    }
}

size_t look_at_regions(struct worker *w, int i, const fov_ball_region *regions, size_t count,
                       const fov_detect_params *params, const struct look_classes *classes,
                       int64_t until_ns, fov_error *error)
{
    int batch = fov_model_get_info(w->run.form->model)->batch;
    int64_t longest = 0;
    size_t done = 0, most = (size_t)(batch < 1 ? 1 : batch < BATCH_MAX ? batch : BATCH_MAX);
    while (done < count && error->status == FOV_OK) {
        int64_t start = clock_now_ns();
        size_t some = count - done < most ? count - done : most;
        if (done > 0 && ((until_ns && start + longest > until_ns) || !run_goes_on(w)))
            break;
        run_some(w, i, regions + done, (int)some, (int)done, params, classes, error);
        done += some;
        int64_t took = clock_now_ns() - start;
        longest = took > longest ? took : longest;
    }
    return done;
}

/* ---- people ------------------------------------------------------------------------------------
 */

static fov_ball_region band_of(struct look *look, const fov_image *image)
{
    pthread_mutex_lock(&look->lock);
    bool known = look->view_known;
    fov_pitch_view view = look->view;
    pthread_mutex_unlock(&look->lock);
    known = known && view.width == image->width && view.height == image->height;
    return tiles_band(known ? &view : NULL, &look->pitch, image);
}

/* Only so many in each picture: those that were not looked at the last time come first. */
static size_t choose_some(struct look *look, const fov_image *image,
                          fov_ball_region tiles[TILES_MAX])
{
    fov_ball_region all[TILES_MAX];
    size_t most = (size_t)look->tiles_at_once;
    size_t count = tiles_cover(band_of(look, image), look->tile_px, look->tile_px / 4, image->width,
                               image->height, all);
    unsigned first = atomic_fetch_add(&look->tile, (unsigned)(most < count ? most : count));
    for (size_t i = 0; i < count; i++)
        tiles[i] = all[(first + i) % count];
    return most < count ? most : count;
}

/* All of them in every picture, for trackers want to see people in each: where there is no time for
 * that the tiles are larger, and who is small is not seen. */
static size_t choose_all(struct look *look, const fov_image *image, int64_t until_ns,
                         fov_ball_region tiles[TILES_MAX])
{
    static const int thirds[] = {3, 4, 6, 9};
    const size_t sizes = sizeof thirds / sizeof *thirds;
    fov_ball_region band = band_of(look, image);
    int64_t left = until_ns ? until_ns - clock_now_ns() : INT64_MAX;
    int64_t cost = atomic_load(&look->tile_ns);
    size_t count = 0;
    for (size_t i = 0; i < sizes && (i == 0 || (int64_t)count * cost > left); i++) {
        int side = look->tile_px * thirds[i] / 3;
        count = tiles_cover(band, side, side / 4, image->width, image->height, tiles);
    }
    return count;
}

static size_t choose(struct look *look, const fov_image *image, int64_t until_ns,
                     fov_ball_region tiles[TILES_MAX])
{
    return look->tiles_at_once > 0 ? choose_some(look, image, tiles)
                                   : choose_all(look, image, until_ns, tiles);
}

/* What a tile costs, smoothed. */
static void learn_cost(struct look *look, int64_t took_ns, size_t looks)
{
    int64_t before = atomic_load(&look->tile_ns), each = looks ? took_ns / (int64_t)looks : before;
    atomic_store(&look->tile_ns, before ? (7 * before + each) / 8 : each);
}

/* What was found goes into the frame's detections, best first. */
static void take_boxes(struct worker *w, struct run_frame *f)
{
    struct tiling *t = w->tiling;
    double iou = f->params.iou > 0 ? (double)f->params.iou : 0.45;
    fov_detections *d = &f->detections;
    size_t count = tiles_merge(t->boxes, t->count, iou);
    d->count = count < d->capacity ? count : d->capacity;
    for (size_t i = 0; i < d->count; i++)
        d->items[i] = t->boxes[i].box;
    fov_details_reset(d->details);
    for (size_t i = 0; d->details && i < d->count && i < d->details->capacity; i++)
        d->details->items[i] = (fov_detail){0};
}

bool look_in_tiles(struct worker *w, int i)
{
    struct run_frame *f = &w->run.frames[i];
    struct look *look = f->look;
    struct looked *seen = w->looked[i];
    const fov_image *image = &f->picture->image;
    fov_ball_region tiles[TILES_MAX];
    size_t done = 0;
    f->error = seen->error;
    f->timings = (fov_timings){0};
    f->width = image->width;
    f->height = image->height;
    w->tiling->count = 0;
    if (f->error.status)
        return true;
    if (seen->classes.first[FOV_CLASS_BALL] >= 0 && !look->has_ball)
        done = look_at_regions(w, i, seen->plan.regions, seen->plan.sweep ? 0 : seen->plan.count,
                               &f->params, &seen->classes, f->limit_ns, &f->error);
    size_t count = choose(look, image, f->until_ns, tiles);
    int64_t start = clock_now_ns();
    size_t looks = look_at_regions(w, i, tiles, count, &f->params, &seen->classes, f->limit_ns,
                                   &f->error);
    learn_cost(look, clock_now_ns() - start, looks);
    f->looks = (int)(looks + done);
    take_boxes(w, f);
    seen->detector = FOV_DETECTOR_WEAK;
    return run_goes_on(w);
}
