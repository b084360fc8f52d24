/* Which of a model's classes are players, goalkeepers, referees and balls: by the names that models
 * of football and of everyday things give them, or by those that the user gives. Pure. */
#ifndef FLOW_LOOK_CLASSES_H
#define FLOW_LOOK_CLASSES_H

#include <fovea/football.h>
#include <fovea/model.h>

enum { LOOK_LABELS_MAX = 1024, LOOK_NAMES = 256 };

/* Names of the user's own, by fov_football_class, parted by commas; "": the known ones. */
struct look_names {
    char of[FOV_CLASS_COUNT][LOOK_NAMES];
};

struct look_classes {
    int8_t kind[LOOK_LABELS_MAX];   /* fov_football_class by class id, -1: nothing of football */
    int32_t first[FOV_CLASS_COUNT]; /* the class id that means it, -1: none does */
    uint64_t wanted[16];            /* all of them, as fov_detect_params has it */
};

/* FOV_EINVAL for a list that is too long. */
fov_status look_names_read(struct look_names *names, const fov_football_params *params,
                           fov_error *error);

void look_classes_read(struct look_classes *classes, const struct look_names *names,
                       const char *const *labels, int count);

/* Leaves only the ball, or all but the ball, to be looked for; its class id is still known. */
void look_classes_leave(struct look_classes *classes, bool ball);

bool look_classes_people(const struct look_classes *classes);

/* FOV_EINVAL when the model finds no boxes, or none of what it is meant for: people, or the ball;
 * names its labels. */
fov_status look_classes_check(const struct look_classes *classes, const fov_model_info *info,
                              bool ball, fov_error *error);

/* The class id in which a thing of football is told that a model without such a class did not find
 * itself: a person for a goalkeeper, FOV_LABEL_BALL for a ball. */
int32_t look_classes_id(const struct look_classes *classes, fov_football_class kind);

#endif
