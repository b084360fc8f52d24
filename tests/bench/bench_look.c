/* How many people of the drawn match a model finds, in whole pictures and in tiles of several
 * sizes, against the match's own truth: bench_look MODEL [FRAMES [FPS [AT_ONCE [TILE...]]]].
 * AT_ONCE tiles are looked at in each picture, 0: all; tile 0 is the whole picture. "told" are
 * people with a name, found in that picture or before: it takes pictures that follow each other
 * closely. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <fovea/fovea.h>

#include "../flow/football_world.h"

#define SHOWN 0.5 /* of a person, to count as one that can be found */
#define IOU 0.4
#define BALL_PX 8

struct score {
    int people, found, told, boxes, right, balls, balls_found, frames;
    double ms;
};

static double overlap(const fov_detection *d, const struct football_person *p)
{
    return football_overlap(p, d->x1, d->y1, d->x2, d->y2);
}

static bool is_told(const fov_football_frame *f, const struct football_person *p)
{
    for (size_t i = 0; f && i < f->count; i++) {
        const fov_football_person *q = &f->people[i];
        if (football_overlap(p, q->x1, q->y1, q->x2, q->y2) >= IOU)
            return true;
    }
    return false;
}

/* Best scores first, each person once; people who are mostly hidden count neither way. */
static void score_people(struct score *s, const fov_result *r, const struct football_truth *t)
{
    bool taken[FOOTBALL_PEOPLE] = {false};
    for (size_t i = 0; i < r->detections->count; i++) {
        const fov_detection *d = &r->detections->items[i];
        int best = -1;
        for (int k = 0; k < FOOTBALL_PEOPLE; k++)
            if (!taken[k] && overlap(d, &t->people[k]) >= IOU &&
                (best < 0 || overlap(d, &t->people[k]) > overlap(d, &t->people[best])))
                best = k;
        if (d->class_id != FOOTBALL_PERSON || (best >= 0 && t->people[best].shown < SHOWN))
            continue;
        s->boxes++;
        s->right += best >= 0;
        if (best >= 0)
            taken[best] = true;
    }
    for (int k = 0; k < FOOTBALL_PEOPLE; k++) {
        s->people += t->people[k].shown >= SHOWN;
        s->found += taken[k] && t->people[k].shown >= SHOWN;
        s->told += t->people[k].shown >= SHOWN && is_told(r->football, &t->people[k]);
    }
}

static void score_ball(struct score *s, const fov_result *r, const struct football_truth *t)
{
    bool found = false;
    if (!t->ball.in_picture)
        return;
    for (size_t i = 0; i < r->detections->count; i++) {
        const fov_detection *d = &r->detections->items[i];
        double x = (double)(d->x1 + d->x2) / 2, y = (double)(d->y1 + d->y2) / 2;
        found = found || (d->class_id != FOOTBALL_PERSON &&
                          hypot(x - t->ball.x_px, y - t->ball.y_px) < BALL_PX);
    }
    s->balls++;
    s->balls_found += found;
}

static void add(struct score *s, const fov_result *r)
{
    const struct football_truth *t = football_frame_truth(r->frame);
    if (r->outcome != FOV_DELIVERED || !t)
        return;
    score_people(s, r, t);
    score_ball(s, r, t);
    s->frames++;
    s->ms += (double)(r->timings.preprocess + r->timings.inference + r->timings.postprocess) / 1e6;
}

static bool try(fov_workers *workers, const char *url, int tile, int at_once, struct score *score)
{
    const fov_football_params football = {
        .look = tile ? FOV_LOOK_TILES : FOV_LOOK_WHOLE, .tile_px = tile, .tiles_at_once = at_once};
    const fov_stream_params params = {.fifo = true, .results = 4, .football = &football};
    const fov_source_params from = {.url = url, .pixels = FOV_YUV};
    fov_stream *stream = NULL;
    fov_source *source = NULL;
    fov_result *result = NULL;
    fov_error error = {0};
    fov_status status = fov_stream_open(&stream, workers, &params, &error);
    if (!status)
        status = fov_source_open(&source, &from, &error);
    if (!status)
        status = fov_stream_start_source(stream, &source, true, &error);
    while (!status && !(status = fov_stream_get(stream, -1, &result, &error))) {
        add(score, result);
        fov_result_release(&result);
    }
    fov_stream_close(&stream);
    if (status != FOV_EOS)
        fprintf(stderr, "%s: %s\n", url, error.message);
    return status == FOV_EOS;
}

static double part(int some, int all)
{
    return all ? 100.0 * some / all : 0;
}

int main(int argc, char **argv)
{
    static const int usual[] = {0, 320, 480, 640, 960};
    static const double zooms[] = {1, 2, 3};
    int frames = argc > 2 ? atoi(argv[2]) : 20, at_once = argc > 4 ? atoi(argv[4]) : 0;
    double fps = argc > 3 ? atof(argv[3]) : 0.5;
    if (argc < 2)
        return 2;
    const fov_model_params model = {.path = argv[1]};
    const fov_workers_params params = {.model = &model};
    fov_workers *workers = NULL;
    fov_error error = {0};
    if (fov_workers_create(&workers, &params, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("| zoom | tile px | people found | told | boxes that are people | balls found | model "
           "ms a frame "
           "|\n|---|---|---|---|---|---|---|\n");
    for (size_t z = 0; z < sizeof zooms / sizeof *zooms; z++)
        for (int i = 0; i < (argc > 5 ? argc - 5 : (int)(sizeof usual / sizeof *usual)); i++) {
            int tile = argc > 5 ? atoi(argv[5 + i]) : usual[i];
            struct score s = {0};
            char url[120];
            snprintf(url, sizeof url, "pattern:football?fps=%g&zoom=%g&frames=%d", fps, zooms[z],
                     frames);
            if (!try(workers, url, tile, at_once, &s))
                return 1;
            printf("| %g | %d | %.1f %% of %d | %.1f %% | %.1f %% of %d | %.1f %% of %d | %.0f |\n",
                   zooms[z], tile, part(s.found, s.people), s.people, part(s.told, s.people),
                   part(s.right, s.boxes), s.boxes, part(s.balls_found, s.balls), s.balls,
                   s.frames ? s.ms / s.frames : 0);
            fflush(stdout);
        }
    fov_workers_destroy(&workers);
    return 0;
}
