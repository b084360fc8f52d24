/* Inside of the device room: what cpu.c and accelerators.c find for probe.c. */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <fovea/device.h>

/* First line of a small file, without line feed; returns its length, 0 when unreadable. */
size_t device_read_line(const char *path, char *line, size_t size);

void device_find_machine(fov_device_info *info);
void device_find_accelerators(fov_device_info *info);

#endif
