/* The people of a match: named by the tracker, given to a team by what they wear, put on the pitch
 * by the view. */
#include "flow/football.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"

#define TRACKS_USUAL 256
#define TRACKS_MOST 1024
#define LOST_S 1.0       /* so long people are told whom nobody sees */
#define OUTSIDE_M 20.0   /* nobody of a match is further from the pitch: as fov_match has it */
#define BESIDE_M 4.0     /* who stands further outside of the lines plays in no team */
#define OFFICIAL_S 3.0   /* of sight before somebody in neither kit is an official */
#define NAMED_LEAST 0.3f /* the share of a class that lets it be somebody's role */

/* ---- life ------------------------------------------------------------------------------------ */

static fov_status make_parts(struct football_people *p, const fov_football_params *params,
                             fov_error *error)
{
    fov_tracker_params tracker = params->tracker;
    fov_teams_params teams = params->teams;
    tracker.name = tracker.name && tracker.name[0] ? tracker.name : "pitch";
    tracker.across_classes = true;
    tracker.max_tracks = tracker.max_tracks ? tracker.max_tracks : TRACKS_USUAL;
    teams.class_id = FOV_CLASS_PLAYER;
    if (tracker.max_tracks < 1 || tracker.max_tracks > TRACKS_MOST)
        return fov_fail(error, FOV_EINVAL, "max_tracks of football is 1 to %d, not %d", TRACKS_MOST,
                        tracker.max_tracks);
    p->most = (size_t)tracker.max_tracks;
    p->vector = tracker.embedding_size > 0 ? (size_t)tracker.embedding_size : 0;
    p->team_vector = teams.embedding_size > 0 ? (size_t)teams.embedding_size : 0;
    p->on_ground = strcmp(tracker.name, "pitch") == 0;
    fov_status status = fov_tracker_create(&p->tracker, &tracker, error);
    return status ? status : fov_teams_create(&p->teams, &teams, error);
}

fov_status football_people_create(struct football_people *p, const fov_football_params *params,
                                  fov_error *error)
{
    fov_status status = make_parts(p, params, error);
    if (status)
        return status;
    size_t tracks = 2 * p->most; /* as many as a tracker tells at most */
    p->figures_most = params->match.max_people > 0 ? (size_t)params->match.max_people : 0;
    p->boxes = calloc(p->most, sizeof *p->boxes);
    p->origin = calloc(p->most, sizeof *p->origin);
    p->vectors = calloc(p->most * p->vector + 1, sizeof *p->vectors);
    p->team_vectors = calloc(tracks * p->team_vector + 1, sizeof *p->team_vectors);
    p->tracks = calloc(tracks, sizeof *p->tracks);
    p->known = calloc(tracks, sizeof *p->known);
    p->memory = calloc(tracks, sizeof *p->memory);
    p->people = calloc(tracks, sizeof *p->people);
    p->spots = calloc(tracks, sizeof *p->spots);
    p->figures = calloc(p->figures_most + 1, sizeof *p->figures);
    if (!p->boxes || !p->origin || !p->vectors || !p->team_vectors || !p->tracks || !p->known ||
        !p->memory || !p->people || !p->spots || !p->figures)
        return fov_fail(error, FOV_ENOMEM, "no memory for %zu people", p->most);
    return FOV_OK;
}

void football_people_destroy(struct football_people *p)
{
    fov_tracker_destroy(&p->tracker);
    fov_teams_destroy(&p->teams);
    free(p->boxes);
    free(p->origin);
    free(p->vectors);
    free(p->team_vectors);
    free(p->tracks);
    free(p->known);
    free(p->memory);
    free(p->people);
    free(p->spots);
    free(p->figures);
}

void football_people_reset(struct football_people *p)
{
    fov_tracker_reset(p->tracker);
    fov_teams_reset(p->teams);
    memset(p->memory, 0, 2 * p->most * sizeof *p->memory);
    memset(p->has_class, 0, sizeof p->has_class);
    p->state = FOV_TEAMS_WAITING;
    p->box_count = p->track_count = p->count = 0;
}

/* ---- the lens ---------------------------------------------------------------------------------
 */

/* Where somebody stands: the middle of the lower edge. */
static void foot_of(float x1, float x2, float y2, double px[2])
{
    px[0] = ((double)x1 + (double)x2) / 2;
    px[1] = (double)y2;
}

static void shift(fov_detection *d, const double from[2], const double to[2])
{
    float x = (float)(to[0] - from[0]), y = (float)(to[1] - from[1]);
    d->x1 += x;
    d->y1 += y;
    d->x2 += x;
    d->y2 += y;
}

