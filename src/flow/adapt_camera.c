#include "flow/adapt_camera.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define FPS_LEAST 5.0
#define FPS_MOST 60.0
#define QUALITY_LEAST 0.3
#define QUALITY_MOST 0.95
#define CONF_LEAST 0.15
#define CONF_MOST 0.5
#define PATIENCE_S 4.0 /* of calm before the first step back */
#define STEP_S 2.0     /* between steps back */
#define SETTLE_S 0.3   /* until a turn shows: frames on their way, the camera's next picture */
#define SLOW_S 1.5     /* that viewers are slow before it counts */
#define BRIEF_S 0.39   /* windows, beside one of a second */
#define LONGER_S 2.99
#define LOAD_LEAST 0.7  /* of the runs' time, under which losses are no overload */
#define LOAD_MOST 0.92  /* of the runs, that a step back may lead to */
#define CALM_PART 0.7   /* of the deadline: under it there is room */
#define LATE_PART 0.9   /* over it there is none */
#define MODEL_PART 0.6  /* of the deadline that one run takes: fewer frames would not help */
#define BOXES_PART 0.25 /* of the work that boxes take: fewer boxes help */

/* What asks for less. */
enum pressure { PRESSURE_NONE, PRESSURE_LOST, PRESSURE_LATE, PRESSURE_VIEWERS };

/* One entry of an order in which knobs are turned. */
struct turn {
    enum adapt_knob knob;
    bool gently; /* fps: only as far as motion still looks like motion */
};

static double fit(double value, double least, double most)
{
    return fmax(least, fmin(most, value));
}

/* ---- start ------------------------------------------------------------------------------------
 */

void adapt_camera_start(struct adapt_camera *c, const struct adapt_camera_params *params)
{
    *c = (struct adapt_camera){0};
    memcpy(c->held, params->held, sizeof c->held);
    memcpy(c->home, params->home, sizeof c->home);
    double conf = c->home[ADAPT_CONF];
    c->held[ADAPT_CONF] = c->held[ADAPT_CONF] || conf < CONF_LEAST || conf >= CONF_MOST;
    if (!c->held[ADAPT_FPS])
        c->home[ADAPT_FPS] = fmin(c->home[ADAPT_FPS], FPS_MOST);
    if (!c->held[ADAPT_QUALITY])
        c->home[ADAPT_QUALITY] = fit(c->home[ADAPT_QUALITY], QUALITY_LEAST, QUALITY_MOST);
    memcpy(c->now, c->home, sizeof c->now);
    steady_start(&c->steady, PATIENCE_S);
}

void adapt_camera_set_ladder(struct adapt_camera *c, const fov_sizes *ladder)
{
    bool same = ladder->count == c->ladder.count &&
                memcmp(ladder->px, c->ladder.px, (size_t)ladder->count * sizeof *ladder->px) == 0;
    c->ladder = *ladder;
    if (same || c->held[ADAPT_SIZE])
        return;
    c->home[ADAPT_SIZE] = c->now[ADAPT_SIZE] = ladder->count > 0 ? ladder->px[0] : 0;
}

/* ---- what the samples say ---------------------------------------------------------------------
 */

struct window {
    int delivered, lost, bursts; /* bursts: samples in which frames were lost */
    int answered;                /* samples with frames delivered: */
    int slow, quick;             /* near the deadline, well under it */
    double seconds, worst_ms;
    double load; /* mean */
};

/* Answers well before their deadline, or about as quick as one run allows. */
static bool is_quick(const struct adapt_sample *s)
{
    double least_ms = fmin(LATE_PART * s->budget_ms, 1.15 * s->work_ms);
    return s->delivered > 0 &&
           (s->budget_ms <= 0 || s->worst_ms < fmax(CALM_PART * s->budget_ms, least_ms));
}

