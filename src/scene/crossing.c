/* A track's side of a line, with a band around it where nothing is decided. */
#include "scene/crossing.h"

#include <math.h>
#include <string.h>

/* Distance from the infinite line times its length; above 0: right. */
static double across(const struct crossing_line *line, struct zone_point p)
{
    double turn = (line->b.x - line->a.x) * (p.y - line->a.y) -
                  (line->b.y - line->a.y) * (p.x - line->a.x);
    return line->y_up ? -turn : turn;
}

/* A point on the line counts as left, so that a path that touches it passes once or not at all. */
static int side_of(const struct crossing_line *line, struct zone_point p)
{
    return across(line, p) > 0 ? 1 : -1;
}

/* Whether a step from p to q, on two sides of the infinite line, leads through the stretch itself:
 * its ends are then not both on one side of the step. */
static bool hits(const struct crossing_line *line, struct zone_point p, struct zone_point q)
{
    struct crossing_line step = {p, q, false};
    double a = across(&step, line->a), b = across(&step, line->b);
    return (a <= 0 && b >= 0) || (a >= 0 && b <= 0);
}

static bool is_clear(const struct crossing_line *line, const struct crossing_sight *s)
{
    double d = across(line, s->at), dx = line->b.x - line->a.x, dy = line->b.y - line->a.y;
    return d * d >= s->reach * s->reach * (dx * dx + dy * dy);
}

/* The track's place in the table. A stranger gets a free one, or that of the track which was seen
 * longest ago. */
static struct crossing_track *place_of(struct crossing *c, int32_t id)
{
    struct crossing_track *room = NULL;
    for (uint32_t i = 0; i < CROSSING_PROBES; i++) {
        struct crossing_track *t = &c->tracks[((uint32_t)id + i) % CROSSING_TRACKS];
        if (t->id == id)
            return t;
        if (!room || (room->id != 0 && (t->id == 0 || t->seen_ns < room->seen_ns)))
            room = t;
    }
    room->id = 0;
    return room;
}

static void keep_pass(struct crossing_track *t, const struct crossing_sight *s, int side)
{
    t->through += side;
    t->pass.box = *s->box;
    t->pass.ns = s->ns;
    t->pass.number = s->number;
}

/* The sight is clearly on `side`. */
static enum crossing_way settle(struct crossing_track *t, int side, float score,
                                struct crossing_event *event)
{
    bool other = t->side != 0 && side != t->side;
    if (other && ++t->beyond < CROSSING_SIGHTS)
        return CROSSING_NONE;
    bool crossed = other && t->through * side > 0;
    if (crossed) {
        *event = t->pass;
        event->box.score = t->score;
        event->way = side > 0 ? CROSSING_IN : CROSSING_OUT;
    }
    t->side = side;
    t->through = t->beyond = 0;
    t->score = score;
    return crossed ? event->way : CROSSING_NONE;
}

enum crossing_way crossing_step(struct crossing *crossing, const struct crossing_line *line,
                                const struct crossing_sight *s, struct crossing_event *event)
{
    int32_t id = s->box->track_id;
    if (id < 1 || !isfinite(s->at.x) || !isfinite(s->at.y))
        return CROSSING_NONE;
    struct crossing_track *t = place_of(crossing, id);
    int side = side_of(line, s->at);
    if (t->id != id || s->ns - t->seen_ns > CROSSING_GAP_NS)
        *t = (struct crossing_track){.id = id};
    else if (side != side_of(line, t->at) && hits(line, t->at, s->at))
        keep_pass(t, s, side);
    t->at = s->at;
    t->seen_ns = s->ns;
    t->score = fmaxf(t->score, s->box->score);
    return is_clear(line, s) ? settle(t, side, s->box->score, event) : CROSSING_NONE;
}

void crossing_forget(struct crossing *crossing)
{
    memset(crossing, 0, sizeof *crossing);
}

/* ---- units ------------------------------------------------------------------------------------
 */

struct crossing_line crossing_line_in_picture(const struct zone *zone, int width, int height)
{
    double shape = (double)width / height;
    const struct zone_point *p = zone->points;
    return (struct crossing_line){{p[0].x * shape, p[0].y}, {p[1].x * shape, p[1].y}, false};
}

struct crossing_sight crossing_sight_in_picture(const fov_detection *box, int height)
{
    struct zone_point foot = zone_foot_px(box);
    double tall = (double)box->y2 - (double)box->y1;
    return (struct crossing_sight){.box = box,
                                   .at = {foot.x / height, foot.y / height},
                                   .reach = fmax(CROSSING_REACH * tall, CROSSING_REACH_LEAST_PX) /
                                            height};
}

struct crossing_line crossing_line_on_pitch(const struct zone *zone)
{
    return (struct crossing_line){zone->points[0], zone->points[1], true};
}

struct crossing_sight crossing_sight_on_pitch(const fov_detection *box, struct zone_point at,
                                              const struct crossing_line *line,
                                              const fov_pitch_view *view)
{
    struct zone_point foot = zone_foot_px(box);
    double px[2] = {foot.x, foot.y}, j[4], reach = CROSSING_REACH_LEAST_M;
    double nx = line->a.y - line->b.y, ny = line->b.x - line->a.x, length = hypot(nx, ny);
    if (view && length > 0 && fov_pitch_jacobian(view, px, j)) {
        double px_m = hypot(nx * j[0] + ny * j[2], nx * j[1] + ny * j[3]) / length;
        reach = CROSSING_REACH * ((double)box->y2 - (double)box->y1) * px_m;
    }
    return (struct crossing_sight){
        .box = box,
        .at = at,
        .reach = fmin(fmax(reach, CROSSING_REACH_LEAST_M), CROSSING_REACH_MOST_M)};
}
