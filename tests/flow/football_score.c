#include "football_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 4096, FIGURES = 512, PAST = 128 };
#define SETTLED_S 5.0
#define BALL_PX 12.0

/* One picture of the past: what it was in truth, and who had which name. */
struct moment {
    struct football_person people[FOOTBALL_PEOPLE];
    uint8_t owner[NAMES];
};

struct judge {
    const struct football_run *run;
    struct football_world world;
    struct football_score *score;
    fov_football *football;
    int32_t name[FOOTBALL_PEOPLE + 1]; /* of each person when it was last seen */
    int owner[NAMES];                  /* who had a name last */
    int first_team;                    /* of the truth, that the first side is; -1: not known yet */
    struct moment *past;               /* a ring of PAST */
    int64_t pictures;
    fov_match_person before[NAMES]; /* figures of a name when they were compared last */
};

double football_view_distance(const fov_pitch_view *a, const fov_pitch_view *b)
{
    enum { SIDE = 6 };
    double sum = 0;
    int count = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        const double px[2] = {(i % SIDE + 0.5) * a->width / SIDE,
                              (i / SIDE + 0.5) * a->height / SIDE};
        double metres[2], other[2];
        if (!fov_pitch_to_metres(a, px, metres) || metres[0] < 0 || metres[0] > FOOTBALL_LENGTH ||
            metres[1] < 0 || metres[1] > FOOTBALL_WIDTH || !fov_pitch_to_px(b, metres, other))
            continue;
        sum += hypot(other[0] - px[0], other[1] - px[1]);
        count++;
    }
    return count ? sum / count : INFINITY;
}

double football_score_rms(const struct football_score *score)
{
    return score->on_pitch ? sqrt(score->error_m2 / (double)score->on_pitch) : NAN;
}

/* ---- judging ----------------------------------------------------------------------------------
 */

static void judge_side(struct judge *j, const fov_football_person *p,
                       const struct football_person *t)
{
    bool told = p->side == FOV_TEAM_FIRST || p->side == FOV_TEAM_SECOND;
    if (t->role == FOOTBALL_FIELD) {
        if (j->first_team < 0 && told)
            j->first_team = p->side == FOV_TEAM_FIRST ? t->team : !t->team;
        fov_team_side right = t->team == j->first_team ? FOV_TEAM_FIRST : FOV_TEAM_SECOND;
        j->score->fields++;
        j->score->told += told;
        j->score->right += p->side == right;
    }
    fov_match_role role = t->role == FOOTBALL_KEEPER  ? FOV_ROLE_GOALKEEPER
                          : t->role == FOOTBALL_FIELD ? FOV_ROLE_PLAYER
                                                      : FOV_ROLE_REFEREE;
    j->score->roles++;
    j->score->roles_right += p->role == role;
}

static void judge_person(struct judge *j, const fov_football_frame *frame,
                         const fov_football_person *p)
{
    const struct football_person *t = football_world_who(&j->world, p->x1, p->y1, p->x2, p->y2);
    j->score->made_up += p->on_pitch && !frame->view_known;
    if (!t || p->state != FOV_TRACK_ACTIVE)
        return;
    j->score->named++;
    j->score->switches += j->name[t->id] && j->name[t->id] != p->id;
    j->name[t->id] = p->id;
    int *owner = &j->owner[p->id % NAMES];
    j->score->exchanged += *owner && *owner != t->id;
    *owner = t->id;
    if (frame->time_s >= SETTLED_S)
        judge_side(j, p, t);
    if (p->on_pitch) {
        j->score->on_pitch++;
        j->score->error_m2 += (p->x - t->x_m) * (p->x - t->x_m) + (p->y - t->y_m) * (p->y - t->y_m);
    }
}

static void judge_ball(struct judge *j, const fov_ball *ball)
{
    const struct football_ball *t = &j->world.truth->ball;
    if (!t->in_picture)
        return;
    double off = hypot((double)ball->x - t->x_px, (double)ball->y - t->y_px);
    bool told = ball->state != FOV_BALL_NONE;
    j->score->balls++;
    j->score->balls_told += told;
    j->score->balls_near += told && off <= BALL_PX * j->world.input.width / 1920;
}

/* ---- figures: half a second late, so the truth of the past is kept ----------------------------
 */

static const struct moment *moment_of(const struct judge *j, double time_s)
{
    int64_t i = (int64_t)lround(time_s * j->run->fps);
    return i >= 0 && i < j->pictures && i > j->pictures - PAST ? &j->past[i % PAST] : NULL;
}

static void remember(struct judge *j)
{
    struct moment *m = &j->past[j->pictures++ % PAST];
    memcpy(m->people, j->world.truth->people, sizeof m->people);
    for (int i = 0; i < NAMES; i++)
        m->owner[i] = (uint8_t)j->owner[i];
}

static void add_walk(struct football_walk *w, double told_m, double true_m, double seconds)
{
    w->told_m += told_m;
    w->true_m += true_m;
    w->seconds += seconds;
}

