/* The files of the MOT challenge (https://motchallenge.net/instructions): detections, results, and
 * the camera motion that trackers are given beside them. */
#ifndef APPS_MOT_H
#define APPS_MOT_H

#include <stdio.h>

#include <fovea/detect.h>
#include <fovea/motion.h>

enum {
    MOT_FRAMES_MOST = 10000000, /* four days at 30 a second */
    MOT_BOXES_MOST = 10000000,  /* lines of a file */
    MOT_BYTES_MOST = 1 << 30    /* of a file */
};

/* The boxes of one frame. */
struct mot_frame {
    int32_t number; /* from 1 */
    size_t first, count;
};

/* Detections by frame, ascending; within a frame as they stood in the file. */
struct mot {
    fov_detection *boxes;
    struct mot_frame *frames; /* those with boxes */
    size_t box_count, frame_count;
};

/* Where the still parts of the picture went from the frame before to this one; ascending. */
struct mot_step {
    int32_t number; /* of this frame */
    fov_motion motion;
};

struct mot_motion {
    struct mot_step *steps;
    size_t count;
};

/* Lines `frame,id,x,y,w,h,score`; more numbers may follow. With 8 or 9 numbers the eighth is the
 * class, with 10 (world coordinates) and with 7 the class is 0. Numbers are parted by commas or
 * blanks. `name` stands in messages. Returns FOV_EFORMAT with the line's number, FOV_ELIMIT,
 * FOV_ENOMEM. Release in any case. */
fov_status mot_parse(struct mot *mot, const char *name, const char *text, size_t size,
                     fov_error *error);

/* Lines `frame a b tx c d ty`: x' = a x + b y + tx, y' = c x + d y + ty; or of 10 numbers: the
 * frame and a homography row by row. As mot_parse. */
fov_status mot_parse_motion(struct mot_motion *motion, const char *name, const char *text,
                            size_t size, fov_error *error);

/* The same from files; FOV_ENOTFOUND, FOV_EIO. */
fov_status mot_read(struct mot *mot, const char *path, fov_error *error);
fov_status mot_read_motion(struct mot_motion *motion, const char *path, fov_error *error);

void mot_release(struct mot *mot);
void mot_release_motion(struct mot_motion *motion);

/* The motion from frame `from` to the later frame `to`: of all steps between them, in the order of
 * time. Frames that the file does not have stand still; FOV_MOTION_NONE when all do. `next` is
 * where the last call stopped, 0 first. */
fov_motion mot_motion_between(const struct mot_motion *motion, int32_t from, int32_t to,
                              size_t *next);

/* `frame,id,x,y,w,h,score,-1,-1,-1` */
void mot_write(FILE *file, int32_t frame, int32_t id, const float box[4], float score);

#endif
