/* Semantic segmentation: a class for every cell of a grid. Connected regions of a class come out as
 * detections with a mask each.
 *   PLANES  [1,C,H,W]           scores of each class, or one plane of a mask's probability
 *   CELLS   [1,H,W,C]           the same, a cell's scores together
 *   IDS     [1,H,W], [1,1,H,W]  whole numbers: the class itself
 * One plane alone is a mask: inside where the probability is over a half. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/labels.h"
#include "infer/mask.h"

enum form { NONE, PLANES, CELLS, IDS };
enum {
    REGIONS = 64,
    SIDE_MAX = 2048,
    LEAST_SHARE = 4096, /* a region smaller than this part of the grid is noise */
    SAMPLES = 1000,     /* cells of a region that its score is the mean of */
};

struct shape {
    enum form form;
    int columns, width, height;
};

static bool has_aspect(const struct head_facts *facts, int64_t width, int64_t height)
{
    int64_t across, down;
    return head_input_size(facts, &across, &down) && width >= 8 && height >= 8 &&
           width <= SIDE_MAX && height <= SIDE_MAX && width <= across && height <= down &&
           width * down == height * across;
}

static bool is_whole(const fov_tensor *t)
{
    return t->dtype == FOV_I32 || t->dtype == FOV_I64 || (t->dtype == FOV_U8 && t->scale == 0);
}

static struct shape shape_of(const struct head_facts *facts)
{
    const fov_tensor *out = facts->outputs;
    const int64_t *s = out->shape;
    struct shape shape = {NONE, 1, 0, 0};
    bool planes = out->rank == 4 && has_aspect(facts, s[3], s[2]);
    bool cells = out->rank == 4 && has_aspect(facts, s[2], s[1]);
    if (facts->output_count != 1 || s[0] != 1)
        return shape;
    if (planes && (!cells || s[1] <= s[3]) && s[1] > 0 && s[1] <= HEAD_COLUMNS)
        shape = (struct shape){PLANES, (int)s[1], (int)s[3], (int)s[2]};
    else if (cells && s[3] > 0 && s[3] <= HEAD_COLUMNS)
        shape = (struct shape){CELLS, (int)s[3], (int)s[2], (int)s[1]};
    else if (out->rank == 3 && has_aspect(facts, s[2], s[1]))
        shape = (struct shape){PLANES, 1, (int)s[2], (int)s[1]};
    if (shape.form != NONE && shape.columns == 1 && is_whole(out))
        shape.form = IDS;
    return shape;
}

/* True when the metadata says segmentation without objects. */
static bool is_told(const struct head_facts *facts)
{
    const char *task = metadata_get(facts->meta, "task");
    const char *type = metadata_get(facts->meta, "model_type");
    return (task && !strncasecmp(task, "semantic", 8)) ||
           (type && !strcasecmp(type, "segmentation"));
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct shape shape = shape_of(facts);
    int64_t across = 0, down = 0;
    if (shape.form == NONE || !head_input_size(facts, &across, &down))
        return 0;
    if (is_told(facts)) {
        snprintf(evidence, HEAD_EVIDENCE, "%s says semantic segmentation, grid %dx%d",
                 facts->meta->source, shape.width, shape.height);
        return 100;
    }
    const char *what = shape.form == IDS ? "class ids" : "scores of classes";
    int sure = shape.width == across ? 75 : (int64_t)shape.width * 8 >= across ? 55 : 15;
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: %dx%d cells of %s", sure < 60 ? "assumed, " : "",
             shape.width, shape.height, shape.columns == 1 && shape.form != IDS ? "a mask" : what);
    /* coarse grids are a detector's more often */
    return metadata_get(facts->meta, "task") ? 0 : sure;
}

