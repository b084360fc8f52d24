/* Log lines. There is one sink in a process; a frame never causes a line (that is what counters are
 * for), events do: a source lost, a model loaded, a setting ignored. */
#ifndef FOVEA_LOG_H
#define FOVEA_LOG_H

#include <fovea/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fov_log_level {
    FOV_LOG_ERROR,
    FOV_LOG_WARN,
    FOV_LOG_INFO,
    FOV_LOG_DEBUG
} fov_log_level;

/* Receives one complete line without line feed. Called with no lock of fovea's held, from any
 * thread, possibly from several at once. */
typedef void (*fov_log_sink)(void *user, fov_log_level level, const char *module, const char *line);

/* Replaces the sink (NULL: back to standard error) and the most detailed level shown (default
 * FOV_LOG_INFO). Call it before other fovea calls.
 * Thread-safety: not with other calls at the same time. Blocks: no. */
FOV_API void fov_log_set(fov_log_sink sink, void *user, fov_log_level level);

/* Logs one line of at most 1,000 bytes. `module` is the room's name ("net").
 * Thread-safety: safe. Blocks: as the sink does. */
FOV_API void fov_log(fov_log_level level, const char *module, const char *format, ...)
    FOV_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
