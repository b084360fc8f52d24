/* Views as JSON: points, or a matrix. */
#include "scene/pitch.h"

#include <string.h>

#include "base/text.h"

static bool pair_of(const json_value *value, double pair[2])
{
    return json_is_array(value) && json_count(value) == 2 &&
           json_number(json_at(value, 0), &pair[0]) && json_number(json_at(value, 1), &pair[1]);
}

static fov_status read_landmark(const char *name, size_t i, const fov_pitch_size *size,
                                double pitch[2], fov_error *error)
{
    int found = fov_pitch_landmark_find(name);
    if (found >= 0 && fov_pitch_landmark(FOV_PITCH_LANDMARKS, found, size, NULL, pitch))
        return FOV_OK;
    const char *names[FOV_PITCH_POINTS_MAX], *near;
    size_t count = 0;
    while (count < FOV_PITCH_POINTS_MAX &&
           fov_pitch_landmark(FOV_PITCH_LANDMARKS, (int)count, NULL, &names[count], pitch))
        count++;
    near = text_nearest(name, names, count);
    return fov_fail(error, FOV_EINVAL, "points[%zu].pitch: no landmark \"%.40s\"%s%s%s", i, name,
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

static fov_status read_point(const json_value *item, size_t i, const fov_pitch_size *size,
                             fov_pitch_point *point, fov_error *error)
{
    const char *name;
    memset(point, 0, sizeof *point);
    if (!json_is_object(item) || !pair_of(json_get(item, "image"), point->image))
        return fov_fail(error, FOV_EINVAL, "points[%zu].image: two numbers, px, are needed", i);
    if (json_get_string(item, "pitch", &name))
        return read_landmark(name, i, size, point->pitch, error);
    if (!pair_of(json_get(item, "pitch"), point->pitch))
        return fov_fail(error, FOV_EINVAL,
                        "points[%zu].pitch: two numbers, metres, or a landmark's name", i);
    if (json_has(item, "score") && !json_get_number(item, "score", &point->score))
        return fov_fail(error, FOV_EINVAL, "points[%zu].score: a number, 0 to 1", i);
    return FOV_OK;
}

static fov_status read_points(const json_value *array, const fov_pitch_params *params,
                              fov_pitch_view *view, fov_pitch_quality *quality, fov_error *error)
{
    fov_pitch_point points[FOV_PITCH_POINTS_MAX];
    size_t count = 0;
    if (!json_is_array(array) || json_count(array) > FOV_PITCH_POINTS_MAX)
        return fov_fail(error, FOV_EINVAL, "points: a list of at most %d", FOV_PITCH_POINTS_MAX);
    for (const json_value *item = json_at(array, 0); item; item = json_next(item), count++) {
        fov_status status = read_point(item, count, &params->size, &points[count], error);
        if (status)
            return status;
    }
    return fov_pitch_view_from_points(view, points, count, params, quality, error);
}

/* Three rows of three, or nine numbers. */
static bool matrix_of(const json_value *array, double map[9])
{
    bool rows = json_count(array) == 3;
    if (!json_is_array(array) || (!rows && json_count(array) != 9))
        return false;
    for (size_t i = 0; i < 9; i++) {
        const json_value *row = rows ? json_at(array, i / 3) : array;
        if ((rows && (!json_is_array(row) || json_count(row) != 3)) ||
            !json_number(json_at(row, rows ? i % 3 : i), &map[i]))
            return false;
    }
    return true;
}

static fov_status read_sizes(const json_value *object, fov_pitch_params *params, fov_error *error)
{
    double size[2], picture[2];
    if (json_has(object, "size")) {
        if (!pair_of(json_get(object, "size"), size) || !(size[0] > 0 && size[1] > 0))
            return fov_fail(error, FOV_EINVAL, "size: length and width of the pitch, metres");
        params->size = (fov_pitch_size){size[0], size[1]};
    }
    if (json_has(object, "picture")) {
        if (!pair_of(json_get(object, "picture"), picture) ||
            !(picture[0] >= 1 && picture[0] <= 65535 && picture[1] >= 1 && picture[1] <= 65535))
            return fov_fail(error, FOV_EINVAL, "picture: its width and height, px");
        params->width = (int)picture[0];
        params->height = (int)picture[1];
    }
    return FOV_OK;
}

/* The bend of the lens goes with a matrix; of points it is looked for. */
static fov_status read_bend(const json_value *object, fov_pitch_view *view, fov_error *error)
{
    double k1;
    if (!json_has(object, "k1"))
        return FOV_OK;
    if (!json_get_number(object, "k1", &k1) || k1 < PITCH_K1_LEAST || k1 > PITCH_K1_MOST)
        return fov_fail(error, FOV_EINVAL, "k1: a number from %g to %g", PITCH_K1_LEAST,
                        PITCH_K1_MOST);
    if (k1 != 0 && view->width <= 0)
        return fov_fail(error, FOV_EINVAL,
                        "k1: it bends a picture, whose size is needed (picture)");
    view->k1 = k1;
    return FOV_OK;
}

fov_status pitch_view_read(const json_value *object, const fov_pitch_params *params,
                           fov_pitch_view *view, fov_pitch_quality *quality, fov_error *error)
{
    fov_pitch_params p = *params;
    bool points = json_has(object, "points"), matrix = json_has(object, "matrix");
    if (!json_is_object(object) || points == matrix)
        return fov_fail(error, FOV_EINVAL, "either points or a matrix is needed");
    fov_status status = read_sizes(object, &p, error);
    if (status)
        return status;
    if (points)
        return read_points(json_get(object, "points"), &p, view, quality, error);
    fov_pitch_view made = {.width = p.width, .height = p.height};
    if (!matrix_of(json_get(object, "matrix"), made.map))
        return fov_fail(error, FOV_EINVAL, "matrix: three rows of three numbers");
    status = read_bend(object, &made, error);
    if (!status)
        status = pitch_view_check(&made, &p.size, error);
    if (!status)
        *view = made;
    return status;
}
