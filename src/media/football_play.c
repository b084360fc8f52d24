/* The ball, and what players do with it: dribble, pass, shoot, and start again when it is out. */
#include "media/football_play.h"

#include <math.h>
#include <string.h>

#include "base/pitch_law.h"

#define GRAVITY 9.81   /* m/s^2 */
#define ROLL_DRAG 0.42 /* 1/s: speed over grass falls by this part a second */
#define AIR_DRAG 0.12
#define GOAL_HEIGHT 2.44

static const double MIDDLE[2] = {FOOTBALL_LENGTH / 2, FOOTBALL_WIDTH / 2};

/* ---- chance ----------------------------------------------------------------------------------
 */

double play_random(struct play *p)
{
    return play_share(&p->random);
}

double play_normal(struct play *p)
{
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += play_random(p) - 0.5;
    return sum * sqrt(2); /* six of variance 1/12 */
}

static double between(struct play *p, double least, double most)
{
    return least + (most - least) * play_random(p);
}

/* ---- small geometry --------------------------------------------------------------------------
 */

/* x of the goal that a team plays to. */
static double goal_x(int team)
{
    return team == 0 ? FOOTBALL_LENGTH : 0;
}

static double nearest_opponent(const struct play *p, int person, const double at[2])
{
    double least = 1e9;
    for (int i = 0; i < FOOTBALL_PLAYERS; i++)
        if (play_team(i) != play_team(person))
            least = fmin(least, play_distance(p->people[i].at, at));
    return least;
}

/* ---- kicks -----------------------------------------------------------------------------------
 */

static void release(struct play *p)
{
    p->kicker = p->owner;
    p->owner = -1;
    p->waits = false;
    p->kicked_s = play_time(p);
}

/* Rolls to `to` and is still going `arrive` m/s there. */
static void kick_low(struct play *p, const double to[2], double arrive)
{
    double d = play_distance(to, p->ball) + 1e-6, v = d * ROLL_DRAG + arrive;
    v *= 1 + 0.05 * play_normal(p);
    double turn = 0.035 * play_normal(p), c = cos(turn), s = sin(turn);
    double x = (to[0] - p->ball[0]) / d, y = (to[1] - p->ball[1]) / d;
    p->ball_speed[0] = v * (x * c - y * s);
    p->ball_speed[1] = v * (x * s + y * c);
    p->ball_speed[2] = 0;
    release(p);
}

/* Flies to `to` in `flight_s` and is `end_z` high there. */
static void kick_high(struct play *p, const double to[2], double flight_s, double end_z,
                      double error)
{
    double d = play_distance(to, p->ball) + 1e-6;
    double v = d * AIR_DRAG / (1 - exp(-AIR_DRAG * flight_s));
    double turn = error * play_normal(p), c = cos(turn), s = sin(turn);
    double x = (to[0] - p->ball[0]) / d, y = (to[1] - p->ball[1]) / d;
    p->ball_speed[0] = v * (x * c - y * s);
    p->ball_speed[1] = v * (x * s + y * c);
    p->ball_speed[2] = (end_z - p->ball[2] + GRAVITY / 2 * flight_s * flight_s) / flight_s;
    release(p);
}

/* How good it would be to pass to a team mate: forwards, free, and not too far. */
static double worth(struct play *p, int mate)
{
    const double *from = p->ball, *to = p->people[mate].at;
    double d = play_distance(from, to), ahead = (to[0] - from[0]) * (play_team(mate) == 0 ? 1 : -1);
    double free_m = fmin(nearest_opponent(p, mate, to), 8);
    return 0.35 * ahead - 0.25 * fabs(d - 16) + 1.6 * free_m + 5 * play_random(p) -
           (play_keeper(mate) ? 12 : 0) - (d < 6 ? 10 : 0);
}

