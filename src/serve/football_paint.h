/* Boxes of a football frame as the server draws them: teams by their colours and names. */
#ifndef SERVE_FOOTBALL_PAINT_H
#define SERVE_FOOTBALL_PAINT_H

#include "serve/football.h"

enum { FOOTBALL_BOXES_MAX = 300 };

/* What the boxes of one frame are; plain memory. */
struct football_paint {
    bool set;
    char names[2][FOOTBALL_NAME_MAX];
    int colors[2];                     /* of the overlay's, fov_class_color */
    uint8_t words[FOOTBALL_BOXES_MAX]; /* of each detection */
};

/* From a result with football. */
void football_paint_fill(struct football_paint *paint, const fov_result *result);

/* Gives detections class ids that fov_draw_detections paints right, with the label below: for
 * drawing only. */
void football_paint_boxes(const struct football_paint *paint, fov_detection *items, size_t count);
const char *football_paint_label(void *paint, int class_id);

#endif