/* The way of one person from one moment to another. */
static double way(const struct judge *j, int owner, double from_s, double to_s)
{
    double sum = 0, step_s = 1 / j->run->fps;
    for (double t = from_s + step_s; owner && t < to_s + step_s / 2; t += step_s) {
        const struct moment *a = moment_of(j, t - step_s), *b = moment_of(j, t);
        if (a && b)
            sum += hypot(b->people[owner - 1].x_m - a->people[owner - 1].x_m,
                         b->people[owner - 1].y_m - a->people[owner - 1].y_m);
    }
    return sum;
}

/* What a name walked since it was compared last, beside the way of who had it in truth; a name of
 * nobody does not walk. */
static void judge_figures(struct judge *j, const fov_match_person *p)
{
    fov_match_person *was = &j->before[p->id % NAMES];
    const struct moment *now = moment_of(j, p->time_s);
    if (was->id != p->id)
        *was = (fov_match_person){.id = p->id, .time_s = -1};
    if (!now || p->time_s <= was->time_s)
        return;
    int owner = now->owner[p->id % NAMES];
    double seconds = p->seen_s - was->seen_s, told_m = p->distance_m - was->distance_m;
    if (owner && p->seen_s > 0) {
        double wrong = p->speed_mps -
                       hypot(now->people[owner - 1].vx_mps, now->people[owner - 1].vy_mps);
        j->score->speed2 += wrong * wrong;
        j->score->speeds++;
    }
    if (seconds > 0) {
        double true_m = way(j, owner, p->time_s - seconds, p->time_s);
        add_walk(&j->score->all, told_m, true_m, seconds);
        if (true_m < 0.3 * seconds)
            add_walk(&j->score->standing, told_m, true_m, seconds);
        if (true_m > 5 * seconds)
            add_walk(&j->score->running, told_m, true_m, seconds);
    }
    *was = *p;
}

static void judge_walks(struct judge *j)
{
    static fov_match_person people[FIGURES];
    size_t count = fov_match_people(fov_football_match(j->football), people, FIGURES);
    for (size_t i = 0; i < count && i < FIGURES; i++)
        judge_figures(j, &people[i]);
}

double football_score_walk(const struct football_walk *walk)
{
    return walk->true_m > 0 ? 100 * (walk->told_m / walk->true_m - 1) : NAN;
}

double football_score_speed(const struct football_score *score)
{
    return score->speeds ? sqrt(score->speed2 / (double)score->speeds) : NAN;
}

static void judge_picture(struct judge *j, const fov_football_frame *frame)
{
    struct football_score *s = j->score;
    s->pictures++;
    s->views += frame->view_known;
    if (frame->view_known)
        s->off_px = fmax(s->off_px, football_view_distance(&j->world.truth->view, &frame->view));
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        s->shown += j->world.truth->people[i].shown > 0.3;
    for (size_t i = 0; i < frame->count; i++)
        judge_person(j, frame, &frame->people[i]);
    judge_ball(j, &frame->ball);
    remember(j);
    judge_walks(j);
    for (int k = 0; k < FOV_PART_COUNT; k++)
        s->parts_us[k] += (double)frame->parts_ns[k] / 1e3;
}

/* ---- running ----------------------------------------------------------------------------------
 */

static bool one_picture(struct judge *j)
{
    const struct football_run *run = j->run;
    const struct football_truth *truth = j->world.truth;
    fov_football_input input = j->world.input;
    fov_football_frame frame;
    fov_pitch_view view = truth->view;
    int64_t half_second = (int64_t)(run->fps / 2);
    if (run->calibration == SCORE_FOUND_VIEW)
        noise_map(&j->world.noise, truth, view.map);
    if (run->calibration == SCORE_TRUE_VIEW ||
        (run->calibration == SCORE_FOUND_VIEW && truth->number % half_second == 0))
        input.found = &view;
    if (run->true_motion)
        input.motion = &truth->motion;
    if (run->blind)
        input.image = NULL;
    if (fov_football_update(j->football, &input, &frame, NULL) != FOV_OK)
        return false;
    judge_picture(j, &frame);
    return run->calibration != SCORE_FIRST_VIEW || truth->number > 0 ||
           fov_football_set_view(j->football, &view, input.seq, NULL) == FOV_OK;
}

bool football_score_run(const struct football_run *run, struct football_score *score)
{
    static struct judge j;
    fov_balls rest;
    j = (struct judge){.run = run, .score = score, .first_team = -1};
    memset(score, 0, sizeof *score);
    j.past = calloc(PAST, sizeof *j.past);
    bool ok = j.past && football_world_open(&j.world, run->url, run->fps, run->seed) &&
              fov_football_create(&j.football, &run->params, NULL) == FOV_OK;
    j.world.classes = run->classes;
    for (int i = 0; ok && i < (int)(run->fps * run->seconds); i++)
        ok = football_world_next(&j.world) && one_picture(&j);
    if (ok) {
        fov_football_settle(j.football, &rest);
        judge_walks(&j);
    }
    free(j.past);
    fov_football_destroy(&j.football);
    football_world_close(&j.world);
    return ok;
}
