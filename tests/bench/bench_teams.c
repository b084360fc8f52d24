/* How many players are given the right team, on drawn kits of several difficulties, beside a plain
 * way to tell them. Prints Markdown.
 *
 *     bench_teams [SECONDS [FPS [SEED]]] */
#include <stdio.h>
#include <stdlib.h>

#include "../scene/kit_score.h"

static double part(size_t a, size_t b)
{
    return b ? 100.0 * (double)a / (double)b : 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 60,
           fps = argc > 2 ? strtod(argv[2], NULL) : 10;
    unsigned seed = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
    double us = 0;
    printf(
        "| kits | right after 2 s | wrong | changes of team in %.0f s | plain: right | plain: "
        "changes | referee: other / in a team | keepers named / wrong | known after | µs a frame, "
        "p99 |\n|---|---|---|---|---|---|---|---|---|---|\n",
        seconds);
    for (size_t i = 0; i < kit_level_count; i++) {
        struct kit_score s;
        if (!kit_score_run(&kit_levels[i], seed, fps, seconds, NULL, &s)) {
            fprintf(stderr, "bench_teams: no memory, or a frame failed\n");
            return 1;
        }
        printf("| %s | %.1f %% | %.1f %% | %zu | %.1f %% | %zu | %.0f / %.0f %% | %.0f / %.0f %% | "
               "%.1f s "
               "| %.0f, %.0f |\n",
               kit_levels[i].name, part(s.right, s.players), part(s.wrong, s.players), s.flips,
               part(s.plain_right, s.plain_players), s.plain_flips,
               part(s.referee_other, s.referee), part(s.referee_team, s.referee),
               part(s.keeper_right, s.keeper), part(s.keeper_wrong, s.keeper), s.known_s,
               s.update_us, s.update_us_late);
        fflush(stdout);
        us += s.update_us;
    }
    printf("\nGoal: right at least 97 %%, no change, 200 µs a frame (here %.0f in the mean, %d "
           "players). Plain: k-means of the upper halves' mean colours, frame by frame.\n",
           us / (double)kit_level_count, KIT_WORLD_PLAYERS);
    return 0;
}
