/* YOLO-NAS: boxes [1,N,4] (two corners in pixels) and scores [1,N,C], N the cells of the grids at
 * strides 8, 16, 32. Pictures are RGB, 0..1, padded around the middle with 4 px kept free.
 * Source: Aharon et al., "Super-Gradients", 2021 (YOLO-NAS and its processing). */
#include <stdio.h>

#include "infer/head_parts.h"

enum { INSET = 4 };

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
    bool called = head_is_called(facts, "yolonas");
    snprintf(evidence, HEAD_EVIDENCE, "%sshape: %s, one row a cell of the grids 8, 16, 32",
             called ? "named yolo-nas, " : "assumed, ",
             setup.boxes == 0 ? "boxes before scores" : "scores before boxes");
    /* the same pair in the other order is DAMO-YOLO */
    return called ? 95 : setup.boxes == 0 ? 55 : 20;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!fits(facts, setup))
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
    setup->nms = NMS_PER_CLASS;
    return FOV_OK;
}

/* As its own postprocessing does, every class of a cell counts. */
static void decode(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into)
{
    head_decode_pair(setup, &out[setup->boxes], &out[setup->scores], query, into);
}

const struct head head_yolonas = {
    .name = "yolonas", .match = match, .configure = configure, .decode = decode};
