/* Views of a pitch: which maps are taken for one, and their use. */
#include "scene/pitch.h"

#include <math.h>
#include <string.h>

/* Metres around the pitch that still count as it, and px of the picture that are tried a side. */
enum { MARGIN_M = 5, TRIED = 32, TRIED_ALL = TRIED * TRIED };

/* Metres that a px shows, at most and at least: beyond that there is nothing to be seen. */
#define PX_MOST_M 20.0
#define PX_LEAST_M 1e-4

/* Of the tried px or points: those on the pitch in front of the camera, and behind it. */
struct seen {
    int front, behind;
};

static void count(struct seen *seen, const double map[9], const double at[2], fov_pitch_size size)
{
    double j[4];
    if (!pitch_is_near(at, size, MARGIN_M) || !plane_jacobian(map, at, j))
        return;
    double px_a_metre = sqrt(fabs(j[0] * j[3] - j[1] * j[2]));
    if (!(px_a_metre >= 1 / PX_MOST_M && px_a_metre <= 1 / PX_LEAST_M))
        return;
    *(map[6] * at[0] + map[7] * at[1] + map[8] > 0 ? &seen->front : &seen->behind) += 1;
}

static struct seen seen_in_picture(const fov_pitch_view *view, fov_pitch_size size)
{
    struct pitch_lens lens = pitch_lens_of(view->width, view->height, view->k1);
    struct seen seen = {0};
    double inverse[9];
    if (!plane_invert(view->map, inverse))
        return seen;
    for (int i = 0; i < TRIED_ALL; i++) {
        double px[2], at[2];
        pitch_cell(i, TRIED, view->width, view->height, px);
        if (pitch_unbend(&lens, px, px) && plane_apply(inverse, px, at))
            count(&seen, view->map, at, size);
    }
    return seen;
}

/* Without a picture: how the pitch lies to the camera. */
static struct seen seen_of_pitch(const fov_pitch_view *view, fov_pitch_size size)
{
    struct seen seen = {0};
    for (int i = 0; i < TRIED_ALL; i++) {
        double at[2];
        pitch_cell(i, TRIED, size.length, size.width, at);
        count(&seen, view->map, at, size);
    }
    return seen;
}

static fov_status check_seen(const fov_pitch_view *view, fov_pitch_size size, fov_error *error)
{
    bool picture = view->width > 0;
    struct seen seen = picture ? seen_in_picture(view, size) : seen_of_pitch(view, size);
    if (seen.front + seen.behind == 0)
        return fov_fail(error, FOV_EINVAL, "no part of the pitch is in the picture");
    if (seen.front < seen.behind)
        return fov_fail(error, FOV_EINVAL,
                        "the pitch is seen in a mirror: x runs to the right and y away from the "
                        "camera");
    if (picture && seen.front < TRIED_ALL / 100)
        return fov_fail(error, FOV_EINVAL,
                        "the pitch is only at the horizon: less than a hundredth of the picture "
                        "shows it");
    return FOV_OK;
}

fov_status pitch_size_check(fov_pitch_size size, fov_error *error)
{
    if (size.length >= 30 && size.length <= 150 && size.width >= 20 && size.width <= 120)
        return FOV_OK; /* comparisons with NaN are false */
    return fov_fail(error, FOV_EINVAL,
                    "a pitch of %g x %g m: its length is 30 to 150 m, its width 20 to 120 m",
                    size.length, size.width);
}

static fov_status check_sizes(int width, int height, fov_pitch_size size, fov_error *error)
{
    if (width < 0 || height < 0 || width > 65535 || height > 65535 || (width == 0) != (height == 0))
        return fov_fail(error, FOV_EINVAL, "a picture of %d x %d px", width, height);
    return pitch_size_check(size, error);
}

