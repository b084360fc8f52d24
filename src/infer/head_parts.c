#include "infer/head_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Boxes beyond are as good as endless; products of such numbers stay finite. */
static const float FAR_PX = 1e7f;

static int find_named(const fov_tensor *tensors, int count, const char *part)
{
    for (int i = 0; i < count; i++)
        if (strstr(tensors[i].name, part))
            return i;
    return -1;
}

int head_output_with(const struct head_facts *facts, const char *part)
{
    return find_named(facts->outputs, facts->output_count, part);
}

int head_input_with(const struct head_facts *facts, const char *part)
{
    return find_named(facts->inputs, facts->input_count, part);
}

static const char *skip_marks(const char *p)
{
    return p + strspn(p, "-_ .");
}

static bool starts_with(const char *text, const char *word)
{
    for (word = skip_marks(word); *word; word = skip_marks(word + 1)) {
        text = skip_marks(text);
        if (tolower((unsigned char)*text) != *word)
            return false;
        text++;
    }
    return true;
}

static bool contains(const char *text, const char *word)
{
    for (; text && *text; text++)
        if (starts_with(text, word))
            return true;
    return false;
}

bool head_is_called(const struct head_facts *facts, const char *word)
{
    return contains(metadata_get(facts->meta, "model_type"), word) ||
           contains(metadata_get(facts->meta, "description"), word) || contains(facts->name, word);
}

bool head_shape_is(const fov_tensor *t, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t wanted[4] = {a, b, c, d};
    if (t->rank != rank)
        return false;
    for (int i = 0; i < rank && i < 4; i++)
        if (wanted[i] >= 0 && t->shape[i] != wanted[i])
            return false;
    return true;
}

bool head_rows_fit(int64_t dimension, int64_t most)
{
    return dimension == -1 || (dimension >= 1 && dimension <= most);
}

static bool sounds_like_scores(const fov_tensor *t)
{
    return strstr(t->name, "score") || strstr(t->name, "logit") || strstr(t->name, "label") ||
           strstr(t->name, "cls") || strstr(t->name, "conf");
}

bool head_find_pair(const struct head_facts *facts, int *boxes, int *scores)
{
    enum { ANCHORS = 1 << 20 };
    if (facts->output_count != 2)
        return false;
    const fov_tensor *a = &facts->outputs[0], *b = &facts->outputs[1];
    if (!head_shape_is(a, 3, 1, b->shape[1], -1, -1) ||
        !head_shape_is(b, 3, 1, a->shape[1], -1, -1))
        return false;
    bool a_is_boxes = a->shape[2] == 4, b_is_boxes = b->shape[2] == 4;
    if (a_is_boxes && b_is_boxes) /* four classes: names tell, else boxes come first */
        a_is_boxes = !sounds_like_scores(a) || sounds_like_scores(b);
    *boxes = a_is_boxes ? 0 : 1;
    *scores = 1 - *boxes;
    int64_t columns = facts->outputs[*scores].shape[2];
    return (a_is_boxes || b_is_boxes) && columns >= 1 && columns <= HEAD_COLUMNS &&
           head_rows_fit(a->shape[1], ANCHORS);
}

bool head_fits_cells(const struct head_facts *facts, struct head_setup *setup)
{
    int64_t cells = head_grid_cells(facts);
    return cells > 0 && head_find_pair(facts, &setup->boxes, &setup->scores) &&
           facts->outputs[setup->boxes].shape[1] == cells;
}

int head_match_cells(const struct head_facts *facts, const char *called, bool boxes_first,
                     char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    if (!head_fits_cells(facts, &setup))
        return 0;
    bool named = head_is_called(facts, called), first = setup.boxes == 0;
    snprintf(evidence, HEAD_EVIDENCE, "%s%s, shape: %s, one row a cell of the grids 8, 16, 32",
             named ? "named " : "assumed", named ? called : "",
             first ? "boxes before scores" : "scores before boxes");
    return named ? 95 : first == boxes_first ? 55 : 20;
}

int64_t head_cells(int64_t width, int64_t height, int stride)
{
    return ((width + stride - 1) / stride) * ((height + stride - 1) / stride);
}

/* Outputs of one level; more than four are as wrong as too few. */
static int outputs_with_rows(const struct head_facts *facts, int64_t rows, int found[4])
{
    int count = 0;
    for (int i = 0; i < facts->output_count; i++) {
        const fov_tensor *t = &facts->outputs[i];
        if (!head_shape_is(t, 3, 1, rows, -1, -1) || t->shape[2] < 1 || t->shape[2] > 4096)
            continue;
        if (count < 4)
            found[count] = i;
        count++;
    }
    return count;
}

int head_find_levels(const struct head_facts *facts, int each, int found[HEAD_LEVELS][4])
{
    int64_t width, height, before = 0;
    int levels = 0;
    if (!head_input_size(facts, &width, &height) || width < 1 || height < 1 || width > 65536 ||
        height > 65536)
        return 0;
    for (int stride = 8; stride <= 128 && levels * each < facts->output_count; stride *= 2) {
        int64_t cells = head_cells(width, height, stride);
        if (cells == before || outputs_with_rows(facts, cells, found[levels]) != each)
            return 0;
        before = cells;
        levels++;
    }
    return levels * each == facts->output_count ? levels : 0;
}

