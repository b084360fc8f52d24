/* UltraFace: decoded boxes [1,N,4] (two corners, 0..1) and scores [1,N,2] of background and face,
 * over 3, 2, 2 and 3 anchors a cell of the strides 8, 16, 32 and 64.
 * Source: Linzaer, "Ultra-Light-Fast-Generic-Face-Detector-1MB", 2019. */
#include <stdio.h>

#include "infer/head_parts.h"

static int64_t anchors_of(int64_t width, int64_t height)
{
    return 3 * head_cells(width, height, 8) + 2 * head_cells(width, height, 16) +
           2 * head_cells(width, height, 32) + 3 * head_cells(width, height, 64);
}

static bool fits(const struct head_facts *facts, struct head_setup *setup)
{
    int64_t width, height;
    return head_find_pair(facts, &setup->boxes, &setup->scores) &&
           head_input_size(facts, &width, &height) && width > 0 && height > 0 && width <= 65536 &&
           height <= 65536 && facts->outputs[setup->scores].shape[2] == 2 &&
           facts->outputs[setup->boxes].shape[1] == anchors_of(width, height);
}

static int match(const struct head_facts *facts, char evidence[HEAD_EVIDENCE])
{
    struct head_setup setup = {0};
    if (!fits(facts, &setup))
        return 0;
    snprintf(evidence, HEAD_EVIDENCE, "shape: boxes and two scores for the anchors of UltraFace");
    return 85;
}

static fov_status configure(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error)
{
    if (!fits(facts, setup))
        return fov_fail(error, FOV_EMODEL,
                        "head ultraface needs boxes [1,N,4] and scores [1,N,2] over 3, 2, 2, 3 "
                        "anchors a cell of the strides 8, 16, 32, 64");
    setup->input.fit = FIT_STRETCH;
    head_set_scale(&setup->input, 127, 128);
    setup->normalized = true;
    setup->columns = 2;
    setup->background = 0;
    setup->label = "face";
    setup->nms = NMS_AGNOSTIC;
    return FOV_OK;
}

const struct head head_ultraface = {
    .name = "ultraface", .match = match, .configure = configure, .decode = head_decode_pair};
