/* Distances to the four sides of a box as distributions, one set a cell of a few grids: what the
 * heads of NanoDet and PicoDet share.
 * Source: Li et al., "Generalized Focal Loss", 2020. */
#ifndef INFER_GFL_H
#define INFER_GFL_H

#include "infer/head_parts.h"

/* Where the centre of cell x stands, in strides s. */
enum gfl_centre { GFL_CORNER, GFL_MIDDLE_PIXEL, GFL_MIDDLE }; /* x s; x s + (s-1)/2; x s + s/2 */

enum { GFL_BINS_MAX = 33 };

/* Scores [1,n,C] and distances [1,n,4 bins] a level, in this order or the other: fills levels,
 * strides, level_outputs[0] and [1], columns and `extra` (the bins). False: something else. */
bool gfl_find(const struct head_facts *facts, struct head_setup *setup);

/* Whether scores are logits. */
void gfl_probe(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE]);

/* setup->form is the centre. Scores and distances of a level may be the same output: rows of
 * columns + 4 * extra numbers, all levels one after another. */
void gfl_decode(const struct head_setup *setup, const fov_tensor *out,
                const struct head_query *query, struct candidates *into);

#endif
