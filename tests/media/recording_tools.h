/* What the tests of recordings share: a folder, frames of any kind, files made and opened. Failures
 * end the test. */
#ifndef TESTS_MEDIA_RECORDING_TOOLS_H
#define TESTS_MEDIA_RECORDING_TOOLS_H

#include "media/recording.h"

extern fov_frame_pool *pool;
extern const fov_recording_info live;

/* In the folder of the test; valid to the next call. */
char *path_of(const char *name);

fov_recording *create(const char *name, const fov_recording_info *info,
                      fov_recording_params params);
void add(fov_recording *recording, const fov_frame *frame, fov_recorded what, const char *name);
void finish(fov_recording **recording);
struct recording *open_file(const char *name, fov_status wanted);

fov_frame *pixels_of(fov_pixels pixels, int width, int height, int shift_x, int shift_y, bool gray);
fov_frame *jpeg_of(int width, int height);

/* Set-up and end of a group of tests. */
int make_folder(void **state);
int clear_folder(void **state);

#endif