static void set_box(fov_track *t, const fov_detection *d)
{
    t->x1 = d->x1;
    t->y1 = d->y1;
    t->x2 = d->x2;
    t->y2 = d->y2;
}

/* Trackers know maps of the ground and no lenses: a box goes to where its foot would be without. */
static void straighten(const fov_pitch_view *view, fov_detection *d)
{
    double bent[2], metres[2], straight[2];
    foot_of(d->x1, d->x2, d->y2, bent);
    if (fov_pitch_to_metres(view, bent, metres) && plane_apply(view->map, metres, straight))
        shift(d, bent, straight);
}

/* The other way, of a box that was only thought of. */
static void bend(const fov_pitch_view *view, fov_track *t)
{
    fov_detection d = {.x1 = t->x1, .y1 = t->y1, .x2 = t->x2, .y2 = t->y2};
    double inverse[9], straight[2], metres[2], bent[2];
    foot_of(d.x1, d.x2, d.y2, straight);
    if (!plane_invert(view->map, inverse) || !plane_apply(inverse, straight, metres) ||
        !fov_pitch_to_px(view, metres, bent))
        return;
    shift(&d, straight, bent);
    set_box(t, &d);
}

/* ---- vectors ----------------------------------------------------------------------------------
 */

/* The vector of a detection, or zeros. */
static void copy_vector(float *to, const float *vectors, size_t size, size_t detection)
{
    if (vectors)
        memcpy(to, vectors + detection * size, size * sizeof *to);
    else
        memset(to, 0, size * sizeof *to);
}

/* Those for teams, track by track. */
static void gather_team_vectors(struct football_people *p, const fov_football_input *in)
{
    for (size_t i = 0; p->team_vector && i < p->track_count; i++) {
        int32_t box = p->tracks[i].detection;
        bool seen = box >= 0 && (size_t)box < p->box_count;
        copy_vector(p->team_vectors + i * p->team_vector, seen ? in->team_embeddings : NULL,
                    p->team_vector, seen ? p->origin[box] : 0);
    }
}

/* ---- names ------------------------------------------------------------------------------------
 */

static void gather(struct football_people *p, const struct football_picture *picture)
{
    const fov_detections *all = picture->input->detections;
    bool lens = p->on_ground && picture->view && picture->view->k1 != 0;
    p->box_count = 0;
    for (size_t i = 0; i < all->count; i++) {
        fov_detection *d = &all->items[i];
        d->track_id = -1;
        if (d->class_id < 0 || d->class_id >= FOV_CLASS_BALL || p->box_count == p->most)
            continue;
        p->origin[p->box_count] = i;
        p->boxes[p->box_count] = *d;
        if (lens)
            straighten(picture->view, &p->boxes[p->box_count]);
        if (p->vector)
            copy_vector(p->vectors + p->box_count * p->vector, picture->input->embeddings,
                        p->vector, i);
        p->box_count++;
    }
}

static struct football_memory *memory_of(struct football_people *p, const fov_track *track)
{
    int32_t id = track->id;
    struct football_memory *spare = NULL;
    for (size_t i = 0; i < 2 * p->most; i++) {
        if (p->memory[i].id == id)
            return &p->memory[i];
        if (!spare && p->memory[i].id == 0)
            spare = &p->memory[i];
    }
    if (spare)
        *spare = (struct football_memory){
            .id = id, .name = id, .first_s = track->first_s, .exchanged_s = -INFINITY};
    return spare;
}

/* What a detector calls somebody, weighed by how sure it is. */
static void hear(struct football_people *p, struct football_memory *m, const fov_detection *d)
{
    p->has_class[d->class_id] = true;
    m->votes[d->class_id] += d->score;
}

/* Puts a track beside what is known of it, with the box of its detection as the caller had it. */
static void keep(struct football_people *p, const struct football_picture *picture,
                 const fov_track *track)
{
    struct football_memory *m = memory_of(p, track);
    fov_track *t = &p->tracks[p->track_count];
    if (!m)
        return;
    *t = *track;
    t->id = m->name;
    t->class_id = FOV_CLASS_PLAYER;
    m->told = true;
    p->known[p->track_count++] = m;
    if (t->detection >= 0 && (size_t)t->detection < p->box_count) {
        const fov_detection *d = &picture->input->detections->items[p->origin[t->detection]];
        set_box(t, d);
        hear(p, m, d);
    } else if (p->on_ground && t->on_ground && picture->view && picture->view->k1 != 0) {
        bend(picture->view, t);
    }
}

