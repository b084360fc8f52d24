/* What the flow room needs of a runner beside the public interface. */
#ifndef INFER_RUNNER_H
#define INFER_RUNNER_H

#include <stdbool.h>
#include <fovea/model.h>

/* Asks a run in progress on another thread to return early, where the backend can. The caller
 * keeps the runner open meanwhile. Thread-safe. */
void runner_cancel(fov_runner *runner);

/* True when the last run gave numbers that are not finite: the device is not to be trusted. */
bool runner_gave_nonsense(const fov_runner *runner);

#endif
