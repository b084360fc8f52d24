/* The late answers: pictures are held back until more is known. A path that turns out to be the
 * ball was so from its first sighting on; holes between two sightings are filled. */
#include <math.h>
#include <string.h>

#include "base/plane.h"
#include "scene/ball_tracker.h"

/* px/s of a picture 1920 px wide: two sightings that are farther apart are two things. */
#define FASTEST_PX 3000.0
#define SIGHTING_PX 2.0 /* how well a sighting's place is known, with that of the view */

struct ball_frame *ball_frame_at(fov_ball_tracker *tracker, uint64_t number)
{
    return &tracker->frames[number % BALL_PICTURES];
}

uint64_t ball_oldest(const fov_ball_tracker *tracker)
{
    return tracker->next > BALL_PICTURES ? tracker->next - BALL_PICTURES : 0;
}

void ball_late_learn(fov_ball_tracker *tracker)
{
    const struct ball_path *best = ball_paths_best(&tracker->paths);
    const struct ball_mark *marks = ball_paths_marks(&tracker->paths);
    uint64_t from = best->born > tracker->next_late ? best->born : tracker->next_late;
    float confidence = ball_frame_at(tracker, tracker->next - 1)->told.confidence;
    for (uint64_t n = from; n < tracker->next; n++) {
        struct ball_frame *frame = ball_frame_at(tracker, n);
        frame->mark = marks[n % BALL_PICTURES];
        frame->has_mark = true;
        frame->confidence = fmaxf(frame->confidence, confidence);
    }
}

static bool seen_at(fov_ball_tracker *tracker, uint64_t number)
{
    const struct ball_frame *frame = ball_frame_at(tracker, number);
    return frame->has_mark && frame->mark.detection >= 0;
}

/* The nearest sightings before and after a picture, not farther apart than gap_s. */
static bool neighbours(fov_ball_tracker *tracker, uint64_t number, uint64_t *before,
                       uint64_t *after)
{
    uint64_t oldest = ball_oldest(tracker);
    *before = *after = number;
    while (*before > oldest && !seen_at(tracker, *before))
        --*before;
    while (*after + 1 < tracker->next && !seen_at(tracker, *after))
        ++*after;
    double gap_s = ball_frame_at(tracker, *after)->time_s - ball_frame_at(tracker, *before)->time_s;
    return seen_at(tracker, *before) && seen_at(tracker, *after) &&
           gap_s <= tracker->params.gap_s + 1e-9;
}

/* The map from picture `from` to a later one. */
static void map_between(fov_ball_tracker *tracker, uint64_t from, uint64_t to, double map[9])
{
    memcpy(map, PLANE_IDENTITY, sizeof PLANE_IDENTITY);
    for (uint64_t n = from + 1; n <= to; n++)
        plane_multiply(ball_frame_at(tracker, n)->map, map, map);
}

/* Both neighbours' places as they are in picture `number`. */
static bool places_in(fov_ball_tracker *tracker, uint64_t number, uint64_t before, uint64_t after,
                      double a[2], double b[2])
{
    const struct ball_mark *from = &ball_frame_at(tracker, before)->mark,
                           *to = &ball_frame_at(tracker, after)->mark;
    double there[2] = {from->x, from->y}, back[2] = {to->x, to->y}, map[9];
    map_between(tracker, before, number, map);
    if (!plane_apply(map, there, a))
        return false;
    map_between(tracker, number, after, map);
    return plane_invert(map, map) && plane_apply(map, back, b);
}

static bool interpolate(fov_ball_tracker *tracker, uint64_t number, fov_ball *ball)
{
    uint64_t before, after;
    double a[2], b[2];
    if (!neighbours(tracker, number, &before, &after) ||
        !places_in(tracker, number, before, after, a, b))
        return false;
    struct ball_frame *frame = ball_frame_at(tracker, number),
                      *first = ball_frame_at(tracker, before),
                      *last = ball_frame_at(tracker, after);
    double whole_s = last->time_s - first->time_s;
    double share = whole_s > 0 ? (frame->time_s - first->time_s) / whole_s : 0;
    double way = hypot(b[0] - a[0], b[1] - a[1]);
    if (!(way <= FASTEST_PX * frame->unit * fmax(whole_s, 0.02)))
        return false;
    ball->state = FOV_BALL_INTERPOLATED;
    ball->x = (float)(a[0] + share * (b[0] - a[0]));
    ball->y = (float)(a[1] + share * (b[1] - a[1]));
    ball->size = first->mark.size;
    /* Between two ends that are known a path strays most in the middle. */
    ball->error_px = (float)(2 * frame->unit + 0.3 * way * share * (1 - share));
    ball->confidence = fminf(first->confidence, last->confidence);
    return true;
}

