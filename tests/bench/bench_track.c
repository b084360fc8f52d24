/* What a tracker costs a frame: on the detections of MOT17 (files given), and on streets of more
 * and more people. Prints Markdown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/track.h>
#include "../track/street.h"
#include "base/clock.h"
#include "mot.h"
#include "quantile.h"

enum { ROUNDS = 5, FRAMES = 600 };
#define FRAMES_MOST ((size_t)100000)

static const double ground[9] = {20, 0, 0, 0, 20, 0, 0, 0, 1};

struct times {
    double *us, *own_us; /* by the clock; of the processor */
    size_t count;
};

static fov_tracker *create(const char *name)
{
    fov_tracker *tracker;
    fov_error error = {0};
    const fov_tracker_params params = {.name = name};
    if (!fov_tracker_create(&tracker, &params, &error))
        return tracker;
    fprintf(stderr, "bench_track: %s\n", error.message);
    exit(1);
}

static void update(fov_tracker *tracker, double time_s, const fov_detections *detections,
                   struct times *times)
{
    fov_motion motion = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, 0.1, 0, 1, 0.1, 0, 0, 1}};
    fov_track_input input = {
        .time_s = time_s, .detections = detections, .motion = &motion, .ground = ground};
    int64_t own_begun = clock_thread_ns();
    int64_t begun = clock_now_ns();
    fov_tracker_update(tracker, &input, NULL, NULL);
    double us = (double)(clock_now_ns() - begun) / 1e3;
    if (times->count == FRAMES_MOST)
        return;
    times->own_us[times->count] = (double)(clock_thread_ns() - own_begun) / 1e3;
    times->us[times->count++] = us;
}

static void row(const char *what, const char *name, double objects, struct times *times,
                double median_goal, double p99_goal)
{
    double median = quantile(times->us, times->count, 0.5);
    double p99 = quantile(times->us, times->count, 0.99);
    double own_p99 = quantile(times->own_us, times->count, 0.99);
    bool reached = median <= median_goal && p99 <= p99_goal;
    printf("| %s | %s | %.1f | %.1f | %.1f | %.1f | median ≤ %g", what, name, objects, median, p99,
           own_p99, median_goal);
    if (p99_goal < 1e6)
        printf(", p99 ≤ %g", p99_goal);
    printf(" | %s |\n", reached ? "yes" : "**no**");
    fflush(stdout);
}

static void files(const char *name, int count, char **paths, struct times *times)
{
    size_t boxes = 0, frames = 0;
    times->count = 0;
    for (int i = 0; i < count; i++) {
        struct mot mot;
        fov_error error = {0};
        if (mot_read(&mot, paths[i], &error)) {
            fprintf(stderr, "bench_track: %s\n", error.message);
            exit(1);
        }
        boxes += mot.box_count;
        frames += mot.frame_count;
        for (int round = 0; round < ROUNDS; round++) {
            fov_tracker *tracker = create(name);
            for (size_t f = 0; f < mot.frame_count; f++) {
                const struct mot_frame *frame = &mot.frames[f];
                fov_detections d = {mot.boxes + frame->first, frame->count, frame->count, NULL};
                update(tracker, frame->number / 30.0, &d, times);
            }
            fov_tracker_destroy(&tracker);
        }
        mot_release(&mot);
    }
    if (frames)
        row("MOT17", name, (double)boxes / (double)frames, times, 20, 150);
}

static void street(const char *name, int people, double goal_us, struct times *times)
{
    static struct street street;
    static fov_detection items[STREET_MOST];
    char what[32];
    times->count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        fov_tracker *tracker = create(name);
        street_begin(&street, people, 9);
        for (int frame = 0; frame < FRAMES; frame++) {
            street_step(&street, 1 / 30.0);
            size_t count = street_see(&street, 3, 0.05, items);
            fov_detections detections = {items, count, STREET_MOST, NULL};
            update(tracker, frame / 30.0, &detections, times);
        }
        fov_tracker_destroy(&tracker);
    }
    snprintf(what, sizeof what, "street of %d", people);
    row(what, name, 0.95 * people, times, goal_us, 1e9);
}

int main(int argc, char **argv)
{
    static const struct {
        int people;
        double goal_us;
    } streets[] = {{10, 20}, {25, 20}, {50, 60}, {100, 150}, {200, 500}};
    struct times times = {.us = calloc(FRAMES_MOST, sizeof *times.us),
                          .own_us = calloc(FRAMES_MOST, sizeof *times.own_us)};
    const char *name;
    if (!times.us || !times.own_us)
        return 1;
    printf("| input | tracker | boxes a frame | median µs | p99 µs | p99, processor µs | goal | "
           "reached |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; (name = fov_tracker_name(i, NULL)); i++) {
        if (strcmp(name, "none") == 0)
            continue;
        if (argc > 1)
            files(name, argc - 1, argv + 1, &times);
        for (size_t s = 0; s < sizeof streets / sizeof *streets; s++)
            street(name, streets[s].people, streets[s].goal_us, &times);
    }
    free(times.us);
    free(times.own_us);
    return 0;
}
