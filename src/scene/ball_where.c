/* Where to look for the ball in the next picture: tiles around the places that are thought of, or a
 * sweep of the whole picture in tiles that overlap. */
#include <math.h>
#include <string.h>

#include "scene/ball_tracker.h"

#define WORTH_LOOKING 0.1 /* part of the best path's odds that another one needs for a tile */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Tiles that it takes to cover `length` px. */
static int tiles_along(int length, int tile, int overlap)
{
    return length <= tile ? 1 : 1 + (length - overlap - 1) / (tile - overlap);
}

/* Where the i-th of `count` tiles begins: evenly, the last one ends with the picture. */
static int tile_start(int i, int count, int length, int tile)
{
    return count > 1 ? (int)((int64_t)(length - tile) * i / (count - 1)) : 0;
}

/* Tiles grow until FOV_BALL_REGIONS_MAX of them are enough. */
static void sweep(const fov_ball_params *p, int width, int height, fov_ball_look *look)
{
    int tile = p->tile_px, across, down;
    while ((across = tiles_along(width, tile, p->overlap_px)) *
               (down = tiles_along(height, tile, p->overlap_px)) >
           FOV_BALL_REGIONS_MAX)
        tile += 32;
    look->sweep = true;
    look->count = 0;
    int wide = least(tile, width), high = least(tile, height);
    for (int y = 0; y < down; y++)
        for (int x = 0; x < across; x++)
            look->regions[look->count++] = (fov_ball_region){
                tile_start(x, across, width, wide), tile_start(y, down, height, high), wide, high};
}

/* A tile with that place in its middle, moved into the picture. */
static fov_ball_region around(const double at[2], int tile, int width, int height)
{
    fov_ball_region r = {0, 0, least(tile, width), least(tile, height)};
    r.x = (int)fmin(fmax(at[0] - r.width / 2.0, 0), width - r.width);
    r.y = (int)fmin(fmax(at[1] - r.height / 2.0, 0), height - r.height);
    return r;
}

/* Whether a place is in the inner half of a tile that is there already: looked at well enough. */
static bool covered(const fov_ball_look *look, const double at[2])
{
    for (size_t i = 0; i < look->count; i++) {
        const fov_ball_region *r = &look->regions[i];
        if (fabs(at[0] - r->x - r->width / 2.0) <= r->width / 4.0 &&
            fabs(at[1] - r->y - r->height / 2.0) <= r->height / 4.0)
            return true;
    }
    return false;
}

static bool in_picture(const double at[2], double margin, int width, int height)
{
    return at[0] > -margin && at[0] < width + margin && at[1] > -margin && at[1] < height + margin;
}

/* Tiles for every path worth one, best first. */
static void follow(fov_ball_tracker *tracker, const fov_ball_input *input, double dt, int width,
                   int height, fov_ball_look *look)
{
    const struct ball_set *set = &tracker->paths.sets[tracker->paths.now];
    double unit = ball_unit(width);
    bool unsure;
    const double *map = ball_map_of(input->motion, &unsure);
    for (size_t i = 0; i < set->count; i++) {
        struct ball_path path = set->items[i];
        if (path.log_odds < set->items[0].log_odds + log(WORTH_LOOKING))
            continue;
        ball_path_predict(&path, dt, map, unit);
        if (!in_picture(path.at, tracker->params.tile_px / 4.0, width, height) ||
            covered(look, path.at))
            continue;
        look->regions[look->count++] = around(path.at, tracker->params.tile_px, width, height);
        if (i > 0)
            continue;
        look->x = (float)path.at[0];
        look->y = (float)path.at[1];
        look->size_px = path.size;
    }
}

fov_status fov_ball_where(fov_ball_tracker *tracker, const fov_ball_input *input,
                          fov_ball_look *look, fov_error *error)
{
    fov_status status = ball_check_input(input, error);
    if (status)
        return status;
    int width = input->width > 0 && input->height > 0 ? input->width : 1920;
    int height = input->width > 0 && input->height > 0 ? input->height : 1080;
    double dt = ball_step_of(tracker, input);
    memset(look, 0, sizeof *look);
    look->x = look->y = NAN;
    if (dt >= 0 && dt <= tracker->params.coast_s &&
        ball_paths_confidence(&tracker->paths, ball_unit(width)) >= 0.5)
        follow(tracker, input, dt, width, height, look);
    tracker->asked++;
    bool due = tracker->looks++ % (uint64_t)tracker->params.sweep_every == 0;
    if (due || look->count == 0)
        sweep(&tracker->params, width, height, look);
    return FOV_OK;
}
