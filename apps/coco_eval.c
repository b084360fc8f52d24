/* Mean average precision as pycocotools 2.0 computes it for boxes: the same order of comparisons,
 * so that the figures agree to rounding.
 * Source: Lin et al., "Microsoft COCO: Common Objects in Context"; cocodataset.org, "Detection
 * Evaluation". */
#include "coco.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { THRESHOLDS = 10, RECALLS = 101, AREAS = 4, MOST = 100 };

static const double areas[AREAS][2] = {
    {0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};
static const int most_of[] = {1, 10, MOST};
enum { MOSTS = sizeof most_of / sizeof *most_of };

const char *const coco_figure_names[COCO_FIGURES] = {
    "AP",   "AP50",  "AP75",   "AP_small", "AP_medium", "AP_large",
    "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"};

/* What became of one detection at each threshold, for one range of areas. */
struct outcome {
    double score;
    size_t order; /* ties keep the order of pictures */
    int rank;     /* among the detections of its picture */
    bool hit[THRESHOLDS], ignored[THRESHOLDS];
};

struct work {
    struct outcome *outcomes;
    size_t count;
    double *overlap;  /* detections × truths of one picture */
    int *truth_order; /* counted ones first */
    bool *truth_ignored, *truth_taken;
};

/* Means over categories. */
struct sums {
    double precision[AREAS][THRESHOLDS], recall[AREAS][MOSTS];
    long precision_count[AREAS], recall_count[AREAS][MOSTS];
};

/* As numpy's linspace computes them: the last bit decides at a threshold. */
static double threshold(int i)
{
    return i < THRESHOLDS - 1 ? i * ((0.95 - 0.5) / (THRESHOLDS - 1)) + 0.5 : 0.95;
}

static double recall_at(int i)
{
    return i < RECALLS - 1 ? i * (1.0 / (RECALLS - 1)) : 1;
}

static int by_place(const struct coco_box *a, const struct coco_box *b)
{
    if (a->category != b->category)
        return a->category < b->category ? -1 : 1;
    return (a->image > b->image) - (a->image < b->image);
}

/* Stable: merge sort from the bottom up. */
static fov_status sort_boxes(struct coco_boxes *boxes,
                             int (*compare)(const struct coco_box *, const struct coco_box *))
{
    struct coco_box *from = boxes->items, *to = malloc((boxes->count + 1) * sizeof *to);
    if (!to)
        return FOV_ENOMEM;
    for (size_t width = 1; width < boxes->count; width *= 2) {
        for (size_t start = 0; start < boxes->count; start += 2 * width) {
            size_t middle = start + width < boxes->count ? start + width : boxes->count;
            size_t end = middle + width < boxes->count ? middle + width : boxes->count;
            size_t a = start, b = middle, k = start;
            while (k < end)
                to[k++] = b >= end || (a < middle && compare(&from[a], &from[b]) <= 0) ? from[a++]
                                                                                       : from[b++];
        }
        struct coco_box *swap = from;
        from = to;
        to = swap;
    }
    boxes->items = from;
    boxes->capacity = boxes->count;
    free(to);
    return FOV_OK;
}

static int by_place_and_score(const struct coco_box *a, const struct coco_box *b)
{
    int place = by_place(a, b);
    return place ? place : (a->score < b->score) - (a->score > b->score);
}

/* Share of the union; of a crowd only the detection counts. */
static double overlap_of(const struct coco_box *d, const struct coco_box *g)
{
    double left = d->x > g->x ? d->x : g->x, top = d->y > g->y ? d->y : g->y;
    double right = d->x + d->w < g->x + g->w ? d->x + d->w : g->x + g->w;
    double bottom = d->y + d->h < g->y + g->h ? d->y + d->h : g->y + g->h;
    if (right - left <= 0 || bottom - top <= 0)
        return 0;
    double common = (right - left) * (bottom - top), own = d->w * d->h;
    return common / (g->crowd ? own : own + g->w * g->h - common);
}

/* The truth that detection d takes at a threshold, -1 none. */
static int best_truth(const struct work *w, const struct coco_box *truths, int count, int d,
                      double least)
{
    int best = -1;
    double most = least < 1 - 1e-10 ? least : 1 - 1e-10;
    for (int i = 0; i < count; i++) {
        int g = w->truth_order[i];
        if (w->truth_taken[g] && !truths[g].crowd)
            continue;
        if (best >= 0 && !w->truth_ignored[best] && w->truth_ignored[g])
            break; /* a counted one is better than any ignored one */
        double overlap = w->overlap[(size_t)d * (size_t)count + (size_t)g];
        if (overlap < most)
            continue;
        most = overlap;
        best = g;
    }
    return best;
}

/* One picture, one category, one range: fills an outcome a detection. Returns how many truths
 * count. */
static long match_picture(struct work *w, const struct coco_box *truths, int truth_count,
                          const struct coco_box *found, int found_count, const double range[2])
{
    int counted = 0, next = 0;
    for (int g = 0; g < truth_count; g++) {
        w->truth_ignored[g] = truths[g].crowd || truths[g].area < range[0] ||
                              truths[g].area > range[1];
        counted += !w->truth_ignored[g];
    }
    for (int pass = 0; pass < 2; pass++)
        for (int g = 0; g < truth_count; g++)
            if (w->truth_ignored[g] == (pass == 1))
                w->truth_order[next++] = g;
    for (int d = 0; d < found_count; d++)
        for (int g = 0; g < truth_count; g++)
            w->overlap[(size_t)d * (size_t)truth_count + (size_t)g] = overlap_of(&found[d],
                                                                                 &truths[g]);
    struct outcome *first = w->outcomes + w->count;
    for (int t = 0; t < THRESHOLDS; t++) {
        memset(w->truth_taken, 0, (size_t)truth_count * sizeof *w->truth_taken);
        for (int d = 0; d < found_count; d++) {
            int g = best_truth(w, truths, truth_count, d, threshold(t));
            bool outside = found[d].area < range[0] || found[d].area > range[1];
            first[d].hit[t] = g >= 0;
            first[d].ignored[t] = g >= 0 ? w->truth_ignored[g] : outside;
            if (g >= 0)
                w->truth_taken[g] = true;
        }
    }
    for (int d = 0; d < found_count; d++) {
        first[d].score = found[d].score;
        first[d].rank = d;
        first[d].order = w->count + (size_t)d;
    }
    w->count += (size_t)found_count;
    return counted;
}

static int by_score(const void *a, const void *b)
{
    const struct outcome *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Average precision and final recall of one curve; `scratch`: precision and recall a detection. */
static double average_precision(const struct work *w, int t, int most, long truths, double *scratch,
                                double *recall)
{
    double *precisions = scratch, *recalls = scratch + w->count, sum = 0;
    size_t n = 0, at = 0;
    long hits = 0, misses = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct outcome *o = &w->outcomes[i];
        if (o->rank >= most)
            continue;
        hits += o->hit[t] && !o->ignored[t];
        misses += !o->hit[t] && !o->ignored[t];
        recalls[n] = (double)hits / (double)truths;
        precisions[n++] = (double)hits / ((double)(misses + hits) + DBL_EPSILON);
    }
    *recall = n ? recalls[n - 1] : 0;
    for (size_t i = n; i-- > 1;) /* a precision is that of any higher recall, if better */
        if (precisions[i] > precisions[i - 1])
            precisions[i - 1] = precisions[i];
    for (int r = 0; r < RECALLS; r++) {
        while (at < n && recalls[at] < recall_at(r))
            at++;
        sum += at < n ? precisions[at] : 0;
    }
    return sum / RECALLS;
}

static void add_category(const struct work *w, int area, long truths, double *scratch,
                         struct sums *sums)
{
    if (!truths)
        return;
    for (int m = 0; m < MOSTS; m++) {
        double recall_sum = 0;
        for (int t = 0; t < THRESHOLDS; t++) {
            double recall,
                precision = average_precision(w, t, most_of[m], truths, scratch, &recall);
            recall_sum += recall;
            if (most_of[m] == MOST)
                sums->precision[area][t] += precision;
        }
        sums->recall[area][m] += recall_sum / THRESHOLDS;
        sums->recall_count[area][m]++;
    }
    sums->precision_count[area]++;
}

/* Boxes of one place: [*at, return) of the sorted list. */
static size_t end_of(const struct coco_boxes *boxes, size_t at, int category, int image)
{
    while (at < boxes->count && boxes->items[at].category == category &&
           boxes->items[at].image == image)
        at++;
    return at;
}

static void evaluate_category(const struct coco *coco, const struct coco_boxes *found, int category,
                              size_t truth_at, size_t found_at, struct work *w, double *scratch,
                              struct sums *sums)
{
    for (int area = 0; area < AREAS; area++) {
        size_t g = truth_at, d = found_at;
        long truths = 0;
        w->count = 0;
        for (int image = 0; image < (int)coco->image_count; image++) {
            size_t g_end = end_of(&coco->truth, g, category, image);
            size_t d_end = end_of(found, d, category, image);
            int detections = (int)(d_end - d) < MOST ? (int)(d_end - d) : MOST;
            if (g_end > g || d_end > d)
                truths += match_picture(w, coco->truth.items + g, (int)(g_end - g),
                                        found->items + d, detections, areas[area]);
            g = g_end;
            d = d_end;
        }
        qsort(w->outcomes, w->count, sizeof *w->outcomes, by_score);
        add_category(w, area, truths, scratch, sums);
    }
}

static double mean(double sum, long count)
{
    return count ? sum / (double)count : -1;
}

static void fill_figures(const struct sums *s, double figures[COCO_FIGURES])
{
    for (int area = 0; area < AREAS; area++) {
        double sum = 0;
        for (int t = 0; t < THRESHOLDS; t++)
            sum += s->precision[area][t];
        figures[area ? 2 + area : 0] = mean(sum / THRESHOLDS, s->precision_count[area]);
        if (area)
            figures[8 + area] = mean(s->recall[area][MOSTS - 1], s->recall_count[area][MOSTS - 1]);
    }
    figures[1] = mean(s->precision[0][0], s->precision_count[0]);
    figures[2] = mean(s->precision[0][5], s->precision_count[0]);
    for (int m = 0; m < MOSTS; m++)
        figures[6 + m] = mean(s->recall[0][m], s->recall_count[0][m]);
}

/* Most truths of one picture and category. */
static size_t largest_group(const struct coco_boxes *boxes)
{
    size_t largest = 0;
    for (size_t at = 0, end; at < boxes->count; at = end) {
        end = end_of(boxes, at, boxes->items[at].category, boxes->items[at].image);
        largest = end - at > largest ? end - at : largest;
    }
    return largest;
}

fov_status coco_evaluate(struct coco *coco, struct coco_boxes *detections,
                         double figures[COCO_FIGURES])
{
    struct work w = {0};
    struct sums sums = {0};
    double *scratch = NULL;
    fov_status status = FOV_ENOMEM;
    if (sort_boxes(&coco->truth, by_place) || sort_boxes(detections, by_place_and_score))
        goto done;
    size_t group = largest_group(&coco->truth) + 1;
    w.outcomes = malloc((detections->count + 1) * sizeof *w.outcomes);
    w.overlap = malloc(MOST * group * sizeof *w.overlap);
    w.truth_order = malloc(group * sizeof *w.truth_order);
    w.truth_ignored = malloc(group * sizeof *w.truth_ignored);
    w.truth_taken = malloc(group * sizeof *w.truth_taken);
    scratch = malloc((2 * detections->count + 1) * sizeof *scratch);
    if (!w.outcomes || !w.overlap || !w.truth_order || !w.truth_ignored || !w.truth_taken ||
        !scratch)
        goto done;
    for (size_t c = 0, g = 0, d = 0; c < coco->category_count; c++) {
        evaluate_category(coco, detections, (int)c, g, d, &w, scratch, &sums);
        while (g < coco->truth.count && coco->truth.items[g].category == (int)c)
            g++;
        while (d < detections->count && detections->items[d].category == (int)c)
            d++;
    }
    fill_figures(&sums, figures);
    status = FOV_OK;
done:
    free(w.outcomes);
    free(w.overlap);
    free(w.truth_order);
    free(w.truth_ignored);
    free(w.truth_taken);
    free(scratch);
    return status;
}
