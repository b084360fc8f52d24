/* Whose a player is, and who keeps a goal; see team_internal.h. */
#include <math.h>

#include "scene/team_internal.h"

#define OTHER 2.5   /* so many standard deviations from both kits is neither */
#define TELLING 1.0 /* log odds below which nothing is said */
#define ODDS_MOST 8.0
#define SURE 4.0          /* log odds at which a second counts as one; less counts less */
#define NAME_PART 0.15f   /* of change_s for a first name */
#define OTHER_PART 0.33f  /* the same to be called neither: covered shirts look like that */
#define SIGHT_LEAST 0.15f /* s of clear sight before anything is thought */
#define PLACE_S 2.0       /* memory of a player's place */
#define LEAD_S 20.0       /* memory of which team stands where */
#define OUTSIDE_PART 0.1f /* a keeper out of the area is forgotten that much slower */
enum { SIDE_LEAST = 3 };

/* ---- sides ----------------------------------------------------------------------------------- */

/* What the mean says now, how surely, and what a second of it counts. */
static fov_team_side think(const fov_teams *teams, const struct team_slot *slot, float *confidence,
                           float *counts)
{
    double d[2], spread = (double)teams->spread;
    for (int k = 0; k < 2; k++)
        d[k] = cluster_square(slot->mean, teams->centers + k * teams->size, teams->size);
    double nearest = fmin(d[0], d[1]) / (OTHER * OTHER * spread);
    double odds = (d[1] - d[0]) / (2 * (double)teams->along);
    odds = fmin(fmax(odds, -ODDS_MOST), ODDS_MOST);
    *counts = 1;
    if (nearest > 1) {
        *confidence = (float)(1 - 0.5 / nearest);
        return FOV_TEAM_OTHER;
    }
    *confidence = (float)(1 / (1 + exp(-fabs(odds))));
    *counts = (float)fmin(fabs(odds) / SURE, 1);
    if (fabs(odds) < TELLING)
        return FOV_TEAM_UNKNOWN;
    return odds > 0 ? FOV_TEAM_FIRST : FOV_TEAM_SECOND;
}

/* Seconds of clear sight that it takes to be called that. */
static float needed_s(const fov_teams *teams, const struct team_slot *slot)
{
    float change_s = (float)teams->params.change_s;
    if (slot->side != FOV_TEAM_UNKNOWN)
        return change_s;
    return change_s * (slot->thought == FOV_TEAM_OTHER ? OTHER_PART : NAME_PART);
}

static void vote(fov_teams *teams, struct team_slot *slot)
{
    float confidence, counts;
    fov_team_side thought = think(teams, slot, &confidence, &counts);
    if (thought == slot->side)
        slot->confidence += 0.2f * (confidence - slot->confidence);
    if (thought != slot->thought || thought == slot->side)
        slot->evidence_s = 0;
    slot->thought = thought;
    if (thought == slot->side || thought == FOV_TEAM_UNKNOWN || slot->sight_s < SIGHT_LEAST)
        return;
    slot->evidence_s += counts * slot->clear * slot->step_s;
    if (slot->evidence_s < needed_s(teams, slot))
        return;
    slot->side = thought;
    slot->confidence = confidence;
    slot->since_s = teams->input_s;
    slot->evidence_s = 0;
}

void team_judge(fov_teams *teams)
{
    for (int i = 0; teams->known && i < teams->params.max_tracks; i++) {
        struct team_slot *slot = &teams->slots[i];
        if (slot->used && slot->clear > 0)
            vote(teams, slot);
    }
}

/* ---- goalkeepers ----------------------------------------------------------------------------- */

/* Where a track stands: as its tracker says, else under its feet. */
static bool place_of(const fov_track *track, const struct ground *ground, double metres[2])
{
    const double feet[2] = {((double)track->x1 + (double)track->x2) / 2, (double)track->y2};
    if (track->on_ground && isfinite(track->ground_x) && isfinite(track->ground_y)) {
        metres[0] = track->ground_x;
        metres[1] = track->ground_y;
        return true;
    }
    return ground_metres(ground, feet, metres);
}

