/* Whether a model can fit into memory, before anything is loaded. */
#ifndef INFER_MEMORY_H
#define INFER_MEMORY_H

#include <fovea/status.h>
#include <stdint.h>

/* Bytes that this process may still take: what the kernel calls available, and what the control
 * groups (v2, v1) it is in leave. 0: unknown. `root`: "" or a folder of a test. Thread-safe. */
int64_t memory_available(const char *root);

/* FOV_ENOMEM with both numbers when a model of `file_bytes` cannot be loaded with `available`
 * bytes (0: unknown, passes). */
fov_status memory_check(const char *name, int64_t file_bytes, int64_t available, fov_error *error);

#endif
