/* A match drawn into its pictures: players in the colours of their teams, the ball with the way it
 * came, and in a corner the pitch from above. */
#ifndef FOVEA_FOOTBALL_DRAW_H
#define FOVEA_FOOTBALL_DRAW_H

#include <fovea/football.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FOV_BALL_WAY_MAX = 64 };

/* Where the ball was in the last pictures. Zero it to begin. */
typedef struct fov_ball_way {
    fov_point points[FOV_BALL_WAY_MAX]; /* px of the newest picture, the oldest first */
    double times_s[FOV_BALL_WAY_MAX];
    int count;
} fov_ball_way;

/* Takes the ball of the next picture in, of which `motion` (may be NULL) says how the camera moved.
 * Forgets what is older than `keep_s`, and all of it where the camera cannot be followed. A ball
 * that is not known leaves a hole. Thread-safety: as its owner. Blocks: no. */
FOV_API void fov_ball_way_step(fov_ball_way *way, const fov_ball *ball, const fov_motion *motion,
                               double keep_s);

/* Zero means the default, but for `frame`. */
typedef struct fov_football_draw {
    const fov_football_frame *frame;
    const fov_ball *ball;    /* a late answer; NULL: what `frame` has */
    const fov_ball_way *way; /* NULL: none */
    fov_pitch_size pitch;    /* 105 x 68 */
    bool no_radar;
} fov_football_draw;

/* Draws into the pixels (FOV_YUV, FOV_RGB24, FOV_BGR24). Players that are lost from sight have the
 * corners of a box only, a ball that is thought of and not seen a broken ring. Without a view of
 * the pitch the radar's place says so. Thread-safety: the image's owner. Blocks: no. */
FOV_API void fov_draw_football(fov_image *image, const fov_football_draw *draw);

#ifdef __cplusplus
}
#endif
#endif
