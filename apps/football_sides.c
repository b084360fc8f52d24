/* Formats of other programs want to know whose goal is on the left: team 0 of a match file. Which
 * of the teams that is, only the match tells: the one that stands further to the left in the mean.
 */
#include "football.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene/match_lines.h"

#define LEAST_S 10.0 /* that people of each team were seen for, in all */

int football_left_team(const struct football_run *r)
{
    fov_match_team teams[2];
    for (int i = 0; i < 2; i++)
        if (fov_match_get_team(r->match, i, &teams[i]) != FOV_OK || teams[i].seen_s < LEAST_S)
            return -1;
    return teams[0].mean_x <= teams[1].mean_x ? 0 : 1;
}

static int32_t other(int32_t team)
{
    return team == 0 || team == 1 ? 1 - team : team;
}

static fov_status copy_swapped(struct match_reader *reader, fov_match_file *file, fov_error *error)
{
    fov_status status;
    while ((status = match_reader_next(reader, error)) == FOV_OK) {
        for (size_t i = 0; i < reader->frame.count; i++)
            reader->entries[i].team = other(reader->entries[i].team);
        reader->frame.ball_team = other(reader->frame.ball_team);
        status = fov_match_file_put(file, &reader->frame, error);
        if (status)
            break;
    }
    return status == FOV_EOS ? FOV_OK : status;
}

fov_status football_swap_sides(const char *from, const char *to, fov_error *error)
{
    struct match_reader *reader = calloc(1, sizeof *reader);
    fov_match_file *file = NULL;
    if (!reader)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    unlink(to); /* of a run that was killed */
    fov_status status = match_reader_open(reader, from, error);
    if (!status) {
        fov_match_about about = reader->about;
        memcpy(about.home, reader->about.away, sizeof about.home);
        memcpy(about.away, reader->about.home, sizeof about.away);
        status = fov_match_file_create(&file, to, &about, error);
    }
    if (!status)
        status = copy_swapped(reader, file, error);
    fov_status closed = fov_match_file_close(&file, status ? NULL : error);
    match_reader_close(reader);
    free(reader);
    return status ? status : closed;
}
