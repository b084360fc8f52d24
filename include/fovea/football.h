/* Football as one camera sees it: from the detections of a picture to players with names, teams and
 * places on the pitch, the ball, and what a match's figures are made of. A stream does this with
 * fov_stream_params.football; by hand, frame by frame, it is fov_football_update. docs/football.md
 */
#ifndef FOVEA_FOOTBALL_H
#define FOVEA_FOOTBALL_H

#include <fovea/ball.h>
#include <fovea/match.h>
#include <fovea/match_file.h>
#include <fovea/team.h>
#include <fovea/track.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the time of a frame goes, by the names of document 003. */
#define FOV_FOOTBALL_PART_MAP(X)                                                                   \
    X(PLAYERS, player_detection)                                                                   \
    X(BALL, ball_detection)                                                                        \
    X(TRACKING, tracking) /* with camera motion and the ball's track */                            \
    X(TEAMS, team_classification)                                                                  \
    X(PITCH, homography)                                                                           \
    X(OTHER, other) /* decoding, figures, writing */

typedef enum fov_football_part {
#define FOV_FOOTBALL_PART_ENUM(name, word) FOV_PART_##name,
    FOV_FOOTBALL_PART_MAP(FOV_FOOTBALL_PART_ENUM)
#undef FOV_FOOTBALL_PART_ENUM
        FOV_PART_COUNT
} fov_football_part;

/* Word of a part ("team_classification"). Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_football_part_name(fov_football_part part);

/* What detections of football are, whatever the classes of the model that found them. */
typedef enum fov_football_class {
    FOV_CLASS_PLAYER,
    FOV_CLASS_GOALKEEPER,
    FOV_CLASS_REFEREE,
    FOV_CLASS_BALL,
    FOV_CLASS_COUNT
} fov_football_class;

/* How players are looked for. */
typedef enum fov_football_look {
    FOV_LOOK_AUTO,  /* tiles for models below 640 px, else whole */
    FOV_LOOK_WHOLE, /* the whole picture at once */
    FOV_LOOK_TILES  /* parts of it that hold the pitch: for small models. What comes of it is marked
                       `weak` */
} fov_football_look;

/* What the detections of a frame come from, which says what its figures are worth. */
#define FOV_FOOTBALL_DETECTOR_MAP(X)                                                               \
    X(MODEL, model) /* a model, on the whole picture */                                            \
    X(WEAK, weak)   /* a model that is too small for it, in tiles */                               \
    X(DRAWN, drawn) /* no model: the truth of the drawn match, with the errors of a detector */    \
    X(OWN, own)     /* fov_football_params.on_detections */

typedef enum fov_football_detector {
#define FOV_FOOTBALL_DETECTOR_ENUM(name, word) FOV_DETECTOR_##name,
    FOV_FOOTBALL_DETECTOR_MAP(FOV_FOOTBALL_DETECTOR_ENUM)
#undef FOV_FOOTBALL_DETECTOR_ENUM
        FOV_DETECTOR_COUNT
} fov_football_detector;

/* Its word ("model"). Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_football_detector_name(fov_football_detector detector);

/* Workers need a model: this one for those that have none but the detector "drawn" to serve. Its id
 * is to be "drawn". */
#define FOV_FOOTBALL_DRAWN "fake:width=8,height=8,boxes=none,runners=64,labels=person+ball"

typedef struct fov_football_params fov_football_params;

/* Zero means the default. Strings need to live during the call that takes the struct only. */
struct fov_football_params {
    /* Models, by their ids among those of the workers. A class is known by its label: player,
     * person, goalkeeper, referee, ball, sports ball, ...; where those are others, `*_labels` names
     * them, parted by commas. */
    const char *player_model; /* NULL: the stream's; "drawn": no model, but what a detector might
                                 have seen of the drawn match; of frames of `pattern:football`
                                 alone, others fail */
    const char *ball_model;   /* NULL: the ball is a class of the player model, if it has one */
    const char *pitch_model;  /* keypoints of the pitch, in the order of pitch_layout; NULL: none.
                                 "drawn" beside that player model: a calibration's errors as well */
    /* Models whose vectors tell people apart (fov_stream_params.appearance_model): for names, and,
     * instead of the shirts' colours, for teams. They may be one and the same. NULL: none. */
    const char *appearance_model, *team_model;
    fov_pitch_layout pitch_layout;
    const char *player_labels, *goalkeeper_labels, *referee_labels, *ball_labels;
    float player_conf, ball_conf; /* default 0.25 (the stream's detect.conf), 0.15 */
    double ball_fps;              /* pictures a second that the ball model looks at; default: all */
    double pitch_fps;             /* the same for the pitch model; default 2 */
    fov_football_look look;
    int tile_px; /* side of the tiles of FOV_LOOK_TILES, source px, 64..4096; default: 1.6 times
                    the model's input. Larger where all of them would take over a quarter of a
                    second, and longer than target_fps and the deadline leave */
    int tiles_at_once; /* so many in each picture, in turn; default: all, for trackers want to see
                          people in every picture */
    /* The serial part. */
    fov_tracker_params tracker; /* name NULL: "pitch", which is "botsort" without a view of the
                                   pitch; across_classes always; max_tracks up to 1024, default
                                   256 */
    fov_teams_params teams;     /* class_id has no meaning here */
    fov_ball_params ball;       /* class_id has no meaning here */
    fov_match_params match;     /* with the size of the pitch; max_people: default 512 */
    const char *names[2]; /* of the teams; default "first", "second"; longer ones than 64 bytes
                             are cut between letters */
    const fov_pitch_view *view; /* of the first picture; NULL: not known. One for pictures of
                                   another shape is refused by the first fov_football_update, and
                                   forgotten */
    bool view_kept;    /* `view` is from a run before: of pictures of another size it is left out,
                          and unless the camera never moves it is told only once the lines of a
                          picture show all of it; what they do not show within 2 s is forgotten */
    bool still_camera; /* never moves: `view` holds for all pictures */
    /* Replaces or changes what the models found in a frame, in fov_football_class and source px
     * (with the player_model "drawn" that is nothing in frames of anything but the drawn match):
     * for own detectors, and to play recorded ones. On a worker's thread; frames of a stream may
     * overlap. `detections` has room for `capacity`. NULL: nothing is changed. */
    void (*on_detections)(void *user, const fov_frame *frame, fov_detections *detections);
    void *user;
};