static struct window look(const struct adapt_camera *c, double seconds)
{
    struct window w = {0};
    for (int i = 0; i < c->sample_count && w.seconds < seconds; i++) {
        const struct adapt_sample *s = &c->samples[i];
        w.delivered += s->delivered;
        w.lost += s->lost;
        w.bursts += s->lost > 0;
        w.answered += s->delivered > 0;
        w.slow += s->budget_ms > 0 && s->worst_ms > LATE_PART * s->budget_ms;
        w.quick += is_quick(s);
        w.worst_ms = fmax(w.worst_ms, s->worst_ms);
        w.load += s->load * s->passed_s;
        w.seconds += s->passed_s;
    }
    w.load = w.seconds > 0 ? w.load / w.seconds : 0;
    return w;
}

/* Many at once, or few for long. A single pause loses frames too, but all in one sample; and
 * frames that come in bursts are lost while the runs have time. */
static bool loses(const struct window *w, int bursts, int least, int part)
{
    return w->bursts >= bursts && w->lost >= least && w->load >= LOAD_LEAST &&
           part * w->lost >= w->delivered + w->lost;
}

static enum pressure pressure_of(const struct adapt_camera *c, const struct window *second)
{
    struct window brief = look(c, BRIEF_S), longer = look(c, LONGER_S);
    if (second->delivered > 0 &&
        (loses(&brief, 2, 2, 5) || loses(second, 2, 3, 10) || loses(&longer, 3, 3, 12)))
        return PRESSURE_LOST;
    if (2 * second->slow > second->answered && second->answered >= 3)
        return PRESSURE_LATE;
    return c->slow_s >= SLOW_S ? PRESSURE_VIEWERS : PRESSURE_NONE;
}

/* ---- less -------------------------------------------------------------------------------------
 */

static double gentle_fps(const struct adapt_camera *c)
{
    return fmin(c->home[ADAPT_FPS], fmax(12, c->home[ADAPT_FPS] / 2));
}

/* To what the workers manage, at most halved at once: the window saw the time before as well. A
 * camera that sends less than it may is taken at what it sends. */
static double less_fps(const struct adapt_camera *c, const struct turn *turn, enum pressure why)
{
    struct window brief = look(c, BRIEF_S), second = look(c, 0.99);
    double sent = second.seconds > 0 ? (second.delivered + second.lost) / second.seconds : 0;
    double now = fmin(c->now[ADAPT_FPS], 1.2 * sent);
    double managed = why == PRESSURE_LOST && brief.seconds > 0
                         ? 1.05 * brief.delivered / brief.seconds
                         : now;
    double to = floor(fit(managed, 0.5 * now, (why == PRESSURE_LOST ? 0.9 : 0.8) * now));
    return fmax(to, turn->gently ? gentle_fps(c) : FPS_LEAST);
}

static int rung(const struct adapt_camera *c)
{
    int i = 0;
    while (i < c->ladder.count && c->ladder.px[i] != (int)c->now[ADAPT_SIZE])
        i++;
    return i;
}

/* The size of a rung, or the present one when it is not there or not compiled yet. */
static double size_at(struct adapt_camera *c, int i)
{
    if (i < 0 || i >= c->ladder.count)
        return c->now[ADAPT_SIZE];
    if (c->ladder.ready[i])
        return c->ladder.px[i];
    c->want_px = c->ladder.px[i];
    return c->now[ADAPT_SIZE];
}

static double less_of(struct adapt_camera *c, const struct turn *turn, enum pressure why)
{
    const struct adapt_sample *s = &c->samples[0];
    double now = c->now[turn->knob];
    switch (turn->knob) {
    case ADAPT_FPS:
        return fmin(now, less_fps(c, turn, why));
    case ADAPT_QUALITY:
        return fmin(now, fmax(QUALITY_LEAST, round(80 * now) / 100));
    case ADAPT_SIZE:
        return size_at(c, rung(c) + 1);
    default:
        return s->work_ms > 0 && s->boxes_ms >= BOXES_PART * s->work_ms
                   ? fmin(CONF_MOST, round(100 * (now + 0.1)) / 100)
                   : now;
    }
}

/* ---- more -------------------------------------------------------------------------------------
 */