static void pass(struct play *p)
{
    int best = -1, team = play_team(p->owner);
    double most = -1e9;
    for (int i = team * FOOTBALL_SIDE; i < (team + 1) * FOOTBALL_SIDE; i++) {
        double w = i == p->owner ? -1e9 : worth(p, i);
        if (w > most) {
            most = w;
            best = i;
        }
    }
    const struct play_person *mate = &p->people[best];
    double d = play_distance(p->ball, mate->at), lead_s = 0.35 + d / 22;
    bool high = d > 27 || play_random(p) < 0.12;
    for (int k = 0; k < 2; k++)
        p->meet[k] = mate->at[k] + mate->speed[k] * lead_s;
    p->meet[0] = play_clamp(p->meet[0], 2, FOOTBALL_LENGTH - 2);
    p->meet[1] = play_clamp(p->meet[1], 2, FOOTBALL_WIDTH - 2);
    p->receiver = best;
    if (high)
        kick_high(p, p->meet, 0.9 + d / 24, PLAY_BALL_RADIUS, 0.04);
    else
        kick_low(p, p->meet, between(p, 3.5, 6.5));
}

static void shoot(struct play *p)
{
    int team = play_team(p->owner);
    double to[2] = {goal_x(team), MIDDLE[1] + between(p, -4.2, 4.2)};
    double d = play_distance(p->ball, to);
    p->receiver = -1;
    kick_high(p, to, d / between(p, 20, 28), between(p, 0.2, 2.6), 0.03);
}

static void use_ball(struct play *p)
{
    int team = play_team(p->owner);
    double goal[2] = {goal_x(team), MIDDLE[1]}, to_goal = play_distance(p->ball, goal);
    double pressed = nearest_opponent(p, p->owner, p->people[p->owner].at);
    bool hurried = pressed < 1.7 && p->held_s > 0.45 && !p->waits;
    p->held_s += PLAY_STEP_S;
    if (p->held_s < p->hold_s && !hurried)
        return;
    bool open_angle = fabs(p->ball[1] - MIDDLE[1]) < 17;
    if (to_goal < 24 && open_angle && play_random(p) < (to_goal < 14 ? 0.85 : 0.5))
        shoot(p);
    else
        pass(p);
}

/* ---- who gets it -----------------------------------------------------------------------------
 */

static void take(struct play *p, int person)
{
    p->owner = p->kicker = person;
    p->receiver = -1;
    p->held_s = 0;
    p->hold_s = play_keeper(person) ? between(p, 1.4, 3) : between(p, 0.5, 2.8);
    p->waits = false;
    memset(p->ball_speed, 0, sizeof p->ball_speed);
}

static bool in_reach(struct play *p, int i)
{
    double d = play_distance(p->people[i].at, p->ball),
           v = hypot(p->ball_speed[0], p->ball_speed[1]);
    bool own_kick = i == p->kicker && play_time(p) - p->kicked_s < 0.5;
    if (own_kick)
        return false;
    if (play_keeper(i) && fabs(p->people[i].at[0] - MIDDLE[0]) > 38)
        return d < 1.9 && p->ball[2] < 2.6 && play_random(p) < (v > 15 ? 0.45 : 1);
    return d < 0.9 && p->ball[2] < 1.7 && play_random(p) < (v > 17 ? 0.1 : v > 11 ? 0.35 : 1);
}

static void capture(struct play *p)
{
    int nearest = -1;
    double least = 1e9;
    for (int i = 0; i < FOOTBALL_PLAYERS; i++) {
        double d = play_distance(p->people[i].at, p->ball);
        if (d < least && d < 2 && in_reach(p, i)) {
            least = d;
            nearest = i;
        }
    }
    if (nearest >= 0)
        take(p, nearest);
}

/* An opponent at the feet takes it away now and then. */
static void tackle(struct play *p)
{
    if (p->waits || play_keeper(p->owner) || p->held_s < 0.3)
        return;
    for (int i = 0; i < FOOTBALL_PLAYERS; i++)
        if (play_team(i) != play_team(p->owner) && play_distance(p->people[i].at, p->ball) < 0.8 &&
            play_random(p) < 0.03) {
            take(p, i);
            return;
        }
}

