/* Places on the lines that a view shows, looked for across the lines. */
#include <math.h>

#include "scene/pitch_lines.h"

enum { PLACES = 2 * PITCH_SIGHTS };

#define SPACING 100.0 /* places a picture's width */
#define WIDTH 1920.0
/* As far as the view may be off, and a little further; never further than a part of the width. */
#define REACH_SIGMAS 3.0
#define REACH_MORE 3.0 /* px */
#define REACH_PART (1 / 40.0)
/* Thinner lines may well be there and not be seen, px. */
#define THIN_PX 0.35

void pitch_model_row(const double map[9], const struct pitch_lens *lens, double slopes[][9],
                     const double at[2], const double along[2], double row[PITCH_NUMBERS])
{
    double w = map[6] * at[0] + map[7] * at[1] + map[8];
    double px[2] = {(map[0] * at[0] + map[1] * at[1] + map[2]) / w,
                    (map[3] * at[0] + map[4] * at[1] + map[5]) / w},
           bend[4], by[3], each[9];
    pitch_bend_jacobian(lens, px, bend);
    /* By the rows of the map, then by each of its numbers. */
    for (int r = 0; r < 2; r++)
        by[r] = (bend[r] * along[0] + bend[2 + r] * along[1]) / w;
    by[2] = -(by[0] * px[0] + by[1] * px[1]);
    for (int r = 0; r < 3; r++) {
        each[3 * r] = by[r] * at[0];
        each[3 * r + 1] = by[r] * at[1];
        each[3 * r + 2] = by[r];
    }
    for (int k = 0; k < PITCH_NUMBERS; k++) {
        row[k] = 0;
        for (int i = 0; i < 9; i++)
            row[k] += slopes[k][i] * each[i];
    }
}

double pitch_model_variance(const struct pitch_model *m, const double row[PITCH_NUMBERS])
{
    double sum = 0;
    for (int r = 0; r < PITCH_NUMBERS; r++) {
        double inner = 0;
        for (int c = 0; c < PITCH_NUMBERS; c++)
            inner += m->covariance[r][c] * row[c];
        sum += inner * row[r];
    }
    return fmax(sum, 0);
}

static bool is_hidden(const struct pitch_look *look, const double px[2])
{
    double x = px[0] / look->scale[0], y = px[1] / look->scale[1];
    for (size_t i = 0; i < look->count; i++) {
        const fov_detection *b = &look->boxes[i];
        double more_x = 3 + 0.15 * (double)(b->x2 - b->x1),
               more_y = 3 + 0.1 * (double)(b->y2 - b->y1);
        if (x > (double)b->x1 - more_x && x < (double)b->x2 + more_x &&
            y > (double)b->y1 - more_y && y < (double)b->y2 + more_y)
            return true;
    }
    return false;
}

/* A view, and how it changes with its numbers. */
struct around {
    struct pitch_walk walk;
    double slopes[PITCH_NUMBERS][9];
};

/* Px, normal and row of a place; false: it is not in front of the camera. */
static bool sight_of(struct around *around, struct pitch_sight *sight)
{
    const struct pitch_place *place = &sight->place;
    double s[4];
    if (!pitch_place_slope(around->walk.map, &around->walk.lens, place->at, sight->px, s))
        return false;
    double tangent[2] = {s[0] * place->along[0] + s[1] * place->along[1],
                         s[2] * place->along[0] + s[3] * place->along[1]};
    /* hypot() is ten times as slow, for numbers that no pitch has. */
    double speed = sqrt(tangent[0] * tangent[0] + tangent[1] * tangent[1]), *n = sight->normal;
    if (!(speed > 0))
        return false;
    n[0] = -tangent[1] / speed;
    n[1] = tangent[0] / speed;
    double across[2] = {-s[0] * place->along[1] + s[1] * place->along[0],
                        -s[2] * place->along[1] + s[3] * place->along[0]};
    sight->width_px = PITCH_LINE * fabs(n[0] * across[0] + n[1] * across[1]);
    pitch_model_row(around->walk.map, &around->walk.lens, around->slopes, place->at, n, sight->row);
    return true;
}

/* Evenly as many as there is room for. */
static size_t walk_around(const struct around *around, struct pitch_place places[PLACES])
{
    size_t count = pitch_strokes_walk(&around->walk, around->walk.width / SPACING, places, PLACES);
    count = count < PLACES ? count : PLACES;
    if (count <= PITCH_SIGHTS)
        return count;
    for (size_t i = 0; i < PITCH_SIGHTS; i++)
        places[i] = places[i * count / PITCH_SIGHTS];
    return PITCH_SIGHTS;
}

/* Whether a line is near; `reach_px` as far as it is looked for. */
static bool find(struct pitch_sight *s, const struct pitch_look *look, double reach_px)
{
    if (!ridge_find(&look->picture, s->px, s->normal, s->width_px, reach_px, &s->off))
        return false;
    for (int c = 0; c < 2; c++)
        s->seen[c] = s->px[c] + s->off * s->normal[c];
    s->residual = s->off;
    return !is_hidden(look, s->seen);
}

bool pitch_sights_find(struct pitch_sights *sights, const struct pitch_model *model,
                       const struct pitch_model *known, double part, const struct pitch_look *look)
{
    struct pitch_place places[PLACES];
    struct around around = {.walk = {.lens = model->bend,
                                     .width = look->picture.width,
                                     .height = look->picture.height,
                                     .size = look->size}};
    sights->unit = fmax(look->picture.width / WIDTH, 0.5);
    sights->count = 0;
    sights->looked = 0;
    if (!pitch_model_slopes(model, around.walk.map, around.slopes))
        return false;
    size_t count = walk_around(&around, places);
    for (size_t i = 0; i < count; i++) {
        struct pitch_sight *s = &sights->all[sights->count];
        s->place = places[i];
        if (!sight_of(&around, s) || s->width_px < THIN_PX || is_hidden(look, s->px))
            continue;
        double reach = REACH_SIGMAS * sqrt(pitch_model_variance(known, s->row));
        sights->looked++;
        sights->count += find(s, look,
                              fmin(REACH_MORE * fmax(sights->unit, 1) + part * reach,
                                   REACH_PART * look->picture.width));
    }
    return true;
}

bool pitch_sights_again(struct pitch_sights *sights, const struct pitch_model *model)
{
    struct around around = {.walk = {.lens = model->bend}};
    if (!pitch_model_slopes(model, around.walk.map, around.slopes))
        return false;
    for (size_t i = 0; i < sights->count; i++) {
        struct pitch_sight *s = &sights->all[i];
        if (!sight_of(&around, s))
            return false;
        s->off = (s->seen[0] - s->px[0]) * s->normal[0] + (s->seen[1] - s->px[1]) * s->normal[1];
        s->residual = s->off;
    }
    return true;
}
