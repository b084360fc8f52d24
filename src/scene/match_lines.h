/* Lines of a match file: written, and read back with limits. */
#ifndef SCENE_MATCH_LINES_H
#define SCENE_MATCH_LINES_H

#include <fovea/match_file.h>

#include "base/json.h"

enum { MATCH_LINE_MAX = 128 << 10 }; /* bytes */

/* Returns FOV_EINVAL and what is wrong. */
fov_status match_check_about(const fov_match_about *about, fov_error *error);
fov_status match_check_frame(const fov_match_frame *frame, int64_t last, fov_error *error);

/* One line, without its line feed. */
void match_write_about(struct json_writer *w, const fov_match_about *about);
void match_write_frame(struct json_writer *w, const fov_match_frame *frame);

/* Reads one line, without its line feed. `entries`: room for FOV_MATCH_FILE_PEOPLE. Returns
 * FOV_EFORMAT and what is wrong; what is read has passed the checks above. */
fov_status match_read_about(const char *line, size_t size, fov_match_about *about,
                            fov_error *error);
fov_status match_read_frame(const char *line, size_t size, int64_t last, fov_match_entry *entries,
                            fov_match_frame *frame, fov_error *error);

/* ---- files -----------------------------------------------------------------------------------
 */

/* A match file that is read from its beginning. */
struct match_reader {
    void *file; /* FILE * */
    char *line; /* MATCH_LINE_MAX */
    fov_match_about about;
    fov_match_entry entries[FOV_MATCH_FILE_PEOPLE];
    fov_match_frame frame;
    int64_t last; /* number of the last frame read, -1 */
    int64_t good; /* bytes up to the end of the last whole line */
    long lines;
};

/* Opens and reads the first line. Close in any case. */
fov_status match_reader_open(struct match_reader *r, const char *path, fov_error *error);

/* Next frame into r->frame; FOV_EOS at the end or where an unfinished line begins. */
fov_status match_reader_next(struct match_reader *r, fov_error *error);
void match_reader_close(struct match_reader *r);

#endif