/* ---- flight ----------------------------------------------------------------------------------
 */

static void fly(struct play *p)
{
    bool rolls = p->ball[2] < PLAY_BALL_RADIUS + 0.02 && fabs(p->ball_speed[2]) < 0.4;
    double keep = exp(-(rolls ? ROLL_DRAG : AIR_DRAG) * PLAY_STEP_S);
    for (int k = 0; k < 3; k++)
        p->ball[k] += p->ball_speed[k] * PLAY_STEP_S;
    p->ball_speed[0] *= keep;
    p->ball_speed[1] *= keep;
    p->ball_speed[2] -= GRAVITY * PLAY_STEP_S;
    if (p->ball[2] < PLAY_BALL_RADIUS) {
        p->ball[2] = PLAY_BALL_RADIUS;
        bool bounces = p->ball_speed[2] < -1;
        p->ball_speed[2] = bounces ? -0.55 * p->ball_speed[2] : 0;
        for (int k = 0; bounces && k < 2; k++)
            p->ball_speed[k] *= 0.82;
    }
}

/* At the feet, a touch ahead and back again with the legs. */
static void carry(struct play *p)
{
    const struct play_person *who = &p->people[p->owner];
    double size = hypot(who->facing[0], who->facing[1]) + 1e-9;
    double ahead = 0.5 + 0.18 * sin(who->stride * 0.5);
    for (int k = 0; k < 2; k++) {
        double to = who->at[k] + who->facing[k] / size * ahead;
        p->ball[k] += 0.25 * (to - p->ball[k]) + who->speed[k] * PLAY_STEP_S * 0.75;
    }
    p->ball[2] += 0.3 * (PLAY_BALL_RADIUS - p->ball[2]);
}

/* ---- out, and again --------------------------------------------------------------------------
 */

static void enter(struct play *p, enum play_phase phase)
{
    p->phase = phase;
    p->phase_s = play_time(p);
    p->owner = p->receiver = -1;
}

static int nearest_of(const struct play *p, int team, const double at[2])
{
    int best = team * FOOTBALL_SIDE + 1;
    for (int i = best; i < (team + 1) * FOOTBALL_SIDE; i++)
        if (play_distance(p->people[i].at, at) < play_distance(p->people[best].at, at))
            best = i;
    return best;
}

static void set_restart(struct play *p, double x, double y, int taker)
{
    enter(p, PLAY_DEAD);
    p->restart[0] = x;
    p->restart[1] = y;
    p->taker = taker;
}

static void over_goal_line(struct play *p, int defending)
{
    double x = goal_x(1 - defending), side = p->ball[1] < MIDDLE[1] ? -1 : 1;
    bool in_goal = fabs(p->ball[1] - MIDDLE[1]) < PITCH_POST && p->ball[2] < GOAL_HEIGHT;
    if (in_goal) {
        p->score[1 - defending]++;
        p->taker = defending;
        enter(p, PLAY_SCORED);
    } else if (play_team(p->kicker) == defending) {
        double corner[2] = {x, side < 0 ? 0 : FOOTBALL_WIDTH};
        set_restart(p, corner[0], corner[1], nearest_of(p, 1 - defending, corner));
    } else {
        set_restart(p, fabs(x - 5.5), MIDDLE[1] + side * 7, defending * FOOTBALL_SIDE);
    }
}

static void look_for_out(struct play *p)
{
    if (p->ball[0] < 0 || p->ball[0] > FOOTBALL_LENGTH) {
        over_goal_line(p, p->ball[0] < 0 ? 0 : 1);
    } else if (p->ball[1] < 0 || p->ball[1] > FOOTBALL_WIDTH) {
        double at[2] = {play_clamp(p->ball[0], 1, FOOTBALL_LENGTH - 1),
                        p->ball[1] < 0 ? 0 : FOOTBALL_WIDTH};
        set_restart(p, at[0], at[1], nearest_of(p, 1 - play_team(p->kicker), at));
    }
}

