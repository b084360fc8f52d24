/* Writes match files of a drawn match, and what is made of them, for test_match_export.py.
 *
 *     write_match record PATH FPS FRAMES [PAUSE_MS]   begins, or goes on where PATH stops; prints
 *                                                     "written N" when frame N is on the disk
 *     write_match export PATH FORMAT FOLDER
 *     write_match heat PATH PNG                       of team 0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <fovea/match_file.h>

#include "base/text.h"
#include "media/football.h"
#include "scene/match_lines.h"

static int die(const fov_error *error)
{
    fprintf(stderr, "%s: %s\n", fov_status_code(error->status), error->message);
    return fov_status_exit(error->status);
}

static size_t entries_of(const struct football_truth *t, fov_match_entry *entries)
{
    static const fov_match_role roles[] = {FOV_ROLE_GOALKEEPER, FOV_ROLE_PLAYER, FOV_ROLE_REFEREE,
                                           FOV_ROLE_REFEREE};
    size_t count = 0;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *p = &t->people[i];
        if (p->shown > 0.3)
            entries[count++] = (fov_match_entry){.id = p->id,
                                                 .team = p->team,
                                                 .number = p->number,
                                                 .role = roles[p->role],
                                                 .x = p->x_m,
                                                 .y = p->y_m,
                                                 .speed_mps = hypot(p->vx_mps, p->vy_mps),
                                                 .x1 = (float)p->x1,
                                                 .y1 = (float)p->y1,
                                                 .x2 = (float)p->x2,
                                                 .y2 = (float)p->y2,
                                                 .score = (float)fmin(1, p->shown)};
    }
    return count;
}

static fov_status put(fov_match_file *file, const struct football_truth *t, fov_error *error)
{
    fov_match_entry entries[FOOTBALL_PEOPLE];
    fov_match_frame frame = {.number = t->number,
                             .time_s = t->time_s,
                             .entries = entries,
                             .count = entries_of(t, entries),
                             .ball_known = t->ball.in_picture,
                             .ball = {t->ball.x_m, t->ball.y_m, t->ball.z_m},
                             .ball_team = t->ball.owner == 0   ? -1
                                          : t->ball.owner > 11 ? 1
                                                               : 0};
    return fov_match_file_put(file, &frame, error);
}

static fov_status open_any(fov_match_file **file, const char *path, double fps, int64_t *last,
                           fov_error *error)
{
    const fov_match_about about = {
        .fps = fps, .width = 640, .height = 360, .home = "Home <1>", .away = "Gäste & Co"};
    fov_status status = fov_match_file_resume(file, path, last, error);
    if (status == FOV_ENOTFOUND)
        status = fov_match_file_create(file, path, &about, error);
    return status;
}

static int record(const char *path, const char *fps, long long frames, long long pause_ms)
{
    char url[80];
    fov_error error = {0};
    fov_source *source;
    fov_frame_pool *pool;
    fov_match_file *file;
    int64_t last = -1, written;
    snprintf(url, sizeof url, "pattern:football?size=640x360&fps=%s", fps);
    if (fov_source_open(&source, &(fov_source_params){.url = url}, &error) ||
        fov_frame_pool_create(&pool, NULL, &error) ||
        open_any(&file, path, fov_source_get_info(source)->fps, &last, &error))
        return die(&error);
    for (long long i = 0; i < frames; i++) {
        fov_frame *frame;
        if (fov_source_read(source, pool, &frame, NULL, &error))
            return die(&error);
        fov_frame_unref(&frame);
        const struct football_truth *t = football_truth(source);
        if (t->number <= last)
            continue;
        if (put(file, t, &error) || (i % 3 == 0 && fov_match_file_sync(file, &written, &error)))
            return die(&error);
        if (i % 3 == 0)
            printf("written %lld\n", (long long)written);
        fflush(stdout);
        nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000}, NULL);
    }
    if (fov_match_file_close(&file, &error))
        return die(&error);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
    return 0;
}

static int heat(const char *path, const char *png)
{
    fov_error error = {0};
    static struct match_reader reader;
    fov_match *match;
    fov_match_heat map;
    if (fov_match_create(&match, NULL, &error) || match_reader_open(&reader, path, &error))
        return die(&error);
    while (match_reader_next(&reader, &error) == FOV_OK) {
        fov_match_spot spots[FOV_MATCH_FILE_PEOPLE];
        for (size_t i = 0; i < reader.frame.count; i++) {
            const fov_match_entry *e = &reader.entries[i];
            spots[i] = (fov_match_spot){e->id, e->team, e->x, e->y};
        }
        if (fov_match_update(match, reader.frame.time_s, spots, reader.frame.count, NULL, &error))
            return die(&error);
    }
    fov_match_settle(match);
    if (fov_match_get_team_heat(match, 0, &map) ||
        fov_match_heat_png(&map, &reader.about.pitch, png, &error))
        return die(&error);
    match_reader_close(&reader);
    fov_match_destroy(&match);
    return 0;
}

int main(int argc, char **argv)
{
    long long frames, pause_ms = 0;
    fov_error error = {0};
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "record") == 0 && argc > 4 && text_to_int(argv[4], 1, 100000, &frames) &&
        (argc < 6 || text_to_int(argv[5], 0, 900, &pause_ms)))
        return record(argv[2], argv[3], frames, pause_ms);
    if (strcmp(what, "export") == 0 && argc == 5)
        return fov_match_file_export(argv[2], argv[3], argv[4], &error) ? die(&error) : 0;
    if (strcmp(what, "heat") == 0 && argc == 4)
        return heat(argv[2], argv[3]);
    fputs("use: record PATH FPS FRAMES [PAUSE_MS] | export PATH FORMAT FOLDER | heat PATH PNG\n",
          stderr);
    return 2;
}
