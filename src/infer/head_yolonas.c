/* YOLO-NAS: boxes [1,N,4] (two corners in pixels) and scores [1,N,C], N the cells of the grids at
 * strides 8, 16, 32. Pictures are RGB, 0..1, padded around the middle with 4 px kept free.
 * Source: Aharon et al., "Super-Gradients", 2021 (YOLO-NAS and its processing). */
#include "infer/head_parts.h"

enum { INSET = 4 };

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    return head_match_cells(facts, "yolo-nas", true, evidence);
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!head_fits_cells(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head yolonas needs boxes [1,N,4] and scores [1,N,C], N cells of strides "
                        "8, 16, 32");
    setup->input.fit = FIT_CENTRE;
    setup->input.pad = 114;
    setup->input.inset = INSET;
    head_set_scale(&setup->input, 0, 255);
    setup->anchors = (int)facts->outputs[setup->boxes].shape[1];
    setup->columns = (int)facts->outputs[setup->scores].shape[2];
    setup->background = -1;
    setup->nms = NMS_PER_CLASS; /* every class of a cell counts, as in its postprocessing */
    return FOV_OK;
}

const struct head head_yolonas = {
    .name = "yolonas", .match = match, .configure = configure, .decode = head_decode_pair};
