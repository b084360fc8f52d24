/* Heads: how a model's raw output becomes candidates. A head is one file, head_foo.c, that defines
 * `const struct head head_foo`, and its name in the list in meson.build. */
#ifndef INFER_HEAD_H
#define INFER_HEAD_H

#include <fovea/backend.h>

#include "infer/letterbox.h"
#include "infer/metadata.h"
#include "infer/nms.h"

enum { HEAD_COLUMNS = 1024, HEAD_EVIDENCE = 160, HEAD_LEVELS = 8 };

/* What there is to know before the first run. */
struct head_facts {
    const fov_tensor *inputs, *outputs;
    int input_count, output_count;
    const struct metadata *meta;
    const char *name; /* of the file, without folder and suffix; "" when unknown */
};

/* How to feed and read one model: filled by `configure`, completed by `probe`, then constant. */
struct head_setup {
    struct letterbox_spec input; /* width, height, planar and dtype come filled in */
    int picture;                 /* index of the input that takes the picture */
    /* What the other inputs hold for good (sizes, scale factors); count 0: the head has no use for
     * such an input, and the model is refused. */
    struct {
        float values[4];
        int count;
    } constants[FOV_MODEL_INPUTS];
    fov_task task;
    enum nms_kind nms;
    int form;           /* the head's own: which variant of its output */
    int boxes, scores;  /* indices of outputs */
    int classes, count; /* further outputs of some forms */
    int masks, points;  /* outputs of mask prototypes, of keypoints */
    /* Heads with outputs a level: strides in px of the input, and which output is which. */
    int levels, strides[HEAD_LEVELS];
    int level_outputs[4][HEAD_LEVELS]; /* scores, boxes, objectness, keypoints */
    int anchors, columns;
    int extra;           /* further columns of an anchor: mask coefficients, bins of a distance */
    int keypoints;       /* of each detection; */
    int keypoint_values; /* 2: x y, 3: x y score */
    int embedding;       /* numbers of the vector */
    int background;      /* column that is no class, -1 none */
    bool y_first;        /* y0 x0 y1 x1 instead of x0 y0 x1 y1 */
    bool normalized;     /* coordinates 0..1 of the model's input, else model_px */
    bool needs_probe;    /* `probe` decides the rest from a first run on noise */
    bool open_classes;   /* the output holds numbers of classes: how many there are is not told */
    const struct infer_kernels *kernels;
};

/* Which candidates a frame asks for. */
struct head_query {
    float conf;
    bool every_class;      /* an anchor may give several (evaluation) */
    const uint8_t *wanted; /* columns: 0 left out by the caller; NULL: all */
    void *scratch;         /* as many bytes as the head's `scratch` asks for, 64-byte aligned */
};

/* Where boxes, masks and points go. */
struct head_output {
    const struct letterbox *box; /* model_px to source px */
    fov_detections *into;        /* boxes are in; class_id_raw is set, class_id follows */
    void *scratch;
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
    /* Fills the details of detections that survived (kept[i] became into->items[i]); called when
     * the caller wants details, never with NULL ones. May be NULL. Pure. */
    void (*refine)(const struct head_setup *setup, const fov_tensor *out,
                   const struct candidate *kept, const struct head_output *output);
    /* Instead of both, for tasks whose result is no list of candidates (classes, regions, vectors):
     * writes detections and details, which may be NULL. Class ids are columns. Pure. */
    void (*read)(const struct head_setup *setup, const fov_tensor *out,
                 const struct head_query *query, const struct head_output *output);
    /* Bytes of memory that decode, refine and read share; may be NULL: none. */
    size_t (*scratch)(const struct head_setup *setup);
};

/* The i-th head of this build, NULL after the last; by name, NULL when there is none. */
const struct head *head_at(size_t i);
const struct head *head_named(const char *name);

/* The head for these facts: `wanted` by name, else the best match. Fails with the shapes and the
 * option to give. */
fov_status head_choose(const struct head_facts *facts, const char *wanted, const struct head **head,
                       int *confidence, char evidence[HEAD_EVIDENCE], fov_error *error);

/* Fills setup->input from the picture's input (the one of rank 4 with 3 channels, or 1) and the
 * metadata that all heads share (resize_type, reverse_input_channels, mean_values, scale_values,
 * pad_value). Refuses further inputs that the head has given no constants. */
fov_status head_read_input(const struct head_facts *facts, struct head_setup *setup,
                           fov_error *error);

/* "images f32[1,3,640,640] -> output0 f32[1,84,8400]" */
void head_describe_shapes(const struct head_facts *facts, char *text, size_t size);

/* Index of the input that takes the picture, -1 when there is none. */
int head_picture_input(const struct head_facts *facts);

/* Width and height in px of that input; false when there is none. */
bool head_input_size(const struct head_facts *facts, int64_t *width, int64_t *height);

/* Cells of grids at strides 8, 16 and 32 over the model's input; 0 for other inputs. */
int64_t head_grid_cells(const struct head_facts *facts);

#endif
