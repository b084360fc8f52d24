/* What stands still; see ball_still.h. */
#include "scene/ball_still.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"

#define STILL_S 3.0 /* what was never seen to move is told no longer than that */
/* Log odds that it may have until then: one picture without it is no end. */
#define LEAST_ODDS 2.0
#define REST_S 60.0   /* what has moved may rest for so long: free kicks, somebody hurt */
#define REACH_PX 6.0  /* of a picture 1920 px wide: with its size, what boxes may shake by */
#define FADES_S 10.0  /* a place that is not seen fades to 1/e in so long ... */
#define FORGET_S 20.0 /* ... and is forgotten */
#define STEP_MOST 0.5 /* s: a picture stands for no more */
#define BROUGHT_S 1.0 /* a place where something lay for longer was not the ball's */
#define DRIFTS 0.1    /* of the way that a place follows what is seen there */

static double reach(double size, double unit)
{
    return REACH_PX * unit + size;
}

static double between(const double a[2], double x, double y)
{
    return hypot(a[0] - x, a[1] - y);
}

/* ---- places ---------------------------------------------------------------------------------- */

void ball_places_step(struct ball_places *places, double time_s, double dt, const double *map)
{
    double fade = exp(-dt / FADES_S);
    for (int i = 0; i < BALL_PLACES; i++) {
        struct ball_place *place = &places->items[i];
        double to[2];
        if (!place->used)
            continue;
        place->used = time_s - place->seen_s <= FORGET_S;
        place->still_s *= fade;
        if (!map)
            continue;
        if (plane_apply(map, place->at, to))
            memcpy(place->at, to, sizeof to);
        else
            place->used = false;
    }
}

static const struct ball_place *nearest(const struct ball_places *places,
                                        const struct ball_sighting *seen, double unit)
{
    const struct ball_place *best = NULL;
    double least = reach((double)seen->size, unit);
    for (int i = 0; i < BALL_PLACES; i++) {
        const struct ball_place *place = &places->items[i];
        double far = between(place->at, seen->x, seen->y);
        if (place->used && far <= least) {
            least = far;
            best = place;
        }
    }
    return best;
}

/* A free place, or that of the longest unseen. */
static struct ball_place *spare(struct ball_places *places)
{
    struct ball_place *best = &places->items[0];
    for (int i = 1; i < BALL_PLACES && best->used; i++) {
        struct ball_place *place = &places->items[i];
        if (!place->used || place->seen_s < best->seen_s)
            best = place;
    }
    return best;
}

void ball_places_see(struct ball_places *places, const struct ball_sighting *seen, bool came,
                     double time_s, double dt, double unit)
{
    const struct ball_place *known = nearest(places, seen, unit);
    if (!known) {
        *spare(places) = (struct ball_place){true, came, {seen->x, seen->y}, 0, time_s};
        return;
    }
    struct ball_place *place = &places->items[known - places->items];
    if (place->seen_s < time_s)
        place->still_s += fmin(dt, STEP_MOST);
    place->seen_s = time_s;
    place->brought = place->brought || (came && place->still_s < BROUGHT_S);
    place->at[0] += DRIFTS * (seen->x - place->at[0]);
    place->at[1] += DRIFTS * (seen->y - place->at[1]);
}

/* ---- paths ----------------------------------------------------------------------------------- */

void ball_still_start(struct ball_path *path, const struct ball_places *places,
                      const struct ball_sighting *seen, double time_s, double unit)
{
    const struct ball_place *place = nearest(places, seen, unit);
    path->from[0] = path->via[0] = seen->x;
    path->from[1] = path->via[1] = seen->y;
    path->moved = place && place->brought;
    path->still_from_s = time_s - (place ? place->still_s : 0);
}

/* Three places in a row: to and fro between two things that stand still is not moving. */
void ball_still_take(struct ball_path *path, const struct ball_sighting *seen, double time_s,
                     double unit)
{
    double far = reach((double)path->size, unit);
    if (between(path->via, seen->x, seen->y) <= far || between(path->from, seen->x, seen->y) <= far)
        return;
    if (between(path->from, path->via[0], path->via[1]) > far) {
        memcpy(path->from, path->via, sizeof path->from);
        path->moved = true;
    }
    path->via[0] = seen->x;
    path->via[1] = seen->y;
    if (path->moved)
        path->still_from_s = time_s;
}

double ball_still_share(const struct ball_path *path, double time_s)
{
    return (time_s - path->still_from_s) / (path->moved ? REST_S : STILL_S);
}

double ball_still_most(double share, double most)
{
    return share <= 1 ? fmax(most * (1 - share), LEAST_ODDS) : -1;
}

double ball_still_sure(double share)
{
    return fmax(1 - 0.5 * share, 0);
}
