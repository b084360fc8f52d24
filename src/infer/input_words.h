/* The `input` option: how pixels become the input where the recognised way is wrong. */
#ifndef INFER_INPUT_WORDS_H
#define INFER_INPUT_WORDS_H

#include "infer/letterbox.h"

/* Applies words such as "bgr, letterbox, mean=103.5 116.3 123.7, scale=255, pad=114" (model.h) to
 * `spec`; NULL or "" leaves it. Means and scales are in the order of the model's channels. Returns
 * FOV_EINVAL with the word that is wrong. Pure. */
fov_status input_words_apply(const char *words, struct letterbox_spec *spec, fov_error *error);

#endif
