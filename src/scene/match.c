#include "scene/match_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OUTSIDE_M 20.0 /* nobody of a match is further from the pitch */
#define LEAP_M 2.0     /* beside what limit_mps allows: another person has got the name */

/* ---- life ------------------------------------------------------------------------------------ */

static fov_status set_default(double *value, double usual, double least, double most,
                              const char *name, fov_error *error)
{
    if (*value == 0)
        *value = usual;
    if (*value >= least && *value <= most)
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL, "%s is %g; it may be %g to %g", name, *value, least, most);
}

static fov_status set_defaults(fov_match_params *p, fov_error *error)
{
    const struct {
        double *value, usual, least, most;
        const char *name;
    } rows[] = {{&p->pitch.length, 105, 20, 200, "pitch length"},
                {&p->pitch.width, 68, 20, 200, "pitch width"},
                {&p->window_s, 1, 0.1, 4, "window_s"},
                {&p->gap_s, 1, 0.05, 10, "gap_s"},
                {&p->limit_mps, 12, 1, 100, "limit_mps"},
                {&p->sprint_mps, 7, 0.5, 100, "sprint_mps"},
                {&p->sprint_s, 1, 0.05, 10, "sprint_s"},
                {&p->reach_m, 1.5, 0.1, 20, "reach_m"},
                {&p->contact_s, 0.3, 0.01, 10, "contact_s"},
                {&p->free_ball_s, 4, 0.01, 60, "free_ball_s"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_status status = set_default(rows[i].value, rows[i].usual, rows[i].least, rows[i].most,
                                        rows[i].name, error);
        if (status)
            return status;
    }
    p->max_people = p->max_people ? p->max_people : 128;
    if (p->max_people < 1 || p->max_people > 1024)
        return fov_fail(error, FOV_EINVAL, "max_people is %d; it may be 1 to 1024", p->max_people);
    return FOV_OK;
}

fov_status fov_match_create(fov_match **match, const fov_match_params *params, fov_error *error)
{
    fov_match_params p = params ? *params : (fov_match_params){0};
    *match = NULL;
    fov_status status = set_defaults(&p, error);
    if (status)
        return status;
    struct fov_match *m = calloc(1, sizeof *m);
    if (!m)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    m->params = p;
    m->columns = (int)ceil(p.pitch.length);
    m->rows = (int)ceil(p.pitch.width);
    size_t bins = (size_t)m->columns * (size_t)m->rows, most = (size_t)p.max_people;
    m->people = calloc(most, sizeof *m->people);
    m->heats = calloc((most + 2) * bins, sizeof *m->heats);
    if (!m->people || !m->heats) {
        fov_match_destroy(&m);
        return fov_fail(error, FOV_ENOMEM, "no memory for a match of %d people", p.max_people);
    }
    for (size_t i = 0; i < most; i++)
        m->people[i].heat = m->heats + (i + 2) * bins;
    fov_match_reset(m);
    *match = m;
    return FOV_OK;
}

void fov_match_destroy(fov_match **match)
{
    if (*match) {
        free((*match)->people);
        free((*match)->heats);
        free(*match);
    }
    *match = NULL;
}

static size_t bins_of(const struct fov_match *m)
{
    return (size_t)m->columns * (size_t)m->rows;
}

/* An empty place for somebody; the memory of its heat stays with it. */
static void clear_person(const struct fov_match *m, struct match_person *p)
{
    float *heat = p->heat;
    memset(p, 0, sizeof *p);
    memset(heat, 0, bins_of(m) * sizeof *heat);
    p->heat = heat;
}

void fov_match_reset(fov_match *m)
{
    for (int i = 0; i < m->count; i++)
        clear_person(m, &m->people[i]);
    memset(m->heats, 0, 2 * bins_of(m) * sizeof *m->heats);
    memset(m->teams, 0, sizeof m->teams);
    memset(&m->ball, 0, sizeof m->ball);
    m->ball.now.team = -1;
    m->ball.touched_s = -INFINITY;
    m->count = 0;
    m->begun = false;
    m->left_out = 0;
}

/* ---- settled --------------------------------------------------------------------------------- */

static void warm(const struct fov_match *m, float *heat, double x, double y, double seconds)
{
    int column = (int)floor(x), row = (int)floor(y);
    if (column < -3 || row < -3 || column >= m->columns + 3 || row >= m->rows + 3)
        return; /* beside the pitch; who steps over a line counts to its bin */
    column = column < 0 ? 0 : column >= m->columns ? m->columns - 1 : column;
    row = row < 0 ? 0 : row >= m->rows ? m->rows - 1 : row;
    heat[row * m->columns + column] += (float)seconds;
}

static void add_sums(struct match_sums *s, double seconds, double metres, double x, double y)
{
    s->seen_s += seconds;
    s->distance_m += metres;
    s->x_s += x * seconds;
    s->y_s += y * seconds;
}

/* The first second of a sprint counts when it is over: until then it is none. */
static void count_sprint(struct fov_match *m, struct match_person *p, double seconds, double metres)
{
    const fov_match_params *params = &m->params;
    struct match_sums none = {0}, *team = p->told.team >= 0 ? &m->teams[p->told.team] : &none;
    if (p->told.speed_mps <= params->sprint_mps) {
        p->fast_s = p->fast_m = 0;
        return;
    }
    bool was = p->fast_s >= params->sprint_s - 1e-6;
    p->fast_s += seconds;
    p->fast_m += metres;
    if (p->fast_s < params->sprint_s - 1e-6)
        return;
    double more = was ? metres : p->fast_m;
    p->sums.sprints += !was;
    p->sums.sprint_m += more;
    team->sprints += !was;
    team->sprint_m += more;
}

/* Seconds and metres from the last settled place to this one. */
static void count_step(struct fov_match *m, struct match_person *p, const struct trail_state *s)
{
    double seconds = s->time_s - p->last.time_s;
    double metres = fmin(trail_way(&p->last, s), m->params.limit_mps * seconds);
    add_sums(&p->sums, seconds, metres, s->x, s->y);
    warm(m, p->heat, s->x, s->y, seconds);
    if (p->told.team >= 0) {
        add_sums(&m->teams[p->told.team], seconds, metres, s->x, s->y);
        warm(m, m->heats + (size_t)p->told.team * bins_of(m), s->x, s->y, seconds);
    }
    count_sprint(m, p, seconds, metres);
}

static void settle_state(struct fov_match *m, struct match_person *p, const struct trail_state *s)
{
    fov_match_person *t = &p->told;
    double speed = hypot(s->vx, s->vy), limit = m->params.limit_mps;
    double cut = speed > limit ? limit / speed : 1;
    t->time_s = s->time_s;
    t->x = s->x;
    t->y = s->y;
    t->vx = s->vx * cut;
    t->vy = s->vy * cut;
    t->speed_mps = fmin(speed, limit);
    t->top_mps = fmax(t->top_mps, t->speed_mps);
    if (p->running)
        count_step(m, p, s);
    p->last = *s;
    p->running = true;
}

static void settle(struct fov_match *m, struct match_person *p, bool ends)
{
    struct trail_state state;
    while (trail_next(&p->trail, m->params.window_s / 2, ends, &state))
        settle_state(m, p, &state);
    if (!ends)
        return;
    p->trail.count = p->trail.settled = 0;
    p->running = false;
    p->fast_s = p->fast_m = 0;
}

/* ---- sights ---------------------------------------------------------------------------------- */

struct match_person *match_find(const struct fov_match *m, int32_t id)
{
    for (int i = 0; i < m->count; i++)
        if (m->people[i].told.id == id)
            return &m->people[i];
    return NULL;
}

/* Of those out of sight the one who was seen least; NULL: all are in sight. */
static struct match_person *dispensable(const struct fov_match *m, double time_s)
{
    struct match_person *least = NULL;
    for (int i = 0; i < m->count; i++) {
        struct match_person *p = &m->people[i];
        bool away = time_s - p->sight_s > m->params.gap_s;
        if (away && (!least || p->sums.seen_s < least->sums.seen_s))
            least = p;
    }
    return least;
}

static struct match_person *place_for(struct fov_match *m, int32_t id, double time_s)
{
    struct match_person *p = match_find(m, id);
    if (p)
        return p;
    if (m->count < m->params.max_people) {
        p = &m->people[m->count++];
    } else if (!(p = dispensable(m, time_s))) {
        return NULL;
    }
    clear_person(m, p);
    p->told.id = id;
    p->told.team = -1;
    return p;
}

static bool can_be(const struct fov_match *m, const fov_match_spot *s)
{
    const fov_pitch_size *size = &m->params.pitch;
    return s->id > 0 && s->x > -OUTSIDE_M && s->x < size->length + OUTSIDE_M && s->y > -OUTSIDE_M &&
           s->y < size->width + OUTSIDE_M;
}

static void see(struct fov_match *m, double time_s, const fov_match_spot *s)
{
    struct match_person *p = can_be(m, s) ? place_for(m, s->id, time_s) : NULL;
    if (!p || (p->trail.count && p->sight_s >= time_s)) { /* twice in a frame */
        m->left_out++;
        return;
    }
    double passed_s = time_s - p->sight_s, leap = hypot(s->x - p->sight_x, s->y - p->sight_y);
    if (p->trail.count &&
        (passed_s > m->params.gap_s || leap > LEAP_M + m->params.limit_mps * passed_s))
        settle(m, p, true);
    if (s->team == 0 || s->team == 1)
        p->told.team = s->team;
    p->sight_s = time_s;
    p->sight_x = s->x;
    p->sight_y = s->y;
    trail_add(&p->trail, time_s, s->x, s->y, m->params.window_s / 2);
    settle(m, p, false);
}

fov_status fov_match_update(fov_match *m, double time_s, const fov_match_spot *spots, size_t count,
                            const double *ball, fov_error *error)
{
    if (!isfinite(time_s) || (m->begun && time_s <= m->time_s))
        return fov_fail(error, FOV_EINVAL, "the time %g s is not later than the last, %g s", time_s,
                        m->begun ? m->time_s : 0);
    double span_s = m->begun ? time_s - m->time_s : 0;
    m->begun = true;
    m->time_s = time_s;
    for (size_t i = 0; i < count; i++)
        see(m, time_s, &spots[i]);
    for (int i = 0; i < m->count; i++)
        if (m->people[i].trail.count && time_s - m->people[i].sight_s > m->params.gap_s)
            settle(m, &m->people[i], true);
    match_watch_ball(m, time_s, span_s > m->params.gap_s ? 0 : span_s, spots, count, ball);
    return FOV_OK;
}

void fov_match_settle(fov_match *m)
{
    for (int i = 0; i < m->count; i++)
        settle(m, &m->people[i], true);
}

/* ---- what is told ---------------------------------------------------------------------------- */

static fov_match_person tell(const struct fov_match *m, const struct match_person *p)
{
    fov_match_person t = p->told;
    const struct match_sums *s = &p->sums;
    t.present = m->time_s - p->sight_s <= m->params.gap_s;
    t.seen_s = s->seen_s;
    t.distance_m = s->distance_m;
    t.sprints = s->sprints;
    t.sprint_m = s->sprint_m;
    t.mean_x = s->seen_s > 0 ? s->x_s / s->seen_s : t.x;
    t.mean_y = s->seen_s > 0 ? s->y_s / s->seen_s : t.y;
    return t;
}

size_t fov_match_people(const fov_match *m, fov_match_person *people, size_t capacity)
{
    for (size_t i = 0; i < (size_t)m->count && i < capacity; i++)
        people[i] = tell(m, &m->people[i]);
    return (size_t)m->count;
}

fov_status fov_match_get_team(const fov_match *m, int team, fov_match_team *figures)
{
    *figures = (fov_match_team){0};
    if (team != 0 && team != 1)
        return FOV_EINVAL;
    const struct match_sums *s = &m->teams[team];
    const double *ball_s = m->ball.team_s;
    double both_s = ball_s[0] + ball_s[1];
    *figures = (fov_match_team){.ball_s = ball_s[team],
                                .ball_share = both_s > 0 ? ball_s[team] / both_s : 0,
                                .mean_x = s->seen_s > 0 ? s->x_s / s->seen_s : 0,
                                .mean_y = s->seen_s > 0 ? s->y_s / s->seen_s : 0,
                                .distance_m = s->distance_m,
                                .seen_s = s->seen_s,
                                .sprint_m = s->sprint_m,
                                .sprints = s->sprints};
    return FOV_OK;
}

fov_match_ball fov_match_get_ball(const fov_match *m)
{
    return m->ball.now;
}

fov_status fov_match_get_heat(const fov_match *m, int32_t id, fov_match_heat *heat)
{
    const struct match_person *p = match_find(m, id);
    *heat = (fov_match_heat){p ? p->heat : NULL, m->columns, m->rows};
    return p ? FOV_OK : FOV_ENOTFOUND;
}

fov_status fov_match_get_team_heat(const fov_match *m, int team, fov_match_heat *heat)
{
    bool good = team == 0 || team == 1;
    *heat = (fov_match_heat){good ? m->heats + (size_t)team * bins_of(m) : NULL, m->columns,
                             m->rows};
    return good ? FOV_OK : FOV_EINVAL;
}

uint64_t fov_match_left_out(const fov_match *m)
{
    return m->left_out;
}