/* Part of the runs' time that would be taken at so many frames of so much work. */
static double load_at(const struct adapt_camera *c, const struct window *second, double fps,
                      double work_ms)
{
    const struct adapt_sample *s = &c->samples[0];
    double ours = second->seconds > 0 ? second->delivered / second->seconds : 0;
    double runs = s->runs > 0 ? s->runs : 1;
    if (s->work_ms <= 0)
        return 0;
    return second->load + (fps * work_ms - ours * s->work_ms) / 1e3 / runs;
}

static double more_fps(const struct adapt_camera *c, const struct turn *turn,
                       const struct window *second)
{
    double now = c->now[ADAPT_FPS], bound = turn->gently ? gentle_fps(c) : c->home[ADAPT_FPS];
    double to = fmin(bound, ceil(1.5 * now)), work_ms = c->samples[0].work_ms;
    while (to > now && load_at(c, second, to, work_ms) > LOAD_MOST)
        to = fmax(now, to - 1);
    return fmax(to, now);
}

static double more_size(struct adapt_camera *c, const struct window *second)
{
    double now = c->now[ADAPT_SIZE], to = size_at(c, rung(c) - 1);
    double work_ms = c->samples[0].work_ms * (to / now) * (to / now);
    double budget_ms = c->samples[0].budget_ms;
    bool late = budget_ms > 0 && work_ms > LATE_PART * budget_ms;
    return late || load_at(c, second, c->now[ADAPT_FPS], work_ms) > LOAD_MOST ? now : to;
}

static double more_of(struct adapt_camera *c, const struct turn *turn, const struct window *second)
{
    double now = c->now[turn->knob], home = c->home[turn->knob];
    if (now == home)
        return now;
    switch (turn->knob) {
    case ADAPT_FPS:
        return more_fps(c, turn, second);
    case ADAPT_QUALITY:
        return fmin(home, round(125 * now) / 100);
    case ADAPT_SIZE:
        return more_size(c, second);
    default:
        return fmax(home, round(100 * (now - 0.1)) / 100);
    }
}

/* ---- one step ---------------------------------------------------------------------------------
 */

static void explain(const struct adapt_camera *c, enum adapt_knob knob, enum pressure why,
                    const struct window *second, fov_change *change)
{
    const struct adapt_sample *s = &c->samples[0];
    if (why == PRESSURE_NONE) {
        change->why = "headroom: ms from arrival to answer, which leaves room";
        change->measured = second->worst_ms;
    } else if (why == PRESSURE_VIEWERS) {
        change->why = "viewers: percent of them that cannot keep up, half or more";
        change->measured = 100 * s->slow;
    } else if (knob == ADAPT_CONF) {
        change->why = "boxes: ms that boxes take a frame, over a quarter of its work";
        change->measured = s->boxes_ms;
    } else if (why == PRESSURE_LATE) {
        change->why = "late: ms from arrival to answer, over 90 % of the deadline";
        change->measured = second->worst_ms;
    } else {
        change->why = "inference: ms of work a frame, more than the frames that come leave";
        change->measured = s->work_ms;
    }
}

/* The first knob of the order that gives way. */
static bool turn_first(struct adapt_camera *c, const struct turn *order, size_t count,
                       enum pressure why, fov_change *change)
{
    static const char *const names[ADAPT_KNOBS] = {"fps", "quality", "size", "conf"};
    struct window second = look(c, 0.99);
    for (size_t i = 0; i < count; i++) {
        enum adapt_knob knob = order[i].knob;
        double now = c->now[knob];
        if (c->held[knob])
            continue;
        double to = why == PRESSURE_NONE ? more_of(c, &order[i], &second)
                                         : less_of(c, &order[i], why);
        if (to == now)
            continue;
        *change = (fov_change){.knob = names[knob], .from = now, .to = to};
        explain(c, knob, why, &second, change);
        c->now[knob] = to;
        steady_turned(&c->steady, why == PRESSURE_NONE ? STEADY_MORE : STEADY_LESS);
        c->sample_count = 0; /* what was seen so far was seen at another setting */
        c->settle_s = SETTLE_S;
        c->slow_s = 0;
        c->calm_s = why == PRESSURE_NONE ? c->steady.patience_s - STEP_S : 0;
        return true;
    }
    return false;
}

