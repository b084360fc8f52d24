/* NanoDet: distances as distributions over grids at strides 8, 16, 32 and, NanoDet-Plus, 64:
 *   LEVELS  scores and distances of each level as outputs of their own (cls_pred, dis_pred)
 *   JOINED  [1, N, C + 4 bins], the levels one after another
 * Pictures are BGR with the mean and deviation of its own configuration. The first NanoDet has the
 * centre of a cell in its middle, NanoDet-Plus at its corner.
 * Source: RangiLyu, "NanoDet-Plus", 2021 (configuration and head). */
#include <stdio.h>

#include "infer/gfl.h"
#include "infer/labels.h"

enum { BINS = 8 }; /* of every published configuration */

/* Bins of the joined form, 0 when the output is none; `levels` by the number of rows. */
static int bins_of(const struct head_facts *facts, int *levels)
{
    const fov_tensor *out = facts->outputs;
    int64_t width, height, cells = 0;
    int classes = labels_count(facts->meta);
    if (facts->output_count != 1 || !head_shape_is(out, 3, 1, -1, -1, -1) ||
        !head_input_size(facts, &width, &height) || width < 1 || height < 1 || width > 65536 ||
        height > 65536)
        return 0;
    *levels = 0;
    for (int stride = 8; stride <= 64; stride *= 2) {
        cells += head_cells(width, height, stride);
        *levels += 1;
        if (stride >= 32 && out->shape[1] == cells)
            break;
    }
    int64_t sides = out->shape[2] - (classes ? classes : out->shape[2] - 4 * BINS);
    bool fits = out->shape[1] == cells && sides % 4 == 0 && sides >= 8 &&
                sides <= 4 * GFL_BINS_MAX && out->shape[2] > sides &&
                out->shape[2] - sides <= HEAD_COLUMNS;
    return fits ? (int)sides / 4 : 0;
}

static bool find(const struct head_facts *facts, struct head_setup *setup)
{
    int levels, bins = bins_of(facts, &levels);
    if (!bins)
        return gfl_find(facts, setup);
    setup->levels = levels;
    setup->extra = bins;
    setup->columns = (int)facts->outputs[0].shape[2] - 4 * bins;
    for (int i = 0; i < levels; i++)
        setup->strides[i] = 8 << i;
    return true;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    if (!find(facts, &setup))
        return 0;
    bool called = head_is_called(facts, "nanodet");
    bool joined = facts->output_count == 1, plus = setup.levels == 4;
    /* a transposed YOLO with many classes has such rows as well; four levels are PicoDet's */
    int confidence = called                                     ? 95
                     : joined                                   ? (plus ? 75 : 58)
                     : plus                                     ? 40
                     : head_output_with(facts, "dis_pred") >= 0 ? 90
                                                                : 70;
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: %d levels of %d classes and 4 x %d bins",
             called            ? "named nanodet, "
             : confidence < 60 ? "assumed, "
                               : "",
             setup.levels, setup.columns, setup.extra);
    return confidence;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    static const float mean[3] = {103.53f, 116.28f, 123.675f},
                       scale[3] = {57.375f, 57.12f, 58.395f};
    if (!find(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head nanodet needs scores [1,n,C] and distances [1,n,4B] for each of the "
                        "strides 8, 16, 32, or both as one [1,N,C+4B]");
    bool plus = facts->output_count == 1 && setup->levels == 4;
    setup->form = plus ? GFL_CORNER : GFL_MIDDLE;
    setup->input.fit = plus ? FIT_STRETCH : FIT_CENTRE;
    setup->input.bgr = true;
    for (int i = 0; i < 3; i++) {
        setup->input.mean[i] = mean[i];
        setup->input.scale[i] = scale[i];
    }
    setup->background = -1;
    setup->best_class = true;
    setup->nms = NMS_AGNOSTIC;
    setup->needs_probe = true;
    return FOV_OK;
}

const struct head head_nanodet = {.name = "nanodet",
                                  .match = match,
                                  .configure = configure,
                                  .probe = gfl_probe,
                                  .decode = gfl_decode};
