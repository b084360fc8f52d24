#include "track/ground_error.h"

#include <math.h>

/* At first, at least and at most; what one frame counts in what is learned; pairs that it takes to
 * tell. */
#define JITTER_PX 1.0
#define JITTER_LEAST_PX 0.3
#define JITTER_MOST_PX 40.0
#define SWELL 0.002
#define SWELL_LEAST 0.0005
#define SWELL_MOST 0.05
#define LEARNS 0.1
#define TELLING 5
/* Tracks must not drift away together: what homographies say for so long is believed, s. */
#define HOLDS_S 0.5

struct ground_habit ground_habit_begin(void)
{
    return (struct ground_habit){JITTER_PX * JITTER_PX, SWELL * SWELL};
}

void ground_off_begin(struct ground_off *off, const struct tracker_frame *frame,
                      const struct ground_habit *habit, struct ground_error *error)
{
    *off = (struct ground_off){.pairs = 0};
    *error = (struct ground_error){.shift_variance = habit->jitter, .grow_variance = habit->swell};
    for (size_t i = 0; i < frame->count; i++) {
        const float *at = frame->boxes[i].at;
        off->middle[0] += ((double)at[0] + (double)at[2]) / 2 / (double)frame->count;
        off->middle[1] += (double)at[3] / (double)frame->count;
    }
    error->middle[0] = off->middle[0];
    error->middle[1] = off->middle[1];
}

void ground_off_add(struct ground_off *o, const struct ground_map *map,
                    const struct ground_habit *habit, const struct ground_state *state,
                    const struct ground_seen *seen)
{
    double px[2], variance[2];
    if (!ground_expect(map, state, px, variance))
        return;
    for (int i = 0; i < 2; i++) {
        double own = variance[i] + seen->px_variance[i];
        double by = seen->px[i] - px[i], d = seen->px[i] - o->middle[i];
        /* Cauchy's weight: who turns sharply or is somebody else hardly counts. */
        double sure = 1 / own / (1 + by * by / (4 * (own + habit->jitter)));
        o->a[i] += sure;
        o->ad[i] += sure * d;
        o->dd += sure * d * d;
        o->b[i] += sure * by;
        o->bd += sure * by * d;
    }
    o->pairs++;
}

/* Least squares with the habit as what is known before; the shifts are put into the growth. */
static void solve(const struct ground_off *o, const struct ground_habit *habit,
                  struct ground_error *e)
{
    double g = o->dd + 1 / habit->swell, h = o->bd, whole[2];
    for (int i = 0; i < 2; i++) {
        whole[i] = o->a[i] + 1 / habit->jitter;
        g -= o->ad[i] * o->ad[i] / whole[i];
        h -= o->ad[i] * o->b[i] / whole[i];
    }
    e->grow = h / g;
    e->grow_variance = 1 / g;
    e->shift_variance = (1 / whole[0] + 1 / whole[1]) / 2;
    for (int i = 0; i < 2; i++)
        e->shift[i] = (o->b[i] - o->ad[i] * e->grow) / whole[i];
}

/* A variance, between two deviations. */
static double within(double variance, double least, double most)
{
    return fmin(fmax(variance, least * least), most * most);
}

static void learn(struct ground_habit *habit, const struct ground_error *e)
{
    double jitter = (e->shift[0] * e->shift[0] + e->shift[1] * e->shift[1]) / 2;
    habit->jitter += LEARNS * (jitter + e->shift_variance - habit->jitter);
    habit->swell += LEARNS * (e->grow * e->grow + e->grow_variance - habit->swell);
    habit->jitter = within(habit->jitter, JITTER_LEAST_PX, JITTER_MOST_PX);
    habit->swell = within(habit->swell, SWELL_LEAST, SWELL_MOST);
}

bool ground_off_solve(const struct ground_off *off, double dt_s, struct ground_habit *habit,
                      struct ground_error *error)
{
    double kept = exp(-dt_s / HOLDS_S);
    if (off->pairs < TELLING)
        return false;
    solve(off, habit, error);
    learn(habit, error);
    error->shift[0] *= kept;
    error->shift[1] *= kept;
    error->grow *= kept;
    return true;
}
