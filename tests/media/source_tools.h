/* Sources as the tests read them: what fails ends the test. */
#ifndef TESTS_MEDIA_SOURCE_TOOLS_H
#define TESTS_MEDIA_SOURCE_TOOLS_H

#include <fovea/source.h>

extern fov_frame_pool *pool; /* made by make_pool */

/* Set-up and end of a group of tests. */
int make_pool(void **state);
int drop_pool(void **state);

fov_source *open_source(const char *url, bool loop, fov_pixels pixels);
fov_frame *read_frame(fov_source *source, const char **name); /* `name` may be NULL */

/* Frames of the source cost no memory once a few were read; skips where that cannot be seen. */
void assert_allocates_nothing(const char *url);

#endif
