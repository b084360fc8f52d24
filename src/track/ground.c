#include "track/ground.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"

/* Deviations of a box's foot in parts of its width and height, and the least, px. */
#define FOOT_ACROSS 0.04
#define FOOT_ALONG 0.03
#define FOOT_LEAST_PX 1.5
/* So much more unsure is a box of score 0. */
#define UNSURE 2.0
/* Feet that the picture's edge cuts off may be this part of the box's size further out. */
#define CUT 0.3
#define EDGE_PX 2.0
/* Where a foot cannot be told better than this, there is no ground to see, m. */
#define BLURRED_M 6.0

/* Nobody knows how fast something is that was just seen; m/s. */
#define FIRST_SPEED 3.0
/* White noise of the acceleration: its density, m^2/s^3. */
#define RESTLESS 4.0
/* Speed of the unseen falls by 1/e in this time, s. */
#define SLOWS_DOWN_S 1.0
#define FAR_M 1e5

bool ground_map_set(struct ground_map *map, const double to_px[9], int width, int height)
{
    double to_metres[9];
    if (!plane_invert(to_px, to_metres))
        return false;
    map->width = width;
    map->height = height;
    memcpy(map->to_px, to_px, sizeof map->to_px);
    memcpy(map->to_metres, to_metres, sizeof map->to_metres);
    return true;
}

/* In front of a camera above the ground w' has the sign that the determinant has not, or the other
 * one in a mirror. */
static bool in_front(const struct ground_map *map, const double at[2])
{
    const double *m = map->to_px;
    double det = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                 m[2] * (m[3] * m[7] - m[4] * m[6]);
    double w = m[6] * at[0] + m[7] * at[1] + m[8];
    return (det < 0) != map->mirrored ? w > 0 : w < 0;
}

void ground_map_face(struct ground_map *map, const double px[2])
{
    double at[2];
    if (plane_apply(map->to_metres, px, at) && !in_front(map, at))
        map->mirrored = !map->mirrored;
}

static double square(double x)
{
    return x * x;
}

/* Variance of the foot along one side of the picture. */
static double foot_variance(double part, double size, bool cut, double unsure)
{
    return square(fmax(part * size, FOOT_LEAST_PX) * unsure) + (cut ? square(CUT * size) : 0);
}

/* Takes the error of the picture out of a foot; returns the variance that stays. */
static double set_right(const struct ground_error *error, const double px[2], double foot[2])
{
    double away = 0;
    for (int i = 0; i < 2; i++) {
        double d = px[i] - error->middle[i];
        foot[i] = px[i] - error->shift[i] - error->grow * d;
        away += d * d;
    }
    return error->shift_variance + error->grow_variance * away;
}

bool ground_see(const struct ground_map *map, const struct ground_error *error, const float box[4],
                float score, struct ground_seen *seen)
{
    double x1 = (double)box[0], y1 = (double)box[1], x2 = (double)box[2], y2 = (double)box[3];
    double foot[2], j[4], unsure = 1 + UNSURE * (1 - (double)score);
    seen->px[0] = (x1 + x2) / 2;
    seen->px[1] = y2;
    double more = set_right(error, seen->px, foot);
    if (!plane_apply(map->to_metres, foot, seen->at) || !in_front(map, seen->at) ||
        !plane_jacobian(map->to_metres, foot, j))
        return false;
    bool side = map->width > 0 && (x1 <= EDGE_PX || x2 >= map->width - EDGE_PX);
    bool below = map->height > 0 && y2 >= map->height - EDGE_PX;
    seen->px_variance[0] = foot_variance(FOOT_ACROSS, x2 - x1, side, unsure);
    seen->px_variance[1] = foot_variance(FOOT_ALONG, y2 - y1, below, unsure);
    double uu = seen->px_variance[0] + more, vv = seen->px_variance[1] + more;
    seen->noise[0] = j[0] * j[0] * uu + j[1] * j[1] * vv;
    seen->noise[1] = j[0] * j[2] * uu + j[1] * j[3] * vv;
    seen->noise[2] = j[2] * j[2] * uu + j[3] * j[3] * vv;
    seen->px_a_metre = 1 / hypot(j[0], j[2]);
    return seen->noise[0] + seen->noise[2] < 2 * square(BLURRED_M) && isfinite(seen->px_a_metre);
}

bool ground_expect(const struct ground_map *map, const struct ground_state *state, double px[2],
                   double variance[2])
{
    double j[4];
    if (!in_front(map, state->x) || !plane_apply(map->to_px, state->x, px) ||
        !plane_jacobian(map->to_px, state->x, j))
        return false;
    for (int i = 0; i < 2; i++) {
        const double *row = j + 2 * i;
        variance[i] = row[0] * row[0] * state->p[0][0] + 2 * row[0] * row[1] * state->p[0][1] +
                      row[1] * row[1] * state->p[1][1];
    }
    return isfinite(variance[0]) && isfinite(variance[1]);
}

