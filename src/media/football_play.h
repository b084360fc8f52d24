/* The match itself: who runs where, and what the ball does. Steps of a fiftieth second; the same
 * seed gives the same match. */
#ifndef MEDIA_FOOTBALL_PLAY_H
#define MEDIA_FOOTBALL_PLAY_H

#include <math.h>

#include "media/football.h"

#define PLAY_STEP_S 0.02
#define PLAY_BALL_RADIUS 0.11 /* m */

struct play_person {
    double at[2], speed[2]; /* m, m/s */
    double facing[2];       /* a direction, not normed */
    double stride;          /* phase of the legs, radians, growing */
    double wander[2];       /* m from where the formation wants the player */
    double top_speed;       /* m/s */
    double run_until_s, run_to[2];
};

enum play_phase {
    PLAY_ON,
    PLAY_DEAD,   /* out; somebody walks to where it goes on */
    PLAY_SCORED, /* joy, then a kick-off */
    PLAY_KICK_OFF
};

struct play {
    uint64_t random;
    int64_t step;
    struct play_person people[FOOTBALL_PEOPLE];
    double ball[3], ball_speed[3];
    int owner;      /* index, -1: nobody */
    int kicker;     /* who touched it last */
    int receiver;   /* who runs for the pass, -1: nobody in particular */
    double meet[2]; /* where the pass can be met */
    double held_s, hold_s, kicked_s;
    bool waits; /* the owner stands still until the ball is kicked: restarts */
    enum play_phase phase;
    double phase_s; /* when it began */
    double restart[2];
    int taker; /* of a restart */
    int score[2];
};

void play_start(struct play *p, uint64_t seed);
void play_step(struct play *p);

static inline double play_time(const struct play *p)
{
    return (double)p->step * PLAY_STEP_S;
}

/* 0, 1; -1 for officials. */
static inline int play_team(int person)
{
    return person < FOOTBALL_SIDE ? 0 : person < FOOTBALL_PLAYERS ? 1 : -1;
}

/* 0 <= number < 1, the next of splitmix64 (Steele, Lea, Flood 2014). */
static inline double play_share(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static inline bool play_keeper(int person)
{
    return person == 0 || person == FOOTBALL_SIDE;
}

static inline double play_clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static inline double play_distance(const double a[2], const double b[2])
{
    return hypot(a[0] - b[0], a[1] - b[1]);
}

/* ---- between the files of the play ------------------------------------------------------------
 */

/* Where everybody wants to be, and one step towards it. */
void play_move_people(struct play *p);

/* Where people stand at a kick-off. */
void play_kick_off_spot(int person, double at[2]);

/* 0 <= number < 1; a bell curve with deviation 1. */
double play_random(struct play *p);
double play_normal(struct play *p);

#endif
