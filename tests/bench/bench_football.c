/* What a frame of `pattern:football` costs to draw, and the figures of a match to keep: processor
 * time of one thread. Prints Markdown.
 *
 *     bench_football [FRAMES] */
#include <stdio.h>

#include <fovea/match.h>
#include <fovea/source.h>

#include "base/clock.h"
#include "base/text.h"
#include "quantile.h"

enum { FRAMES_MAX = 10000 };

static void report(const char *what, double *ms, size_t count)
{
    printf("| %s | %.3f | %.3f |\n", what, quantile(ms, count, 0.5), quantile(ms, count, 0.95));
}

static bool draw(const char *size, double *ms, long long frames)
{
    char url[64], what[64];
    fov_source *source;
    fov_frame_pool *pool;
    snprintf(url, sizeof url, "pattern:football?size=%s", size);
    snprintf(what, sizeof what, "draw a frame of %s", size);
    if (fov_source_open(&source, &(fov_source_params){.url = url}, NULL) ||
        fov_frame_pool_create(&pool, NULL, NULL))
        return false;
    for (long long i = 0; i < frames; i++) {
        fov_frame *frame;
        int64_t begin_ns = clock_thread_ns();
        if (fov_source_read(source, pool, &frame, NULL, NULL))
            return false;
        ms[i] = ns_to_ms(clock_thread_ns() - begin_ns);
        fov_frame_unref(&frame);
    }
    report(what, ms, (size_t)frames);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
    return true;
}

static bool keep(double *ms, long long frames)
{
    fov_match *match;
    if (fov_match_create(&match, NULL, NULL))
        return false;
    for (long long i = 0; i < frames; i++) {
        fov_match_spot spots[25];
        for (int k = 0; k < 25; k++)
            spots[k] = (fov_match_spot){k + 1, k % 2, 4.0 * k + (double)(i % 500) * 0.01, 2.0 * k};
        double time_s = (double)i / 25;
        int64_t begin_ns = clock_thread_ns();
        if (fov_match_update(match, time_s, spots, 25, (double[2]){50, 30}, NULL))
            return false;
        ms[i] = ns_to_ms(clock_thread_ns() - begin_ns);
    }
    report("figures of 25 people at 25 frames a second", ms, (size_t)frames);
    fov_match_destroy(&match);
    return true;
}

int main(int argc, char **argv)
{
    static double ms[FRAMES_MAX];
    long long frames = 300;
    if (argc > 1 && !text_to_int(argv[1], 10, FRAMES_MAX, &frames))
        return 2;
    puts("| work | ms, half of the frames | 95 % |\n|---|---|---|");
    bool done = draw("1280x720", ms, frames) && draw("1920x1080", ms, frames) &&
                draw("3840x2160", ms, frames) && keep(ms, frames);
    return done ? 0 : 1;
}
