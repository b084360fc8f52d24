/* Places and speeds on the ground: what a box says about them, and a Kalman filter of four numbers
 * with the cross terms that a slanting view makes. Metres and seconds. */
#ifndef TRACK_GROUND_H
#define TRACK_GROUND_H

#include <stdbool.h>

/* What is wrong with the homography of one picture, as far as it is known: feet are seen at
 * foot + shift + grow * (foot - middle), px, and that is as uncertain as the variances say. */
struct ground_error {
    double shift[2], grow, middle[2];
    double shift_variance, grow_variance;
};

/* Where a foot stands, with its covariance {xx, xy, yy}; in the picture as it was seen, with the
 * variances of a box's own foot there. */
struct ground_seen {
    double at[2], noise[3];
    double px[2], px_variance[2];
    double px_a_metre; /* of what stands upright there, across the line of sight */
};

/* x, y, vx, vy */
struct ground_state {
    double x[4], p[4][4];
};

/* A map of the ground (metres to px) with its inverse. */
struct ground_map {
    double to_px[9], to_metres[9];
    int width, height; /* of the picture, 0: not known */
    bool mirrored;     /* y runs towards the camera */
};

/* False: the new map has no inverse; `map` is as it was. */
bool ground_map_set(struct ground_map *map, const double to_px[9], int width, int height);

/* Which side of the map is in front of the camera: the one where a px lies that surely shows the
 * ground, as the lowest foot does. */
void ground_map_face(struct ground_map *map, const double px[2]);

/* What a box (x1, y1, x2, y2 in px) with a score says. False: it stands at the horizon, above it or
 * too near to it to say anything. */
bool ground_see(const struct ground_map *map, const struct ground_error *error, const float box[4],
                float score, struct ground_seen *seen);

/* Where in the picture a foot is to be seen, and the variances of that along its sides. */
bool ground_expect(const struct ground_map *map, const struct ground_state *state, double px[2],
                   double variance[2]);

/* Where a point of the ground is in the picture, and how fast it moves there, px and px a second.
 * False: behind the camera. */
bool ground_show(const struct ground_map *map, const struct ground_state *state, double px[2],
                 double speed[2], double *px_a_metre);

void ground_begin(struct ground_state *state, const struct ground_seen *seen);

/* Ahead by dt_s; what nobody sees slows down. */
void ground_predict(struct ground_state *state, double dt_s, bool unseen);

void ground_correct(struct ground_state *state, const struct ground_seen *seen);

/* Mahalanobis' distance squared, and the log of the determinant of its covariance; false when the
 * distance is beyond `gate`. */
bool ground_distance(const struct ground_state *state, const struct ground_seen *seen, double gate,
                     double *distance, double *log_det);

/* False for states that nothing on the ground has. */
bool ground_sane(const struct ground_state *state);

#endif
