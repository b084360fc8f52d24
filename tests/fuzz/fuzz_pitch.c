/* Views of a pitch: the text up to a NUL as JSON, behind it raw numbers as points, maps and
 * motions. Whatever the bytes: no crash; what is refused has a reason; a view that is taken goes
 * from metres to px and back to where it began. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "scene/pitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double number(struct reader *r)
{
    double value;
    take(r, &value, sizeof value);
    return value;
}

/* A sixteenth of a px or of a metre each: many points are in range then. */
static double small_number(struct reader *r)
{
    int16_t value;
    take(r, &value, sizeof value);
    return value / 16.0;
}

static void use(const fov_pitch_view *view)
{
    for (int i = 0; i < 49; i++) {
        double px[2] = {i % 7 * view->width / 6.0, (double)(i / 7) * view->height / 6.0};
        double at[2], again[2], j[4];
        bool known = fov_pitch_to_metres(view, px, at);
        bool sloped = fov_pitch_jacobian(view, px, j);
        if (sloped && !known)
            abort();
        /* Elsewhere than on a pitch a rounding may be many px. */
        double metres = sloped ? sqrt(fabs(j[0] * j[3] - j[1] * j[2])) : 0;
        if (!(metres > 1e-4 && metres < 20) || hypot(at[0], at[1]) > 1e3)
            continue;
        if (!fov_pitch_to_px(view, at, again))
            abort();
        if (!(hypot(px[0] - again[0], px[1] - again[1]) < 0.1))
            abort();
    }
}

static void taken(fov_status status, const fov_pitch_view *view, const fov_error *error)
{
    if (status == FOV_OK)
        use(view);
    else if (error->message[0] == '\0')
        abort();
}

static void from_text(const char *text, size_t size)
{
    fov_error error = {0};
    fov_pitch_params params = {.width = 1280, .height = 720};
    fov_pitch_view view;
    fov_pitch_quality quality;
    json_value *json = json_parse(text, size, (size_t)1 << 20, &error);
    if (!json)
        return;
    taken(pitch_view_read(json, &params, &view, &quality, &error), &view, &error);
    json_free(&json);
}

static void from_points(struct reader r)
{
    size_t flags = left(&r);
    static fov_pitch_point points[FOV_PITCH_POINTS_MAX];
    static fov_keypoint keypoints[32];
    fov_pitch_params params = {
        .width = 1920, .height = 1080, .lens = flags & 1, .camera = (flags & 2) != 0};
    fov_pitch_view view;
    fov_pitch_quality quality;
    fov_error error = {0};
    size_t count = 0;
    while (left(&r) > 0 && count < 40) {
        points[count] = (fov_pitch_point){.image = {small_number(&r), small_number(&r)},
                                          .pitch = {small_number(&r), small_number(&r)}};
        if (count < 32)
            keypoints[count] = (fov_keypoint){(float)points[count].image[0],
                                              (float)points[count].image[1],
                                              (float)points[count].pitch[0]};
        count++;
    }
    taken(fov_pitch_view_from_points(&view, points, count, &params, &quality, &error), &view,
          &error);
    error.message[0] = '\0';
    taken(fov_pitch_view_from_keypoints(&view, FOV_PITCH_ROBOFLOW_32, keypoints,
                                        count < 32 ? count : 32, &params, &quality, &error),
          &view, &error);
}

static void from_numbers(struct reader r)
{
    fov_pitch_follow follow = {0};
    while (left(&r) > 0) {
        fov_pitch_view view = {0};
        fov_motion motion = {.kind = FOV_MOTION_HOMOGRAPHY};
        fov_error error = {0};
        double map[9], time_s = number(&r);
        for (int i = 0; i < 9; i++)
            map[i] = number(&r);
        for (int i = 0; i < 9; i++)
            motion.map[i] = (i % 4 == 0) + small_number(&r) / 1e4;
        fov_status status = fov_pitch_view_from_matrix(&view, map, 1280, 720, NULL, &error);
        taken(status, &view, &error);
        fov_pitch_follow_step(&follow, time_s, &motion, &error);
        if (status == FOV_OK)
            fov_pitch_follow_found(&follow, &view, &error);
        if (follow.known && !isfinite(follow.sigma_px))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t text = size > 0 ? strnlen((const char *)data, size) : 0;
    size_t behind = text < size ? text + 1 : size;
    struct reader rest = {data, size, behind};
    from_text((const char *)data, text);
    from_points(rest);
    from_numbers(rest);
    return 0;
}