/* The first of several classes is what is nothing, unless its name says otherwise. */
static int background_of(const struct head_facts *facts, const struct shape *shape)
{
    static const char *const words[] = {"background", "_background_", "unlabeled", "void", "none"};
    const char *names = metadata_get(facts->meta, "names");
    const char *labels = metadata_get(facts->meta, "labels");
    int count = labels_count(facts->meta);
    const char *first = names ? names + strcspn(names, "'\"") : labels;
    if (shape->form != IDS && shape->columns == 1)
        return -1;
    if (!first || count == 1 || (shape->form != IDS && count != shape->columns))
        return 0;
    first += strspn(first, " '\"");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strncasecmp(first, words[i], strlen(words[i])))
            return 0;
    return -1;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    struct shape shape = shape_of(facts);
    int named = labels_count(facts->meta);
    if (shape.form == NONE)
        return fov_fail(error, FOV_EMODEL,
                        "head semantic needs one output [1,C,H,W], [1,H,W,C] or [1,H,W] of the "
                        "input's aspect, %d cells a side at most",
                        SIDE_MAX);
    setup->input.fit = FIT_STRETCH;
    head_guess_scale(facts, &setup->input);
    setup->task = FOV_TASK_SEMANTIC;
    setup->form = (int)shape.form;
    setup->mask_width = shape.width;
    setup->mask_height = shape.height;
    setup->background = background_of(facts, &shape);
    setup->columns = shape.columns;
    if (shape.form ==
        IDS) /* as many as are named (one: beside the background), else as a byte has */
        setup->columns = named > 1 ? named : named ? 2 : 256;
    if (shape.columns == 1 && shape.form != IDS)
        setup->label = "foreground";
    setup->open_classes = shape.form == IDS && !named;
    setup->needs_probe = shape.form != IDS;
    return FOV_OK;
}

/* Logits of noise do not all lie within 0..1. */
static void probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE])
{
    const float *scores = out->data;
    size_t count = (size_t)setup->columns * (size_t)setup->mask_width * (size_t)setup->mask_height;
    setup->done = true;
    for (size_t i = 0; i < count; i++)
        setup->done = setup->done && scores[i] >= 0 && scores[i] <= 1.0001f;
    size_t used = strlen(evidence);
    snprintf(evidence + used, HEAD_EVIDENCE - used, ", %s",
             setup->done ? "probabilities" : "logits");
}

/* ---- the class of each cell ---- */

struct region {
    int32_t label; /* of its cells */
    int class_raw, area, first;
    int left, top, right, bottom; /* inclusive */
};

/* Memory of one frame: an element a cell each. */
struct grid {
    const struct head_setup *setup;
    const float *scores;
    int16_t *classes; /* -1: none of interest */
    int32_t *labels;  /* of the region, 0 none */
    int32_t *stack;
    float *field;
    void *rest;
    int cells;
    struct region regions[REGIONS];
    int region_count;
};

static size_t cells_of(const struct head_setup *setup)
{
    return (((size_t)setup->mask_width * (size_t)setup->mask_height) + 63) & ~(size_t)63;
}

static size_t scratch(const struct head_setup *setup)
{
    size_t each = sizeof(int16_t) + 2 * sizeof(int32_t) + sizeof(float);
    return cells_of(setup) * each + mask_scratch(setup->mask_width, setup->mask_height);
}

static void place_memory(struct grid *g, void *memory)
{
    size_t cells = cells_of(g->setup);
    g->cells = g->setup->mask_width * g->setup->mask_height;
    g->field = memory;
    g->labels = (int32_t *)(void *)(g->field + cells);
    g->stack = g->labels + cells;
    g->classes = (int16_t *)(void *)(g->stack + cells);
    g->rest = g->classes + cells;
}

static inline float score_at(const struct grid *g, int cell, int column)
{
    const struct head_setup *s = g->setup;
    size_t at = s->form == PLANES ? (size_t)column * (size_t)g->cells + (size_t)cell
                                  : (size_t)cell * (size_t)s->columns + (size_t)column;
    return g->scores[at];
}

static float threshold(const struct head_setup *setup)
{
    return setup->done ? 0.5f : 0;
}

static void best_of_planes(struct grid *g)
{
    enum { BLOCK = 1024 };
    float best[BLOCK];
    int32_t column[BLOCK];
    for (int first = 0; first < g->cells; first += BLOCK) {
        int n = g->cells - first < BLOCK ? g->cells - first : BLOCK;
        g->setup->kernels->column_max(g->scores + first, (size_t)g->cells, g->setup->columns, n,
                                      best, column);
        for (int i = 0; i < n; i++)
            g->classes[first + i] = (int16_t)column[i];
    }
}

