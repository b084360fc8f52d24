/* What each player wears, frame by frame; see team_internal.h. */
#include <math.h>

#include "scene/team_internal.h"

#define MEMORY_S 4.0f    /* a mean forgets 1/e of what is older */
#define HIDDEN_MOST 0.6f /* a torso covered by more than that is not looked at */
#define SURPRISE 30.0f   /* units of colour: somebody else's shirt moves a mean no more than that */
#define LEAN_S 0.4f      /* memory of what a track seems to be at present */
#define VECTOR_STANDS_S 0.6f /* a vector counts for so long at the most */
#define TURF_EVERY_S 1.0
#define TURF_AGAIN_S 0.2   /* while it is not known */
#define TURF_FOLLOWS 0.3f  /* of the way each time: 3 s */
#define STAND_S 4.0f       /* memory of whether the players stand on the pitch */
#define STAND_LEAST_S 1.5f /* player-seconds that tell it */
/* Of them on the pitch in a match, at least: coaches and spectators count too. */
#define STAND_PART 0.33f
#define GREY_MOST 0.004f /* part of a picture without colour that has some by noise */

static bool finite_box(const fov_track *t)
{
    const float far = 1e6f;
    return t->x1 >= -far && t->y1 >= -far && t->x2 <= far && t->y2 <= far && t->x1 < t->x2 &&
           t->y1 < t->y2;
}

bool team_counts(const fov_teams *teams, const fov_track *track)
{
    return (track->state == FOV_TRACK_ACTIVE || track->state == FOV_TRACK_TENTATIVE) &&
           (teams->params.class_id < 0 || track->class_id == teams->params.class_id) &&
           finite_box(track);
}

/* Part of a torso that another box covers. */
static float covered(const struct turf_box *torso, const struct turf_box *by)
{
    float width = fminf(torso->x2, by->x2) - fmaxf(torso->x1, by->x1);
    float height = fminf(torso->y2, by->y2) - fmaxf(torso->y1, by->y1);
    if (width <= 0 || height <= 0)
        return 0;
    return width * height / ((torso->x2 - torso->x1) * (torso->y2 - torso->y1));
}

/* How much of the torso others hide: those in front, whose feet are lower, more than those behind,
 * whose shirts may show beside it. */
static float hidden(const fov_teams *teams, const struct turf_box *box, size_t self, size_t count)
{
    float width = box->x2 - box->x1, height = box->y2 - box->y1, most = 0;
    struct turf_box torso = {box->x1 + 0.2f * width, box->y1 + 0.15f * height,
                             box->x1 + 0.8f * width, box->y1 + 0.5f * height};
    for (size_t i = 0; i < count; i++) {
        const struct turf_box *by = &teams->boxes[i];
        if (i != self)
            most = fmaxf(most, covered(&torso, by) * (by->y2 > box->y2 ? 1 : 0.5f));
    }
    return most;
}

/* Now and then: what the ground looks like. */
static void see_turf(fov_teams *teams, const fov_image *image, size_t count)
{
    struct turf measured = {0};
    if (teams->time_s < teams->turf_due_s)
        return;
    if (lab_image_has_colour(image) &&
        turf_measure(&measured, &teams->tables, image, teams->boxes, count))
        turf_follow(&teams->turf, &measured, TURF_FOLLOWS);
    else
        teams->turf.known = false;
    if (teams->turf.known && teams->daylight <= 0)
        teams->daylight = teams->turf.light;
    teams->grey = measured.coloured < GREY_MOST;
    teams->turf_due_s = teams->time_s + (teams->turf.known ? TURF_EVERY_S : TURF_AGAIN_S);
}

/* Moves the mean of a track by what was seen; `surprise` 0: without a limit. */
static void take(fov_teams *teams, struct team_slot *slot, const float *values, float clear,
                 float surprise)
{
    float step = slot->step_s * clear;
    double distance = sqrt(cluster_square(values, slot->mean, teams->size));
    if (step <= 0)
        return;
    bool limit = slot->sight_s > 0 && surprise > 0 && distance > (double)surprise;
    float by = limit ? surprise / (float)distance : 1;
    slot->sight_s = slot->sight_s * expf(-step / MEMORY_S) + step;
    for (int i = 0; i < teams->size; i++)
        slot->mean[i] += by * step / slot->sight_s * (values[i] - slot->mean[i]);
    slot->clear = clear;
}

