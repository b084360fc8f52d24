/* How people move: a formation that shifts with the ball, those who go for it, and runs into space.
 * Players steer with bounded acceleration and keep a step away from each other. */
#include "media/football_play.h"

#include <math.h>
#include <string.h>

/* Of the formation: 0 own goal to 1 foremost line, and -1 near touch line to 1 far one. */
static const double home[FOOTBALL_SIDE][2] = {
    {0, 0},        {0.06, -0.85}, {0, -0.3},  {0, 0.3},      {0.06, 0.85}, {0.5, -0.8},
    {0.42, -0.25}, {0.42, 0.25},  {0.5, 0.8}, {0.95, -0.25}, {1, 0.22}};
static const double away[FOOTBALL_SIDE][2] = {
    {0, 0},       {0.05, -0.85}, {0, -0.3},    {0, 0.3},    {0.05, 0.85}, {0.36, 0},
    {0.52, -0.4}, {0.52, 0.4},   {0.92, -0.8}, {0.92, 0.8}, {1, 0}};

struct wish {
    double to[2];
    double pace; /* m/s at most */
    double gain; /* 1/s: how hard it is gone for */
};

static const double *place_of(int person)
{
    return person < FOOTBALL_SIDE ? home[person] : away[person - FOOTBALL_SIDE];
}

/* Turns a point by half a turn for the team that plays to the left. Its own inverse. */
static void own_side(int team, const double from[2], double to[2])
{
    to[0] = team == 0 ? from[0] : FOOTBALL_LENGTH - from[0];
    to[1] = team == 0 ? from[1] : FOOTBALL_WIDTH - from[1];
}

void play_kick_off_spot(int person, double at[2])
{
    static const double officials[3][2] = {{48, 24}, {62, -0.9}, {43, 68.9}};
    if (person >= FOOTBALL_PLAYERS) {
        memcpy(at, officials[person - FOOTBALL_PLAYERS], sizeof officials[0]);
        return;
    }
    const double *place = place_of(person);
    double own[2] = {play_keeper(person) ? 3 : 14 + 34 * place[0], 34 + 25 * place[1]};
    if (person == 10 || person == FOOTBALL_SIDE + 10)
        own[1] = 34 + 10; /* the centre circle belongs to who kicks off */
    own_side(play_team(person), own, at);
}

/* ---- wishes ----------------------------------------------------------------------------------
 */

static bool attacks(const struct play *p, int team)
{
    int last = p->owner >= 0 ? p->owner : p->kicker;
    return play_team(last) == team;
}

static void shape(const struct play *p, int person, struct wish *w)
{
    int team = play_team(person);
    const double *place = place_of(person);
    double ball[2], own[2];
    own_side(team, p->ball, ball);
    bool attack = attacks(p, team);
    own[0] = 12 + 42 * place[0] + 0.47 * (ball[0] - 22) + (attack ? 4 : -3);
    own[1] = 34 + (attack ? 29 : 22) * place[1] + 0.36 * (ball[1] - 34);
    own[0] = play_clamp(own[0], 7, 97) + p->people[person].wander[0];
    own[1] = play_clamp(own[1], 3, 65) + p->people[person].wander[1];
    own_side(team, own, w->to);
    w->pace = 0.62 * p->people[person].top_speed;
    w->gain = 0.24;
}

/* Between the ball and the middle of the goal, further out the further the ball is. */
static void guard(const struct play *p, int person, struct wish *w)
{
    int team = play_team(person);
    double ball[2], goal[2] = {0, 34}, own[2];
    own_side(team, p->ball, ball);
    double d = play_distance(ball, goal) + 1e-6, out = play_clamp(0.16 * d, 1, 11);
    for (int k = 0; k < 2; k++)
        own[k] = goal[k] + (ball[k] - goal[k]) / d * out;
    double toward = (team == 0 ? -1 : 1) * p->ball_speed[0];
    if (p->owner < 0 && toward > 12 && ball[0] < 30) { /* a shot: where it will pass */
        double flight_s = ball[0] / toward;
        double y = p->ball[1] + p->ball_speed[1] * flight_s;
        own[0] = fmin(own[0], 1.2);
        own[1] = play_clamp(team == 0 ? y : FOOTBALL_WIDTH - y, 30, 38);
    }
    own[0] = fmax(own[0], 0.4);
    own_side(team, own, w->to);
    w->pace = 6;
    w->gain = toward > 12 ? 5 : 1.4;
}