#define TURN(order, why) turn_first(c, order, sizeof(order) / sizeof *(order), why, change)

static bool less(struct adapt_camera *c, enum pressure why, fov_change *change)
{
    static const struct turn many[] = {
        {ADAPT_FPS, true}, {ADAPT_CONF, false}, {ADAPT_SIZE, false}, {ADAPT_FPS, false}};
    static const struct turn heavy[] = {{ADAPT_CONF, false}, {ADAPT_SIZE, false}};
    static const struct turn watched[] = {
        {ADAPT_QUALITY, false}, {ADAPT_FPS, true}, {ADAPT_FPS, false}};
    const struct adapt_sample *s = &c->samples[0];
    if (!steady_allows(&c->steady, STEADY_LESS))
        return false;
    if (why == PRESSURE_VIEWERS)
        return TURN(watched, why);
    if (!c->held[ADAPT_SIZE])
        size_at(c, rung(c) + 1); /* compiled ahead, while the frame rate helps */
    if (why == PRESSURE_LATE && s->work_ms > MODEL_PART * s->budget_ms)
        return TURN(heavy, why);
    return TURN(many, why);
}

static bool more(struct adapt_camera *c, fov_change *change)
{
    static const struct turn back[] = {{ADAPT_FPS, true},
                                       {ADAPT_SIZE, false},
                                       {ADAPT_CONF, false},
                                       {ADAPT_FPS, false},
                                       {ADAPT_QUALITY, false}};
    return c->calm_s >= c->steady.patience_s && steady_allows(&c->steady, STEADY_MORE) &&
           TURN(back, PRESSURE_NONE);
}

static void keep(struct adapt_camera *c, const struct adapt_sample *s)
{
    int kept = c->sample_count < ADAPT_SAMPLES ? c->sample_count++ : ADAPT_SAMPLES - 1;
    memmove(c->samples + 1, c->samples, (size_t)kept * sizeof *c->samples);
    c->samples[0] = *s;
}

/* Nothing lost to speak of, and answers well before their deadline. */
static bool is_calm(const struct window *second)
{
    return second->delivered > 0 && 20 * second->lost <= second->delivered &&
           second->quick >= second->answered - 1;
}

bool adapt_camera_step(struct adapt_camera *c, const struct adapt_sample *s, fov_change *change)
{
    steady_pass(&c->steady, s->passed_s);
    c->want_px = 0;
    c->settle_s -= s->passed_s;
    if (c->settle_s > 0)
        return false;
    keep(c, s);
    c->slow_s = s->slow >= 0.5 ? c->slow_s + s->passed_s : 0;
    struct window second = look(c, 0.99);
    enum pressure why = pressure_of(c, &second);
    if (why != PRESSURE_NONE) {
        c->calm_s = 0;
        return less(c, why, change) || /* what helps against one may be at its end */
               (c->slow_s >= SLOW_S && less(c, PRESSURE_VIEWERS, change));
    }
    if (second.delivered + second.lost == 0)
        return false; /* nobody sends: nothing is known */
    c->calm_s = is_calm(&second) && s->slow < 0.5 ? c->calm_s + s->passed_s : 0;
    return more(c, change);
}

/* ---- viewers ----------------------------------------------------------------------------------
 */

bool adapt_viewer_is_slow(const struct adapt_viewer *v)
{
    bool skips = v->skipped >= 2 && 4 * v->skipped >= v->sent + v->skipped;
    bool piles_up = v->queue > 3 + v->sent * v->wait_ms / 1e3;
    bool behind = (v->fps >= 0 && v->fps < 0.6 * v->sent) ||
                  (v->budget_ms > 0 && v->latency_ms > 2 * v->budget_ms);
    return skips || (piles_up && behind);
}