static fov_ball tell(fov_ball_tracker *tracker, uint64_t number)
{
    const struct ball_frame *frame = ball_frame_at(tracker, number);
    fov_ball ball = {.time_s = frame->time_s, .detection = -1};
    if (seen_at(tracker, number)) {
        ball = frame->told;
        ball.state = FOV_BALL_SEEN;
        ball.x = frame->mark.x;
        ball.y = frame->mark.y;
        ball.size = frame->mark.size;
        ball.detection = frame->mark.detection;
        ball.confidence = frame->confidence;
        ball.error_px = ball.error_px > 0 ? ball.error_px : (float)(SIGHTING_PX * frame->unit);
    } else if (!interpolate(tracker, number, &ball) && frame->told.state == FOV_BALL_COASTING) {
        ball = frame->told;
    }
    ball.on_pitch = false;
    ball.height = FOV_BALL_HEIGHT_UNKNOWN;
    if (ball.state != FOV_BALL_NONE)
        ball_add_height(tracker, number, tracker->next - 1, &ball);
    return ball;
}

void ball_late_tell(fov_ball_tracker *tracker, double until_s)
{
    const size_t room = sizeof tracker->late / sizeof *tracker->late;
    while (tracker->next_late < tracker->next && tracker->late_count < room &&
           ball_frame_at(tracker, tracker->next_late)->time_s <= until_s)
        tracker->late[tracker->late_count++] = tell(tracker, tracker->next_late++);
}

/* ---- height ---------------------------------------------------------------------------------- */

/* A long window tells more, unless there is a kick in it; then one that ends or begins with the
 * picture may tell, or a shorter one. */
static const struct window {
    double length_s, after; /* part of it that comes after the picture */
} WINDOWS[] = {{1.2, 0.5}, {0.7, 0.5}, {0.7, 0}, {0.7, 1}, {0.45, 0.5}, {0.45, 0}, {0.45, 1}};

/* Sightings of the pictures in a window around `number`; what is missing after `last` is taken
 * before. */
static size_t glimpses_around(fov_ball_tracker *tracker, uint64_t number, uint64_t last,
                              const struct window *window, struct ball_glimpse *glimpses)
{
    double at_s = ball_frame_at(tracker, number)->time_s;
    double after_s = fmin(ball_frame_at(tracker, last)->time_s - at_s,
                          window->length_s * window->after);
    uint64_t first = number, oldest = ball_oldest(tracker);
    size_t count = 0;
    while (first > oldest &&
           ball_frame_at(tracker, first - 1)->time_s >= at_s + after_s - window->length_s - 1e-9)
        first--;
    for (uint64_t n = first; n <= last && count < BALL_GLIMPSES; n++) {
        const struct ball_frame *frame = ball_frame_at(tracker, n);
        if (frame->time_s > at_s + after_s + 1e-9)
            break;
        if (seen_at(tracker, n) && frame->ground.known)
            glimpses[count++] = (struct ball_glimpse){
                frame->time_s, {frame->mark.x, frame->mark.y}, frame->mark.size, &frame->ground};
    }
    return count;
}

void ball_add_height(fov_ball_tracker *tracker, uint64_t number, uint64_t last, fov_ball *ball)
{
    struct ball_glimpse glimpses[BALL_GLIMPSES];
    const struct ball_frame *frame = ball_frame_at(tracker, number);
    if (!frame->ground.known)
        return;
    struct ball_flight flight = {FOV_BALL_HEIGHT_UNKNOWN, {0, 0}};
    for (size_t i = 0; i < sizeof WINDOWS / sizeof *WINDOWS && !flight.height; i++) {
        if (number == last && WINDOWS[i].after != 0.5)
            continue; /* the same one again */
        size_t count = glimpses_around(tracker, number, last, &WINDOWS[i], glimpses);
        flight = ball_flight_of(glimpses, count, frame->time_s, SIGHTING_PX * frame->unit);
    }
    ball->height = flight.height;
    ball->on_pitch = flight.height == FOV_BALL_ON_GROUND;
    ball->pitch_x = flight.place[0];
    ball->pitch_y = flight.place[1];
}