/* Where somebody who runs as fast as he can meets the rolling ball, about. */
static void ahead_of_ball(const struct play *p, int person, double to[2])
{
    double d = play_distance(p->people[person].at, p->ball);
    double lead_s = play_clamp(d / 9, 0.1, 1.4);
    for (int k = 0; k < 2; k++)
        to[k] = p->ball[k] + p->ball_speed[k] * lead_s * 0.85;
    to[0] = play_clamp(to[0], 0, FOOTBALL_LENGTH);
    to[1] = play_clamp(to[1], 0, FOOTBALL_WIDTH);
}

static void dribble(const struct play *p, int person, struct wish *w)
{
    const struct play_person *who = &p->people[person];
    double goal[2] = {play_team(person) == 0 ? FOOTBALL_LENGTH : 0, 34}, push[2] = {0, 0};
    double d = play_distance(who->at, goal) + 1e-6;
    for (int i = 0; i < FOOTBALL_PLAYERS; i++) {
        double r = play_distance(who->at, p->people[i].at);
        if (play_team(i) == play_team(person) || r > 6)
            continue;
        for (int k = 0; k < 2; k++)
            push[k] += (who->at[k] - p->people[i].at[k]) / (r * r + 0.3) * 2;
    }
    double stay = play_clamp((fabs(who->at[1] - 34) - 29) / 3, 0, 1);
    push[1] += stay * (who->at[1] < 34 ? 3 : -3);
    for (int k = 0; k < 2; k++)
        w->to[k] = who->at[k] + 4 * ((goal[k] - who->at[k]) / d + push[k]);
    w->pace = play_keeper(person) ? 1.5 : 5.2;
    w->gain = 1.2;
}

/* The taker of a restart stands a step outside of the ball. */
static void stand_at(const double ball[2], struct wish *w)
{
    double out[2] = {ball[0] - FOOTBALL_LENGTH / 2, ball[1] - FOOTBALL_WIDTH / 2};
    double size = hypot(out[0], out[1]) + 1e-6;
    for (int k = 0; k < 2; k++)
        w->to[k] = ball[k] + 0.45 * out[k] / size;
    w->gain = 1.6;
    w->pace = 4.8;
}

/* Now and then somebody of the attacking side sprints for the space behind the others. */
static void begin_run(struct play *p, int person)
{
    struct play_person *who = &p->people[person];
    int team = play_team(person);
    double own[2], far_enough = 0.3;
    if (place_of(person)[0] < far_enough || !attacks(p, team) || play_random(p) > 0.0009)
        return;
    own_side(team, who->at, own);
    own[0] = play_clamp(own[0] + 22 + 16 * play_random(p), 0, 99);
    own[1] = play_clamp(own[1] + 6 * play_normal(p), 4, 64);
    own_side(team, own, who->run_to);
    who->run_until_s = play_time(p) + 2.6 + 2 * play_random(p);
}

static void field_wish(struct play *p, int person, struct wish *w)
{
    struct play_person *who = &p->people[person];
    shape(p, person, w);
    begin_run(p, person);
    if (play_time(p) < who->run_until_s && play_distance(who->at, who->run_to) > 3) {
        memcpy(w->to, who->run_to, sizeof w->to);
        w->pace = who->top_speed;
        w->gain = 3;
    }
}

/* The two of a team who are nearest to the ball, keepers left out. */
static void nearest_two(const struct play *p, int team, int two[2])
{
    double least[2] = {1e9, 1e9};
    two[0] = two[1] = -1;
    for (int i = team * FOOTBALL_SIDE + 1; i < (team + 1) * FOOTBALL_SIDE; i++) {
        double d = play_distance(p->people[i].at, p->ball);
        if (d < least[0]) {
            least[1] = least[0];
            two[1] = two[0];
            least[0] = d;
            two[0] = i;
        } else if (d < least[1]) {
            least[1] = d;
            two[1] = i;
        }
    }
}

