/* Several thoughts at once; see ball_paths.h. A tree of hypotheses for one target (Reid 1979): each
 * path goes on unseen or with one of the sightings, each sighting may begin a path; the best few
 * are kept. Odds are against "every sighting is something else". */
#include "scene/ball_paths.h"

#include <math.h>
#include <string.h>

/* Odds of a path are kept below e^12: what has been the ball for an hour must be able to stop. */
#define ODDS_MOST 12.0
#define ODDS_LEAST (-4.0)
#define DETECTED 0.7 /* of the pictures of a ball in sight, detectors find so many */
#define BIRTH 0.03   /* balls a picture that come into sight */
#define CLUTTER_START 0.3
#define CLUTTER_LEAST 0.05
#define CLUTTER_PICTURES 60.0 /* its memory */
#define ALONE_S 0.25          /* a single sighting is not thought on for longer */
#define UNSURE_PX 15.0        /* what the camera may have turned by when nobody knows */
#define SAME_PX 12.0

/* A way to go on: `parent` -1: a new path, `seen` -1: not seen. */
struct branch {
    int parent, seen;
    bool kicked;
    double log_odds;
};

enum { BRANCHES = BALL_PATHS + BALL_SIGHTINGS };

void ball_paths_reset(struct ball_paths *paths)
{
    memset(paths, 0, sizeof *paths);
    paths->clutter = CLUTTER_START;
}

/* What a detector's score says: e to this is how much more often balls have it than other things.
 * Scores are taken for what they are most often: right in half of the cases at 0.4, in nine of ten
 * at 0.6. */
static double log_odds_of_score(double score)
{
    double s = fmin(fmax(score, 0.02), 0.98);
    return fmin(fmax(2.5 * (log(s / (1 - s)) + 0.405), -3), 3);
}

static void predict(struct ball_set *set, const struct ball_picture *picture)
{
    for (size_t i = 0; i < set->count; i++) {
        struct ball_path *path = &set->items[i];
        ball_path_predict(path, picture->dt, picture->map, picture->unit);
        if (picture->unsure)
            for (int k = 0; k < 2; k++)
                path->cov[k][k] += UNSURE_PX * picture->unit * UNSURE_PX * picture->unit;
        if (!ball_path_is_sound(path))
            path->log_odds = -INFINITY;
    }
}

/* The best way to come to a sighting: as a new path, or out of one that there is. */
static struct branch best_to(const struct ball_paths *paths, const struct ball_picture *picture,
                             int seen)
{
    const struct ball_set *set = &paths->sets[paths->now];
    const struct ball_sighting *s = &picture->seen[seen];
    double score = log_odds_of_score((double)s->score);
    struct branch best = {-1, seen, false, log(DETECTED * BIRTH / paths->clutter) + score};
    for (size_t i = 0; i < set->count; i++) {
        double unseen_s = picture->time_s - set->items[i].seen_s;
        struct ball_fit fit = ball_path_fit(&set->items[i], s, unseen_s, picture->unit);
        double odds = set->items[i].log_odds + score + fit.log_density +
                      log(DETECTED * picture->area / paths->clutter);
        if (odds > best.log_odds)
            best = (struct branch){(int)i, seen, fit.kicked, odds};
    }
    return best;
}

static bool worth_keeping(const struct ball_path *path, const struct ball_picture *picture,
                          double log_odds)
{
    double unseen_s = picture->time_s - path->seen_s;
    return log_odds > ODDS_LEAST && unseen_s <= picture->coast_s + 1e-9 &&
           (path->sightings > 1 || unseen_s <= ALONE_S || (!path->missed && picture->unlooked));
}

static size_t branches_of(const struct ball_paths *paths, const struct ball_picture *picture,
                          struct branch *branches)
{
    const struct ball_set *set = &paths->sets[paths->now];
    size_t count = 0;
    for (size_t s = 0; s < picture->count; s++)
        branches[count++] = best_to(paths, picture, (int)s);
    for (size_t i = 0; i < set->count; i++) {
        double odds = set->items[i].log_odds + (picture->unlooked ? 0 : log(1 - DETECTED));
        if (worth_keeping(&set->items[i], picture, odds))
            branches[count++] = (struct branch){(int)i, -1, false, odds};
    }
    return count;
}

/* How much of the time for standing still is over, of a path that goes this way. */
static double still_share(const struct ball_paths *paths, const struct ball_picture *picture,
                          const struct branch *branch)
{
    struct ball_path fresh;
    if (branch->parent >= 0)
        return ball_still_share(&paths->sets[paths->now].items[branch->parent], picture->time_s);
    ball_still_start(&fresh, &paths->places, &picture->seen[branch->seen], picture->time_s,
                     picture->unit);
    return ball_still_share(&fresh, picture->time_s);
}

/* What stands still may have fewer odds than others. Returns by how much all are above the most. */
static double limit(const struct ball_paths *paths, const struct ball_picture *picture,
                    struct branch *branches, size_t count)
{
    double over = 0;
    for (size_t i = 0; i < count; i++)
        over = fmax(over, branches[i].log_odds - ODDS_MOST);
    for (size_t i = 0; i < count; i++) {
        double most = ball_still_most(still_share(paths, picture, &branches[i]), ODDS_MOST);
        branches[i].log_odds = fmin(branches[i].log_odds, most + over);
    }
    return over;
}

