/* What the flow room needs of a runner beside the public interface. */
#ifndef INFER_RUNNER_H
#define INFER_RUNNER_H

#include <fovea/model.h>

/* Asks a run in progress on another thread to return early, where the backend can. The caller
 * keeps the runner open meanwhile. Thread-safe. */
void runner_cancel(fov_runner *runner);

#endif
