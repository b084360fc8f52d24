/* What the flow room needs of a runner beside the public interface. */
#ifndef INFER_RUNNER_H
#define INFER_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/model.h>

/* Asks a run in progress on another thread to return early, where the backend can. The caller
 * keeps the runner open meanwhile. Thread-safe. */
void runner_cancel(fov_runner *runner);

/* The next run is of no use after this moment (monotonic ns, 0: no limit): a backend that waits for
 * others ends it then with FOV_ETIMEOUT; the others take no notice. */
void runner_limit(fov_runner *runner, int64_t deadline_ns);

/* Called on the run's thread with each picture of a run as it goes into the model, decoded and as
 * small as the model needs it at least; `index` as the run's items. NULL: nobody looks. */
typedef void (*runner_seen_fn)(void *user, int index, const fov_image *image);
void runner_show(fov_runner *runner, runner_seen_fn seen, void *user);

/* True when the last run gave numbers that are not finite: the device is not to be trusted. */
bool runner_gave_nonsense(const fov_runner *runner);

#endif
