/* Numbered pictures for the tests of readers: of `pattern:`, of a folder, of a camera over HTTP. */
#ifndef TESTS_FLOW_NUMBERED_H
#define TESTS_FLOW_NUMBERED_H

#include <stdatomic.h>

#include "flow_test.h"

enum { CAMERA_PICTURES = 512 };

/* The number that a frame shows; -1: none. */
int number_of(const fov_frame *frame);

/* A folder of `count` JPEGs; the one numbered `broken` is none (-1: all are). `folder`: a template
 * of mkdtemp. */
void folder_make(char *folder, int count, int broken);
void folder_remove(const char *folder, int count);

/* A camera that sends JPEGs over HTTP, each with its number, while it is not paused. */
struct camera {
    char url[64];
    atomic_bool paused, stop;
    atomic_int sent; /* pictures */
    int listener, interval_ms;
    pthread_t thread;
};

void camera_start(struct camera *camera, int interval_ms);
void camera_stop(struct camera *camera);

#endif