/* Moves the best BALL_PATHS to the front; equal ones keep their order. */
static size_t best_first(struct branch *branches, size_t count)
{
    size_t keep = count < BALL_PATHS ? count : BALL_PATHS;
    for (size_t i = 0; i < keep; i++) {
        size_t best = i;
        for (size_t k = i + 1; k < count; k++)
            if (branches[k].log_odds > branches[best].log_odds)
                best = k;
        struct branch took = branches[best];
        memmove(&branches[i + 1], &branches[i], (best - i) * sizeof *branches);
        branches[i] = took;
    }
    while (keep > 0 && branches[keep - 1].log_odds <= ODDS_LEAST)
        keep--;
    return keep;
}

static void grow(struct ball_paths *paths, size_t at, const struct branch *branch,
                 const struct ball_picture *picture)
{
    const struct ball_set *from = &paths->sets[paths->now];
    struct ball_set *to = &paths->sets[!paths->now];
    struct ball_path *path = &to->items[at];
    const struct ball_sighting *seen = branch->seen >= 0 ? &picture->seen[branch->seen] : NULL;
    if (branch->parent < 0) {
        ball_path_start(path, seen, picture->time_s, picture->unit);
        ball_still_start(path, &paths->places, seen, picture->time_s, picture->unit);
        path->born = picture->number;
    } else {
        *path = from->items[branch->parent];
        memcpy(to->marks[at], from->marks[branch->parent], sizeof to->marks[at]);
        if (seen) {
            ball_path_take(path, seen, branch->kicked, picture->time_s - path->seen_s,
                           picture->unit);
            ball_still_take(path, seen, picture->time_s, picture->unit);
        }
    }
    if (seen)
        path->seen_s = picture->time_s;
    path->missed = !seen && (path->missed || !picture->unlooked);
    path->log_odds = branch->log_odds;
    to->marks[at][picture->number % BALL_PICTURES] = (struct ball_mark){
        (float)path->at[0], (float)path->at[1], path->size, seen ? seen->detection : -1};
}

/* Sightings that the best path does not explain are something else, if it is the ball. */
static void learn_clutter(struct ball_paths *paths, const struct ball_picture *picture,
                          bool best_has_one)
{
    double others = (double)picture->count - (best_has_one ? 1 : 0);
    paths->clutter += (others - paths->clutter) / CLUTTER_PICTURES;
    paths->clutter = fmax(paths->clutter, CLUTTER_LEAST);
}

/* `ball`: the sighting that is the best path's, -1: none of them. */
static void learn_places(struct ball_paths *paths, const struct ball_picture *picture, int ball)
{
    double since_s = paths->looked ? picture->time_s - paths->looked_s : 0;
    const struct ball_path *best = ball_paths_best(paths);
    for (size_t i = 0; i < picture->count; i++) {
        bool came = best && (int)i == ball && best->moved && paths->still < 1;
        ball_places_see(&paths->places, &picture->seen[i], came, picture->time_s, since_s,
                        picture->unit);
    }
}

/* What a look says of what looks like the ball. */
static void learn(struct ball_paths *paths, const struct ball_picture *picture, int ball)
{
    const struct ball_path *best = ball_paths_best(paths);
    learn_clutter(paths, picture, best && ball >= 0 && paths->still < 1);
    learn_places(paths, picture, best ? ball : -1);
    paths->looked = true;
    paths->looked_s = picture->time_s;
}

void ball_paths_step(struct ball_paths *paths, const struct ball_picture *picture)
{
    struct ball_set *from = &paths->sets[paths->now], *to = &paths->sets[!paths->now];
    struct branch branches[BRANCHES];
    predict(from, picture);
    ball_places_step(&paths->places, picture->time_s, picture->dt, picture->map);
    size_t count = branches_of(paths, picture, branches);
    double over = limit(paths, picture, branches, count);
    count = best_first(branches, count);
    to->count = count;
    for (size_t i = 0; i < count; i++) {
        branches[i].log_odds -= over;
        grow(paths, i, &branches[i], picture);
    }
    paths->now = !paths->now;
    const struct ball_path *best = ball_paths_best(paths);
    paths->still = best ? ball_still_share(best, picture->time_s) : 0;
    if (!picture->unlooked || picture->count > 0)
        learn(paths, picture, branches[0].seen);
}

const struct ball_path *ball_paths_best(const struct ball_paths *paths)
{
    const struct ball_set *set = &paths->sets[paths->now];
    return set->count > 0 ? &set->items[0] : NULL;
}

const struct ball_mark *ball_paths_marks(const struct ball_paths *paths)
{
    return paths->sets[paths->now].marks[0];
}

double ball_paths_confidence(const struct ball_paths *paths, double unit)
{
    const struct ball_set *set = &paths->sets[paths->now];
    double sum = 1, here = 0; /* 1: that all is something else */
    for (size_t i = 0; i < set->count; i++) {
        double odds = exp(set->items[i].log_odds);
        double x = set->items[i].at[0] - set->items[0].at[0],
               y = set->items[i].at[1] - set->items[0].at[1];
        sum += odds;
        if (hypot(x, y) <= SAME_PX * unit)
            here += odds;
    }
    return fmin(here / sum, ball_still_sure(paths->still));
}
