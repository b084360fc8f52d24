/* The noise is that of DeepSORT (Wojke 2017) and BoT-SORT (Aharon 2022). */
#include "track/kalman.h"

#include <math.h>

#include "base/plane.h"

#define PLACE (1.0 / 20)  /* deviation of a place, in parts of the box's size */
#define SPEED (1.0 / 160) /* deviation of a speed, in parts of the box's size a step */
#define ASPECT_PLACE 1e-2
#define ASPECT_SPEED 1e-5
#define ASPECT_SEEN 1e-1
#define FAR 1e8

static double square(double x)
{
    return x * x;
}

void kalman_predict(struct kalman_axis *a, double n, double noise_x, double noise_v)
{
    /* Sums over n steps of the noise that each adds and the later ones carry on: 1, j, j^2. */
    double sum_j = n * (n - 1) / 2, sum_jj = n * (n - 1) * (2 * n - 1) / 6;
    a->x += n * a->v;
    a->xx += 2 * n * a->xv + n * n * a->vv + n * noise_x + sum_jj * noise_v;
    a->xv += n * a->vv + sum_j * noise_v;
    a->vv += n * noise_v;
}

void kalman_correct(struct kalman_axis *a, double measured, double variance)
{
    double gain_x = a->xx / (a->xx + variance), gain_v = a->xv / (a->xx + variance);
    double off = measured - a->x;
    a->x += gain_x * off;
    a->v += gain_v * off;
    a->vv -= gain_v * a->xv;
    a->xv -= gain_x * a->xv;
    a->xx -= gain_x * a->xx;
}

/* ---- boxes ----------------------------------------------------------------------------------- */

/* The size that the noise of each axis is a part of, in px; 0: the aspect's, which is none. */
static void sizes_of(const struct kalman_box *k, enum kalman_form form, double sizes[4])
{
    double height = fmax(k->axis[3].x, 1);
    double width = form == KALMAN_SIZE ? fmax(k->axis[2].x, 1) : height;
    sizes[0] = width;
    sizes[1] = height;
    sizes[2] = form == KALMAN_SIZE ? width : 0;
    sizes[3] = height;
}

static void measure(enum kalman_form form, const float box[4], double z[4])
{
    double width = (double)box[2] - (double)box[0], height = (double)box[3] - (double)box[1];
    z[0] = (double)box[0] + width / 2;
    z[1] = (double)box[1] + height / 2;
    z[2] = form == KALMAN_SIZE ? width : width / height;
    z[3] = height;
}

void kalman_box_begin(struct kalman_box *k, enum kalman_form form, const float box[4])
{
    double z[4], sizes[4];
    measure(form, box, z);
    for (int i = 0; i < 4; i++)
        k->axis[i] = (struct kalman_axis){.x = z[i]};
    sizes_of(k, form, sizes);
    for (int i = 0; i < 4; i++) {
        k->axis[i].xx = square(sizes[i] > 0 ? 2 * PLACE * sizes[i] : ASPECT_PLACE);
        k->axis[i].vv = square(sizes[i] > 0 ? 10 * SPEED * sizes[i] : ASPECT_SPEED);
    }
}

void kalman_box_predict(struct kalman_box *k, enum kalman_form form, double steps)
{
    double sizes[4];
    sizes_of(k, form, sizes);
    for (int i = 0; i < 4; i++)
        kalman_predict(&k->axis[i], steps, square(sizes[i] > 0 ? PLACE * sizes[i] : ASPECT_PLACE),
                       square(sizes[i] > 0 ? SPEED * sizes[i] : ASPECT_SPEED));
}

void kalman_box_correct(struct kalman_box *k, enum kalman_form form, const float box[4])
{
    double z[4], sizes[4];
    measure(form, box, z);
    sizes_of(k, form, sizes);
    for (int i = 0; i < 4; i++)
        kalman_correct(&k->axis[i], z[i], square(sizes[i] > 0 ? PLACE * sizes[i] : ASPECT_SEEN));
}

void kalman_box_get(const struct kalman_box *k, enum kalman_form form, float box[4])
{
    double height = k->axis[3].x;
    double width = form == KALMAN_SIZE ? k->axis[2].x : k->axis[2].x * height;
    box[0] = (float)(k->axis[0].x - width / 2);
    box[1] = (float)(k->axis[1].x - height / 2);
    box[2] = (float)(k->axis[0].x + width / 2);
    box[3] = (float)(k->axis[1].x + height / 2);
}

/* ---- camera motion --------------------------------------------------------------------------- */

static void scale_axis(struct kalman_axis *a, double by)
{
    a->x *= by;
    a->v *= by;
    a->xx *= by * by;
    a->xv *= by * by;
    a->vv *= by * by;
}

/* Terms between x and y are left out: without a turn there are none. */
static void turn(struct kalman_axis *to, const struct kalman_axis *x, const struct kalman_axis *y,
                 const double row[2])
{
    double a = square(row[0]), b = square(row[1]);
    to->v = row[0] * x->v + row[1] * y->v;
    to->xx = a * x->xx + b * y->xx;
    to->xv = a * x->xv + b * y->xv;
    to->vv = a * x->vv + b * y->vv;
}

void kalman_box_move(struct kalman_box *k, enum kalman_form form, const double map[9])
{
    const struct kalman_axis x = k->axis[0], y = k->axis[1];
    double center[2] = {x.x, y.x}, to[2], jacobian[4];
    if (!plane_apply(map, center, to) || !plane_jacobian(map, center, jacobian))
        return;
    turn(&k->axis[0], &x, &y, jacobian);
    turn(&k->axis[1], &x, &y, jacobian + 2);
    k->axis[0].x = to[0];
    k->axis[1].x = to[1];
    double scale = sqrt(fabs(jacobian[0] * jacobian[3] - jacobian[1] * jacobian[2]));
    if (form == KALMAN_SIZE)
        scale_axis(&k->axis[2], scale);
    scale_axis(&k->axis[3], scale);
}

bool kalman_box_sane(const struct kalman_box *k)
{
    for (int i = 0; i < 4; i++) {
        const struct kalman_axis *a = &k->axis[i];
        /* Comparisons with NaN are false. */
        if (!(fabs(a->x) < FAR && fabs(a->v) < FAR && a->xx >= 0 && a->xx < FAR * FAR &&
              fabs(a->xv) < FAR * FAR && a->vv >= 0 && a->vv < FAR * FAR))
            return false;
    }
    return true;
}
