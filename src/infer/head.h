/* Heads: how a model's raw output becomes candidates. A head is one file, head_foo.c, that defines
 * `const struct head head_foo`, and its name in the list in meson.build. */
#ifndef INFER_HEAD_H
#define INFER_HEAD_H

#include <fovea/backend.h>

#include "infer/letterbox.h"
#include "infer/metadata.h"
#include "infer/nms.h"

enum { HEAD_COLUMNS = 1024, HEAD_EVIDENCE = 160 };

/* What there is to know before the first run. */
struct head_facts {
    const fov_tensor *inputs, *outputs;
    int input_count, output_count;
    const struct metadata *meta;
};

/* How to feed and read one model: filled by `configure`, completed by `probe`, then constant. */
struct head_setup {
    struct letterbox_spec input; /* width, height, planar and dtype come filled in */
    enum nms_kind nms;
    int form;           /* the head's own: which variant of its output */
    int boxes, scores;  /* indices of outputs */
    int classes, count; /* further outputs of some forms */
    int anchors, columns;
    int background;   /* column that is no class, -1 none */
    bool y_first;     /* y0 x0 y1 x1 instead of x0 y0 x1 y1 */
    bool normalized;  /* coordinates 0..1 of the model's input, else model_px */
    bool needs_probe; /* `probe` decides the rest from a first run on noise */
    const struct infer_kernels *kernels;
};

/* Which candidates a frame asks for. */
struct head_query {
    float conf;
    bool every_class;      /* an anchor may give several (evaluation) */
    const uint8_t *wanted; /* columns: 0 left out by the caller; NULL: all */
};

struct head {
    const char *name;
    /* 0 cannot read this, 100 certain; fills the reason. Pure. */
    int (*match)(const struct head_facts *facts, char evidence[HEAD_EVIDENCE]);
    /* Checks every dimension it will use. Returns FOV_EMODEL or FOV_EUNSUPPORTED with the reason.
     */
    fov_status (*configure)(const struct head_facts *facts, struct head_setup *setup,
                            fov_error *error);
    /* Settles what only numbers tell; may be NULL. `out` as for decode. Appends to the reason. */
    void (*probe)(struct head_setup *setup, const fov_tensor *out, char evidence[HEAD_EVIDENCE]);
    /* Adds candidates in model_px. `out`: dense f32, finite, shapes as described. Pure. */
    void (*decode)(const struct head_setup *setup, const fov_tensor *out,
                   const struct head_query *query, struct candidates *into);
};

/* The i-th head of this build, NULL after the last; by name, NULL when there is none. */
const struct head *head_at(size_t i);
const struct head *head_named(const char *name);

/* The head for these facts: `wanted` by name, else the best match. Fails with the shapes and the
 * option to give. */
fov_status head_choose(const struct head_facts *facts, const char *wanted, const struct head **head,
                       char evidence[HEAD_EVIDENCE], fov_error *error);

/* Fills setup->input from the first input's shape and the metadata that all heads share
 * (resize_type, reverse_input_channels, mean_values, scale_values, pad_value). */
fov_status head_read_input(const struct head_facts *facts, struct head_setup *setup,
                           fov_error *error);

/* "images f32[1,3,640,640] -> output0 f32[1,84,8400]" */
void head_describe_shapes(const struct head_facts *facts, char *text, size_t size);

/* Cells of grids at strides 8, 16 and 32 over the model's input; 0 for other inputs. */
int64_t head_grid_cells(const struct head_facts *facts);

#endif
