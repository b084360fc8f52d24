/* What tests of the pitch share: cases of pitch_fixture.h as points. */
#ifndef TESTS_PITCH_TEST_H
#define TESTS_PITCH_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fovea/pitch.h>
#include "pitch_fixture.h"

enum { CASES = sizeof pitch_cases / sizeof *pitch_cases };

static inline fov_pitch_params params_of(const struct pitch_case *c)
{
    return (fov_pitch_params){.width = FIXTURE_WIDTH, .height = FIXTURE_HEIGHT, .lens = c->k1 != 0};
}

static inline void points_of(const struct pitch_case *c, const double (*image)[2],
                             fov_pitch_point points[FIXTURE_POINTS])
{
    for (int i = 0; i < FIXTURE_POINTS; i++)
        points[i] = (fov_pitch_point){.image = {image[i][0], image[i][1]},
                                      .pitch = {c->pitch[i][0], c->pitch[i][1]}};
}

/* A view from the first of some points of a case, which must come. */
static inline fov_pitch_view fit(const struct pitch_case *c, const fov_pitch_point *points,
                                 size_t count, const fov_pitch_params *params,
                                 fov_pitch_quality *quality)
{
    fov_pitch_view view = {0};
    fov_error error = {0};
    if (fov_pitch_view_from_points(&view, points, count, params, quality, &error))
        fail_msg("case %d: %s", (int)(c - pitch_cases), error.message);
    return view;
}

static inline void make_view(const struct pitch_case *c, fov_pitch_view *view)
{
    fov_pitch_point points[FIXTURE_POINTS];
    fov_pitch_params params = params_of(c);
    points_of(c, c->image, points);
    *view = fit(c, points, FIXTURE_POINTS, &params, NULL);
}

static inline double apart(const double a[2], const double b[2])
{
    return hypot(a[0] - b[0], a[1] - b[1]);
}

#endif
