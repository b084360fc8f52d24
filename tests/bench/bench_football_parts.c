/* What a picture of a match costs after detection, 1080p, some 25 objects: fov_football_update, and
 * beside it its parts called one by one. Processor time of one thread. Prints Markdown.
 *
 *     bench_football_parts [PICTURES] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../flow/football_world.h"
#include "base/clock.h"
#include "base/text.h"
#include "quantile.h"

enum { PICTURES_MAX = 5000 };

enum part { CAMERA, VIEW, TRACKER, BALL, TEAMS, FIGURES, PARTS };

static double whole[2][PICTURES_MAX], parts[PARTS + 1][PICTURES_MAX];

struct raw {
    fov_camera_motion *camera;
    fov_pitch_follow follow;
    fov_tracker *tracker;
    fov_ball_tracker *ball;
    fov_teams *teams;
    fov_match *match;
    fov_detection people[WORLD_BOXES];
    fov_tracks tracks;
    fov_ball seen;
};

static bool make(struct raw *raw)
{
    const fov_tracker_params tracker = {.name = "pitch", .across_classes = true, .max_tracks = 256};
    const fov_teams_params teams = {.class_id = -1};
    const fov_ball_params ball = {.class_id = FOV_CLASS_BALL};
    memset(raw, 0, sizeof *raw);
    raw->follow.keep_s = 3600;
    return fov_camera_motion_create(&raw->camera, NULL, NULL) == FOV_OK &&
           fov_tracker_create(&raw->tracker, &tracker, NULL) == FOV_OK &&
           fov_teams_create(&raw->teams, &teams, NULL) == FOV_OK &&
           fov_ball_create(&raw->ball, &ball, NULL) == FOV_OK &&
           fov_match_create(&raw->match, NULL, NULL) == FOV_OK;
}

static void destroy(struct raw *raw)
{
    fov_camera_motion_destroy(&raw->camera);
    fov_tracker_destroy(&raw->tracker);
    fov_ball_destroy(&raw->ball);
    fov_teams_destroy(&raw->teams);
    fov_match_destroy(&raw->match);
}

/* ---- the parts by themselves ------------------------------------------------------------------
 */

static void raw_camera(struct raw *raw, const fov_football_input *in, fov_motion *motion)
{
    fov_camera_motion_update(raw->camera, in->image, in->detections->items, in->detections->count,
                             motion, NULL);
}

static void raw_view(struct raw *raw, const fov_football_input *in)
{
    fov_pitch_follow_step(&raw->follow, in->time_s, in->motion, NULL);
    if (in->found)
        fov_pitch_follow_found(&raw->follow, in->found, NULL);
    fov_pitch_follow_refine(&raw->follow, in->image, in->detections->items, in->detections->count,
                            NULL, NULL, NULL);
}

static void raw_track(struct raw *raw, const fov_football_input *in)
{
    fov_detections people = {raw->people, 0, WORLD_BOXES, NULL};
    for (size_t i = 0; i < in->detections->count; i++)
        if (in->detections->items[i].class_id != FOV_CLASS_BALL)
            raw->people[people.count++] = in->detections->items[i];
    const fov_track_input input = {.time_s = in->time_s,
                                   .width = in->width,
                                   .height = in->height,
                                   .detections = &people,
                                   .motion = in->motion,
                                   .ground = raw->follow.view.map};
    fov_tracker_update(raw->tracker, &input, &raw->tracks, NULL);
}

static void raw_ball(struct raw *raw, const fov_football_input *in)
{
    const fov_ball_input input = {.time_s = in->time_s,
                                  .width = in->width,
                                  .height = in->height,
                                  .detections = in->detections,
                                  .motion = in->motion,
                                  .view = &raw->follow.view};
    fov_balls late;
    fov_ball_update(raw->ball, &input, &raw->seen, &late, NULL);
}

static void raw_teams(struct raw *raw, const fov_football_input *in)
{
    const fov_teams_input input = {.time_s = in->time_s,
                                   .image = in->image,
                                   .tracks = &raw->tracks,
                                   .view = &raw->follow.view};
    fov_teams_update(raw->teams, &input, NULL, NULL);
}

