/* Views from points, for bench_pitch.py: each line of standard input is `width height flags count`
 * and as many `u v x y score`; flags: 1 a lens, 2 a camera, 4 the size is in the next two numbers.
 * Each line of standard output is nine numbers of the map, rms, inliers, sigma in metres,
 * microseconds; or `- ` and why there is none. */
#include <stdio.h>

#include <fovea/pitch.h>
#include "base/clock.h"

static bool read_points(fov_pitch_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (scanf("%lf %lf %lf %lf %lf", &points[i].image[0], &points[i].image[1],
                  &points[i].pitch[0], &points[i].pitch[1], &points[i].score) != 5)
            return false;
    return true;
}

static void answer(const fov_pitch_params *params, const fov_pitch_point *points, size_t count)
{
    fov_pitch_view view;
    fov_pitch_quality quality;
    fov_error error = {0};
    int64_t start_ns = clock_now_ns();
    if (fov_pitch_view_from_points(&view, points, count, params, &quality, &error)) {
        printf("- %s\n", error.message);
        return;
    }
    double us = (double)(clock_now_ns() - start_ns) / 1e3;
    for (int i = 0; i < 9; i++)
        printf("%.12g ", view.map[i]);
    printf("%.4f %d %.4f %.1f\n", quality.rms_px, quality.inliers, quality.sigma_m, us);
}

int main(void)
{
    static fov_pitch_point points[FOV_PITCH_POINTS_MAX];
    int width, height, flags;
    size_t count;
    while (scanf("%d %d %d %zu", &width, &height, &flags, &count) == 4) {
        fov_pitch_params params = {
            .width = width, .height = height, .lens = flags & 1, .camera = (flags & 2) != 0};
        if (flags & 4 && scanf("%lf %lf", &params.size.length, &params.size.width) != 2)
            return 1;
        if (count > FOV_PITCH_POINTS_MAX || !read_points(points, count))
            return 1;
        answer(&params, points, count);
    }
    return 0;
}
