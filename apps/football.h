/* What `fovea football` consists of: a source, a stream of football, and what becomes of its
 * frames.
 *
 *   cmd_football.c       options
 *   football_asked.c     what the command line leaves to the settings
 *   football_calibrate.c --calibration
 *   football_open.c      source, models, stream; and closing them
 *   football_read.c      a thread: the source's frames at the wanted rate, into the stream
 *   football_run.c       takes results, holds them until the ball is known for good, hands them on
 *   football_folder.c    --out: the match on disk, and going on where it stopped
 *   football_views.c     --out: views of the pitch, for going on
 *   football_names.c     going on with the names of a run before
 *   football_sums.c      what the frames add up to
 *   football_video.c     --out: the annotated copy
 *   football_end.c       --out: summary, heat maps
 *   football_formats.c   --out: formats of other programs
 *   football_sides.c     whose goal is on the left
 *   football_print.c     lines, progress, JSON, what is said in the end */
#ifndef APPS_FOOTBALL_H
#define APPS_FOOTBALL_H

#include <pthread.h>
#include <stdatomic.h>

#include <fovea/fovea.h>
#include <fovea/reader.h>

#include "base/json.h"
#include "chosen_model.h"

enum {
    FOOTBALL_HELD = 64,    /* results that wait for their ball */
    FOOTBALL_PEOPLE = 512, /* whose figures are kept at a time */
    FOOTBALL_NAMES = 8192, /* that are counted */
    FOOTBALL_VIEWS = 16    /* a second apart */
};

struct football_asked {
    const char *url, *calibration, *teams, *ball_model, *pitch_model, *out, *formats;
    const char *appearance, *team_model;
    struct chosen_model chosen;
    const char *tracker, *look;
    double fps, max_latency_ms, seconds;
    bool still, json, video;
};

/* What a run before left in the folder. */
struct football_before {
    int64_t last;    /* number of its last frame; -1: nothing was written */
    double begun_ms; /* live: Unix time of frame 0 */
    bool other_view; /* its calibration was another one */
    int32_t most_id; /* highest name */
    fov_match_entry people[FOV_MATCH_FILE_PEOPLE]; /* of the last frame */
    size_t count;
};

/* Names of this run for those of the run before, whose people go on. */
struct football_names {
    int32_t base; /* added to all others */
    struct {
        int32_t now, before;
    } same[FOV_MATCH_FILE_PEOPLE];
    size_t count;
};

/* A result that waits for what is known of its ball half a second later. */
struct football_held {
    fov_result *result;
    int64_t number;
};

/* How a picture of the match showed the pitch. */
struct football_view {
    int64_t number;
    double pts_ms;
    fov_pitch_view view;
};

struct football_views {
    struct football_view items[FOOTBALL_VIEWS]; /* the oldest first */
    int count;
};

/* Somebody who had a name. */
struct football_who {
    int32_t id, team; /* the last that was known; -1 */
    fov_match_role role;
    int64_t frames; /* in which it was seen */
};

/* Sums over the frames that are through: of all, also those of a run before ... */
struct football_sums {
    int64_t frames, placed; /* placed: somebody had metres */
    int64_t known;          /* the ball's place in the picture */
    int64_t at_once[3];     /* people seen: of the first team, the second, others */
    double first_s, last_s;
    struct football_who *who; /* by their names, in order */
    size_t names;
    /* ... and of this run alone */
    int64_t now, seen; /* seen: the ball */
    int64_t parts_ns[FOV_PART_COUNT];
    fov_football_detector detector;
    fov_teams_state teams;
    bool color_known[2];
    uint32_t colors[2];
};

struct football_run {
    struct football_asked asked;
    struct settings *settings;
    char shown[1024]; /* the URL without a password */
    fov_football_params params;
    char names[2][64];
    fov_pitch_view view; /* calibration */
    fov_pitch_size pitch;

    fov_reader *reader;
    fov_workers *workers;
    fov_stream *stream;
    fov_decoder *decoder; /* of pictures that come encoded, to draw into */
    bool live;
    double fps;        /* of frame numbers */
    int width, height; /* of the first frame */
    fov_frame *first;  /* read before the stream was there */

    /* the reading thread's */
    pthread_t thread;
    bool reading;
    fov_frame_pool *turned; /* photographs that had to be turned; NULL: other sources */
    fov_decoder *turner;
    int64_t number, read; /* of the last frame that was put; how many were read, broken ones, too */
    int64_t broken;       /* pictures that could not be read */
    double live_from_s;   /* time of the first frame of this run since frame 0 */
    atomic_bool stop;
    fov_error read_error; /* why the source ended; status FOV_OK: as it should */

