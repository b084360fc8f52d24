/* How many processors this process may use. */
#ifndef INFER_CORES_H
#define INFER_CORES_H

/* Least of the affinity mask and the quotas of the control groups (machine.h), at least 1.
 * Thread-safe. */
int cores_available(void);

#endif
