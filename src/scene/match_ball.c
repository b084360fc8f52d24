/* Who has the ball: whoever is nearest and near enough for long enough, as a team. */
#include "scene/match_parts.h"

#include <math.h>

/* So long nobody need be near the ball, or the ball in sight, before contacts begin anew. */
#define PATIENCE_S 0.5

/* Index of the nearest within reach, -1: none. */
static int nearest(const struct fov_match *m, const fov_match_spot *spots, size_t count,
                   const double *ball)
{
    int best = -1;
    double least = m->params.reach_m;
    for (size_t i = 0; ball && i < count; i++) {
        double d = hypot(spots[i].x - ball[0], spots[i].y - ball[1]);
        if (d <= least) {
            least = d;
            best = (int)i;
        }
    }
    return best;
}

/* A team gains time while one of it is nearest, and loses twice as much while an opponent is:
 * seconds of struggle, or a box that slips, change nothing. */
static void touch(struct fov_match *m, double time_s, double span_s, int team)
{
    struct match_ball *b = &m->ball;
    const double enough = m->params.contact_s;
    if (time_s - b->touched_s > fmax(PATIENCE_S, 1.5 * span_s))
        b->near_s[0] = b->near_s[1] = 0;
    else
        b->near_s[team] = fmin(enough, b->near_s[team] + span_s);
    b->near_s[1 - team] = fmax(0, b->near_s[1 - team] - 2 * span_s);
    b->touched_s = time_s;
    if (b->near_s[team] >= enough - 1e-6 && b->now.team != team)
        b->now = (fov_match_ball){.team = team, .since_s = time_s};
}

static void hold(struct fov_match *m, double time_s, double span_s, struct match_person *who)
{
    struct match_ball *b = &m->ball;
    touch(m, time_s, span_s, who->told.team);
    if (b->now.team != who->told.team)
        return;
    b->held_s = time_s;
    b->now.id = who->told.id;
    who->told.ball_s += span_s;
}

void match_watch_ball(struct fov_match *m, double time_s, double span_s,
                      const fov_match_spot *spots, size_t count, const double *ball)
{
    struct match_ball *b = &m->ball;
    b->now.id = 0;
    if (b->now.team >= 0)
        b->team_s[b->now.team] += span_s;
    int i = nearest(m, spots, count, ball);
    struct match_person *who = i >= 0 ? match_find(m, spots[i].id) : NULL;
    if (who && who->told.team >= 0)
        hold(m, time_s, span_s, who);
    if (b->now.team >= 0 && time_s - b->held_s > m->params.free_ball_s)
        b->now = (fov_match_ball){.team = -1};
}