/* Which kit a shirt is nearer to in this frame, whatever the track wore before. */
static void lean(const fov_teams *teams, struct team_slot *slot, const float *values, float clear)
{
    float step = (float)teams->step_s * clear, old = expf(-step / LEAN_S);
    double a = cluster_square(values, teams->centers, teams->size);
    double b = cluster_square(values, teams->centers + teams->size, teams->size);
    if (!teams->known || step <= 0 || a + b <= 0)
        return;
    slot->lean += (1 - old) * ((float)((b - a) / (a + b)) - slot->lean);
    slot->lean_s = slot->lean_s * old + step;
}

bool team_on_pitch(const fov_teams *teams)
{
    return teams->turf.known &&
           (teams->looked_s < STAND_LEAST_S || teams->stood_s >= STAND_PART * teams->looked_s);
}

/* Where somebody stands says whether the ground is a pitch. */
static void count_stand(fov_teams *teams, enum kit_stand stand)
{
    if (stand == KIT_FEET_UNSEEN)
        return;
    teams->looked_s += (float)teams->step_s;
    teams->stood_s += stand == KIT_ON_TURF ? (float)teams->step_s : 0;
}

static void look_at_colour(fov_teams *teams, const fov_image *image, size_t self, size_t count)
{
    struct kit kit;
    struct team_slot *slot = teams->listed[self];
    float covered_by = hidden(teams, &teams->boxes[self], self, count);
    if (covered_by > HIDDEN_MOST ||
        !kit_of(&kit, &teams->tables, image, &teams->boxes[self], &teams->turf, teams->daylight))
        return;
    count_stand(teams, kit.stand);
    if (!team_on_pitch(teams))
        return;
    float open = 1 - covered_by;
    take(teams, slot, kit.values, kit.clear * open * open, SURPRISE);
    lean(teams, slot, kit.values, kit.clear * open * open);
}

/* Vectors are compared by direction. False: it has none. */
static bool unit_vector(const float *from, float *to, int size)
{
    double square = 0;
    for (int i = 0; i < size; i++)
        square += (double)from[i] * (double)from[i];
    if (!(square > 0) || !isfinite(square))
        return false;
    for (int i = 0; i < size; i++)
        to[i] = from[i] / (float)sqrt(square);
    return true;
}

/* Vectors need not come in every frame: one stands for the time since the one before. */
static void look_at_vector(fov_teams *teams, const float *embedding, size_t self, size_t count)
{
    struct team_slot *slot = teams->listed[self];
    float covered_by = hidden(teams, &teams->boxes[self], self, count);
    if (covered_by > HIDDEN_MOST || !unit_vector(embedding, teams->vector, teams->size))
        return;
    if (slot->vector_s >= 0)
        slot->step_s = fmaxf(slot->step_s,
                             fminf((float)(teams->time_s - slot->vector_s), VECTOR_STANDS_S));
    slot->vector_s = teams->time_s;
    take(teams, slot, teams->vector, (1 - covered_by) * (1 - covered_by), 0);
}

/* A box for every track, so that indices agree; an empty one far away for those not seen. */
static void set_boxes(fov_teams *teams, const fov_tracks *tracks)
{
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *t = &tracks->items[i];
        teams->boxes[i] = team_counts(teams, t) ? (struct turf_box){t->x1, t->y1, t->x2, t->y2}
                                                : (struct turf_box){-9e6f, -9e6f, -9e6f, -9e6f};
    }
}

void team_look(fov_teams *teams, const fov_teams_input *input)
{
    size_t count = input->tracks->count;
    bool vectors = teams->params.embedding_size > 0;
    float keeps = expf(-(float)teams->step_s / STAND_S);
    set_boxes(teams, input->tracks);
    teams->looked_s *= keeps;
    teams->stood_s *= keeps;
    if (!vectors)
        see_turf(teams, input->image, count);
    for (size_t i = 0; i < count; i++) {
        if (!teams->listed[i] || !team_counts(teams, &input->tracks->items[i]))
            continue;
        if (vectors)
            look_at_vector(teams, input->embeddings + i * (size_t)teams->size, i, count);
        else if (teams->turf.known)
            look_at_colour(teams, input->image, i, count);
    }
}
