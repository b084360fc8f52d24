/* Kalman filters of boxes: position and speed of a box's centre, width and height.
 *
 * The noise of the usual filter of SORT's kind is of one size for every number of the state and has
 * no cross terms, so its eight-dimensional filter is four filters of two dimensions each, to the
 * last bit of the arithmetic but for rounding; they are kept as such.
 *
 * Speeds are in px a step. A step is 1/30 s: the noise of the published filters is for one frame,
 * and their videos have 30 a second. For other times the noise is what as many steps add up to. */
#ifndef TRACK_KALMAN_H
#define TRACK_KALMAN_H

#include <stdbool.h>

enum { KALMAN_STEPS_A_SECOND = 30 };

/* A number and its speed, with their covariance. */
struct kalman_axis {
    double x, v;
    double xx, xv, vv;
};

/* Ahead by `steps`, a real number, 0 and more; `noise_x` and `noise_v` are the variances that one
 * step adds. Steps of 1 and 2 together do what one of 3 does. */
void kalman_predict(struct kalman_axis *axis, double steps, double noise_x, double noise_v);

/* Takes in a measurement of x with a variance above 0. */
void kalman_correct(struct kalman_axis *axis, double measured, double variance);

/* What stands on the four axes: the centre, and */
enum kalman_form {
    KALMAN_SIZE,  /* width and height (BoT-SORT) */
    KALMAN_ASPECT /* width by height, and height (DeepSORT, ByteTrack) */
};

struct kalman_box {
    struct kalman_axis axis[4];
};

/* Boxes are x1, y1, x2, y2. */
void kalman_box_begin(struct kalman_box *k, enum kalman_form form, const float box[4]);
void kalman_box_predict(struct kalman_box *k, enum kalman_form form, double steps);
void kalman_box_correct(struct kalman_box *k, enum kalman_form form, const float box[4]);
void kalman_box_get(const struct kalman_box *k, enum kalman_form form, float box[4]);

/* Takes the state from one picture to the next by a map of the plane, as far as an upright box can
 * follow: the centre and its speed whole, the size by the scale. What goes to infinity stays. */
void kalman_box_move(struct kalman_box *k, enum kalman_form form, const double map[9]);

/* False for states that no box has: numbers that are not finite or out of all reason. */
bool kalman_box_sane(const struct kalman_box *k);

#endif
