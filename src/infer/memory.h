/* Whether a model can fit into memory, before anything is loaded. */
#ifndef INFER_MEMORY_H
#define INFER_MEMORY_H

#include <fovea/status.h>
#include <stdint.h>

/* FOV_ENOMEM with both numbers when a model of `file_bytes` cannot be loaded with `available`
 * bytes (machine_memory_free; 0: unknown, passes). Thread-safe. */
fov_status memory_check(const char *name, int64_t file_bytes, int64_t available, fov_error *error);

#endif
