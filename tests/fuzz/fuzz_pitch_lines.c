/* Views held against lines: a drawn picture that the bytes spoil, a view that they turn away from
 * the true one, boxes and motions. Whatever they are: no crash, no byte read outside the picture;
 * what is refused has a reason and has changed nothing; what is taken is a view, near the old one.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "reader.h"
#include "scene/pitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 384, HEIGHT = 216, BOXES = 4 };

static const double truth[9] = {30.3592271, -3.11191773,  -1638.51309,  -1.6163983, -3.34619884,
                                540.066114, 0.0235676563, 0.0487887571, 1};

static bool is_line(const double at[2])
{
    double x = fmin(at[0], 105 - at[0]), y = fabs(at[1] - 34);
    return fabs(at[0] - 52.5) < 0.06 || fabs(x) < 0.06 || fabs(y - 34) < 0.06 ||
           fabs(hypot(at[0] - 52.5, y) - 9.15) < 0.06 || (fabs(x - 16.5) < 0.06 && y < 20.16) ||
           (fabs(y - 20.16) < 0.06 && x < 16.5) || (fabs(x - 5.5) < 0.06 && y < 9.16);
}

/* Drawn once; thinner lines are drawn as wide as a px. */
static const uint8_t *picture(void)
{
    static uint8_t drawn[WIDTH * HEIGHT];
    double inverse[9], at[2];
    if (drawn[0] || !plane_invert(truth, inverse))
        return drawn;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        bool line = false;
        for (int k = 0; k < 9; k++) {
            double px[2] = {i % WIDTH + k % 3 / 3.0, i / WIDTH + k / 3 / 3.0};
            line = line || (plane_apply(inverse, px, at) && is_line(at));
        }
        drawn[i] = line ? 200 : 90;
    }
    return drawn;
}

static double small_number(struct reader *r)
{
    int8_t value;
    take(r, &value, sizeof value);
    return value;
}

/* Rectangles of any brightness. */
static void spoil(struct reader *r, uint8_t *pixels, int bytes)
{
    for (int n = next(r) % 16; n > 0; n--) {
        int x = next(r) * 3 / 2, y = next(r), w = next(r), h = next(r), luma = next(r);
        for (int row = y; row < y + h && row < HEIGHT; row++)
            for (int column = x; column < x + w && column < WIDTH; column++)
                memset(pixels + ((size_t)row * WIDTH + (size_t)column) * (size_t)bytes, luma,
                       (size_t)bytes);
    }
}

static void check(const fov_pitch_view *before, const fov_pitch_view *after, fov_status status,
                  const fov_pitch_lines_quality *q, const fov_error *error)
{
    double inverse[9];
    if (status != FOV_OK) {
        if (error->message[0] == '\0' || memcmp(before, after, sizeof *before) != 0)
            abort();
        return;
    }
    if (!plane_is_finite(after->map) || !plane_invert(after->map, inverse) || q->inliers < 1 ||
        q->inliers > q->found || q->found > q->looked || !isfinite(q->sigma_px) ||
        !isfinite(q->moved_px) || !(q->spread >= 0 && q->spread <= 1))
        abort();
}

static void follow(struct reader *r, const fov_image *image, const fov_pitch_view *view,
                   const fov_detection *boxes)
{
    fov_pitch_follow f = {.keep_s = next(r)};
    fov_pitch_lines_quality q;
    double time_s = 0;
    if (fov_pitch_follow_step(&f, 0, NULL, NULL) || fov_pitch_follow_found(&f, view, NULL))
        return;
    for (int i = 0; i < 2 && left(r) > 0; i++) {
        fov_motion motion = {.kind = (fov_motion_kind)(next(r) % 3)};
        for (int k = 0; k < 9; k++)
            motion.map[k] = (k % 4 == 0) + small_number(r) * (k >= 6       ? 1e-6
                                                              : k % 3 == 2 ? 0.1
                                                                           : 1e-4);
        time_s += next(r) / 100.0;
        fov_pitch_follow_step(&f, time_s, &motion, NULL);
        fov_error error = {0};
        fov_pitch_view before = f.view;
        fov_status status = fov_pitch_follow_refine(&f, image, boxes, BOXES, NULL, &q, &error);
        check(&before, &f.view, status, &q, &error);
        if (f.known && !isfinite(f.sigma_px))
            abort();
    }
}

static void alone(const fov_image *image, const fov_pitch_view *view, const fov_detection *boxes,
                  double sigma_px, bool camera)
{
    fov_pitch_lines_params params = {.sigma_px = sigma_px, .camera = camera};
    fov_pitch_lines_quality q;
    fov_error error = {0};
    fov_pitch_view after = *view;
    fov_status status = fov_pitch_view_refine(&after, image, boxes, BOXES, &params, &q, &error);
    check(view, &after, status, &q, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size, 0};
    uint8_t form = next(&r);
    int bytes = form & 1 ? 3 : 1;
    fov_image image = {.pixels = form & 1 ? FOV_BGR24 : FOV_GRAY8,
                       .width = WIDTH,
                       .height = HEIGHT,
                       .stride = {WIDTH * bytes}};
    uint8_t *pixels = malloc((size_t)WIDTH * HEIGHT * (size_t)bytes);
    if (!pixels)
        return 0;
    const uint8_t *drawn = picture();
    if (bytes == 1)
        memcpy(pixels, drawn, (size_t)WIDTH * HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT && bytes == 3; i++)
        pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = drawn[i];
    image.plane[0] = pixels;
    spoil(&r, pixels, bytes);
    fov_detection boxes[BOXES] = {{.x1 = 0}};
    for (int i = 0; i < BOXES && form & 2; i++)
        boxes[i] = (fov_detection){
            .x1 = next_float(&r), .y1 = next_float(&r), .x2 = next_float(&r), .y2 = next_float(&r)};
    fov_pitch_view view = {.width = form & 4 ? 2 * WIDTH : WIDTH,
                           .height = form & 4 ? 2 * HEIGHT : HEIGHT,
                           .k1 = form & 8 ? small_number(&r) / 1000 : 0};
    double turn[9] = {1, 0, small_number(&r) / 8, 0, 1, small_number(&r) / 8, 0, 0, 1};
    plane_multiply(turn, truth, view.map);
    for (int i = 0; i < 6 && form & 4; i++)
        view.map[i] *= 2;
    if (form & 16)
        view.map[next(&r) % 9] *= 1 + small_number(&r);
    if (form & 32)
        view.map[next(&r) % 9] = NAN;
    uint8_t sigma = next(&r);
    if (sigma & 1)
        follow(&r, &image, &view, boxes);
    else
        alone(&image, &view, boxes, sigma / 4.0, (form & 64) != 0);
    free(pixels);
    return 0;
}
