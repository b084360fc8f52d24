/* Files of camera motion. Whatever the bytes: no crash; a refusal has a reason; what is read are
 * maps that can be undone, each found under its number only. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/plane.h"
#include "track/motion_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const fov_motion_file *file, int64_t number)
{
    fov_motion motion;
    double back[9];
    bool there = fov_motion_file_at(file, number, &motion);
    if (there == (motion.kind == FOV_MOTION_NONE))
        abort();
    for (int i = 0; i < 9; i++)
        if (!isfinite(motion.map[i]))
            abort();
    if (there && !plane_invert(motion.map, back))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fov_motion_file *file;
    fov_error error = {0};
    fov_status status = motion_file_read(&file, (const char *)data, size, "file", &error);
    if ((status == FOV_OK) != (file != NULL) || (status != FOV_OK && error.message[0] == '\0'))
        abort();
    for (int64_t number = -1; file && number < 20; number++)
        look_up(file, number);
    fov_motion_file_close(&file);
    return 0;
}