bool ground_show(const struct ground_map *map, const struct ground_state *state, double px[2],
                 double speed[2], double *px_a_metre)
{
    double j[4], back[4];
    if (!in_front(map, state->x) || !plane_apply(map->to_px, state->x, px) ||
        !plane_jacobian(map->to_px, state->x, j) || !plane_jacobian(map->to_metres, px, back))
        return false;
    for (int i = 0; i < 2; i++)
        speed[i] = j[2 * i] * state->x[2] + j[2 * i + 1] * state->x[3];
    *px_a_metre = 1 / hypot(back[0], back[2]);
    return isfinite(px[0]) && isfinite(px[1]) && isfinite(*px_a_metre);
}

void ground_begin(struct ground_state *state, const struct ground_seen *seen)
{
    *state = (struct ground_state){.x = {seen->at[0], seen->at[1], 0, 0}};
    state->p[0][0] = seen->noise[0];
    state->p[0][1] = state->p[1][0] = seen->noise[1];
    state->p[1][1] = seen->noise[2];
    state->p[2][2] = state->p[3][3] = square(FIRST_SPEED);
}

void ground_predict(struct ground_state *state, double dt_s, bool unseen)
{
    /* x += reach * v; v *= keep: of a speed that falls exponentially, or stays. */
    double keep = unseen ? exp(-dt_s / SLOWS_DOWN_S) : 1;
    double reach = unseen ? SLOWS_DOWN_S * (1 - keep) : dt_s;
    double(*p)[4] = state->p;
    for (int i = 0; i < 2; i++) {
        state->x[i] += reach * state->x[i + 2];
        state->x[i + 2] *= keep;
    }
    for (int i = 0; i < 4; i++) /* rows, then columns */
        for (int k = 0; k < 2; k++) {
            p[k][i] += reach * p[k + 2][i];
            p[k + 2][i] *= keep;
        }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++) {
            p[i][k] += reach * p[i][k + 2];
            p[i][k + 2] *= keep;
        }
    for (int k = 0; k < 2; k++) {
        p[k][k] += RESTLESS * dt_s * dt_s * dt_s / 3;
        p[k][k + 2] += RESTLESS * dt_s * dt_s / 2;
        p[k + 2][k] += RESTLESS * dt_s * dt_s / 2;
        p[k + 2][k + 2] += RESTLESS * dt_s;
    }
}

/* Covariance of what is seen less what was expected. */
static void innovation(const struct ground_state *state, const struct ground_seen *seen,
                       double s[3], double d[2])
{
    s[0] = state->p[0][0] + seen->noise[0];
    s[1] = state->p[0][1] + seen->noise[1];
    s[2] = state->p[1][1] + seen->noise[2];
    d[0] = seen->at[0] - state->x[0];
    d[1] = seen->at[1] - state->x[1];
}

bool ground_distance(const struct ground_state *state, const struct ground_seen *seen, double gate,
                     double *distance, double *log_det)
{
    double s[3], d[2];
    innovation(state, seen, s, d);
    /* The distance is no less than along one axis alone, which sorts out most. */
    if (d[0] * d[0] > gate * s[0] || d[1] * d[1] > gate * s[2])
        return false;
    double det = s[0] * s[2] - s[1] * s[1];
    *distance = (s[2] * d[0] * d[0] - 2 * s[1] * d[0] * d[1] + s[0] * d[1] * d[1]) / det;
    *log_det = log(det);
    return *distance < gate;
}

void ground_correct(struct ground_state *state, const struct ground_seen *seen)
{
    double s[3], d[2], gain[4][2], before[2][4];
    innovation(state, seen, s, d);
    double det = s[0] * s[2] - s[1] * s[1];
    for (int i = 0; i < 4; i++) {
        gain[i][0] = (state->p[i][0] * s[2] - state->p[i][1] * s[1]) / det;
        gain[i][1] = (state->p[i][1] * s[0] - state->p[i][0] * s[1]) / det;
        state->x[i] += gain[i][0] * d[0] + gain[i][1] * d[1];
    }
    memcpy(before, state->p, sizeof before);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            state->p[i][k] -= gain[i][0] * before[0][k] + gain[i][1] * before[1][k];
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            state->p[i][k] = state->p[k][i] = (state->p[i][k] + state->p[k][i]) / 2;
}

bool ground_sane(const struct ground_state *state)
{
    for (int i = 0; i < 4; i++)
        /* Comparisons with NaN are false. */
        if (!(fabs(state->x[i]) < FAR_M && state->p[i][i] > 0 && state->p[i][i] < FAR_M * FAR_M))
            return false;
    return true;
}
