/* What several heads share: finding outputs, levels of a grid, boxes in whatever order, pairs of
 * boxes and scores. All of it pure. */
#ifndef INFER_HEAD_PARTS_H
#define INFER_HEAD_PARTS_H

#include "infer/head.h"

/* Index of the first output (input) whose name contains `part`, -1 when there is none. */
int head_output_with(const struct head_facts *facts, const char *part);
int head_input_with(const struct head_facts *facts, const char *part);

/* True when the metadata's model_type or description, or the file's name, contains `word`; "-",
 * "_" and blanks do not count, nor does case. */
bool head_is_called(const struct head_facts *facts, const char *word);

/* True for a tensor of these dimensions; -1 fits any dimension. */
bool head_shape_is(const fov_tensor *t, int rank, int64_t a, int64_t b, int64_t c, int64_t d);

/* True for a dimension of 1..`most`, or one that only a run will tell. */
bool head_rows_fit(int64_t dimension, int64_t most);

/* Boxes [1,N,4] and scores [1,N,C] as the only outputs; N may be dynamic. False: something else. */
bool head_find_pair(const struct head_facts *facts, int *boxes, int *scores);

/* head_find_pair with one row for each cell of the grids at strides 8, 16, 32. */
bool head_fits_cells(const struct head_facts *facts, struct head_setup *setup);

/* How surely that is the model `called` so; `boxes_first` as its exports have it, for the order is
 * all that tells DAMO-YOLO from YOLO-NAS. */
int head_match_cells(const struct head_facts *facts, const char *called, bool boxes_first,
                     char evidence[HEAD_EVIDENCE]);

/* The levels whose outputs are [1,n,c], n the cells of the level's stride: for every stride of 8,
 * 16, ... exactly `each` outputs, as many levels as there are. `found[level][k]`: indices in order
 * of the outputs. Returns how many levels, 0 when it is not that. */
int head_find_levels(const struct head_facts *facts, int each, int found[HEAD_LEVELS][4]);

/* Cells of a grid, borders rounded up. */
int64_t head_cells(int64_t width, int64_t height, int stride);

/* value = (pixel - mean) / scale, the same for the three channels or in the model's order. */
void head_set_scale(struct letterbox_spec *spec, float mean, float scale);
void head_set_imagenet(struct letterbox_spec *spec);

/* Adds words to the reason as far as there is room. */
void head_explain(char evidence[HEAD_EVIDENCE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

float head_sigmoid(float x);

/* The score from which on a probability may reach the threshold; a little less than exact, for the
 * probability itself decides. */
float head_raw_threshold(const struct head_setup *setup, float conf);

/* True when a number is below 0 or above 1: no probabilities. */
bool head_has_logits(const float *values, size_t count);

/* Four numbers as the setup says (y_first, centred, normalized) to a box in model_px. */
struct candidate head_box(const struct head_setup *setup, const float *b);

/* Adds it unless the caller left its class out. */
void head_add(const struct head_query *query, struct candidate c, struct candidates *into);

/* One anchor: `row` has setup->columns scores; gives one candidate, or one a class where the setup
 * or the query wants that. `box` has everything but score and class. */
void head_add_row(const struct head_setup *setup, const float *row, struct candidate box,
                  const struct head_query *query, struct candidates *into);

/* True when no class of the row can reach the threshold. */
bool head_row_is_low(const struct head_setup *setup, const float *row, float conf);

/* A head's decode: boxes [..,N,4] and scores [..,N,columns], the setup's outputs. */
void head_decode_pair(const struct head_setup *setup, const fov_tensor *out,
                      const struct head_query *query, struct candidates *into);

#endif
