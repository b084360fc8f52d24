/* Motion of the camera between two pictures: corners of the one before are followed into this one,
 * there and back, and one map is fitted to most of them. */
#include "track/camera_motion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "track/corners.h"
#include "track/flow.h"
#include "track/luma.h"
#include "track/motion_fit.h"

enum { LEAST_POINTS = 12 };

/* In px of the reduced picture. */
#define BACK_PX 0.5f /* a point followed there and back has come back to its place */
#define NEAR_PX 0.75 /* a pair agrees with the map */
#define ALIKE 12.0f  /* mean difference of levels between a point's windows */

/* Part of the corners chosen that must be followed. */
#define LEAST_FOLLOWED 0.15

struct fov_camera_motion {
    fov_camera_motion_params params;
    struct pyramid pyramid[2];
    struct corners_room corners_room;
    struct corner *corners; /* of the picture before, count of them; 0: there is none */
    struct plane_pair *pairs;
    uint16_t *sums;
    int count, now;            /* pyramid[now] is the present picture's */
    int width, height, factor; /* of the picture before, px; 0: none */
};

/* ---- creating -------------------------------------------------------------------------------- */

static fov_status check_params(const fov_camera_motion_params *params, fov_error *error)
{
    if (params->side < 64 || params->side > 1024)
        return fov_fail(error, FOV_EINVAL, "side: %d, 64 to 1024 px are possible", params->side);
    if (params->points < 16 || params->points > MOTION_POINTS_MAX)
        return fov_fail(error, FOV_EINVAL, "points: %d, 16 to %d are possible", params->points,
                        MOTION_POINTS_MAX);
    if (!(params->inliers > 0 && params->inliers <= 1))
        return fov_fail(error, FOV_EINVAL, "inliers: %g, a part of 1 is expected",
                        (double)params->inliers);
    return FOV_OK;
}

/* Room for the largest reduced picture: a factor of 1 or more leaves 3/2 of `side` at most. */
static bool make_room(fov_camera_motion *m)
{
    int side = 3 * m->params.side / 2 + 1;
    m->corners = malloc((size_t)m->params.points * sizeof *m->corners);
    m->pairs = malloc((size_t)m->params.points * sizeof *m->pairs);
    m->sums = malloc(3 * (size_t)LUMA_SIDE_MAX * sizeof *m->sums);
    return m->corners && m->pairs && m->sums && pyramid_create(&m->pyramid[0], side) &&
           pyramid_create(&m->pyramid[1], side) && corners_room_create(&m->corners_room, side);
}

fov_status fov_camera_motion_create(fov_camera_motion **motion,
                                    const fov_camera_motion_params *params, fov_error *error)
{
    fov_camera_motion_params chosen = params ? *params : (fov_camera_motion_params){0};
    *motion = NULL;
    chosen.side = chosen.side ? chosen.side : 320;
    chosen.points = chosen.points ? chosen.points : 240;
    chosen.inliers = chosen.inliers != 0 ? chosen.inliers : 0.3f;
    fov_status status = check_params(&chosen, error);
    if (status != FOV_OK)
        return status;
    fov_camera_motion *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for camera motion");
    m->params = chosen;
    *motion = m;
    if (make_room(m))
        return FOV_OK;
    fov_camera_motion_destroy(motion);
    return fov_fail(error, FOV_ENOMEM, "no memory for camera motion");
}

void fov_camera_motion_destroy(fov_camera_motion **motion)
{
    fov_camera_motion *m = *motion;
    if (!m)
        return;
    pyramid_release(&m->pyramid[0]);
    pyramid_release(&m->pyramid[1]);
    corners_room_release(&m->corners_room);
    free(m->corners);
    free(m->pairs);
    free(m->sums);
    free(m);
    *motion = NULL;
}

void fov_camera_motion_reset(fov_camera_motion *motion)
{
    motion->width = motion->height = motion->count = 0;
}

/* ---- one picture ----------------------------------------------------------------------------- */

static fov_status check_image(const fov_image *image, fov_error *error)
{
    bool colour = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24;
    if (!colour && image->pixels != FOV_GRAY8 && image->pixels != FOV_YUV)
        return fov_fail(error, FOV_EINVAL, "the picture has no pixels");
    if (image->width < 1 || image->height < 1 || image->width > LUMA_SIDE_MAX ||
        image->height > LUMA_SIDE_MAX)
        return fov_fail(error, FOV_EINVAL, "a picture of %d x %d px; 1 to %d a side are possible",
                        image->width, image->height, LUMA_SIDE_MAX);
    if (!image->plane[0] || image->stride[0] < image->width * (colour ? 3 : 1))
        return fov_fail(error, FOV_EINVAL, "the picture's first plane is missing or too narrow");
    return FOV_OK;
}

/* Another size: what was before is of no use. */
static void shape(fov_camera_motion *m, const fov_image *image)
{
    fov_camera_motion_reset(m);
    m->width = image->width;
    m->height = image->height;
    m->factor = luma_factor(image->width, image->height, m->params.side);
    for (int i = 0; i < 2; i++)
        pyramid_shape(&m->pyramid[i], image->width / m->factor, image->height / m->factor);
}