typedef struct fov_football_person {
    int32_t id;            /* of its track */
    fov_track_state state; /* FOV_TRACK_ACTIVE, or FOV_TRACK_LOST: where it is thought to be */
    fov_match_role role;   /* by the classes of its detections, then by its kit */
    fov_team_side side;    /* whose it is; of a goalkeeper the team that he keeps for */
    float side_confidence; /* 0..1 */
    float x1, y1, x2, y2;  /* source px */
    float score;           /* of the last detection */
    bool on_pitch;         /* x, y are known */
    double x, y;           /* metres, of where it stands now */
    double speed_mps;      /* smoothed over the last second; 0 when it is not known */
    double distance_m;     /* since it got this id */
    int sprints;
} fov_football_person;

typedef struct fov_football_side {
    const char *name;
    bool color_known;
    uint32_t color; /* 0xRRGGBB of the shirts */
    fov_match_team figures;
} fov_football_side;

/* What is known of a frame. Valid until the next call on its owner, or as long as the result that
 * it came with. */
typedef struct fov_football_frame {
    double time_s; /* of the picture, from the first one on */
    const fov_football_person *people;
    size_t count;
    fov_ball ball;  /* as known at once */
    fov_balls late; /* pictures before, for good (fov_ball_params.delay_s late) */
    fov_teams_state teams;
    fov_football_side sides[2]; /* of FOV_TEAM_FIRST and FOV_TEAM_SECOND */
    fov_match_ball possession;  /* as far as is settled, half a second ago */
    bool view_known;
    fov_pitch_view view;  /* of this picture */
    double view_sigma_px; /* how far off it may be by now */
    fov_motion motion;    /* of the camera since the picture before */
    fov_football_detector detector;
    int64_t parts_ns[FOV_PART_COUNT]; /* those before fov_football_update are the caller's */
} fov_football_frame;

/* What is told of a picture. */
typedef struct fov_football_input {
    double time_s;          /* of its capture, any origin, increasing */
    uint64_t seq;           /* number of the frame, increasing: fov_football_set_view names it */
    const fov_image *image; /* the whole picture; NULL: no teams by colour, no camera motion */
    int width, height;      /* source px */
    const fov_detections *detections; /* class_id is a fov_football_class, source px; track_id is
                                         set */
    const float *embeddings;          /* tracker.embedding_size numbers a detection, for names; all
                                         zero: none of it. NULL: none at all */
    const float *team_embeddings;     /* the same for teams, teams.embedding_size numbers */
    const fov_motion *motion;         /* NULL: found in the image */
    const fov_pitch_view *found;      /* the view of this picture by other means; NULL: none */
    fov_football_detector detector;   /* passed on */
    bool ball_unlooked;               /* as fov_ball_input.unlooked */
} fov_football_input;

typedef struct fov_football fov_football;

/* Makes what follows a match, with all the memory that it will ever use. `params` may be NULL; of
 * it the serial part counts. Returns FOV_EINVAL (which value), FOV_ENOTFOUND (tracker), FOV_ENOMEM.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_football_create(fov_football **football, const fov_football_params *params,
                                       fov_error *error);

/* Sets *football to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_football_destroy(fov_football **football);

/* Takes the next picture in. Never allocates. Returns FOV_EINVAL (which value); nothing has changed
 * then. Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_football_update(fov_football *football, const fov_football_input *input,
                                       fov_football_frame *frame, fov_error *error);

/* The view of picture `seq`, from points that somebody set, say. It is carried to the newest
 * picture by the camera's motion since. NULL: forget the view. Returns FOV_ENOTFOUND when that
 * picture is too long ago (a minute, or 2048 pictures), or the camera could not be followed since;
 * FOV_EINVAL for a view of another size of the picture. `seq` UINT64_MAX: the newest.
 * Thread-safety: as update. Blocks: no. */
FOV_API fov_status fov_football_set_view(fov_football *football, const fov_pitch_view *view,
                                         uint64_t seq, fov_error *error);

/* Whether the camera stands still from the next picture on. The view stays as it is known; what is
 * in doubt when the camera comes to rest is forgotten. Thread-safety: as update. Blocks: no. */
FOV_API void fov_football_set_still(fov_football *football, bool still);

/* The figures so far, valid until it is destroyed; they change with each update.
 * Thread-safety: as update. Blocks: no. */
FOV_API const fov_match *fov_football_match(const fov_football *football);

/* Settles figures and tells the ball's last pictures: the source has ended. Thread-safety: as
 * update. Blocks: no. */
FOV_API void fov_football_settle(fov_football *football, fov_balls *late);

/* Forgets everything but the view of a still camera; names of tracks go on. Thread-safety: as
 * update. Blocks: no. */
FOV_API void fov_football_reset(fov_football *football);

#ifdef __cplusplus
}
#endif
#endif