static void go_for_ball(const struct play *p, struct wish wishes[])
{
    for (int team = 0; team < 2; team++) {
        int two[2];
        bool has = p->owner >= 0 && play_team(p->owner) == team;
        nearest_two(p, team, two);
        if (has || (p->owner >= 0 && p->waits))
            continue;
        struct wish *w = &wishes[two[0]];
        ahead_of_ball(p, two[0], w->to);
        w->pace = 0.97 * p->people[two[0]].top_speed;
        w->gain = 2.2;
        if (p->owner < 0)
            continue;
        w = &wishes[two[1]]; /* covers, two or three metres behind */
        w->to[0] = p->ball[0] + (team == 0 ? -3.0 : 3.0);
        w->to[1] = p->ball[1] + (p->ball[1] < 34 ? 2.0 : -2.0);
        w->pace = 6;
        w->gain = 0.8;
    }
    if (p->owner < 0 && p->receiver >= 0) {
        struct wish *w = &wishes[p->receiver];
        memcpy(w->to, p->meet, sizeof w->to);
        if (play_distance(p->people[p->receiver].at, p->ball) < 7)
            ahead_of_ball(p, p->receiver, w->to);
        w->pace = p->people[p->receiver].top_speed;
        w->gain = 2;
    }
}

static void with_the_ball(const struct play *p, struct wish wishes[])
{
    go_for_ball(p, wishes);
    if (p->owner < 0)
        return;
    struct wish *w = &wishes[p->owner];
    if (p->waits)
        stand_at(p->ball, w);
    else
        dribble(p, p->owner, w);
}

static void between_plays(const struct play *p, struct wish wishes[])
{
    for (int i = 0; i < FOOTBALL_PLAYERS && p->phase == PLAY_KICK_OFF; i++) {
        play_kick_off_spot(i, wishes[i].to);
        wishes[i].pace = 4.2;
        wishes[i].gain = 0.5;
    }
    if (p->phase == PLAY_DEAD)
        stand_at(p->restart, &wishes[p->taker]);
    if (p->phase == PLAY_KICK_OFF) {
        double middle[2] = {FOOTBALL_LENGTH / 2, FOOTBALL_WIDTH / 2};
        memcpy(wishes[p->taker * FOOTBALL_SIDE + 10].to, middle, sizeof middle);
    }
    for (int i = 0; i < FOOTBALL_PLAYERS && p->phase == PLAY_SCORED; i++)
        wishes[i].pace = 2;
    if (p->phase == PLAY_SCORED && play_team(p->kicker) != p->taker) { /* to the corner flag */
        struct wish *w = &wishes[p->kicker];
        w->to[0] = p->taker == 1 ? FOOTBALL_LENGTH - 4 : 4;
        w->to[1] = p->people[p->kicker].at[1] < 34 ? 5 : 63;
        w->pace = 6.5;
        w->gain = 1;
    }
}

/* x of the last but one of a team, seen from its goal: where its assistant walks. */
static double offside_line(const struct play *p, int team)
{
    double last = 1e9, second = 1e9, ball[2];
    for (int i = team * FOOTBALL_SIDE; i < (team + 1) * FOOTBALL_SIDE; i++) {
        double own[2];
        own_side(team, p->people[i].at, own);
        second = fmin(second, fmax(last, own[0]));
        last = fmin(last, own[0]);
    }
    own_side(team, p->ball, ball);
    double x = play_clamp(fmin(second, ball[0]), 0, FOOTBALL_LENGTH / 2);
    return team == 0 ? x : FOOTBALL_LENGTH - x;
}

