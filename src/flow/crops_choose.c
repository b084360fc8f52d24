/* Which boxes of a frame should be looked at more closely: where names could go wrong first, then
 * those that were not looked at for the longest. Pure. */
#include "flow/crops.h"

#include <math.h>

#define AHEAD_MOST_S 0.5
#define AGAIN_S 0.5f /* a track that nobody comes near is looked at so often */
#define TEAM_S 0.1f  /* and one whose team is not known */
#define OWN 0.5f     /* overlap with a track that leaves no doubt */
#define NEAR 0.1f    /* and that makes two of them, or two boxes, one another's neighbours */
#define HIDDEN 0.3f  /* a box that others cover so much says nothing about a shirt */
#define LEAST_PX 8.0f

static float overlap(const float a[4], const float b[4])
{
    float width = fminf(a[2], b[2]) - fmaxf(a[0], b[0]);
    float height = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
    if (!(width > 0) || !(height > 0))
        return 0;
    float both = width * height;
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

static void box_of(const fov_detection *d, float box[4])
{
    box[0] = d->x1;
    box[1] = d->y1;
    box[2] = d->x2;
    box[3] = d->y2;
}

/* Where a track should be by now. */
static void foresee(const struct crop_track *t, float ahead_s, float box[4])
{
    for (int i = 0; i < 4; i++)
        box[i] = t->box[i] + ahead_s * (i % 2 ? t->vy : t->vx);
}

/* The track that a box belongs to, as far as one can tell, and how many come near it. */
struct nearest {
    const struct crop_track *track;
    float overlap;
    int near;
};

static struct nearest nearest_of(const struct crop_known *known, float ahead_s, const float box[4])
{
    struct nearest best = {0};
    float at[4];
    for (size_t i = 0; i < known->count; i++) {
        foresee(&known->tracks[i], ahead_s, at);
        float part = overlap(at, box);
        best.near += part >= NEAR;
        if (part > best.overlap) {
            best.overlap = part;
            best.track = &known->tracks[i];
        }
    }
    return best;
}

/* The most that another box of the frame covers of it. */
static float crowd(const fov_detections *boxes, size_t count, size_t self, const float box[4])
{
    float most = 0, other[4];
    for (size_t i = 0; i < count; i++) {
        if (i == self)
            continue;
        box_of(&boxes->items[i], other);
        most = fmaxf(most, overlap(other, box));
    }
    return most;
}

static float waited(const struct crop_track *t, enum crop_use use, int64_t time_ns)
{
    if (!t || t->vector_ns[use] == CROP_NEVER || time_ns < t->vector_ns[use]) /* time jumped back */
        return INFINITY;
    return (float)((double)(time_ns - t->vector_ns[use]) / 1e9);
}

static enum crop_need need_of(const struct nearest *n, enum crop_use use, float crowded,
                              float waited_s)
{
    bool own = n->track && n->overlap >= OWN;
    if (use == CROP_TEAMS) {
        if (crowded > HIDDEN)
            return CROP_NOT;
        if (!own || !n->track->settled)
            return waited_s >= TEAM_S ? CROP_UNSURE : CROP_NOT;
        return waited_s >= AGAIN_S ? CROP_AGAIN : CROP_NOT;
    }
    if (!own || !n->track->seen || n->near > 1 || crowded >= NEAR || isinf(waited_s))
        return CROP_UNSURE;
    return waited_s >= AGAIN_S ? CROP_AGAIN : CROP_NOT;
}

static bool is_before(const struct crop_choice *x, const struct crop_choice *y)
{
    if (x->need != y->need)
        return x->need > y->need;
    if (x->waited_s < y->waited_s || x->waited_s > y->waited_s) /* two infinite ones are alike */
        return x->waited_s > y->waited_s;
    if (x->score < y->score || x->score > y->score)
        return x->score > y->score;
    return x->box < y->box;
}

/* By insertion: qsort may ask for memory. */
static void put_in_order(struct crop_choice *choices, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct crop_choice choice = choices[i];
        size_t k = i;
        for (; k > 0 && is_before(&choice, &choices[k - 1]); k--)
            choices[k] = choices[k - 1];
        choices[k] = choice;
    }
}

static bool is_wanted(const fov_detection *d, const uint8_t *kinds, size_t i, float least)
{
    return (!kinds || kinds[i] != FOV_CLASS_BALL) && d->score >= least &&
           d->x2 - d->x1 >= LEAST_PX && d->y2 - d->y1 >= LEAST_PX && isfinite(d->x2 - d->x1) &&
           isfinite(d->y2 - d->y1);
}

size_t crops_choose(const struct crop_known *known, enum crop_use use, int64_t time_ns, float least,
                    const fov_detections *boxes, const uint8_t *kinds,
                    struct crop_choice choices[CROP_BOXES])
{
    size_t looked = boxes->count < CROP_BOXES ? boxes->count : CROP_BOXES, count = 0;
    double ahead_s = fmin(fmax((double)(time_ns - known->time_ns) / 1e9, 0), AHEAD_MOST_S);
    for (size_t i = 0; i < looked; i++) {
        const fov_detection *d = &boxes->items[i];
        float box[4];
        if (!is_wanted(d, kinds, i, least))
            continue;
        box_of(d, box);
        struct nearest n = nearest_of(known, (float)ahead_s, box);
        float waited_s = waited(n.overlap >= OWN ? n.track : NULL, use, time_ns);
        enum crop_need need = need_of(&n, use, crowd(boxes, looked, i, box), waited_s);
        if (need != CROP_NOT)
            choices[count++] = (struct crop_choice){
                .box = (uint16_t)i, .need = (uint8_t)need, .waited_s = waited_s, .score = d->score};
    }
    put_in_order(choices, count);
    return count;
}

size_t crops_unite(struct crop_choice *choices, size_t count, const struct crop_choice *others,
                   size_t other_count)
{
    size_t all = count;
    for (size_t i = 0; i < other_count; i++) {
        size_t k = 0;
        while (k < count && choices[k].box != others[i].box)
            k++;
        if (k == count && all < CROP_BOXES)
            choices[all++] = others[i];
        else if (k < count && is_before(&others[i], &choices[k]))
            choices[k] = others[i];
    }
    put_in_order(choices, all);
    return all;
}
