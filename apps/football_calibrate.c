/* The calibration of the first picture. */
#include "football.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "scene/pitch.h"

enum { CALIBRATION_BYTES = 1 << 20 };

static void tell_quality(const struct football_run *r, const fov_pitch_quality *q, bool points)
{
    if (!points) {
        fprintf(stderr, "fovea: calibration: a matrix, taken as it is\n");
        return;
    }
    fprintf(stderr, "fovea: calibration: %d of %d points agree, %.1f px between them", q->inliers,
            q->points, q->rms_px);
    if (q->sigma_m > 0)
        fprintf(stderr, ", likely error %.2f m", q->sigma_m);
    for (int i = 0, told = 0; i < q->points && i < FOV_PITCH_POINTS_MAX && q->inliers < q->points;
         i++)
        if (q->error_px[i] > (float)r->width / 128)
            fprintf(stderr, "%s points[%d] by %.0f px", told++ ? "," : "; not counted:", i,
                    (double)q->error_px[i]);
    fputc('\n', stderr);
}

/* A picture of the same shape and another size is the same view. */
static fov_status fit(struct football_run *r, fov_error *error)
{
    fov_pitch_view *v = &r->view;
    if (!v->width || (v->width == r->width && v->height == r->height))
        return FOV_OK;
    int width = v->width, height = v->height;
    if (fov_pitch_view_resize(v, r->width, r->height, NULL) == FOV_OK)
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL, "it is for pictures of %d x %d px, and these have %d x %d",
                    width, height, r->width, r->height);
}

static fov_status view_of(struct football_run *r, const json_value *json, fov_error *error)
{
    fov_pitch_params params = {.size = r->pitch, .width = r->width, .height = r->height};
    fov_pitch_quality quality = {0};
    fov_status status = pitch_view_read(json, &params, &r->view, &quality, error);
    if (!status)
        status = fit(r, error);
    if (status)
        return status;
    const json_value *size = json_get(json, "size");
    if (size) {
        json_number(json_at(size, 0), &r->pitch.length);
        json_number(json_at(size, 1), &r->pitch.width);
    }
    tell_quality(r, &quality, json_has(json, "points"));
    return FOV_OK;
}

fov_status football_calibrate(struct football_run *r, fov_error *error)
{
    const char *path = r->asked.calibration;
    char *text;
    size_t size;
    fov_error why = {0};
    if (!path)
        return FOV_OK;
    fov_status status = file_read(path, CALIBRATION_BYTES, &text, &size, error);
    if (status)
        return status;
    json_value *json = json_parse(text, size, CALIBRATION_BYTES, &why);
    status = json ? view_of(r, json, &why) : FOV_EFORMAT;
    json_free(&json);
    free(text);
    if (status)
        return fov_fail(error, status, "%.100s: %s", path, why.message);
    r->params.view = &r->view;
    return FOV_OK;
}
