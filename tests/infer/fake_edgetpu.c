/* A libedgetpu.so.1 without hardware behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_tflite.h"

#define SHOWN __attribute__((visibility("default")))

struct device {
    int type;
    const char *path;
};

struct option {
    const char *name, *value;
};

SHOWN struct fake_edgetpu fake_edgetpu_state;

SHOWN struct device *edgetpu_list_devices(size_t *count)
{
    struct device *devices = calloc(2, sizeof *devices);
    *count = (size_t)fake_edgetpu_state.present;
    if (!devices)
        return NULL;
    devices[0] = (struct device){1, "/sys/bus/usb/devices/2-1"};
    devices[1] = (struct device){0, "/dev/apex_0"};
    fake_edgetpu_state.devices++;
    return devices;
}

SHOWN void edgetpu_free_devices(struct device *devices)
{
    fake_edgetpu_state.devices--;
    free(devices);
}

SHOWN void *edgetpu_create_delegate(int type, const char *path, const struct option *options,
                                    size_t count)
{
    (void)options;
    fake_edgetpu_state.made_type = type;
    fake_edgetpu_state.made_options = count;
    snprintf(fake_edgetpu_state.made_path, sizeof fake_edgetpu_state.made_path, "%s", path);
    if (fake_edgetpu_state.fail_create)
        return NULL;
    fake_edgetpu_state.alive++;
    return malloc(1);
}

SHOWN void edgetpu_free_delegate(void *delegate)
{
    fake_edgetpu_state.alive--;
    free(delegate);
}