/* What is out stays near: the net, and the boards. */
static void stop_outside(struct play *p)
{
    bool in_net = fabs(p->ball[1] - MIDDLE[1]) < PITCH_POST && p->phase == PLAY_SCORED;
    double deep = in_net ? 1.6 : 4;
    double least[2] = {-deep, -3}, most[2] = {FOOTBALL_LENGTH + deep, FOOTBALL_WIDTH + 3.5};
    for (int k = 0; k < 2; k++) {
        if (p->ball[k] > least[k] && p->ball[k] < most[k])
            continue;
        p->ball[k] = play_clamp(p->ball[k], least[k], most[k]);
        p->ball_speed[k] *= -0.2;
        p->ball_speed[1 - k] *= 0.6;
    }
}

static void begin_again(struct play *p, int person, const double at[2])
{
    memcpy(p->ball, (double[3]){at[0], at[1], PLAY_BALL_RADIUS}, sizeof p->ball);
    take(p, person);
    p->hold_s = between(p, 0.8, 1.6);
    p->waits = true;
    p->phase = PLAY_ON;
}

static void wait_for_taker(struct play *p)
{
    double wait_s = play_time(p) - p->phase_s;
    bool there = play_distance(p->people[p->taker].at, p->restart) < 0.8;
    if (wait_s > 1.5 && there)
        begin_again(p, p->taker, p->restart);
}

static void wait_for_kick_off(struct play *p)
{
    double wait_s = play_time(p) - p->phase_s;
    int taker = p->taker * FOOTBALL_SIDE + 10;
    bool there = play_distance(p->people[taker].at, MIDDLE) < 1;
    for (int i = 0; i < FOOTBALL_PLAYERS; i++) {
        double spot[2];
        play_kick_off_spot(i, spot);
        there = there && (i == taker || play_distance(p->people[i].at, spot) < 12);
    }
    if (wait_s > 1 && there)
        begin_again(p, taker, MIDDLE);
}

/* ---- one step --------------------------------------------------------------------------------
 */

static void play_on(struct play *p)
{
    if (p->owner < 0)
        fly(p);
    else if (!p->waits)
        carry(p);
    if (!p->waits)
        look_for_out(p);
    if (p->phase != PLAY_ON)
        return;
    if (p->owner < 0)
        capture(p);
    else
        tackle(p);
    if (p->owner >= 0)
        use_ball(p);
}

void play_step(struct play *p)
{
    p->step++;
    play_move_people(p);
    if (p->phase == PLAY_ON) {
        play_on(p);
        return;
    }
    if (p->phase != PLAY_KICK_OFF) {
        fly(p);
        stop_outside(p);
    }
    if (p->phase == PLAY_DEAD)
        wait_for_taker(p);
    else if (p->phase == PLAY_KICK_OFF)
        wait_for_kick_off(p);
    else if (play_time(p) - p->phase_s > 4)
        enter(p, PLAY_KICK_OFF);
}

/* A match that goes on already: it begins in the middle of the pitch with the home team. */
void play_start(struct play *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    p->random = seed * 0xD1342543DE82EF95u + 0x2545F4914F6CDD1Du;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        struct play_person *who = &p->people[i];
        play_kick_off_spot(i, who->at);
        who->facing[0] = play_team(i) == 1 ? -1 : 1;
        who->top_speed = between(p, 7.6, 9.3) * (i < FOOTBALL_PLAYERS ? 1 : 0.8);
        who->stride = between(p, 0, 6.28);
        for (int k = 0; k < 2; k++)
            who->wander[k] = 1.5 * play_normal(p);
    }
    begin_again(p, 10, MIDDLE);
    memcpy(p->people[10].at, (double[2]){MIDDLE[0] - 0.5, MIDDLE[1]}, sizeof MIDDLE);
}
