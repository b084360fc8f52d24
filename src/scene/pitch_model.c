/* Views in numbers that least squares can turn. */
#include "scene/pitch.h"

#include <math.h>
#include <string.h>

void pitch_rotation(const double turn[3], double r[9])
{
    double angle = sqrt(turn[0] * turn[0] + turn[1] * turn[1] + turn[2] * turn[2]);
    double s = angle > 1e-8 ? sin(angle) / angle : 1;
    double c = angle > 1e-8 ? (1 - cos(angle)) / (angle * angle) : 0.5;
    double x = turn[0], y = turn[1], z = turn[2];
    double out[9] = {1 - c * (y * y + z * z), c * x * y - s * z,       c * x * z + s * y,
                     c * x * y + s * z,       1 - c * (x * x + z * z), c * y * z - s * x,
                     c * x * z - s * y,       c * y * z + s * x,       1 - c * (x * x + y * y)};
    memcpy(r, out, sizeof out);
}

static void camera_map(const struct pitch_model *m, const double at[], double map[9])
{
    double r[9], f = exp(at[PITCH_FOCAL]), g = f * exp(at[PITCH_SQUARE]);
    pitch_rotation(at + PITCH_TURN, r);
    plane_multiply(r, m->turned, r);
    double seen[9];
    for (int i = 0; i < 3; i++) {
        const double *row = r + 3 * i, *place = at + PITCH_PLACE;
        seen[3 * i] = row[0];
        seen[3 * i + 1] = row[1];
        seen[3 * i + 2] = -(row[0] * place[0] + row[1] * place[1] + row[2] * place[2]);
    }
    double k[9] = {f, 0, m->bend.middle[0], 0, g, m->bend.middle[1], 0, 0, 1};
    plane_multiply(k, seen, map);
}

static void homography_map(const struct pitch_model *m, const double at[], double map[9])
{
    double inner[9];
    memcpy(inner, at, PITCH_NUMBERS * sizeof *at);
    inner[8] = 1;
    plane_multiply(inner, m->in, map);
    plane_multiply(m->out, map, map);
}

bool pitch_model_map(const struct pitch_model *m, const double at[], double map[9],
                     struct pitch_lens *lens)
{
    (m->camera ? camera_map : homography_map)(m, at, map);
    *lens = m->bend;
    if (m->lens)
        lens->k1 = at[m->count - 1];
    return lens->k1 >= PITCH_K1_LEAST && lens->k1 <= PITCH_K1_MOST && pitch_face(map);
}

double pitch_model_nudge(const struct pitch_model *m, int number)
{
    bool metres = m->camera && number >= PITCH_PLACE && number < PITCH_NUMBERS;
    return metres ? 1e-4 : 1e-6;
}

bool pitch_model_slopes(const struct pitch_model *m, double map[9], double slopes[][9])
{
    struct pitch_lens lens;
    double raw[9], largest = 0, scale = 0;
    if (!pitch_model_map(m, m->at, map, &lens))
        return false;
    (m->camera ? camera_map : homography_map)(m, m->at, raw);
    for (int i = 0; i < 9; i++)
        if (fabs(raw[i]) > largest) {
            largest = fabs(raw[i]);
            scale = map[i] / raw[i];
        }
    for (int k = 0; k < PITCH_NUMBERS; k++) {
        double step = pitch_model_nudge(m, k), at[PITCH_NUMBERS], less[9], more[9];
        memcpy(at, m->at, sizeof at);
        at[k] -= step;
        (m->camera ? camera_map : homography_map)(m, at, less);
        at[k] += 2 * step;
        (m->camera ? camera_map : homography_map)(m, at, more);
        for (int i = 0; i < 9; i++)
            slopes[k][i] = scale * (more[i] - less[i]) / (2 * step);
    }
    return true;
}
