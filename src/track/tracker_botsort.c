/* BoT-SORT (Aharon 2022): follows the camera, and looks where appearance vectors come. */
#include "track/cascade.h"

static const struct cascade_rules rules = {
    .form = KALMAN_SIZE,
    .follow_camera = true,
    .sure_limit = 0.8f,
    .low_limit = 0.5f,
    .young_limit = 0.7f,
    .lost_limit = 0.8f,
};

static fov_status create(void **own, const fov_tracker_params *params, fov_error *error)
{
    return cascade_create(own, &rules, params, error);
}

const struct tracker tracker_botsort = {
    .name = "botsort",
    .help = "follows the camera's motion; the best of these for most cameras",
    .follows_camera = true,
    .compares_looks = true,
    .usual = {.high = 0.6f, .low = 0.1f, .start = 0.7f, .lost_s = 1},
    .create = create,
    .destroy = cascade_destroy,
    .update = cascade_update,
    .end = cascade_end,
};
