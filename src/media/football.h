/* `pattern:football`: a drawn match, and the truth about each of its frames. Metres are those of
 * <fovea/pitch.h>, seconds count from the first frame. */
#ifndef MEDIA_FOOTBALL_H
#define MEDIA_FOOTBALL_H

#include <fovea/motion.h>
#include <fovea/pitch.h>
#include <fovea/source.h>

enum { FOOTBALL_PLAYERS = 22, FOOTBALL_PEOPLE = 25, FOOTBALL_SIDE = 11 };

#define FOOTBALL_LENGTH 105.0 /* m */
#define FOOTBALL_WIDTH 68.0

/* Class ids of fov_source_truth: those that COCO has for them. */
enum { FOOTBALL_PERSON = 0, FOOTBALL_BALL = 32 };

enum football_role { FOOTBALL_KEEPER, FOOTBALL_FIELD, FOOTBALL_REFEREE, FOOTBALL_ASSISTANT };

struct football_person {
    int id;     /* 1..25: home 1..11, away 12..22, referee 23, assistants 24 and 25 */
    int team;   /* 0 plays to the right, 1 to the left, -1: official */
    int number; /* on the back; 0: none */
    enum football_role role;
    double x_m, y_m, vx_mps, vy_mps; /* of the body over the ground */
    double height_m;
    double x1, y1, x2, y2; /* source px, of all that is drawn but the shadow; not clipped */
    double shown;          /* 0..1 of the box that is in the picture and behind no other box */
};

struct football_ball {
    double x_m, y_m, z_m; /* its centre; z is 0.11 on the ground */
    double x_px, y_px, radius_px;
    bool in_picture;
    bool in_play;
    int owner; /* id of who has it, 0: nobody */
};

/* Looks from `position_m` along (sin pan cos tilt, cos pan cos tilt, -sin tilt); never rolls. */
struct football_view {
    double position_m[3], pan, tilt; /* radians */
    double focal_px;
    int width, height; /* px; the axis goes through the middle */
};

struct football_truth {
    int64_t number; /* of the frame, from 0 */
    double time_s;
    struct football_person people[FOOTBALL_PEOPLE];
    struct football_ball ball;
    struct football_view camera;
    fov_pitch_view view; /* metres to px; w' is the depth in metres, positive before the camera */
    fov_motion motion;   /* since the frame before; of all that stands still, as the camera turns
                            about one point; kind NONE at the first frame */
    int score[2];
};

/* Truth of the last frame read, valid until the next read; NULL: `source` is no drawn match, or
 * none was read. Thread-safety: the reading thread. Blocks: no. */
const struct football_truth *football_truth(const fov_source *source);

/* Truth of a frame, as long as the frame lives; NULL: it is none of a drawn match, or a copy.
 * Thread-safety: safe. Blocks: no. */
const struct football_truth *football_frame_truth(const fov_frame *frame);

#endif
