/* Compiled models on disk: a folder for each model, runtime, version, device and precision. */
#ifndef INFER_CACHE_H
#define INFER_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* What compiled bytes depend on. */
struct cache_key {
    const char *model; /* the file; the .bin of an .xml is looked at too */
    const char *backend, *version, *device, *precision;
    bool whole; /* every byte of the files counts: the runtime does not tell weights apart itself */
};

/* Name of the key's folder below `root`, in 24 hexadecimal digits of the SHA-256 of the words and
 * of both files: their sizes, first and last 64 KiB, or all their bytes (about 4 ms a MB). False
 * when the model cannot be read or the path does not fit. */
bool cache_path(const char *root, const struct cache_key *key, char *folder, size_t size);

/* The same, made (0700) and ready for writing; `root` is made too. NULL, with one warning a
 * process: `root` is a link, belongs to somebody else, may be written by others, or cannot be
 * written. Of other keys' folders the 15 used last are kept. Thread-safe. Blocks: on the disk. */
const char *cache_open(const char *root, const struct cache_key *key, char *folder, size_t size);

/* True when the key's folder below `root` may be trusted and holds a file of that ending
 * (".engine"). Makes nothing. */
bool cache_holds(const char *root, const struct cache_key *key, const char *ending);

#endif