static void raw_figures(struct raw *raw, const fov_football_input *in)
{
    fov_match_spot spots[WORLD_BOXES];
    size_t count = 0;
    for (size_t i = 0; i < raw->tracks.count && count < WORLD_BOXES; i++) {
        const fov_track *t = &raw->tracks.items[i];
        if (t->state == FOV_TRACK_ACTIVE)
            spots[count++] = (fov_match_spot){t->id, t->id % 2, t->ground_x, t->ground_y};
    }
    const double ball[2] = {raw->seen.pitch_x, raw->seen.pitch_y};
    fov_match_update(raw->match, in->time_s, spots, count, raw->seen.on_pitch ? ball : NULL, NULL);
}

static void run_raw(struct raw *raw, const fov_football_input *in, size_t i)
{
    fov_motion motion;
    void (*const steps[])(struct raw *, const fov_football_input *) = {[VIEW] = raw_view,
                                                                       [TRACKER] = raw_track,
                                                                       [BALL] = raw_ball,
                                                                       [TEAMS] = raw_teams,
                                                                       [FIGURES] = raw_figures};
    parts[PARTS][i] = 0;
    for (int k = 0; k < PARTS; k++) {
        int64_t begin_ns = clock_thread_ns();
        if (k == CAMERA)
            raw_camera(raw, in, &motion);
        else
            steps[k](raw, in);
        parts[k][i] = ns_to_ms(clock_thread_ns() - begin_ns);
        parts[PARTS][i] += k == CAMERA ? 0 : parts[k][i];
    }
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static bool run_whole(fov_football *football, const fov_football_input *in, double *ms)
{
    fov_football_frame frame;
    int64_t begin_ns = clock_thread_ns();
    fov_status status = fov_football_update(football, in, &frame, NULL);
    *ms = ns_to_ms(clock_thread_ns() - begin_ns);
    return status == FOV_OK;
}

static bool run(struct football_world *w, fov_football *football[2], struct raw *raw, size_t i)
{
    fov_pitch_view found = w->truth->view;
    noise_map(&w->noise, w->truth, found.map);
    fov_football_input in = w->input, moved = in;
    in.found = moved.found = i % 12 == 0 ? &found : NULL;
    moved.motion = &w->truth->motion;
    bool ok = run_whole(football[0], &moved, &whole[0][i]) &&
              run_whole(football[1], &in, &whole[1][i]);
    run_raw(raw, &moved, i);
    return ok;
}

static void row(const char *what, double *ms, size_t count)
{
    double median = quantile(ms, count, 0.5);
    printf("| %s | %.3f | %.3f |\n", what, median, quantile(ms, count, 0.99));
}

static void report(size_t count, double objects)
{
    static const char *const names[] = {
        "camera motion", "view, with its lines", "tracker", "ball", "teams", "figures"};
    printf("| a picture of 1080p, %.1f objects | ms, median | ms, p99 |\n|---|---|---|\n", objects);
    row("fov_football_update, camera motion given", whole[0], count);
    row("the same parts called one by one", parts[PARTS], count);
    row("fov_football_update, camera motion found in the picture", whole[1], count);
    for (int k = 0; k < PARTS; k++)
        row(names[k], parts[k], count);
    printf("\nGoal: at most 1 ms beside camera motion.\n");
}

int main(int argc, char **argv)
{
    static struct football_world w;
    static struct raw raw;
    fov_football *football[2] = {NULL};
    long long count = 300;
    double objects = 0;
    if ((argc > 1 && !text_to_int(argv[1], 10, PICTURES_MAX, &count)) || !make(&raw) ||
        !football_world_open(&w, "pattern:football?fps=25&zoom=0.6", 25, 1))
        return 1;
    w.classes = true;
    for (int k = 0; k < 2; k++)
        if (fov_football_create(&football[k], NULL, NULL))
            return 1;
    for (long long i = 0; i < count; i++) {
        if (!football_world_next(&w) || !run(&w, football, &raw, (size_t)i)) {
            fprintf(stderr, "bench_football_parts: a picture failed\n");
            return 1;
        }
        objects += (double)w.detections.count / (double)count;
    }
    report((size_t)count, objects);
    for (int k = 0; k < 2; k++)
        fov_football_destroy(&football[k]);
    football_world_close(&w);
    destroy(&raw);
    return 0;
}