static void best_of_cells(struct grid *g)
{
    for (int i = 0; i < g->cells; i++) {
        int best = 0;
        for (int c = 1; c < g->setup->columns; c++)
            best = score_at(g, i, c) > score_at(g, i, best) ? c : best;
        g->classes[i] = (int16_t)best;
    }
}

static void classify_cells(struct grid *g, const struct head_query *query)
{
    const struct head_setup *s = g->setup;
    if (s->form == IDS)
        for (int i = 0; i < g->cells; i++)
            g->classes[i] = (int16_t)(g->scores[i] >= 0 && g->scores[i] < (float)s->columns
                                          ? (int)g->scores[i]
                                          : -1);
    else if (s->columns == 1)
        for (int i = 0; i < g->cells; i++)
            g->classes[i] = g->scores[i] > threshold(s) ? 0 : -1;
    else if (s->form == PLANES)
        best_of_planes(g);
    else
        best_of_cells(g);
    for (int i = 0; i < g->cells; i++) {
        int c = g->classes[i];
        if (c >= 0 && (c == s->background || (query->wanted && !query->wanted[c])))
            g->classes[i] = -1;
    }
}

/* ---- connected regions ---- */

/* A neighbour of the same class joins the region. */
static inline void join(struct grid *g, int cell, int class_raw, int32_t label, int *height)
{
    if (g->classes[cell] == class_raw && !g->labels[cell]) {
        g->labels[cell] = label;
        g->stack[(*height)++] = cell;
    }
}

static struct region flood(struct grid *g, int first, int32_t label)
{
    int width = g->setup->mask_width, height = 0;
    struct region r = {.label = label,
                       .class_raw = g->classes[first],
                       .first = first,
                       .left = width,
                       .top = g->setup->mask_height};
    join(g, first, r.class_raw, label, &height);
    while (height > 0) {
        int cell = g->stack[--height], x = cell % width, y = cell / width;
        r.area++;
        r.left = x < r.left ? x : r.left;
        r.right = x > r.right ? x : r.right;
        r.top = y < r.top ? y : r.top;
        r.bottom = y > r.bottom ? y : r.bottom;
        if (x > 0)
            join(g, cell - 1, r.class_raw, label, &height);
        if (x + 1 < width)
            join(g, cell + 1, r.class_raw, label, &height);
        if (y > 0)
            join(g, cell - width, r.class_raw, label, &height);
        if (y + 1 < g->setup->mask_height)
            join(g, cell + width, r.class_raw, label, &height);
    }
    return r;
}

/* Largest first; the smallest falls off the end. */
static void keep(struct grid *g, const struct region *r)
{
    int at = g->region_count;
    while (at > 0 && g->regions[at - 1].area < r->area)
        at--;
    if (at == REGIONS)
        return;
    int last = g->region_count < REGIONS ? g->region_count++ : REGIONS - 1;
    for (int i = last; i > at; i--)
        g->regions[i] = g->regions[i - 1];
    g->regions[at] = *r;
}

static void find_regions(struct grid *g)
{
    int least = g->cells / LEAST_SHARE > 4 ? g->cells / LEAST_SHARE : 4;
    int32_t label = 0;
    g->region_count = 0;
    memset(g->labels, 0, (size_t)g->cells * sizeof *g->labels);
    for (int i = 0; i < g->cells; i++) {
        if (g->classes[i] < 0 || g->labels[i])
            continue;
        struct region r = flood(g, i, ++label);
        if (r.area >= least)
            keep(g, &r);
    }
}

/* ---- a region's mask ---- */

/* How much the class leads over the best other one; of one plane, over the threshold. */
static float lead(const struct grid *g, int cell, int class_raw)
{
    const struct head_setup *s = g->setup;
    if (s->form == IDS)
        return g->scores[cell] >= (float)class_raw && g->scores[cell] < (float)(class_raw + 1) ? 1
                                                                                               : -1;
    float own = score_at(g, cell, class_raw);
    if (s->columns == 1)
        return own - threshold(s);
    float other = -INFINITY;
    for (int c = 0; c < s->columns; c++)
        if (c != class_raw)
            other = fmaxf(other, score_at(g, cell, c));
    return own - other;
}

