/* How busy the machine is, as far as this process may use it: processor, memory, GPU, in percent.
 * Thread-safety: resources_cpu from one thread; resources_gpu from one thread (it may block). */
#ifndef SERVE_RESOURCES_H
#define SERVE_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

/* Counters as they stood at the last sample. */
struct cpu_sample {
    int64_t at_ns, busy, all, group_us;
    double percent; /* since the sample before */
};

/* Takes a sample. Where a quota or an affinity leaves fewer cores than there are, it is the share
 * of those that this process's control group uses; else of the whole machine. `root` as in
 * base/machine.h. */
void resources_cpu(struct cpu_sample *sample, const char *root, int64_t now_ns);

/* Part of the memory that is taken: of the machine, or of the control group's limit where that is
 * the tighter one. */
double resources_memory(const char *root);

/* The busiest GPU, by NVIDIA's management library or by what its driver says in sysfs (AMD). False:
 * there is none, or none that tells. Blocks: while a driver thinks. */
bool resources_gpu(const char *root, double *percent);

#endif
