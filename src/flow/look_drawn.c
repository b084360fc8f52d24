/* The detector "drawn": no model looks at frames of the drawn match, their truth is spoilt as a
 * detector would. The same frame is seen the same way each time, whatever came before. */

#include "flow/look.h"
#include "media/football_noise.h"

enum { BALLS = 8 };

static void add_ball(fov_detections *out, const struct noise_ball *ball, double radius)
{
    if (out->count == out->capacity)
        return;
    out->items[out->count++] = (fov_detection){.x1 = (float)(ball->x_px - radius),
                                               .y1 = (float)(ball->y_px - radius),
                                               .x2 = (float)(ball->x_px + radius),
                                               .y2 = (float)(ball->y_px + radius),
                                               .score = (float)ball->score,
                                               .class_id = FOV_CLASS_BALL,
                                               .class_id_raw = 1,
                                               .track_id = -1};
}

static void add_balls(struct noise *n, const struct football_truth *t, float least,
                      fov_detections *out)
{
    struct noise_ball balls[BALLS];
    size_t count = noise_balls(n, t, balls);
    double radius = t->ball.in_picture ? t->ball.radius_px : 4 * t->camera.height / 1080.0;
    for (size_t i = 0; i < count; i++)
        if (balls[i].score >= (double)least)
            add_ball(out, &balls[i], radius > 1 ? radius : 1);
}

static void see_pitch(struct noise *n, const struct football_truth *t, struct looked *seen)
{
    seen->found = true;
    seen->view = (fov_pitch_view){.width = t->camera.width, .height = t->camera.height};
    noise_map(n, t, seen->view.map);
}

fov_status look_at_drawn(struct look *look, const fov_frame *frame, int64_t time_ns,
                         fov_detections *out, struct looked *seen, fov_error *error)
{
    const struct football_truth *t = football_frame_truth(frame);
    size_t kept = 0;
    out->count = 0;
    if (!t)
        return fov_fail(error, FOV_EINVAL,
                        "the detector \"" LOOK_DRAWN "\" knows the drawn match (pattern:football) "
                        "alone: this frame is none of it");
    struct noise noise = {.state = (uint64_t)t->number * UINT64_C(0xd1342543de82ef95) + 1};
    size_t count = noise_people(&noise, t, out->items, out->capacity);
    for (size_t i = 0; i < count; i++)
        if (out->items[i].score >= seen->people_conf)
            out->items[kept++] = out->items[i];
    out->count = kept;
    for (size_t i = 0; i < kept; i++)
        out->items[i].class_id = FOV_CLASS_PLAYER;
    add_balls(&noise, t, look->ball_conf, out);
    seen->detector = FOV_DETECTOR_DRAWN;
    if (look->pitch_drawn && look_pitch_due(look, time_ns))
        see_pitch(&noise, t, seen);
    return FOV_OK;
}