static void block_boxes(fov_camera_motion *m, const fov_detection *boxes, size_t count)
{
    const struct pyramid_level *picture = &m->pyramid[m->now].level[0];
    corners_room_shape(&m->corners_room, picture->width, picture->height);
    for (size_t i = 0; boxes && i < count; i++) {
        double x = (double)boxes[i].x2 - (double)boxes[i].x1,
               y = (double)boxes[i].y2 - (double)boxes[i].y1;
        if (!(isfinite(x) && isfinite(y) && x > 0 && y > 0))
            continue;
        corners_block(&m->corners_room, ((double)boxes[i].x1 - x / 10) / m->factor,
                      ((double)boxes[i].y1 - y / 10) / m->factor,
                      ((double)boxes[i].x2 + x / 10) / m->factor,
                      ((double)boxes[i].y2 + y / 10) / m->factor);
    }
}

/* Where a corner of the picture before is in this one; false: not sure. */
static bool follow(const fov_camera_motion *m, const struct corner *corner, struct plane_pair *pair)
{
    const struct pyramid *now = &m->pyramid[m->now], *before = &m->pyramid[!m->now];
    float there[2] = {corner->at[0], corner->at[1]};
    if (!flow_follow(before, now, PYRAMID_LEVELS, corner->at, there) ||
        corners_blocked(&m->corners_room, there) ||
        flow_difference(before, now, corner->at, there) > ALIKE)
        return false;
    float back[2] = {there[0], there[1]};
    if (!flow_follow(now, before, PYRAMID_LEVELS, there, back) ||
        hypotf(back[0] - corner->at[0], back[1] - corner->at[1]) > BACK_PX)
        return false;
    *pair = (struct plane_pair){
        {(double)corner->at[0], (double)corner->at[1]}, {(double)there[0], (double)there[1]}, 1};
    return true;
}

/* From px of the reduced picture to px of the source. */
static void to_source(double map[9], double factor)
{
    map[2] *= factor;
    map[5] *= factor;
    map[6] /= factor;
    map[7] /= factor;
}

static void measure(fov_camera_motion *m, fov_motion *out)
{
    const struct pyramid_level *picture = &m->pyramid[m->now].level[0];
    struct motion_fit fit = {.width = picture->width,
                             .height = picture->height,
                             .near_px = NEAR_PX,
                             .least_part = (double)m->params.inliers,
                             .least = LEAST_POINTS,
                             .homography = m->params.homography};
    for (int i = 0; i < m->count; i++)
        out->points += follow(m, &m->corners[i], &m->pairs[out->points]);
    if (out->points < LEAST_FOLLOWED * m->count)
        return;
    out->kind = motion_fit(&fit, m->pairs, out->points, out->map, &out->inliers);
    to_source(out->map, m->factor);
}

fov_status fov_camera_motion_update(fov_camera_motion *motion, const fov_image *image,
                                    const fov_detection *boxes, size_t count, fov_motion *out,
                                    fov_error *error)
{
    fov_camera_motion *m = motion;
    *out = (fov_motion){.kind = FOV_MOTION_NONE};
    memcpy(out->map, PLANE_IDENTITY, sizeof out->map);
    fov_status status = check_image(image, error);
    if (status != FOV_OK)
        return status;
    if (image->width != m->width || image->height != m->height)
        shape(m, image);
    struct pyramid *now = &m->pyramid[m->now];
    if (now->levels == 0)
        return FOV_OK;
    luma_reduce(image, m->factor, m->sums, now->level[0].pixels, now->level[0].stride);
    pyramid_build(now);
    block_boxes(m, boxes, count);
    if (m->count > 0)
        measure(m, out);
    m->count = corners_find(&m->corners_room, &now->level[0], m->corners, m->params.points);
    m->now = !m->now;
    return FOV_OK;
}

/* ---- pictures of another size than their frames ---------------------------------------------- */

static size_t scale_boxes(const struct camera_motion_boxes *boxes, double x, double y)
{
    size_t count = boxes->seen->count < boxes->room ? boxes->seen->count : boxes->room;
    for (size_t i = 0; i < count; i++) {
        const fov_detection *d = &boxes->seen->items[i];
        boxes->scaled[i] = (fov_detection){.x1 = (float)(d->x1 / x),
                                           .y1 = (float)(d->y1 / y),
                                           .x2 = (float)(d->x2 / x),
                                           .y2 = (float)(d->y2 / y)};
    }
    return count;
}

/* From px of the picture to px of the frame, on both sides of the map. */
static void enlarge(double map[9], double x, double y)
{
    const double up[9] = {x, 0, 0, 0, y, 0, 0, 0, 1}, down[9] = {1 / x, 0, 0, 0, 1 / y, 0, 0, 0, 1};
    plane_multiply(map, down, map);
    plane_multiply(up, map, map);
}

fov_status camera_motion_scaled(fov_camera_motion *motion, const fov_image *picture, int width,
                                int height, const struct camera_motion_boxes *boxes,
                                fov_motion *out)
{
    double x = (double)width / picture->width, y = (double)height / picture->height;
    size_t count = scale_boxes(boxes, x, y);
    fov_status status = fov_camera_motion_update(motion, picture, boxes->scaled, count, out, NULL);
    if (status == FOV_OK)
        enlarge(out->map, x, y);
    return status;
}