static void forget(struct football_people *p)
{
    for (size_t i = 0; i < 2 * p->most; i++) {
        if (!p->memory[i].told)
            p->memory[i].id = 0;
        p->memory[i].told = false;
    }
}

void football_people_track(struct football_people *p, const struct football_picture *picture)
{
    gather(p, picture);
    fov_detections boxes = {p->boxes, p->box_count, p->most, NULL};
    fov_tracks tracks = {0};
    const fov_track_input input = {.time_s = picture->time_s,
                                   .width = picture->input->width,
                                   .height = picture->input->height,
                                   .detections = &boxes,
                                   .motion = picture->motion,
                                   .ground = picture->view ? picture->view->map : NULL,
                                   .embeddings = p->vector ? p->vectors : NULL};
    p->track_count = 0;
    if (fov_tracker_update(p->tracker, &input, &tracks, NULL) != FOV_OK)
        tracks.count = 0;
    for (size_t i = 0; i < tracks.count; i++)
        if (tracks.items[i].state != FOV_TRACK_REMOVED && p->track_count < 2 * p->most)
            keep(p, picture, &tracks.items[i]);
    forget(p);
}

/* ---- places -----------------------------------------------------------------------------------
 */

static double outside(const fov_pitch_size *pitch, const double metres[2])
{
    double x = fmax(-metres[0], metres[0] - pitch->length);
    double y = fmax(-metres[1], metres[1] - pitch->width);
    return fmax(x, y);
}

/* Where a track stands: who is seen, under the foot; who is not, where the tracker thinks. */
static bool stands(const struct football_picture *picture, const fov_track *t, double metres[2])
{
    double foot[2];
    if (!picture->view)
        return false;
    foot_of(t->x1, t->x2, t->y2, foot);
    if (t->on_ground && t->detection < 0) {
        metres[0] = t->ground_x;
        metres[1] = t->ground_y;
    } else if (!fov_pitch_to_metres(picture->view, foot, metres)) {
        return false;
    }
    return outside(&picture->pitch, metres) <= OUTSIDE_M;
}

/* ---- teams ------------------------------------------------------------------------------------
 */

/* Tracks as fov_teams wants them: in px of the picture, on the ground, and those who stand far
 * beside the pitch left out by their class. Stays so until the next picture. */
static void place_tracks(struct football_people *p, const struct football_picture *picture)
{
    for (size_t i = 0; i < p->track_count; i++) {
        fov_track *t = &p->tracks[i];
        double metres[2];
        bool on_ground = stands(picture, t, metres);
        t->on_ground = on_ground;
        t->ground_x = on_ground ? metres[0] : 0;
        t->ground_y = on_ground ? metres[1] : 0;
        bool beside = picture->view && (!on_ground || outside(&picture->pitch, metres) > BESIDE_M);
        t->class_id = beside ? FOV_CLASS_COUNT : FOV_CLASS_PLAYER;
    }
}

static void scale(struct football_people *p, float x, float y)
{
    for (size_t i = 0; i < p->track_count; i++) {
        fov_track *t = &p->tracks[i];
        t->x1 *= x;
        t->y1 *= y;
        t->x2 *= x;
        t->y2 *= y;
    }
}

void football_people_team(struct football_people *p, const struct football_picture *picture)
{
    const fov_football_input *in = picture->input;
    place_tracks(p, picture);
    if (!in->image && !p->team_vector)
        return;
    gather_team_vectors(p, in);
    const fov_tracks tracks = {p->tracks, p->track_count};
    const fov_teams_input input = {.time_s = picture->time_s,
                                   .image = in->image,
                                   .tracks = &tracks,
                                   .view = picture->view,
                                   .pitch = picture->pitch,
                                   .embeddings = p->team_vector ? p->team_vectors : NULL};
    fov_team_list list;
    int width = in->image ? in->image->width : in->width;
    int height = in->image ? in->image->height : in->height;
    float x = (float)width / (float)in->width, y = (float)height / (float)in->height;
    bool same = width == in->width && height == in->height;
    if (!same)
        scale(p, x, y);
    if (fov_teams_update(p->teams, &input, &list, NULL) == FOV_OK) {
        p->state = list.state;
        for (size_t i = 0; i < list.count; i++) {
            struct football_memory *m = p->known[i];
            m->side = list.items[i].side;
            m->seems = list.items[i].seems;
            m->keeps = list.items[i].goalkeeper;
            m->confidence = list.items[i].confidence;
        }
    }
    if (!same)
        scale(p, 1 / x, 1 / y);
    football_people_exchange(p, picture);
}

