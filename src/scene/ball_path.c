/* Kalman filter of the ball; see ball_path.h. A ball rolls or flies on, slowly slower, and now and
 * then somebody gives it another speed: a second, wider model that costs the odds of a kick. */
#include "scene/ball_path.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"

/* Speeds in px of a picture 1920 px wide, a second. tests/bench/bench_ball.c measures them. */
#define WANDER 220.0 /* what its speed changes by in a second while nobody kicks it */
#define KICK 450.0   /* what a kick or a reception changes it by */
#define KICKS_A_SECOND 0.7
#define START_SPEED 500.0 /* of a ball seen once */
#define SLOWS_S 2.5       /* a speed fades to 1/e of it in so long */
#define GATE 13.816       /* 99.9 % of chi-square with two degrees of freedom */

void ball_path_start(struct ball_path *path, const struct ball_sighting *seen, double time_s,
                     double unit)
{
    memset(path, 0, sizeof *path);
    path->at[0] = seen->x;
    path->at[1] = seen->y;
    for (int i = 0; i < 2; i++) {
        path->cov[i][i] = seen->variance;
        path->cov[i + 2][i + 2] = START_SPEED * unit * START_SPEED * unit;
    }
    path->seen_s = time_s;
    path->size = seen->size;
    path->sightings = 1;
}

/* cov = a * cov * a', at = a * at. */
static void transform(struct ball_path *path, const double a[4][4])
{
    double half[4][4], at[4];
    for (int r = 0; r < 4; r++) {
        at[r] = 0;
        for (int k = 0; k < 4; k++)
            at[r] += a[r][k] * path->at[k];
        for (int c = 0; c < 4; c++) {
            half[r][c] = 0;
            for (int k = 0; k < 4; k++)
                half[r][c] += a[r][k] * path->cov[k][c];
        }
    }
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 4; c++) {
            path->cov[r][c] = 0;
            for (int k = 0; k < 4; k++)
                path->cov[r][c] += half[r][k] * a[c][k];
        }
    memcpy(path->at, at, sizeof at);
}

/* A change of speed by a random walk of `square` (px/s)² that has gone on for t s. */
static void add_walk(struct ball_path *path, double square, double t)
{
    for (int i = 0; i < 2; i++) {
        path->cov[i][i] += square * t * t / 3;
        path->cov[i][i + 2] += square * t / 2;
        path->cov[i + 2][i] += square * t / 2;
        path->cov[i + 2][i + 2] += square;
    }
}

void ball_path_predict(struct ball_path *path, double dt, const double *map, double unit)
{
    double keep = exp(-dt / SLOWS_S), way = SLOWS_S * (1 - keep), j[4], to[2];
    const double step[4][4] = {{1, 0, way, 0}, {0, 1, 0, way}, {0, 0, keep, 0}, {0, 0, 0, keep}};
    transform(path, step);
    add_walk(path, WANDER * unit * WANDER * unit * dt, dt);
    if (!map || !plane_apply(map, path->at, to) || !plane_jacobian(map, path->at, j))
        return;
    const double turn[4][4] = {
        {j[0], j[1], 0, 0}, {j[2], j[3], 0, 0}, {0, 0, j[0], j[1]}, {0, 0, j[2], j[3]}};
    transform(path, turn);
    path->at[0] = to[0];
    path->at[1] = to[1];
    if (plane_apply(map, path->from, to))
        memcpy(path->from, to, sizeof to);
    if (plane_apply(map, path->via, to))
        memcpy(path->via, to, sizeof to);
}

bool ball_path_is_sound(const struct ball_path *path)
{
    bool sound = true;
    for (int i = 0; i < 4; i++)
        sound = sound && fabs(path->at[i]) < 1e6 && path->cov[i][i] > 0 && path->cov[i][i] < 1e12;
    return sound; /* false for what is not a number */
}

/* Odds of a kick since it was seen last, and the variance that one adds to a place. */
static double kick_chance(double unseen_s)
{
    return 1 - exp(-KICKS_A_SECOND * unseen_s);
}

static double kick_variance(double unseen_s, double unit)
{
    return KICK * unit * KICK * unit * unseen_s * unseen_s / 3;
}

/* Log of the normal density of a sighting, `wider` px² added to its variance. */
static double log_density(const struct ball_path *path, const struct ball_sighting *seen,
                          double wider, double *distance)
{
    double a = path->cov[0][0] + seen->variance + wider, b = path->cov[0][1],
           d = path->cov[1][1] + seen->variance + wider;
    double det = a * d - b * b, x = seen->x - path->at[0], y = seen->y - path->at[1];
    if (!(det > 0)) {
        *distance = INFINITY;
        return -INFINITY;
    }
    *distance = (d * x * x - 2 * b * x * y + a * y * y) / det;
    return -0.5 * (*distance + log(det)) - log(2 * M_PI);
}

struct ball_fit ball_path_fit(const struct ball_path *path, const struct ball_sighting *seen,
                              double unseen_s, double unit)
{
    struct ball_fit fit = {-INFINITY, false};
    double chance = kick_chance(unseen_s), near, far;
    double rolled = log_density(path, seen, 0, &near) + log(1 - chance);
    double kicked = log_density(path, seen, kick_variance(unseen_s, unit), &far) +
                    log(chance + 1e-12);
    if (near < GATE)
        fit.log_density = rolled;
    if (far < GATE && kicked > fit.log_density)
        fit = (struct ball_fit){kicked, true};
    return fit;
}

void ball_path_take(struct ball_path *path, const struct ball_sighting *seen, bool kicked,
                    double unseen_s, double unit)
{
    if (kicked)
        add_walk(path, KICK * unit * KICK * unit, unseen_s);
    double a = path->cov[0][0] + seen->variance, b = path->cov[0][1],
           d = path->cov[1][1] + seen->variance, det = a * d - b * b;
    double miss[2] = {seen->x - path->at[0], seen->y - path->at[1]}, gain[4][2], cov[4][4];
    for (int r = 0; r < 4; r++) {
        double p = path->cov[r][0], q = path->cov[r][1];
        gain[r][0] = (p * d - q * b) / det;
        gain[r][1] = (q * a - p * b) / det;
        path->at[r] += gain[r][0] * miss[0] + gain[r][1] * miss[1];
    }
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 4; c++)
            cov[r][c] = path->cov[r][c] - gain[r][0] * path->cov[0][c] -
                        gain[r][1] * path->cov[1][c];
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 4; c++)
            path->cov[r][c] = (cov[r][c] + cov[c][r]) / 2;
    if (seen->size > 0)
        path->size = path->size > 0 ? path->size + 0.2f * (seen->size - path->size) : seen->size;
    path->sightings++;
}

double ball_path_error(const struct ball_path *path, double unseen_s, double unit)
{
    double own = (path->cov[0][0] + path->cov[1][1]) / 2;
    return sqrt(own + kick_chance(unseen_s) * kick_variance(unseen_s, unit));
}