/* The region and one cell around it. Cells of another region of the class count as outside. */
static void fill_field(const struct grid *g, const struct region *r, struct mask_field *f)
{
    int right = r->right + 1 < g->setup->mask_width ? r->right + 1 : r->right;
    int bottom = r->bottom + 1 < g->setup->mask_height ? r->bottom + 1 : r->bottom;
    f->left = r->left > 0 ? r->left - 1 : 0;
    f->top = r->top > 0 ? r->top - 1 : 0;
    f->width = right - f->left + 1;
    f->height = bottom - f->top + 1;
    f->values = g->field;
    for (int x = 0; x < f->width; x++)
        for (int y = 0; y < f->height; y++) {
            int cell = (f->top + y) * g->setup->mask_width + f->left + x;
            float value = lead(g, cell, r->class_raw);
            bool inside = g->labels[cell] == r->label;
            g->field[x * f->height + y] = inside ? fmaxf(value, 1e-6f) : -fabsf(value);
        }
}

/* The box of the cells that are inside, in source px. */
static void box_of(const struct region *r, const struct head_setup *setup,
                   const struct letterbox *box, fov_detection *d)
{
    float across = (float)setup->input.width / (float)setup->mask_width;
    float down = (float)setup->input.height / (float)setup->mask_height;
    d->x1 = (float)r->left * across;
    d->y1 = (float)r->top * down;
    d->x2 = (float)(r->right + 1) * across;
    d->y2 = (float)(r->bottom + 1) * down;
    letterbox_undo(box, &d->x1, &d->y1);
    letterbox_undo(box, &d->x2, &d->y2);
}

static float probability(const struct grid *g, int cell, int class_raw)
{
    const struct head_setup *s = g->setup;
    float own = score_at(g, cell, class_raw), sum = 0;
    if (s->done)
        return own;
    if (s->columns == 1)
        return 1 / (1 + expf(-own));
    for (int c = 0; c < s->columns; c++)
        sum += expf(score_at(g, cell, c) - own);
    return 1 / sum;
}

/* The mean of the class's probability over cells spread evenly over the region. */
static float score_of(const struct grid *g, const struct region *r)
{
    int every = r->area / SAMPLES + 1, nth = 0, taken = 0;
    float sum = 0;
    if (g->setup->form == IDS)
        return 1;
    for (int y = r->top; y <= r->bottom; y++)
        for (int x = r->left; x <= r->right; x++) {
            int cell = y * g->setup->mask_width + x;
            if (g->labels[cell] != r->label || nth++ % every)
                continue;
            sum += probability(g, cell, r->class_raw);
            taken++;
        }
    return fminf(fmaxf(sum / (float)taken, 0), 1);
}

static void write_region(const struct grid *g, const struct region *r, float conf,
                         const struct head_output *output)
{
    fov_detections *into = output->into;
    fov_detection d = {.class_id_raw = r->class_raw, .track_id = -1, .score = score_of(g, r)};
    struct mask_field field;
    box_of(r, g->setup, output->box, &d);
    if (d.score < conf || d.x2 <= d.x1 || d.y2 <= d.y1 || into->count == into->capacity)
        return;
    size_t i = into->count++;
    into->items[i] = d;
    if (!into->details || i >= into->details->capacity)
        return;
    field.cells_per_px_x = (float)g->setup->mask_width / (float)g->setup->input.width;
    field.cells_per_px_y = (float)g->setup->mask_height / (float)g->setup->input.height;
    fill_field(g, r, &field);
    mask_write(&field, output->box, &d, into->details, &into->details->items[i], g->rest);
}

static void read(const struct head_setup *setup, const fov_tensor *out,
                 const struct head_query *query, const struct head_output *output)
{
    struct grid g = {.setup = setup, .scores = out->data};
    place_memory(&g, query->scratch);
    classify_cells(&g, query);
    find_regions(&g);
    for (int i = 0; i < g.region_count; i++)
        write_region(&g, &g.regions[i], query->conf, output);
}

const struct head head_semantic = {.name = "semantic",
                                   .match = match,
                                   .configure = configure,
                                   .probe = probe,
                                   .read = read,
                                   .scratch = scratch};
