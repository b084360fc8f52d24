#include "football_score.h"

#include <math.h>
#include <string.h>

enum { NAMES = 4096 };
#define SETTLED_S 5.0
#define BALL_PX 12.0

struct judge {
    const struct football_run *run;
    struct football_world world;
    struct football_score *score;
    fov_football *football;
    int32_t name[FOOTBALL_PEOPLE + 1]; /* of each person when it was last seen */
    int owner[NAMES];                  /* who had a name last */
    int first_team;                    /* of the truth, that the first side is; -1: not known yet */
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
    struct judge j = {.run = run, .score = score, .first_team = -1};
    memset(score, 0, sizeof *score);
    bool ok = football_world_open(&j.world, run->url, run->fps, run->seed) &&
              fov_football_create(&j.football, &run->params, NULL) == FOV_OK;
    j.world.classes = run->classes;
    for (int i = 0; ok && i < (int)(run->fps * run->seconds); i++)
        ok = football_world_next(&j.world) && one_picture(&j);
    fov_football_destroy(&j.football);
    football_world_close(&j.world);
    return ok;
}
