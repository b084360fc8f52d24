/* How often the ball is found, beside two plain ways to pick a sighting. Prints Markdown.
 *
 *     bench_ball [FOLDER ...]
 *
 * Without a folder worlds of ball_world.c. A FOLDER is one of football.py or of write_football:
 * ball_det.txt (frame,x,y,score), ball_gt.txt (frame,x,y,metres x,y,z,visible), gmc.txt or
 * motion.txt (frame and the map from the frame before, 2x3 or 3x3), maybe H.txt (frame and the 3x3
 * map from metres), and seqinfo.ini with frameRate. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scene/ball_score.h"
#include "base/clock.h"

enum { SEEDS = 6, FILE_FRAMES = 100000 };

static const char *const METHOD_NAMES[] = {"best score", "nearest to the middle of ten frames",
                                           "fovea, at once", "fovea, 0.5 s late"};

/* ---- folders --------------------------------------------------------------------------------- */

static FILE *open_in(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "r");
}

static double rate_of(const char *folder)
{
    char line[256];
    double rate = 0;
    FILE *file = open_in(folder, "seqinfo.ini");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "frameRate=%lf", &rate);
    if (file)
        fclose(file);
    return rate;
}

/* The numbers of the next line, at most `most`; 0 at the end. More of them are left out. */
static int read_numbers(FILE *file, double *numbers, int most)
{
    char line[512];
    int count = 0;
    if (!file || !fgets(line, sizeof line, file))
        return 0;
    for (char *at = line, *end; count < most; at = end + (*end == ',')) {
        numbers[count] = strtod(at, &end);
        if (end == at)
            break;
        count++;
    }
    return count;
}

static bool read_truth(const char *folder, struct ball_frame_truth *frames, size_t *count,
                       double rate)
{
    FILE *file = open_in(folder, "ball_gt.txt");
    double v[7];
    *count = 0;
    while (*count < FILE_FRAMES && read_numbers(file, v, 7) == 7)
        frames[(*count)++] = (struct ball_frame_truth){.time_s = (v[0] - 1) / rate,
                                                       .visible = v[6] != 0,
                                                       .x = v[1],
                                                       .y = v[2],
                                                       .metres = {v[3], v[4], v[5]}};
    if (file)
        fclose(file);
    return *count > 0;
}

static void read_sightings(const char *folder, struct ball_frame_truth *frames, size_t count)
{
    FILE *file = open_in(folder, "ball_det.txt");
    double v[4];
    while (read_numbers(file, v, 4) == 4) {
        size_t i = (size_t)v[0] - 1;
        float x = (float)v[1], y = (float)v[2];
        if (i >= count || frames[i].count == BALL_WORLD_ITEMS)
            continue;
        frames[i].items[frames[i].count++] = (fov_detection){.x1 = x - 5,
                                                             .y1 = y - 5,
                                                             .x2 = x + 5,
                                                             .y2 = y + 5,
                                                             .score = (float)v[3],
                                                             .track_id = -1};
    }
    if (file)
        fclose(file);
}

static void read_maps(const char *folder, struct ball_frame_truth *frames, size_t count)
{
    FILE *file = open_in(folder, "gmc.txt");
    if (!file)
        file = open_in(folder, "motion.txt");
    double v[10];
    for (int read; (read = read_numbers(file, v, 10)) >= 7;) {
        size_t i = (size_t)v[0] - 1;
        fov_motion moved = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
        memcpy(moved.map, v + 1, (size_t)(read - 1) * sizeof *v);
        if (i < count)
            frames[i].motion = moved;
    }
    if (file)
        fclose(file);
    file = open_in(folder, "H.txt");
    while (read_numbers(file, v, 10) == 10) {
        size_t i = (size_t)v[0] - 1;
        if (i < count)
            memcpy(frames[i].view.map, v + 1, 9 * sizeof *v);
    }
    if (file)
        fclose(file);
}