/* ---- who is who -------------------------------------------------------------------------------
 */

/* What the detector calls somebody most of the time. */
static bool called(const struct football_people *p, const struct football_memory *m,
                   fov_match_role *role, float *share)
{
    static const fov_match_role roles[] = {FOV_ROLE_PLAYER, FOV_ROLE_GOALKEEPER, FOV_ROLE_REFEREE};
    float all = 0, best = 0;
    for (int k = 0; k < FOV_CLASS_BALL; k++) {
        all += m->votes[k];
        if (m->votes[k] <= best)
            continue;
        best = m->votes[k];
        *role = roles[k];
    }
    *share = all > 0 ? best / all : 0;
    return all > 0 && *share >= NAMED_LEAST &&
           (p->has_class[FOV_CLASS_GOALKEEPER] || p->has_class[FOV_CLASS_REFEREE]);
}

/* By the kit alone: who wears neither is an official, or a keeper far from any goal. */
static fov_match_role by_kit(const struct football_memory *m,
                             const struct football_picture *picture)
{
    if (m->keeps)
        return FOV_ROLE_GOALKEEPER;
    if (m->side != FOV_TEAM_OTHER)
        return FOV_ROLE_PLAYER;
    return picture->view && picture->time_s - m->first_s >= OFFICIAL_S ? FOV_ROLE_REFEREE
                                                                       : FOV_ROLE_OTHER;
}

static void tell_side(const struct football_people *p, const struct football_memory *m,
                      const struct football_picture *picture, fov_football_person *person)
{
    float share;
    bool named = called(p, m, &person->role, &share);
    person->side = m->side;
    person->side_confidence = m->confidence;
    if (!named || (person->role == FOV_ROLE_PLAYER && !p->has_class[FOV_CLASS_REFEREE]))
        person->role = by_kit(m, picture);
    else if (person->role == FOV_ROLE_REFEREE) {
        person->side = FOV_TEAM_OTHER;
        person->side_confidence = share;
    }
}

static fov_football_person tell(const struct football_people *p,
                                const struct football_picture *picture, size_t i)
{
    const fov_track *t = &p->tracks[i];
    fov_football_person person = {.id = t->id,
                                  .state = t->state,
                                  .x1 = t->x1,
                                  .y1 = t->y1,
                                  .x2 = t->x2,
                                  .y2 = t->y2,
                                  .score = t->score,
                                  .on_pitch = t->on_ground};
    if (t->on_ground) {
        person.x = t->ground_x;
        person.y = t->ground_y;
    }
    tell_side(p, p->known[i], picture, &person);
    return person;
}

static int32_t team_of(const fov_football_person *person)
{
    if (person->role == FOV_ROLE_REFEREE)
        return -1;
    return person->side == FOV_TEAM_FIRST ? 0 : person->side == FOV_TEAM_SECOND ? 1 : -1;
}

size_t football_people_place(struct football_people *p, const struct football_picture *picture)
{
    size_t spots = 0;
    p->count = 0;
    for (size_t i = 0; i < p->track_count; i++) {
        const fov_track *t = &p->tracks[i];
        if (t->state == FOV_TRACK_ACTIVE && t->detection >= 0)
            picture->input->detections->items[p->origin[t->detection]].track_id = t->id;
        if (t->state != FOV_TRACK_ACTIVE &&
            !(t->state == FOV_TRACK_LOST && picture->time_s - t->seen_s <= LOST_S))
            continue;
        fov_football_person *person = &p->people[p->count++];
        *person = tell(p, picture, i);
        if (person->state == FOV_TRACK_ACTIVE && person->on_pitch)
            p->spots[spots++] = (fov_match_spot){person->id, team_of(person), person->x, person->y};
    }
    return spots;
}

void football_people_figure(struct football_people *p, const fov_match *match)
{
    size_t known = fov_match_people(match, p->figures, p->figures_most);
    known = known < p->figures_most ? known : p->figures_most;
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < known; k++) {
            const fov_match_person *f = &p->figures[k];
            if (f->id != p->people[i].id)
                continue;
            p->people[i].speed_mps = f->present ? f->speed_mps : 0;
            p->people[i].distance_m = f->distance_m;
            p->people[i].sprints = f->sprints;
            break;
        }
}
