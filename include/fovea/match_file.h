/* Positions of a match on disk: a line of JSON a frame, only ever appended, and from it the files
 * that other programs read. What was reported written is there after a crash; writing goes on where
 * it stopped. */
#ifndef FOVEA_MATCH_FILE_H
#define FOVEA_MATCH_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/match.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FOV_MATCH_FILE_PEOPLE = 256 }; /* in one frame */

typedef enum fov_match_role {
    FOV_ROLE_PLAYER,
    FOV_ROLE_GOALKEEPER,
    FOV_ROLE_REFEREE,
    FOV_ROLE_OTHER
} fov_match_role;

/* What does not change. Team 0 is the home team; its goal is at x = 0. */
typedef struct fov_match_about {
    double fps;           /* 0.1..1000: of the frame numbers */
    fov_pitch_size pitch; /* zero: 105 x 68 */
    int width, height;    /* px of the picture, 1..16384; 0 unknown */
    char home[64], away[64];
} fov_match_about;

typedef struct fov_match_entry {
    int32_t id;     /* of the track, 1 and more */
    int32_t team;   /* 0, 1, -1 */
    int32_t number; /* on the back, 1..99; 0 unknown */
    fov_match_role role;
    double x, y;                 /* m */
    double speed_mps;            /* 0 unknown */
    float x1, y1, x2, y2, score; /* source px, half-open; all 0: not seen in this frame */
    bool unplaced;               /* x, y are not known: null in the file, left out by the formats
                                    that have metres only */
} fov_match_entry;

typedef struct fov_match_frame {
    int64_t number; /* from 0, greater than the last; frames may be missing */
    double time_s;
    const fov_match_entry *entries;
    size_t count;       /* up to FOV_MATCH_FILE_PEOPLE */
    bool ball_known;    /* `ball` is meant */
    double ball[3];     /* m */
    int32_t ball_team;  /* who has it: 0, 1, -1 */
    bool ball_pictured; /* the next two are meant */
    float ball_px[2];   /* its centre, source px */
    float ball_size_px; /* diameter; 0 unknown */
} fov_match_frame;

typedef struct fov_match_file fov_match_file;

/* Begins a new file. Returns FOV_EINVAL (which value), FOV_EEXISTS, FOV_EIO, FOV_ENOMEM.
 * Thread-safety: safe. Blocks: on the disk. */
FOV_API fov_status fov_match_file_create(fov_match_file **file, const char *path,
                                         const fov_match_about *about, fov_error *error);

/* Goes on with a file: what a crash left of an unfinished line is cut off. `last` (may be NULL)
 * gets the number of the last frame in it, -1 none. Returns FOV_ENOTFOUND, FOV_EFORMAT (no such
 * file, or one that is broken before its last line, where), FOV_EBUSY (another process writes it),
 * FOV_EIO, FOV_ENOMEM. Thread-safety: safe. Blocks: on the disk. */
FOV_API fov_status fov_match_file_resume(fov_match_file **file, const char *path, int64_t *last,
                                         fov_error *error);

/* Appends a frame. Entries that are not finite or out of their range are refused, with the whole
 * frame. Returns FOV_EINVAL (which value), FOV_EIO (a full disk; the file is as it was before and
 * may be tried again). Thread-safety: one thread at a time. Blocks: seldom; the system keeps what
 * is not synced. */
FOV_API fov_status fov_match_file_put(fov_match_file *file, const fov_match_frame *frame,
                                      fov_error *error);

/* Puts all frames so far on the disk; `written` (may be NULL) gets the number of the last of them:
 * up to it nothing can be lost, whatever happens. Returns FOV_EIO. Thread-safety: as put. Blocks:
 * on the disk. */
FOV_API fov_status fov_match_file_sync(fov_match_file *file, int64_t *written, fov_error *error);

/* Syncs, closes, sets NULL, accepts NULL. Returns FOV_EIO when the sync failed. Thread-safety:
 * once. Blocks: on the disk. */
FOV_API fov_status fov_match_file_close(fov_match_file **file, fov_error *error);

/* Names of the formats that export writes, what they are in a sentence (may be NULL); NULL after
 * the last. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_match_format(int i, const char **help);

/* Writes the match at `path` in a format ("mot", "gamestate", "skillcorner", "tracab", "epts") into
 * files of the folder, which must be there; docs/football.md says which. Each file appears when it
 * is whole. An unfinished last line is left out. Returns FOV_ENOTFOUND (the file; the format: the
 * message names the nearest), FOV_EFORMAT (the line), FOV_EIO, FOV_ENOMEM. Thread-safety: safe.
 * Blocks: on the disk. */
FOV_API fov_status fov_match_file_export(const char *path, const char *format, const char *folder,
                                         fov_error *error);

/* Writes a heat map as a PNG of 8 px a metre: the pitch with its lines, seen with y upwards, the
 * time in bins blurred over 1.5 m, from nothing over yellow to red at the warmest place. `pitch` as
 * the match's. Returns FOV_EINVAL (a heat map of another size), FOV_EIO, FOV_ENOMEM.
 * Thread-safety: safe. Blocks: on the disk. */
FOV_API fov_status fov_match_heat_png(const fov_match_heat *heat, const fov_pitch_size *pitch,
                                      const char *path, fov_error *error);

#ifdef __cplusplus
}
#endif
#endif