    /* the taking thread's */
    struct football_held held[FOOTBALL_HELD];
    int first_held, held_count;
    int64_t taken, failed;
    int32_t has_ball; /* team of the newest result's settled possession */
    int failures;     /* in a row */
    fov_match *match;
    struct football_sums sums;
    struct football_before before;
    struct football_names same;
    struct football_views views;
    struct football_folder *folder; /* --out; NULL: none */
    struct football_video *video;
    int64_t written; /* number of the last frame that is on the disk for good, -1 */
    bool whole;      /* at the end: all that was to be written was */
    struct json_writer line;
    int64_t start_ns, told_ns;
    bool progress;
    fov_stats stats; /* at the end */
};

/* football_asked.c */
fov_status football_settle_asked(struct football_run *r, fov_error *error);

/* football_calibrate.c: fills the view, the pitch and what the stream is told of them. */
fov_status football_calibrate(struct football_run *r, fov_error *error);

/* football_open.c */
fov_status football_open(struct football_run *r, fov_error *error);
fov_status football_close(struct football_run *r, fov_error *error);

/* football_read.c */
/* As fov_reader_get, upright; waits 100 ms at most. */
fov_status football_next(struct football_run *r, fov_frame **frame, fov_error *error);
void football_pass_broken(struct football_run *r, const fov_error *error); /* counts and tells */
fov_status football_start_reading(struct football_run *r, fov_error *error);
void football_stop_reading(struct football_run *r); /* joins; may be called twice */

/* football_run.c: all of it; returns the exit code. */
int football_run(struct football_run *r);
bool football_is_stopped(void); /* by a signal */

/* football_names.c */
void football_renumber(struct football_run *r, fov_result *result, int64_t number);

/* football_folder.c. `fps`, size and pitch of the run are known. Fills r->before, and feeds what
 * was written before to the sums and the figures. FOV_EINVAL: the folder is of another match. */
fov_status football_folder_open(struct football_run *r, fov_error *error);
/* A frame that is through; syncs now and then. */
fov_status football_folder_put(struct football_run *r, const fov_match_frame *frame,
                               fov_error *error);
fov_status football_folder_sync(struct football_run *r, fov_error *error);
fov_status football_folder_close(struct football_run *r, fov_error *error);
/* A file of the folder. */
void football_folder_path(const struct football_run *r, char *path, size_t size, const char *name);

/* football_sums.c: adds a frame, of this run or one before, to sums and figures; and what only a
 * frame of this run knows. */
void football_sum(struct football_run *r, const fov_match_frame *frame);
void football_sum_now(struct football_run *r, const fov_football_frame *frame);
/* Figures of people. `*people` is to be freed; NULL, and 0, when there is no memory. */
size_t football_figures(const struct football_run *r, fov_match_person **people);

/* football_views.c. Keeps the view of a frame that is through; writes those of the last seconds;
 * finds, of those of a run before, the newest that is so long before its last frame. */
void football_views_add(struct football_run *r, int64_t number, double pts_ms,
                        const fov_football_frame *frame);
fov_status football_views_write(struct football_run *r, fov_error *error);
bool football_views_find(const struct football_run *r, double warm_s, struct football_view *found);

/* football_video.c: draws into the picture of the result and writes it; without `draw` only the
 * ball's way is followed. */
fov_status football_video_add(struct football_run *r, fov_result *result, const fov_ball *ball,
                              bool draw, fov_error *error);
fov_status football_video_close(struct football_run *r, fov_error *error);

/* football_formats.c: --formats, before anything else; then all that are asked for, or fit. */
fov_status football_check_formats(const char *formats, fov_error *error);
fov_status football_write_formats(struct football_run *r, fov_error *error);

/* football_end.c: what is made of the whole match, formats, too. */
fov_status football_write_end(struct football_run *r, fov_error *error);

/* football_sides.c. The team whose goal is at x = 0; -1: not known. A copy of a match file with the
 * teams changed about. */
int football_left_team(const struct football_run *r);
fov_status football_swap_sides(const char *from, const char *to, fov_error *error);

/* football_print.c. Of a camera as soon as it came, else when its ball is known for good. */
void football_tell(struct football_run *r, const fov_result *result, int64_t number,
                   const fov_football_frame *frame);
void football_tell_end(struct football_run *r);
#endif
