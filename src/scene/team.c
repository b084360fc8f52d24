/* Teams: checks what it is told, keeps a slot for each track, tells the sides. Looking, learning
 * and judging are in files of their own; see team_internal.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scene/team_internal.h"

#define FIRST_STEP_S 0.04
#define STEP_MOST_S 0.2  /* a frame stands for no more than that */
#define FORGET_S 30.0    /* a track that is unseen for so long is gone */
#define LEAD_TELLS_S 2.0 /* of sight of both teams before a goal has a side */
#define LEANS 0.35f      /* so much nearer to one kit than to the other, for ... */
#define LEANS_S 0.2f     /* ... so long, and a track seems to be of that side */

/* ---- making ---------------------------------------------------------------------------------- */

static fov_teams_params with_defaults(const fov_teams_params *params)
{
    fov_teams_params p = params ? *params : (fov_teams_params){0};
    p.max_tracks = p.max_tracks ? p.max_tracks : 256;
    p.min_tracks = p.min_tracks ? p.min_tracks : 8;
    p.change_s = p.change_s != 0 ? p.change_s : 3;
    return p;
}

static fov_status check_params(const fov_teams_params *p, fov_error *error)
{
    if (p->class_id < -1)
        return fov_fail(error, FOV_EINVAL, "class_id is %d; it is a class or -1", (int)p->class_id);
    if (p->max_tracks < 1 || p->max_tracks > 1024)
        return fov_fail(error, FOV_EINVAL, "max_tracks is 1 to 1024, not %d", p->max_tracks);
    if (p->min_tracks < 4 || p->min_tracks > 64)
        return fov_fail(error, FOV_EINVAL, "min_tracks is 4 to 64, not %d", p->min_tracks);
    if (!(p->change_s >= 0.5 && p->change_s <= 60))
        return fov_fail(error, FOV_EINVAL, "change_s is 0.5 to 60 s, not %g", p->change_s);
    if (p->embedding_size < 0 || p->embedding_size > 2048)
        return fov_fail(error, FOV_EINVAL, "embedding_size is 1 to 2048, not %d",
                        p->embedding_size);
    if (p->named && p->embedding_size > 0)
        return fov_fail(error, FOV_EINVAL, "colours cannot be named for embeddings");
    for (int k = 0; p->named && k < 2; k++)
        if (p->colors[k] > 0xffffff)
            return fov_fail(error, FOV_EINVAL, "colors[%d] is 0x%x; a colour is 0xRRGGBB", k,
                            (unsigned)p->colors[k]);
    if (p->named && p->colors[0] == p->colors[1])
        return fov_fail(error, FOV_EINVAL, "both teams have the colour 0x%06x",
                        (unsigned)p->colors[0]);
    return FOV_OK;
}

static bool allocate(fov_teams *teams)
{
    size_t size = (size_t)teams->size, slots = (size_t)teams->params.max_tracks;
    teams->boxes = calloc(TEAM_LIST_MOST, sizeof *teams->boxes);
    teams->slots = calloc(slots, sizeof *teams->slots);
    teams->means = calloc(slots * size, sizeof *teams->means);
    teams->points = calloc(slots * size, sizeof *teams->points);
    teams->vector = calloc(size, sizeof *teams->vector);
    teams->centers = calloc(2 * size, sizeof *teams->centers);
    teams->trial = calloc(2 * size, sizeof *teams->trial);
    teams->named = calloc(2 * size, sizeof *teams->named);
    teams->list = calloc(TEAM_LIST_MOST, sizeof *teams->list);
    teams->listed = calloc(TEAM_LIST_MOST, sizeof *teams->listed);
    return teams->boxes && teams->slots && teams->means && teams->points && teams->vector &&
           teams->centers && teams->trial && teams->named && teams->list && teams->listed &&
           cluster_work_create(&teams->work, slots, teams->size);
}

fov_status fov_teams_create(fov_teams **teams, const fov_teams_params *params, fov_error *error)
{
    fov_teams_params p = with_defaults(params);
    *teams = NULL;
    fov_status status = check_params(&p, error);
    if (status)
        return status;
    fov_teams *made = calloc(1, sizeof *made);
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "no memory for teams");
    made->params = p;
    made->size = p.embedding_size > 0 ? p.embedding_size : KIT_SIZE;
    if (!allocate(made)) {
        fov_teams_destroy(&made);
        return fov_fail(error, FOV_ENOMEM, "no memory for teams of %d tracks", p.max_tracks);
    }
    lab_fill_tables(&made->tables);
    fov_teams_reset(made);
    *teams = made;
    return FOV_OK;
}

