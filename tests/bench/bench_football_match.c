/* How good football is on drawn matches, 1080p, against their truth; the detector errs, and knows
 * the roles but for one box in ten. Prints the table of docs/football.md.
 *
 *     bench_football_match [SECONDS [MATCHES]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../flow/football_score.h"

struct row {
    double fps;
    int matches; /* at most */
    enum football_calibration calibration;
    const char *tracker;
};

static const struct row rows[] = {
    {10, 4, SCORE_FOUND_VIEW, "pitch"},  {10, 4, SCORE_FIRST_VIEW, "pitch"},
    {10, 4, SCORE_NO_VIEW, "pitch"},     {10, 4, SCORE_FOUND_VIEW, "botsort"},
    {10, 4, SCORE_NO_VIEW, "botsort"},   {10, 4, SCORE_FOUND_VIEW, "bytetrack"},
    {10, 4, SCORE_NO_VIEW, "bytetrack"}, {25, 2, SCORE_FOUND_VIEW, "pitch"},
    {25, 2, SCORE_FIRST_VIEW, "pitch"},  {25, 2, SCORE_NO_VIEW, "pitch"},
};

static const char *const views[] = {[SCORE_NO_VIEW] = "none",
                                    [SCORE_TRUE_VIEW] = "true",
                                    [SCORE_FOUND_VIEW] = "found twice a second",
                                    [SCORE_FIRST_VIEW] = "set in the first picture"};

static double percent(size_t part, size_t all)
{
    return all ? 100 * (double)part / (double)all : 0;
}

static void add(struct football_score *sum, const struct football_score *one)
{
    sum->shown += one->shown;
    sum->named += one->named;
    sum->switches += one->switches;
    sum->exchanged += one->exchanged;
    sum->told += one->told;
    sum->right += one->right;
    sum->roles += one->roles;
    sum->roles_right += one->roles_right;
    sum->on_pitch += one->on_pitch;
    sum->error_m2 += one->error_m2;
    sum->balls += one->balls;
    sum->balls_near += one->balls_near;
    sum->all.told_m += one->all.told_m;
    sum->all.true_m += one->all.true_m;
    sum->off_px = fmax(sum->off_px, one->off_px);
}

static void print_row(const struct row *row, const struct football_score *s, double minutes)
{
    printf("| %g fps | %s | %s | %.1f %% | %.0f | %.0f | %.1f %% | %.1f %% |", row->fps,
           views[row->calibration], row->tracker, percent(s->named, s->shown),
           (double)s->switches / minutes, (double)s->exchanged / minutes,
           percent(s->right, s->told), percent(s->roles_right, s->roles));
    if (s->on_pitch)
        printf(" %.2f | %+.1f %% | %.1f |", football_score_rms(s), football_score_walk(&s->all),
               s->off_px);
    else
        printf(" | | |");
    printf(" %.1f %% |\n", percent(s->balls_near, s->balls));
    fflush(stdout);
}

static bool play(const struct row *row, double seconds, int most)
{
    int matches = row->matches < most ? row->matches : most;
    struct football_score sum = {0}, one;
    for (int seed = 1; seed <= matches; seed++) {
        char url[64];
        snprintf(url, sizeof url, "pattern:football?fps=%g&seed=%d", row->fps, seed);
        const struct football_run run = {.url = url,
                                         .fps = row->fps,
                                         .seconds = seconds,
                                         .seed = 7,
                                         .calibration = row->calibration,
                                         .classes = true,
                                         .params = {.tracker = {.name = row->tracker}}};
        if (!football_score_run(&run, &one))
            return false;
        add(&sum, &one);
    }
    print_row(row, &sum, matches * seconds / 60);
    return true;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 60;
    int most = argc > 2 ? atoi(argv[2]) : 4;
    printf("| rate | view | tracker | named | new names a minute | exchanges a minute | right of "
           "the sides told | roles right | metres, rms | distance off by | view off by, px, most "
           "| ball within 12 px, at once |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!play(&rows[i], seconds, most)) {
            fprintf(stderr, "bench_football_match: a match failed\n");
            return 1;
        }
    return 0;
}