static void officials(const struct play *p, struct wish wishes[])
{
    struct wish *referee = &wishes[FOOTBALL_PLAYERS];
    double behind = attacks(p, 0) ? -9 : 9;
    referee->to[0] = play_clamp(p->ball[0] + behind, 12, 93);
    referee->to[1] = play_clamp(0.7 * p->ball[1] + 0.3 * 34 + (behind < 0 ? 8 : -8), 8, 60);
    referee->pace = 6.3;
    referee->gain = 0.35;
    for (int team = 0; team < 2; team++) {
        struct wish *w = &wishes[FOOTBALL_PLAYERS + 2 - team];
        w->to[0] = offside_line(p, team);
        w->to[1] = team == 1 ? -0.9 : FOOTBALL_WIDTH + 0.9;
        w->pace = 6.5;
        w->gain = 1.2;
    }
}

/* ---- steering --------------------------------------------------------------------------------
 */

static void keep_apart(const struct play *p, int person, double force[2])
{
    const double *at = p->people[person].at;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        double d = play_distance(at, p->people[i].at);
        if (i == person || d > 1.2 || d < 1e-6)
            continue;
        for (int k = 0; k < 2; k++)
            force[k] += 7 * (1.2 - d) * (at[k] - p->people[i].at[k]) / d;
    }
}

/* Faster runners gain speed more slowly; nobody brakes harder than 6 m/s^2. */
static void steer(const struct play *p, int person, const struct wish *w, double force[2])
{
    const struct play_person *who = &p->people[person];
    double speed = hypot(who->speed[0], who->speed[1]), want[2];
    double most = 2 + 4 * fmax(0, 1 - speed / (who->top_speed + 1));
    for (int k = 0; k < 2; k++)
        want[k] = (w->to[k] - who->at[k]) * w->gain;
    double pace = hypot(want[0], want[1]) + 1e-9, cut = fmin(1, w->pace / pace);
    for (int k = 0; k < 2; k++)
        force[k] = 3.2 * (want[k] * cut - who->speed[k]);
    double size = hypot(force[0], force[1]) + 1e-9;
    bool brakes = force[0] * who->speed[0] + force[1] * who->speed[1] < 0;
    double limit = fmin(1, (brakes ? 6 : most) / size);
    force[0] *= limit;
    force[1] *= limit;
}

/* Slow people look at the ball, fast ones where they run. */
static void face(const struct play *p, struct play_person *who)
{
    double speed = hypot(who->speed[0], who->speed[1]), d = play_distance(who->at, p->ball) + 1e-6;
    double run = play_clamp((speed - 0.8) / 1.6, 0, 1);
    for (int k = 0; k < 2; k++) {
        double look = (p->ball[k] - who->at[k]) / d, go = who->speed[k] / (speed + 1e-6);
        who->facing[k] += 0.09 * ((1 - run) * look + run * go - who->facing[k]);
    }
}

static void advance(struct play *p, int person, const struct wish *w)
{
    struct play_person *who = &p->people[person];
    double force[2];
    steer(p, person, w, force);
    keep_apart(p, person, force);
    for (int k = 0; k < 2; k++) {
        who->speed[k] += force[k] * PLAY_STEP_S;
        who->at[k] += who->speed[k] * PLAY_STEP_S;
        who->wander[k] += -0.3 * who->wander[k] * PLAY_STEP_S +
                          1.2 * sqrt(PLAY_STEP_S) * play_normal(p);
    }
    double speed = hypot(who->speed[0], who->speed[1]),
           cut = fmin(1, who->top_speed / (speed + 1e-9));
    for (int k = 0; k < 2; k++)
        who->speed[k] *= cut;
    who->stride += (speed < 0.15 ? 0 : 2.6 + 1.35 * speed) * PLAY_STEP_S;
    face(p, who);
}

void play_move_people(struct play *p)
{
    struct wish wishes[FOOTBALL_PEOPLE];
    for (int i = 0; i < FOOTBALL_PLAYERS; i++) {
        if (play_keeper(i))
            guard(p, i, &wishes[i]);
        else
            field_wish(p, i, &wishes[i]);
    }
    officials(p, wishes);
    if (p->phase == PLAY_ON)
        with_the_ball(p, wishes);
    else
        between_plays(p, wishes);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        advance(p, i, &wishes[i]);
}