void fov_teams_destroy(fov_teams **teams)
{
    fov_teams *t = *teams;
    if (!t)
        return;
    cluster_work_destroy(&t->work);
    free(t->boxes);
    free(t->slots);
    free(t->means);
    free(t->points);
    free(t->vector);
    free(t->centers);
    free(t->trial);
    free(t->named);
    free(t->list);
    free(t->listed);
    free(t);
    *teams = NULL;
}

static void clear_slot(fov_teams *teams, struct team_slot *slot)
{
    size_t i = (size_t)(slot - teams->slots);
    *slot = (struct team_slot){
        .mean = teams->means + i * (size_t)teams->size, .keeps = -1, .vector_s = -1};
    memset(slot->mean, 0, (size_t)teams->size * sizeof *slot->mean);
}

void fov_teams_reset(fov_teams *teams)
{
    for (int i = 0; i < teams->params.max_tracks; i++)
        clear_slot(teams, &teams->slots[i]);
    teams->started = teams->known = teams->learnt = teams->grey = false;
    teams->turf = (struct turf){0};
    teams->daylight = teams->looked_s = teams->stood_s = 0;
    teams->time_s = teams->turf_due_s = teams->learn_due_s = 0;
    teams->frame = 0;
    teams->lead_m = teams->lead_s = 0;
    teams->state = FOV_TEAMS_WAITING;
    memset(teams->centers, 0, 2 * (size_t)teams->size * sizeof *teams->centers);
    if (teams->params.named)
        team_name_kits(teams);
}

bool fov_teams_colors(const fov_teams *teams, uint32_t colors[2])
{
    if (!teams->known || teams->params.embedding_size > 0)
        return false;
    for (int k = 0; k < 2; k++)
        colors[k] = kit_colour(teams->centers + k * KIT_SIZE);
    return true;
}

/* ---- what comes in --------------------------------------------------------------------------- */

static fov_status check_image(const fov_image *image, fov_error *error)
{
    if (image->pixels != FOV_RGB24 && image->pixels != FOV_BGR24 && image->pixels != FOV_GRAY8 &&
        image->pixels != FOV_YUV)
        return fov_fail(error, FOV_EUNSUPPORTED, "a picture without pixels");
    if (image->width < 1 || image->height < 1 || !image->plane[0])
        return fov_fail(error, FOV_EINVAL, "an empty picture");
    return FOV_OK;
}

static fov_status check_input(const fov_teams *teams, const fov_teams_input *input,
                              fov_error *error)
{
    bool vectors = teams->params.embedding_size > 0;
    if (!isfinite(input->time_s))
        return fov_fail(error, FOV_EINVAL, "the time is not a finite number");
    if (!input->tracks || (input->tracks->count > 0 && !input->tracks->items))
        return fov_fail(error, FOV_EINVAL, "no tracks");
    if (input->tracks->count > TEAM_LIST_MOST)
        return fov_fail(error, FOV_EINVAL, "%zu tracks are more than %d", input->tracks->count,
                        TEAM_LIST_MOST);
    if (vectors && !input->embeddings && input->tracks->count > 0)
        return fov_fail(error, FOV_EINVAL, "no embeddings, and embedding_size is %d",
                        teams->params.embedding_size);
    if (!vectors && !input->image)
        return fov_fail(error, FOV_EINVAL, "no picture");
    if (input->view && !ground_view_is_finite(input->view))
        return fov_fail(error, FOV_EINVAL, "the view of the pitch is not finite");
    if (!isfinite(input->pitch.length) || !isfinite(input->pitch.width))
        return fov_fail(error, FOV_EINVAL, "the size of the pitch is not finite");
    return input->image ? check_image(input->image, error) : FOV_OK;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static bool is_player(const fov_teams *teams, const fov_track *track)
{
    return teams->params.class_id < 0 || track->class_id == teams->params.class_id;
}

/* The slot of a track: its own, a free one, or that of the longest unseen. */
static struct team_slot *slot_of(fov_teams *teams, int32_t id)
{
    struct team_slot *best = &teams->slots[0];
    for (int i = 0; i < teams->params.max_tracks; i++) {
        struct team_slot *slot = &teams->slots[i];
        if (slot->used && slot->id == id)
            return slot;
        if (best->used && (!slot->used || slot->seen_s < best->seen_s))
            best = slot;
    }
    if (best->used && best->frame == teams->frame)
        return NULL; /* all of them are in this frame */
    clear_slot(teams, best);
    best->used = true;
    best->id = id;
    return best;
}

static void forget(fov_teams *teams)
{
    for (int i = 0; i < teams->params.max_tracks; i++) {
        struct team_slot *slot = &teams->slots[i];
        slot->clear = 0;
        if (slot->used && teams->time_s - slot->seen_s > FORGET_S)
            clear_slot(teams, slot);
    }
}

/* Finds everybody's slot; one id twice in a frame has it once. */
static void find_slots(fov_teams *teams, const fov_tracks *tracks)
{
    forget(teams);
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *track = &tracks->items[i];
        teams->listed[i] = NULL;
        if (track->state == FOV_TRACK_REMOVED || !is_player(teams, track))
            continue;
        struct team_slot *slot = slot_of(teams, track->id);
        if (!slot || slot->frame == teams->frame)
            continue;
        slot->frame = teams->frame;
        slot->seen_s = teams->time_s;
        slot->step_s = (float)teams->step_s;
        teams->listed[i] = slot;
    }
}

