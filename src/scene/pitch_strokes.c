/* The lines that are drawn on a pitch, and walks along them as a view shows them. */
#include "scene/pitch.h"

#include <math.h>

#include "scene/pitch_lines.h"

enum { BORDERS = 4, HALFWAY = BORDERS, CIRCLE, ENDS, AN_END = 7 };

/* Metres that a walk goes at a time, at least and at most. What is not in the picture is passed in
 * strides. */
#define STEP_LEAST 0.02
#define STEP_MOST 4.0
#define STRIDE 0.5

/* Along a line from a to b, or from one angle to another around a. */
struct stroke {
    double a[2], b[2];
    double radius, from, to;
};

static struct stroke straight(double ax, double ay, double bx, double by)
{
    return (struct stroke){.a = {ax, ay}, .b = {bx, by}};
}

static struct stroke around(double x, double y, double from, double to)
{
    return (struct stroke){.a = {x, y}, .radius = PITCH_CIRCLE, .from = from, .to = to};
}

/* Lines of both areas and the arc, before the goal on x that looks along `out`. */
static struct stroke stroke_of_end(int i, double x, double out, double middle)
{
    static const double deep[2] = {PITCH_PENALTY_AREA_LENGTH, PITCH_GOAL_AREA_LENGTH};
    static const double half[2] = {PITCH_PENALTY_AREA_HALF, PITCH_GOAL_AREA_HALF};
    if (i == AN_END - 1) {
        double reach = acos((PITCH_PENALTY_AREA_LENGTH - PITCH_SPOT) / PITCH_CIRCLE);
        double ahead = out > 0 ? 0 : M_PI;
        return around(x + out * PITCH_SPOT, middle, ahead - reach, ahead + reach);
    }
    int area = i / 3;
    double front = x + out * deep[area], low = middle - half[area], high = middle + half[area];
    if (i % 3 == 2)
        return straight(front, low, front, high);
    double y = i % 3 ? high : low;
    return straight(x, y, front, y);
}

static bool stroke_at(int i, fov_pitch_size size, struct stroke *stroke)
{
    double l = size.length, w = size.width;
    if (i >= ENDS + 2 * AN_END)
        return false;
    if (i < BORDERS)
        *stroke = i < 2 ? straight(0, i * w, l, i * w) : straight((i - 2) * l, 0, (i - 2) * l, w);
    else if (i == HALFWAY)
        *stroke = straight(l / 2, 0, l / 2, w);
    else if (i == CIRCLE)
        *stroke = around(l / 2, w / 2, 0, 2 * M_PI);
    else if (i < ENDS + AN_END)
        *stroke = stroke_of_end(i - ENDS, 0, 1, w / 2);
    else
        *stroke = stroke_of_end(i - ENDS - AN_END, l, -1, w / 2);
    return true;
}

static double length_of(const struct stroke *s)
{
    return s->radius > 0 ? s->radius * (s->to - s->from)
                         : hypot(s->b[0] - s->a[0], s->b[1] - s->a[1]);
}

static struct pitch_place place_on(const struct stroke *s, double length, double gone)
{
    struct pitch_place place;
    if (s->radius > 0) {
        double angle = s->from + gone / s->radius;
        place.along[0] = -sin(angle);
        place.along[1] = cos(angle);
        place.at[0] = s->a[0] + s->radius * cos(angle);
        place.at[1] = s->a[1] + s->radius * sin(angle);
        return place;
    }
    for (int c = 0; c < 2; c++) {
        place.along[c] = (s->b[c] - s->a[c]) / length;
        place.at[c] = s->a[c] + gone * place.along[c];
    }
    return place;
}

static bool in_picture(const double px[2], int width, int height)
{
    return px[0] >= 0 && px[0] < width && px[1] >= 0 && px[1] < height;
}

size_t pitch_strokes_walk(const struct pitch_walk *walk, double spacing_px,
                          struct pitch_place *places, size_t capacity)
{
    struct stroke stroke;
    size_t count = 0;
    for (int i = 0; stroke_at(i, walk->size, &stroke); i++) {
        double length = length_of(&stroke), step = STRIDE;
        for (double gone = 0; gone < length; gone += step) {
            struct pitch_place place = place_on(&stroke, length, gone);
            double px[2], s[4];
            step = STRIDE;
            if (!pitch_place_slope(walk->map, &walk->lens, place.at, px, s) ||
                !in_picture(px, walk->width, walk->height))
                continue;
            double x = s[0] * place.along[0] + s[1] * place.along[1];
            double y = s[2] * place.along[0] + s[3] * place.along[1];
            step = fmin(fmax(spacing_px / sqrt(x * x + y * y), STEP_LEAST), STEP_MOST);
            if (count < capacity)
                places[count] = place;
            count++;
        }
    }
    return count;
}
