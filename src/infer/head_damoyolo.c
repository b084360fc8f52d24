/* DAMO-YOLO: scores [1,N,C] and boxes [1,N,4] (two corners in pixels), N the cells of the grids at
 * strides 8, 16, 32. Pictures are RGB, 0..255, at the top left of a black input.
 * Source: Xu et al., "DAMO-YOLO: A Report on Real-Time Object Detection Design", 2022. */
#include "infer/head_parts.h"

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    return head_match_cells(facts, "damo", false, evidence);
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!head_fits_cells(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head damoyolo needs scores [1,N,C] and boxes [1,N,4], N cells of strides "
                        "8, 16, 32");
    setup->input.fit = FIT_TOP_LEFT;
    setup->anchors = (int)facts->outputs[setup->boxes].shape[1];
    setup->columns = (int)facts->outputs[setup->scores].shape[2];
    setup->background = -1;
    setup->nms = NMS_PER_CLASS; /* every class of a cell counts, as in its postprocessing */
    return FOV_OK;
}

const struct head head_damoyolo = {
    .name = "damoyolo", .match = match, .configure = configure, .decode = head_decode_pair};
