/* The public door to the controller of hazard sessions (adapt_hazard.h). */
#include <fovea/rate.h>

#include <stdlib.h>

#include "flow/adapt_hazard.h"

struct fov_rate {
    struct adapt_hazard adapt;
};

static bool may_ask(double fps)
{
    return fps >= 0.1 && fps <= 1000;
}

fov_status fov_rate_create(fov_rate **rate, double asked_fps, fov_error *error)
{
    *rate = NULL;
    if (!may_ask(asked_fps))
        return fov_fail(error, FOV_EINVAL, "a rate of %g frames a second is not from 0.1 to 1000",
                        asked_fps);
    fov_rate *made = malloc(sizeof *made);
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "not enough memory for a rate");
    adapt_hazard_start(&made->adapt, asked_fps);
    *rate = made;
    return FOV_OK;
}

void fov_rate_destroy(fov_rate **rate)
{
    free(*rate);
    *rate = NULL;
}

bool fov_rate_result(fov_rate *rate, int64_t now_ns, double latency_ms, fov_change *change)
{
    fov_change unread;
    return adapt_hazard_result(&rate->adapt, now_ns, latency_ms, change ? change : &unread);
}

fov_status fov_rate_ask(fov_rate *rate, double asked_fps)
{
    if (!may_ask(asked_fps))
        return FOV_EINVAL;
    adapt_hazard_ask(&rate->adapt, asked_fps);
    return FOV_OK;
}

double fov_rate_fps(const fov_rate *rate)
{
    return rate->adapt.fps;
}
