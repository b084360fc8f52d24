/* The system's own files, and how much of the machine this process may use.
 *
 * `root` is the folder that every path is read under: "" is this machine, another one a tree of a
 * test or the host's files as a container sees them. All reads are bounded, follow no device or
 * pipe, and take files of any content. Thread-safety of all: safe. */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MACHINE_PATH = 1024 };

/* First size-1 bytes of a regular file, terminated; returns how many, 0 when unreadable. A device
 * tree's lists have zero bytes inside. */
size_t machine_read(const char *root, const char *path, char *text, size_t size);

/* First line as printable ASCII without blanks around; other bytes become '?'. Returns its length,
 * 0 when unreadable. */
size_t machine_read_line(const char *root, const char *path, char *line, size_t size);

/* Path of something under root; false when it is too long. */
bool machine_path(const char *root, const char *path, char *full, size_t size);

/* Cores that are there and online, at least 1. */
int machine_cores_total(const char *root);

/* Cores that this process may use, at least 1: the least of the affinity mask (this machine only)
 * and the tightest CPU quota of its control group and those above it, v1 or v2, rounded up. */
int machine_cores(const char *root);

/* Memory in bytes, 0 when unknown: all that is there, and what this process may use of it (the
 * tightest of memory.max, memory.high and v1's limit on the way up). */
int64_t machine_memory_total(const char *root);
int64_t machine_memory(const char *root);

/* Bytes that this process may still take, 0 when unknown: the least of what the kernel calls
 * available, with swap, and what its control group and those above it leave. Pages of files that a
 * group could give up count as free. */
int64_t machine_memory_free(const char *root);

/* Processor time in microseconds that all processes of this control group have used, 0 when
 * unknown. Only its growth says something. */
int64_t machine_group_cpu_us(const char *root);

#endif
