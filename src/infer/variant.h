/* Which file of a model is run: the one that was named, or its INT8 form beside it. */
#ifndef INFER_VARIANT_H
#define INFER_VARIANT_H

#include <fovea/model.h>

enum { VARIANT_REASON = 160 };

/* `path` (of `size` bytes): the file to open for params->path. NAME_int8.xml, whose mark says
 * that it was made from the very NAME.xml and .bin beside it and accepted, is taken when INT8 is
 * asked for, or when the precision is left open, the CPU runs it through OpenVINO and `fast_int8`
 * holds. `reason` says why, "" where there is no choice. Thread-safety: safe. Blocks: for some
 * reads. */
void variant_choose(const fov_model_params *params, bool fast_int8, char *path, size_t size,
                    char reason[VARIANT_REASON]);

/* The processor multiplies 8 bit numbers in one step: AVX512_VNNI, AVX_VNNI (and AMX, which has
 * both), or the dot products of ARMv8.2. `name`: what it has, or lacks. */
bool variant_fast_int8(const char **name);

#endif