static struct ball_frame_truth *read_folder(const char *folder, size_t *count)
{
    struct ball_frame_truth *frames = calloc(FILE_FRAMES, sizeof *frames);
    double rate = rate_of(folder);
    if (!frames || !(rate > 0) || !read_truth(folder, frames, count, rate)) {
        fprintf(stderr, "bench_ball: %s: no ball_gt.txt or no frameRate in seqinfo.ini\n", folder);
        exit(2);
    }
    read_sightings(folder, frames, *count);
    read_maps(folder, frames, *count);
    return frames;
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct set {
    struct ball_score scores[BALL_METHODS];
    struct ball_cover cover;
    double us; /* an update */
    size_t updates;
};

static void add_sequence(struct set *set, const struct ball_frame_truth *frames, size_t count)
{
    for (int m = 0; m < BALL_METHODS; m++) {
        int64_t begun_ns = clock_thread_ns();
        ball_score_run((enum ball_method)m, NULL, true, frames, count, &set->scores[m]);
        if (m != BALL_NOW)
            continue;
        set->us += (double)(clock_thread_ns() - begun_ns) / 1e3;
        set->updates += count;
    }
    ball_score_cover(NULL, frames, count, &set->cover);
}

static void print_found(const char *name, const struct set *set)
{
    for (int m = 0; m < BALL_METHODS; m++) {
        const struct ball_score *s = &set->scores[m];
        printf("| %s | %s | %.1f %% | %.1f %% | %.1f px |\n", name, METHOD_NAMES[m],
               ball_score_near(s), ball_score_wrong(s),
               s->near ? sqrt(s->square / (double)s->near) : 0);
    }
}

static double part(size_t a, size_t b)
{
    return b ? 100.0 * (double)a / (double)b : 0;
}

static void print_heights(const char *name, const struct set *set)
{
    for (int m = BALL_NOW; m < BALL_METHODS; m++) {
        const struct ball_score *s = &set->scores[m];
        printf("| %s | %s | %.0f / %.0f %% | %.0f / %.0f %% | %.2f m |\n", name, METHOD_NAMES[m],
               part(s->ground_as_ground, s->ground), part(s->ground_as_air, s->ground),
               part(s->air_as_air, s->air), part(s->air_as_ground, s->air),
               s->placed ? s->place_m / (double)s->placed : 0);
    }
}

static void print_tables(const char *const *names, const struct set *sets, size_t count)
{
    printf(
        "| set | way | within 12 px | over 25 px off | rms of the near |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        print_found(names[i], &sets[i]);
    printf("\nGoal: within 12 px at least 89 %% of the frames that show it, over 25 px off at most "
           "6 %% of those told.\n\n");
    printf(
        "| set | way | on the ground: said so / said in the air | over 1 m up: said so / said on "
        "the ground | mean error of the metres |\n"
        "|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        print_heights(names[i], &sets[i]);
    printf("\n| set | part of the picture looked at | ball in it | µs an update "
           "|\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct ball_cover *c = &sets[i].cover;
        printf("| %s | %.0f %% | %.1f %% | %.1f |\n", names[i], 100 * c->area / (double)c->frames,
               part(c->covered, c->visible), sets[i].us / (double)sets[i].updates);
    }
}

static void bench_worlds(void)
{
    static const double rates[] = {10, 25}, zooms[] = {1, 1.35, 1.7};
    static const char *const names[] = {"10 fps", "25 fps"};
    struct set sets[2];
    memset(sets, 0, sizeof sets);
    for (int r = 0; r < 2; r++)
        for (unsigned seed = 1; seed <= SEEDS; seed++) {
            struct ball_world world = {seed, rates[r], 60, zooms[seed % 3], 0, 0};
            size_t count;
            struct ball_frame_truth *frames = ball_world_make(&world, &count);
            add_sequence(&sets[r], frames, count);
            free(frames);
        }
    print_tables(names, sets, 2);
}

/* Folders of one rate make a set. */
static void bench_folders(char **folders, int count)
{
    static char names[8][32];
    const char *shown[8];
    struct set sets[8];
    double rates[8];
    size_t used = 0;
    memset(sets, 0, sizeof sets);
    for (int i = 0; i < count; i++) {
        size_t frames_count, at = 0;
        double rate = rate_of(folders[i]);
        while (at < used && rates[at] != rate)
            at++;
        if (at == 8)
            continue;
        if (at == used) {
            rates[used++] = rate;
            snprintf(names[at], sizeof names[at], "%g fps", rate);
            shown[at] = names[at];
        }
        struct ball_frame_truth *frames = read_folder(folders[i], &frames_count);
        add_sequence(&sets[at], frames, frames_count);
        free(frames);
    }
    print_tables(shown, sets, used);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        bench_folders(argv + 1, argc - 1);
    else
        bench_worlds();
    return 0;
}
