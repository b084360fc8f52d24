/* Formats that a match is written as: one struct out_format a file, listed in match_export.c. */
#ifndef SCENE_OUT_H
#define SCENE_OUT_H

#include <stdio.h>

#include "scene/match_lines.h"

enum { OUT_FILES = 2, ROSTER_MAX = 4096 };

/* Somebody, with what was known last. */
struct out_person {
    int32_t id, team, number;
    fov_match_role role;
};

/* What is known before the first frame is written: the file is read twice. */
struct out_roster {
    struct out_person *people; /* ROSTER_MAX, by their first frame */
    int count;
    int64_t first, last; /* frames */
    double first_s;
};

struct out {
    const fov_match_about *about;
    const struct out_roster *roster;
    FILE *files[OUT_FILES];
    struct json_writer json; /* for the formats that want it; begin empty */
    bool failed;             /* it had no memory: what was written is not whole */
    int64_t written;         /* items, or what a format likes to count */
    double ball[3];          /* last known */
    int32_t ball_team;       /* last known, -1 none yet */
};

struct out_format {
    const char *name, *help;
    const char *files[OUT_FILES]; /* NULL behind the last */
    bool whole_fps;               /* cannot hold 29.97 frames a second */
    void (*begin)(struct out *out);
    void (*frame)(struct out *out, const fov_match_frame *frame);
    void (*end)(struct out *out);
};

extern const struct out_format out_mot, out_gamestate, out_skillcorner, out_tracab, out_epts;

/* Text with the five characters of XML written as names; control characters become blanks. */
void out_xml_text(FILE *file, const char *text);

/* The person of that name; NULL: the file was another one when the roster was made. */
const struct out_person *out_find(const struct out_roster *roster, int32_t id);

/* Puts what the JSON writer holds into a file, and empties it. */
void out_json(struct out *out, FILE *file);

#endif
