/* PicoDet without its postprocessing: scores [1,n,C] and distances [1,n,4B] for each of the strides
 * 8, 16, 32, 64. Pictures go in as its training had them: RGB, stretched. (Demonstrations that feed
 * BGR with padding lose 12 points of AP with the published weights: docs/models.md.)
 * Source: Yu et al., "PP-PicoDet", 2021. */
#include <stdio.h>

#include "infer/gfl.h"

enum { LEVELS = 4 };

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    if (!gfl_find(facts, &setup))
        return 0;
    bool called = head_is_called(facts, "picodet");
    bool levels = setup.levels == LEVELS; /* three are NanoDet's */
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: %d levels of %d classes and 4 x %d bins",
             called   ? "named picodet, "
             : levels ? ""
                      : "assumed, ",
             setup.levels, setup.columns, setup.extra);
    return called ? 95 : levels ? 80 : 30;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!gfl_find(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head picodet needs scores [1,n,C] and distances [1,n,4B] for each of the "
                        "strides 8, 16, 32, 64");
    setup->form = GFL_MIDDLE;
    setup->input.fit = FIT_STRETCH;
    head_set_imagenet(&setup->input);
    setup->background = -1;
    setup->best_class = true;
    setup->nms = NMS_AGNOSTIC;
    setup->needs_probe = true;
    return FOV_OK;
}

const struct head head_picodet = {.name = "picodet",
                                  .match = match,
                                  .configure = configure,
                                  .probe = gfl_probe,
                                  .decode = gfl_decode};