void head_set_scale(struct letterbox_spec *spec, float mean, float scale)
{
    for (int i = 0; i < 3; i++) {
        spec->mean[i] = mean;
        spec->scale[i] = scale;
    }
}

void head_set_imagenet(struct letterbox_spec *spec)
{
    static const float mean[3] = {123.675f, 116.28f, 103.53f},
                       scale[3] = {58.395f, 57.12f, 57.375f};
    for (int i = 0; i < 3; i++) {
        spec->mean[i] = mean[spec->bgr ? 2 - i : i];
        spec->scale[i] = scale[spec->bgr ? 2 - i : i];
    }
}

void head_explain(char evidence[HEAD_EVIDENCE], const char *format, ...)
{
    size_t used = strnlen(evidence, HEAD_EVIDENCE - 1);
    va_list words;
    va_start(words, format);
    vsnprintf(evidence + used, HEAD_EVIDENCE - used, format, words);
    va_end(words);
}

bool head_has_logits(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] < 0 || values[i] > 1)
            return true;
    return false;
}

static float near_by(float px)
{
    return fminf(fmaxf(px, -FAR_PX), FAR_PX);
}

struct candidate head_box(const struct head_setup *setup, const float *b)
{
    float across = setup->normalized ? (float)setup->input.width : 1;
    float down = setup->normalized ? (float)setup->input.height : 1;
    int x = setup->y_first, y = !setup->y_first;
    float x1 = near_by(b[x] * across), y1 = near_by(b[y] * down);
    float x2 = near_by(b[2 + x] * across), y2 = near_by(b[2 + y] * down);
    if (setup->centred)
        return (struct candidate){
            .x1 = x1 - x2 / 2, .y1 = y1 - y2 / 2, .x2 = x1 + x2 / 2, .y2 = y1 + y2 / 2};
    return (struct candidate){.x1 = x1, .y1 = y1, .x2 = x2, .y2 = y2};
}

void head_add(const struct head_query *query, struct candidate c, struct candidates *into)
{
    if (c.score >= query->conf && (!query->wanted || query->wanted[c.class_raw]))
        candidates_add(into, &c);
}

float head_sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float logit(float p)
{
    return p <= 0 ? -HUGE_VALF : p >= 1 ? HUGE_VALF : logf(p / (1 - p));
}

float head_raw_threshold(const struct head_setup *setup, float conf)
{
    return setup->activation == SCORES_READY ? conf : logit(conf) - 1e-3f;
}

static float raw_threshold(const struct head_setup *setup, const float *row, float conf)
{
    if (setup->activation != SCORES_SOFTMAX)
        return head_raw_threshold(setup, conf);
    /* a softmax's odds against the background alone are at least its odds against all */
    return setup->background < 0 ? -HUGE_VALF
                                 : row[setup->background] + head_raw_threshold(setup, conf);
}

bool head_row_is_low(const struct head_setup *setup, const float *row, float conf)
{
    /* nearly every row has nothing but background, which stands first or last */
    size_t first = setup->background == 0, last = setup->background == setup->columns - 1;
    size_t count = (size_t)setup->columns - (first || last);
    return !setup->kernels->any_at_least(row + first, count, raw_threshold(setup, row, conf));
}

static float probability(const struct head_setup *setup, float score, float most, float sum)
{
    if (setup->activation == SCORES_READY)
        return score;
    return setup->activation == SCORES_SIGMOID ? head_sigmoid(score) : expf(score - most) / sum;
}

void head_add_row(const struct head_setup *setup, const float *row, struct candidate box,
                  const struct head_query *query, struct candidates *into)
{
    float most = -HUGE_VALF, sum = 0;
    int best = -1;
    for (int c = 0; c < setup->columns; c++) {
        most = fmaxf(most, row[c]);
        if (c != setup->background && (best < 0 || row[c] > row[best]))
            best = c;
    }
    for (int c = 0; setup->activation == SCORES_SOFTMAX && c < setup->columns; c++)
        sum += expf(row[c] - most);
    bool one = setup->best_class && !query->every_class;
    float least = raw_threshold(setup, row, query->conf);
    for (int c = one ? best : 0; c >= 0 && c < (one ? best + 1 : setup->columns); c++) {
        if (c == setup->background || row[c] < least)
            continue;
        box.class_raw = c;
        box.score = probability(setup, row[c], most, sum);
        head_add(query, box, into);
    }
}

void head_decode_pair(const struct head_setup *setup, const fov_tensor *out,
                      const struct head_query *query, struct candidates *into)
{
    const fov_tensor *boxes = &out[setup->boxes], *scores = &out[setup->scores];
    size_t columns = (size_t)setup->columns, count = fov_tensor_count(boxes) / 4;
    const float *box = boxes->data, *row = scores->data;
    if (columns == 0 || fov_tensor_count(scores) / columns < count)
        return;
    for (size_t i = 0; i < count; i++, box += 4, row += columns) {
        if (head_row_is_low(setup, row, query->conf))
            continue;
        struct candidate c = head_box(setup, box);
        c.anchor = (int32_t)i;
        head_add_row(setup, row, c, query, into);
    }
}