static void follow_place(const fov_teams *teams, struct team_slot *slot, const double metres[2])
{
    double share = slot->has_place ? 1 - exp(-teams->step_s / PLACE_S) : 1;
    for (int k = 0; k < 2; k++)
        slot->place[k] = slot->has_place ? slot->place[k] + share * (metres[k] - slot->place[k])
                                         : metres[k];
    slot->has_place = true;
    slot->place_frame = teams->frame;
}

/* Which team stands nearer to x = 0: the one that defends the goal there. */
static void follow_lead(fov_teams *teams, size_t count)
{
    double sum[2] = {0, 0};
    int found[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const struct team_slot *slot = teams->listed[i];
        if (!slot || !slot->has_place || slot->place_frame != teams->frame ||
            (slot->side != FOV_TEAM_FIRST && slot->side != FOV_TEAM_SECOND))
            continue;
        int k = slot->side == FOV_TEAM_SECOND;
        sum[k] += slot->place[0];
        found[k]++;
    }
    if (found[0] < SIDE_LEAST || found[1] < SIDE_LEAST)
        return;
    double lead = sum[0] / found[0] - sum[1] / found[1];
    double share = fmax(1 - exp(-teams->step_s / LEAD_S),
                        teams->step_s / (teams->lead_s + teams->step_s + 1e-9));
    teams->lead_m += share * (lead - teams->lead_m);
    teams->lead_s = fmin(teams->lead_s + teams->step_s, LEAD_S);
}

/* m from the goal; INFINITY outside of its penalty area. */
static double from_goal(const struct team_slot *slot, int goal, const fov_pitch_size *pitch)
{
    double x = goal ? pitch->length - slot->place[0] : slot->place[0],
           y = slot->place[1] - pitch->width / 2;
    return fabs(y) <= PITCH_PENALTY_AREA_HALF && x <= PITCH_PENALTY_AREA_LENGTH && x > -5
               ? hypot(x, y)
               : INFINITY;
}

/* The one in neither kit that is nearest to a goal, NULL: there is none. */
static struct team_slot *nearest_other(const fov_teams *teams, size_t count, int goal,
                                       const fov_pitch_size *pitch)
{
    struct team_slot *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        struct team_slot *slot = teams->listed[i];
        if (!slot || slot->side != FOV_TEAM_OTHER || !slot->has_place ||
            slot->place_frame != teams->frame)
            continue;
        double distance = from_goal(slot, goal, pitch);
        if (distance < least) {
            least = distance;
            best = slot;
        }
    }
    return best;
}

/* One frame of evidence for and against the goal that a player may keep. */
static void weigh(const fov_teams *teams, struct team_slot *slot, int goal, bool here)
{
    float needed = (float)teams->params.change_s * 0.6f, step = (float)teams->step_s;
    float *sum = &slot->keeps_s[goal];
    *sum = here ? fminf(*sum + step, 2 * needed) : fmaxf(*sum - OUTSIDE_PART * step, 0);
    if (slot->keeps < 0 && *sum >= needed)
        slot->keeps = goal;
    else if (slot->keeps == goal && *sum <= 0)
        slot->keeps = -1;
}

void team_keepers(fov_teams *teams, const fov_teams_input *input)
{
    struct ground ground = {0};
    const fov_tracks *tracks = input->tracks;
    fov_pitch_size pitch = input->pitch;
    int width = input->image ? input->image->width : 0,
        height = input->image ? input->image->height : 0;
    if (!ground_of_view(&ground, input->view, width, height))
        return;
    pitch.length = pitch.length > 0 ? pitch.length : 105;
    pitch.width = pitch.width > 0 ? pitch.width : 68;
    for (size_t i = 0; i < tracks->count; i++) {
        double metres[2];
        if (teams->listed[i] && team_counts(teams, &tracks->items[i]) &&
            place_of(&tracks->items[i], &ground, metres))
            follow_place(teams, teams->listed[i], metres);
    }
    follow_lead(teams, tracks->count);
    for (int goal = 0; goal < 2; goal++) {
        const struct team_slot *keeper = nearest_other(teams, tracks->count, goal, &pitch);
        for (size_t i = 0; i < tracks->count; i++) {
            struct team_slot *slot = teams->listed[i];
            if (slot && slot->has_place && slot->place_frame == teams->frame)
                weigh(teams, slot, goal, slot == keeper);
        }
    }
}
