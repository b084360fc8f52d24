/* The files of the MOT challenge (https://motchallenge.net/instructions): detections, results, and
 * the camera motion that trackers are given beside them. */
#ifndef APPS_MOT_H
#define APPS_MOT_H

#include <stdio.h>

#include <fovea/detect.h>
#include <fovea/motion.h>
#include <fovea/track.h>

#include "base/json.h"

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

/* Lines `frame,id,x,y,w,h,score`; more numbers may follow. With 8 or 9 numbers the eighth is the
 * class, with 10 (world coordinates) and with 7 the class is 0. Numbers are parted by commas or
 * blanks. `name` stands in messages. Returns FOV_EFORMAT with the line's number, FOV_ELIMIT,
 * FOV_ENOMEM. Release in any case. */
fov_status mot_parse(struct mot *mot, const char *name, const char *text, size_t size,
                     fov_error *error);

/* The same from a file; FOV_ENOTFOUND, FOV_EIO. */
fov_status mot_read(struct mot *mot, const char *path, fov_error *error);

void mot_release(struct mot *mot);

/* fov_motion_file_open; frames count from 1, as those of detections do. */
fov_status mot_open_motion(fov_motion_file **file, const char *path, fov_error *error);

/* The motion from frame `from` to the later frame `to`: of all steps between them, in the order of
 * time. Frames that the file does not have stand still; FOV_MOTION_NONE when all do, or `file` is
 * NULL. */
fov_motion mot_motion_between(const fov_motion_file *file, int32_t from, int32_t to);

/* A file for tracks; FOV_EIO. */
fov_status mot_create(FILE **file, const char *path, fov_error *error);
/* Accepts NULL. Returns `status`; when that is FOV_OK and not all was written, FOV_EIO. */
fov_status mot_close(FILE **file, const char *path, fov_status status, fov_error *error);

/* `frame,id,x,y,w,h,score,-1,-1,-1` */
void mot_write(FILE *file, int32_t frame, int32_t id, const float box[4], float score);
/* The same of each track that was seen in the frame. */
void mot_write_tracks(FILE *file, int32_t frame, const fov_tracks *tracks);

/* "box":[x1,y1,x2,y2]; and "lost": those that have a name and no box in this frame, where they are
 * thought to be. */
void mot_put_box(struct json_writer *w, float x1, float y1, float x2, float y2);
void mot_put_lost(struct json_writer *w, const fov_tracks *tracks);
/* Where a track stands and how fast it runs, "pitch_m" and "speed_mps", when it knows the ground.
 */
void mot_put_ground(struct json_writer *w, const fov_track *track);

#endif
