/* DAMO-YOLO: scores [1,N,C] and boxes [1,N,4] (two corners in pixels), N the cells of the grids at
 * strides 8, 16, 32. Pictures are RGB, 0..255, at the top left of a black input.
 * Source: Xu et al., "DAMO-YOLO: A Report on Real-Time Object Detection Design", 2022. */
#include <stdio.h>

#include "infer/head_parts.h"

static bool fits(const struct head_facts *facts, struct head_setup *setup)
{
    int64_t cells = head_grid_cells(facts);
    return cells > 0 && head_find_pair(facts, &setup->boxes, &setup->scores) &&
           facts->outputs[setup->boxes].shape[1] == cells;
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    if (!fits(facts, &setup))
        return 0;
    bool called = head_is_called(facts, "damo");
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: %s, one row a cell of the grids 8, 16, 32",
             called ? "named damo, " : "assumed, ",
             setup.scores == 0 ? "scores before boxes" : "boxes before scores");
    /* the same pair in the other order is YOLO-NAS */
    return called ? 95 : setup.scores == 0 ? 55 : 20;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!fits(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head damoyolo needs scores [1,N,C] and boxes [1,N,4], N cells of strides "
                        "8, 16, 32");
    setup->input.fit = FIT_TOP_LEFT;
    setup->anchors = (int)facts->outputs[setup->boxes].shape[1];
    setup->columns = (int)facts->outputs[setup->scores].shape[2];
    setup->background = -1;
    setup->nms = NMS_PER_CLASS;
    return FOV_OK;
}

/* As its own postprocessing does, every class of a cell counts. */
static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    head_decode_pair(setup, &out[setup->boxes], &out[setup->scores], query, into);
}

const struct head head_damoyolo = {
    .name = "damoyolo", .match = match, .configure = configure, .decode = decode};
