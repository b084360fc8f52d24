/* Two kits among the players; see team_internal.h. */
#include <math.h>
#include <string.h>

#include "scene/team_internal.h"

#define TRY_EVERY_S 0.5    /* until they are known */
#define FOLLOW_EVERY_S 4.0 /* then */
#define EARLY_S 20.0       /* what is found so soon after the first time replaces it */
#define FOLLOWS 0.2f       /* later it moves so far: light changes in 20 s or more */
#define SIGHT_S 0.4f       /* of a player that counts */
#define RECENT_S 5.0
#define TRIM 0.2 /* part of the players that may wear neither kit */
enum { STARTS = 12, SIDE_LEAST = 3 };
#define SIDE_SHARE 0.22 /* of those that wear either */
/* Between both, in standard deviations along that line: 4.5 of many players, more of few: one kit
 * of a few players falls into two parts by chance. 7 of 18 players, 10 of 7. */
#define APART 4.5
#define APART_FEW 9.0
#define APART_LEAST 7.0   /* units of colour */
#define VECTOR_LEAST 0.15 /* the same of embeddings, which are one long */
/* Names, in units of colour: how far a kit may look from its name, how much players of it differ
 * before any was seen, and how far apart two must be to be told by their names alone. */
#define NAMED_FAR 70.0
#define NAMED_SPREAD 9.0
#define NAMED_APART 45.0
#define SPREAD_LEAST 4.0F /* units of colour that players of one kit differ by */
#define ALONG_LEAST 2.0F
#define LIGHT 4.0F /* the same by light alone: shade is taken out only roughly */

/* Means of the players that were seen well enough of late; false: too few of them. */
static bool gather(fov_teams *teams, struct cluster_points *points)
{
    size_t size = (size_t)teams->size;
    *points = (struct cluster_points){teams->points, 0, teams->size};
    for (int i = 0; i < teams->params.max_tracks; i++) {
        const struct team_slot *slot = &teams->slots[i];
        if (!slot->used || slot->sight_s < SIGHT_S || teams->time_s - slot->seen_s > RECENT_S)
            continue;
        memcpy(teams->points + points->count++ * size, slot->mean, size * sizeof *slot->mean);
    }
    return points->count >= (size_t)teams->params.min_tracks;
}

struct pair {
    size_t count[2];
    double apart;         /* between the centres */
    double spread, along; /* squares, means over both groups */
};

/* Place of a point along the line between two centres, from the first one. */
static double along_line(const float *value, const float *centers, int size, double apart)
{
    double dot = 0;
    for (int d = 0; d < size; d++)
        dot += ((double)value[d] - (double)centers[d]) *
               ((double)centers[size + d] - (double)centers[d]);
    return apart > 0 ? dot / apart : 0;
}

static struct pair measure(const fov_teams *teams, const struct cluster_points *points,
                           const float *centers)
{
    int size = teams->size;
    struct pair pair = {{0, 0}, sqrt(cluster_square(centers, centers + size, size)), 0, 0};
    for (size_t i = 0; i < points->count; i++) {
        int side = teams->work.member[i];
        if (side < 0)
            continue;
        const float *value = points->values + i * (size_t)size;
        double off = along_line(value, centers, size, pair.apart) - side * pair.apart;
        pair.count[side]++;
        pair.spread += cluster_square(value, centers + side * size, size);
        pair.along += off * off;
    }
    double members = (double)(pair.count[0] + pair.count[1]);
    pair.spread /= members;
    pair.along /= members;
    return pair;
}

/* Whether these are two kits and not one cut in two. */
static bool are_two(const fov_teams *teams, const struct pair *pair)
{
    bool vectors = teams->params.embedding_size > 0;
    size_t least = pair->count[0] < pair->count[1] ? pair->count[0] : pair->count[1];
    double all = (double)(pair->count[0] + pair->count[1]);
    return least >= SIDE_LEAST && (double)least >= SIDE_SHARE * all &&
           pair->apart >= (vectors ? VECTOR_LEAST : APART_LEAST) &&
           pair->apart >= APART * (1 + APART_FEW / all) * sqrt(pair->along);
}

static void swap_groups(struct cluster_work *work, size_t count, float *centers, int size)
{
    for (size_t i = 0; i < count; i++)
        if (work->member[i] >= 0)
            work->member[i] = !work->member[i];
    for (int d = 0; d < size; d++) {
        float first = centers[d];
        centers[d] = centers[size + d];
        centers[size + d] = first;
    }
}

