/* Which of YOLO's outputs a model has, from its metadata and its shapes. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "infer/head_parts.h"
#include "infer/labels.h"
#include "infer/yolo.h"

enum {
    FINAL_ROWS = 1000,
    ANCHORS = 1 << 20,
    KEYPOINTS = 17,
    MASKS_MAX = 256,
    MASK_SIDE_MAX = 2048
};

/* The task that the metadata or the file's name tells; FOV_TASK_DETECT when neither does. */
static fov_task named_task(const struct head_facts *facts, bool *told)
{
    static const struct {
        const char *word, *part; /* of the metadata, of the name */
        fov_task task;
    } words[] = {{"detect", "-det", FOV_TASK_DETECT},
                 {"segment", "-seg", FOV_TASK_SEGMENT},
                 {"pose", "-pose", FOV_TASK_POSE},
                 {"obb", "-obb", FOV_TASK_ORIENTED},
                 {"classify", "-cls", FOV_TASK_CLASSIFY}};
    const char *task = metadata_get(facts->meta, "task");
    *told = task != NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (task ? !strcmp(task, words[i].word)
                 : facts->name && strcasestr(facts->name, words[i].part))
            return words[i].task;
    return task ? FOV_TASK_EMBED : FOV_TASK_DETECT; /* another task: none of YOLO's */
}

/* A grid has the input's aspect: so the prototypes' number is told from its sides. */
static bool has_aspect(const struct head_facts *facts, int64_t width, int64_t height)
{
    int64_t across, down;
    return head_input_size(facts, &across, &down) && width > 0 && height > 0 &&
           width <= MASK_SIDE_MAX && height <= MASK_SIDE_MAX && width * down == height * across;
}

/* The prototypes of masks among two outputs. */
static bool find_masks(const struct head_facts *facts, struct yolo_layout *layout)
{
    for (int i = 0; i < 2 && facts->output_count == 2; i++) {
        const fov_tensor *t = &facts->outputs[i];
        if (t->rank != 4 || t->shape[0] != 1 || facts->outputs[1 - i].rank != 3)
            continue;
        bool first = has_aspect(facts, t->shape[3], t->shape[2]);
        bool last = has_aspect(facts, t->shape[2], t->shape[1]);
        layout->masks_last = last && (!first || t->shape[3] < t->shape[1]);
        int64_t count = t->shape[layout->masks_last ? 3 : 1];
        layout->masks = i;
        layout->boxes = 1 - i;
        layout->extra = (int)(count <= MASKS_MAX ? count : 0);
        return count > 0 && count <= MASKS_MAX && (first || last);
    }
    return false;
}

/* "[17, 3]" of the exporter, else COCO's 17 points of x, y and score. */
static bool read_keypoints(const struct metadata *meta, struct yolo_layout *layout)
{
    const char *shape = metadata_get(meta, "kpt_shape");
    layout->keypoints = KEYPOINTS;
    layout->keypoint_values = 3;
    if (shape &&
        sscanf(shape, " %*[[(]%9d , %9d", &layout->keypoints, &layout->keypoint_values) != 2)
        return false;
    if (layout->keypoints < 1 || layout->keypoints > HEAD_COLUMNS / 4 ||
        (layout->keypoint_values != 2 && layout->keypoint_values != 3))
        return false;
    layout->extra = layout->keypoints * layout->keypoint_values;
    return true;
}

static bool read_task(const struct head_facts *facts, struct yolo_layout *layout)
{
    layout->task = named_task(facts, &layout->told);
    bool masks = find_masks(facts, layout);
    if (masks && !layout->told)
        layout->task = FOV_TASK_SEGMENT;
    switch (layout->task) {
    case FOV_TASK_SEGMENT:
        return masks;
    case FOV_TASK_POSE:
        return facts->output_count == 1 && read_keypoints(facts->meta, layout);
    case FOV_TASK_ORIENTED:
        layout->extra = 1;
        return facts->output_count == 1;
    default:
        return layout->task == FOV_TASK_DETECT && facts->output_count == 1;
    }
}

/* `classes` comes from the labels, 0 when unknown. */
static enum yolo_form form_of(const struct head_facts *facts, const struct yolo_layout *layout,
                              int classes)
{
    const fov_tensor *out = &facts->outputs[layout->boxes];
    int64_t a = out->shape[1], b = out->shape[2], cells = head_grid_cells(facts);
    int64_t extra = layout->extra;
    if (b == 6 + extra && head_rows_fit(a, FINAL_ROWS))
        return YOLO_FINAL;
    if (a < 1 || b < 1 || a > ANCHORS || b > ANCHORS)
        return YOLO_UNKNOWN;
    if (a >= 5 + extra && a < b && a <= 4 + HEAD_COLUMNS + extra)
        return !classes || a == 4 + classes + extra ? YOLO_CHANNELS : YOLO_UNKNOWN;
    if (b < 5 + extra || b > 5 + HEAD_COLUMNS + extra || a <= b)
        return YOLO_UNKNOWN;
    bool grid = a == cells || a == 3 * cells;
    if (classes && b == 4 + classes + extra) /* fewer rows than a grid: a transformer's queries */
        return grid || a > FINAL_ROWS ? YOLO_ROWS : YOLO_UNKNOWN;
    return b >= 6 + extra && grid && (!classes || b == 5 + classes + extra) ? YOLO_OBJECT
                                                                            : YOLO_UNKNOWN;
}

/* Ultralytics exports RT-DETR with the same metadata, but its rows are others. */
static bool is_transformer(const struct head_facts *facts)
{
    const char *head = metadata_get(facts->meta, "head");
    return (head && !strcmp(head, "RTDETRDecoder")) || head_is_called(facts, "rtdetr");
}

void yolo_read_layout(const struct head_facts *facts, struct yolo_layout *layout)
{
    int classes = labels_count(facts->meta);
    *layout = (struct yolo_layout){.masks = -1};
    if (is_transformer(facts) || !read_task(facts, layout))
        return;
    const fov_tensor *out = &facts->outputs[layout->boxes];
    if (!head_shape_is(out, 3, 1, -1, -1, -1))
        return;
    layout->form = form_of(facts, layout, classes);
    bool channels = layout->form == YOLO_CHANNELS;
    int skip = layout->form == YOLO_OBJECT ? 5 : 4;
    layout->anchors = (int)out->shape[channels ? 2 : 1];
    layout->columns = (int)out->shape[channels ? 1 : 2] - skip - layout->extra;
    if (layout->form == YOLO_FINAL)
        layout->columns = classes ? classes : layout->task == FOV_TASK_POSE ? 1 : 80;
}
