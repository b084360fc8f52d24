/* What rules see of a stream's results: boxes with what they are called, and where they stand on
 * the pitch. In a stream of football that is its people and its ball, each by the name of its
 * track. */
#ifndef SERVE_SIGHTS_H
#define SERVE_SIGHTS_H

#include "scene/alerts.h"
#include "serve/watch.h"

enum {
    SIGHTS_PEOPLE = 257,       /* of football, with the ball */
    SIGHTS_BALL_ID = INT32_MAX /* name of the ball as a track */
};

/* Room for what is made of a frame. */
struct sights {
    fov_detection people[SIGHTS_PEOPLE];
    struct zone_point metres[SIGHTS_PEOPLE];
};

/* `metres` of the picture are made only when asked for and when the view is known. Both live in
 * `room` and in the frame. Any thread. */
struct alert_picture sights_of(struct sights *room, const struct watch_frame *frame, bool metres);

/* Name of a class, of a model or (NULL) of football. Never NULL. */
const char *sights_class_name(const fov_model *model, int32_t class_id);

/* Calls add(user, id) for each class of that name. False: there is none. `model` as above.
 * Classes without a label are called class_7. "person" in football is everybody. */
bool sights_find_class(const fov_model *model, const char *name,
                       void (*add)(void *user, int32_t id), void *user);

#endif