/* The first team is the one that it was, or that was named so, or else the lighter one. */
static void put_in_order(fov_teams *teams, size_t count, float *centers)
{
    int size = teams->size;
    const float *old = teams->learnt ? teams->centers : teams->named;
    bool swap = false;
    if (teams->learnt || teams->params.named)
        swap = cluster_square(centers, old + size, size) +
                   cluster_square(centers + size, old, size) <
               cluster_square(centers, old, size) +
                   cluster_square(centers + size, old + size, size);
    else if (teams->params.embedding_size == 0)
        swap = centers[size + 2] > centers[2];
    if (swap)
        swap_groups(&teams->work, count, centers, size);
}

/* Whether each centre is nearer than that to another. */
static bool are_near(const fov_teams *teams, const float *others, double distance)
{
    int size = teams->size;
    for (int k = 0; k < 2; k++)
        if (cluster_square(teams->trial + k * size, others + k * size, size) > distance * distance)
            return false;
    return true;
}

/* Whether what was found may replace what is known: soon after the beginning; later only the same
 * kits in another light; and never what is far from the names. */
static bool may_follow(const fov_teams *teams, bool early)
{
    int size = teams->size;
    double apart = sqrt(cluster_square(teams->centers, teams->centers + size, size));
    if (teams->params.named && !are_near(teams, teams->named, NAMED_FAR))
        return false;
    return early || are_near(teams, teams->centers, apart / 2);
}

/* How much of the line between both kits is light and not hue, 0..1. */
static float part_of_light(const fov_teams *teams)
{
    double apart = cluster_square(teams->centers, teams->centers + teams->size, teams->size);
    float light = teams->centers[2] - teams->centers[teams->size + 2];
    return apart > 0 ? light * light / (float)apart : 0;
}

static void set_spread(fov_teams *teams, const struct pair *pair)
{
    bool vectors = teams->params.embedding_size > 0;
    float part = 0.12f * (float)pair->apart, least = vectors ? 0 : SPREAD_LEAST;
    teams->spread = fmaxf((float)pair->spread, fmaxf(least * least, part * part));
    least = vectors ? 0 : ALONG_LEAST * ALONG_LEAST + LIGHT * LIGHT * part_of_light(teams);
    teams->along = fmaxf((float)pair->along, fmaxf(least, part * part));
}

static void adopt(fov_teams *teams, const struct pair *pair, float share)
{
    for (int d = 0; d < 2 * teams->size; d++)
        teams->centers[d] += share * (teams->trial[d] - teams->centers[d]);
    teams->known = true;
    set_spread(teams, pair);
}

static void learn_from(fov_teams *teams, const struct cluster_points *points)
{
    if (!cluster_two(points, TRIM, STARTS, teams->trial, &teams->work))
        return;
    put_in_order(teams, points->count, teams->trial);
    struct pair pair = measure(teams, points, teams->trial);
    bool early = !teams->learnt || teams->time_s - teams->learnt_s < EARLY_S;
    if (!are_two(teams, &pair) || !may_follow(teams, early))
        return;
    adopt(teams, &pair, early ? 1 : FOLLOWS);
    if (!teams->learnt)
        teams->learnt_s = teams->time_s;
    teams->learnt = true;
}

void team_learn(fov_teams *teams)
{
    struct cluster_points points;
    if (teams->time_s < teams->learn_due_s)
        return;
    bool enough = gather(teams, &points);
    if (enough)
        learn_from(teams, &points);
    teams->learn_due_s = teams->time_s + (teams->learnt ? FOLLOW_EVERY_S : TRY_EVERY_S);
    teams->state = teams->known ? FOV_TEAMS_KNOWN : enough ? FOV_TEAMS_ALIKE : FOV_TEAMS_WAITING;
}

void team_name_kits(fov_teams *teams)
{
    struct kit kit;
    struct pair pair = {{0, 0}, 0, NAMED_SPREAD * NAMED_SPREAD, NAMED_SPREAD * NAMED_SPREAD / 4};
    for (int k = 0; k < 2; k++) {
        kit_of_colour(&kit, &teams->tables, teams->params.colors[k]);
        memcpy(teams->named + k * KIT_SIZE, kit.values, sizeof kit.values);
    }
    pair.apart = sqrt(cluster_square(teams->named, teams->named + KIT_SIZE, KIT_SIZE));
    memcpy(teams->trial, teams->named, 2 * KIT_SIZE * sizeof *teams->trial);
    if (pair.apart >= NAMED_APART)
        adopt(teams, &pair, 1);
}