fov_status pitch_view_check(fov_pitch_view *view, const fov_pitch_size *size, fov_error *error)
{
    fov_pitch_size of = pitch_size(size);
    fov_status status = check_sizes(view->width, view->height, of, error);
    if (status)
        return status;
    for (int i = 0; i < 9; i++)
        if (!isfinite(view->map[i]) || fabs(view->map[i]) > 1e30)
            return fov_fail(error, FOV_EINVAL, "number %d of the matrix is no number in range",
                            i + 1);
    if (!(view->k1 >= PITCH_K1_LEAST && view->k1 <= PITCH_K1_MOST) ||
        (view->k1 != 0 && view->width == 0))
        return fov_fail(error, FOV_EINVAL, "a lens term of %g for a picture of %d x %d px",
                        view->k1, view->width, view->height);
    if (!pitch_face(view->map))
        return fov_fail(error, FOV_EINVAL, "the matrix has no inverse");
    return check_seen(view, of, error);
}

fov_status fov_pitch_view_from_matrix(fov_pitch_view *view, const double map[9], int width,
                                      int height, const fov_pitch_size *size, fov_error *error)
{
    fov_pitch_view made = {.width = width, .height = height};
    memcpy(made.map, map, sizeof made.map);
    fov_status status = pitch_view_check(&made, size, error);
    if (!status)
        *view = made;
    return status;
}

fov_status fov_pitch_view_fits(const fov_pitch_view *view, int width, int height, fov_error *error)
{
    if (view->width == 0 || (view->width == width && view->height == height))
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL,
                    "the view is for pictures of %d x %d px and this one has %d x %d", view->width,
                    view->height, width, height);
}

fov_status fov_pitch_view_resize(fov_pitch_view *view, int width, int height, fov_error *error)
{
    if (view->width <= 0 || view->height <= 0 || width <= 0 || height <= 0 || width > 65535 ||
        height > 65535)
        return fov_fail(error, FOV_EINVAL, "a view for %d x %d px cannot become one for %d x %d",
                        view->width, view->height, width, height);
    double x = (double)width / view->width, y = (double)height / view->height;
    if (fabs(view->height * x - height) > 1 && fabs(view->width * y - width) > 1)
        return fov_fail(error, FOV_EINVAL,
                        "%d x %d px have other proportions than the %d x %d of the view", width,
                        height, view->width, view->height);
    for (int i = 0; i < 3; i++) {
        view->map[i] *= x;
        view->map[3 + i] *= y;
    }
    view->rms_px *= sqrt(x * y);
    view->width = width;
    view->height = height;
    return FOV_OK;
}

bool fov_pitch_to_px(const fov_pitch_view *view, const double pitch[2], double px[2])
{
    struct pitch_lens lens = pitch_lens_of(view->width, view->height, view->k1);
    double straight[2];
    return pitch_project(view->map, pitch, straight) && pitch_bend(&lens, straight, px) &&
           isfinite(px[0]) && isfinite(px[1]);
}

bool fov_pitch_to_metres(const fov_pitch_view *view, const double px[2], double pitch[2])
{
    struct pitch_lens lens = pitch_lens_of(view->width, view->height, view->k1);
    double inverse[9];
    return plane_invert(view->map, inverse) &&
           pitch_unproject(view->map, inverse, &lens, px, pitch);
}

bool fov_pitch_jacobian(const fov_pitch_view *view, const double px[2], double jacobian[4])
{
    struct pitch_lens lens = pitch_lens_of(view->width, view->height, view->k1);
    double at[2], again[2], j[4];
    if (!fov_pitch_to_metres(view, px, at) || !pitch_place_slope(view->map, &lens, at, again, j))
        return false;
    double det = j[0] * j[3] - j[1] * j[2];
    if (!(fabs(det) > 0))
        return false;
    jacobian[0] = j[3] / det;
    jacobian[1] = -j[1] / det;
    jacobian[2] = -j[2] / det;
    jacobian[3] = j[0] / det;
    return isfinite(jacobian[0]) && isfinite(jacobian[1]) && isfinite(jacobian[2]) &&
           isfinite(jacobian[3]);
}