/* ---- what goes out --------------------------------------------------------------------------- */

/* Whose goal it is: of the team that stands nearer to it. */
static fov_team_side side_of_goal(const fov_teams *teams, int goal)
{
    if (teams->lead_s < LEAD_TELLS_S)
        return FOV_TEAM_OTHER;
    return (teams->lead_m < 0) == (goal == 0) ? FOV_TEAM_FIRST : FOV_TEAM_SECOND;
}

static fov_team_side seems(const struct team_slot *slot)
{
    if (slot->lean_s < LEANS_S || fabsf(slot->lean) < LEANS)
        return FOV_TEAM_UNKNOWN;
    return slot->lean > 0 ? FOV_TEAM_FIRST : FOV_TEAM_SECOND;
}

static fov_team told(const fov_teams *teams, const fov_track *track, const struct team_slot *slot)
{
    fov_team team = {.track_id = track->id, .side = FOV_TEAM_UNKNOWN};
    if (!slot)
        return team;
    team.seems = seems(slot);
    if (slot->side == FOV_TEAM_UNKNOWN)
        return team;
    team.side = slot->side;
    team.confidence = slot->confidence;
    team.since_s = slot->since_s;
    fov_team_side goal = slot->side == FOV_TEAM_OTHER && slot->keeps >= 0
                             ? side_of_goal(teams, slot->keeps)
                             : FOV_TEAM_OTHER;
    if (goal != FOV_TEAM_OTHER) {
        team.side = goal;
        team.goalkeeper = true;
    }
    return team;
}

static fov_teams_state state_of(const fov_teams *teams)
{
    if (teams->params.embedding_size == 0 && teams->grey)
        return FOV_TEAMS_GREY;
    if (teams->params.embedding_size == 0 && !team_on_pitch(teams))
        return FOV_TEAMS_NO_PITCH;
    return teams->known ? FOV_TEAMS_KNOWN : teams->state;
}

/* The time of this frame, and how long the one before stood. */
static void enter(fov_teams *teams, double input_s)
{
    double step = teams->started ? fmax(input_s - teams->input_s, 0) : FIRST_STEP_S;
    teams->input_s = input_s;
    teams->time_s += step;
    teams->step_s = fmin(step, STEP_MOST_S);
    teams->started = true;
    teams->frame++;
}

fov_status fov_teams_update(fov_teams *teams, const fov_teams_input *input, fov_team_list *list,
                            fov_error *error)
{
    fov_status status = check_input(teams, input, error);
    if (status)
        return status;
    enter(teams, input->time_s);
    find_slots(teams, input->tracks);
    team_look(teams, input);
    team_learn(teams);
    team_judge(teams);
    team_keepers(teams, input);
    for (size_t i = 0; i < input->tracks->count; i++)
        teams->list[i] = told(teams, &input->tracks->items[i], teams->listed[i]);
    if (list)
        *list = (fov_team_list){teams->list, input->tracks->count, state_of(teams)};
    return FOV_OK;
}
