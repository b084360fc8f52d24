/* What a frame of `pattern:football` costs to draw, what is known of it to draw into it, and the
 * figures of a match to keep: processor time of one thread. Prints Markdown.
 *
 *     bench_football [FRAMES] */
#include <stdio.h>

#include <fovea/football_draw.h>
#include <fovea/match.h>
#include <fovea/source.h>

#include "base/clock.h"
#include "base/text.h"
#include "media/football.h"
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

/* As the truth has it: 25 people, the ball, the view. */
static size_t people_of(const struct football_truth *truth, fov_football_person *people)
{
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *p = &truth->people[i];
        people[i] = (fov_football_person){.id = p->id,
                                          .state = FOV_TRACK_ACTIVE,
                                          .side = p->team == 0   ? FOV_TEAM_FIRST
                                                  : p->team == 1 ? FOV_TEAM_SECOND
                                                                 : FOV_TEAM_OTHER,
                                          .x1 = (float)p->x1,
                                          .y1 = (float)p->y1,
                                          .x2 = (float)p->x2,
                                          .y2 = (float)p->y2,
                                          .on_pitch = true,
                                          .x = p->x_m,
                                          .y = p->y_m};
    }
    return FOOTBALL_PEOPLE;
}

static void annotate_one(fov_frame *frame, const struct football_truth *truth, fov_ball_way *way)
{
    fov_football_person people[FOOTBALL_PEOPLE];
    fov_football_frame known = {.people = people,
                                .count = people_of(truth, people),
                                .ball = {.time_s = truth->time_s,
                                         .state = FOV_BALL_SEEN,
                                         .x = (float)truth->ball.x_px,
                                         .y = (float)truth->ball.y_px,
                                         .on_pitch = true,
                                         .pitch_x = truth->ball.x_m,
                                         .pitch_y = truth->ball.y_m},
                                .view_known = true,
                                .view = truth->view};
    fov_ball_way_step(way, &known.ball, &truth->motion, 1);
    fov_draw_football(&frame->image, &(fov_football_draw){.frame = &known, .way = way});
}

static bool annotate(double *ms, long long frames)
{
    fov_source *source;
    fov_frame_pool *pool;
    fov_ball_way way = {0};
    if (fov_source_open(&source, &(fov_source_params){.url = "pattern:football"}, NULL) ||
        fov_frame_pool_create(&pool, NULL, NULL))
        return false;
    for (long long i = 0; i < frames; i++) {
        fov_frame *frame;
        if (fov_source_read(source, pool, &frame, NULL, NULL))
            return false;
        int64_t begin_ns = clock_thread_ns();
        annotate_one(frame, football_truth(source), &way);
        ms[i] = ns_to_ms(clock_thread_ns() - begin_ns);
        fov_frame_unref(&frame);
    }
    report("boxes, ball and radar into 1920x1080", ms, (size_t)frames);
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
                draw("3840x2160", ms, frames) && annotate(ms, frames) && keep(ms, frames);
    return done ? 0 : 1;
}
