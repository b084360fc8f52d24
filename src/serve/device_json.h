/* Facts about the machine as JSON: the same for the API and the command line. */
#ifndef SERVE_DEVICE_JSON_H
#define SERVE_DEVICE_JSON_H

#include <fovea/device.h>

#include "base/json.h"

/* Adds the members that describe machine, accelerators, runtimes and recommendation to the object
 * that is open. Thread-safety: safe for separate writers. */
void device_json_write(struct json_writer *w, const fov_device_info *info);

#endif
