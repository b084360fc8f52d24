/* The registry of models: models/registry.json, built in, or the file that FOVEA_REGISTRY names. */
#ifndef SERVE_REGISTRY_H
#define SERVE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fovea/status.h>

enum { REGISTRY_MODELS = 512 /* 4096 values of JSON end most lists earlier */, REGISTRY_FILES = 8 };

/* One file of a download. */
struct registry_file {
    const char *file; /* its name in the folder of models: no path */
    const char *url;  /* https; http for addresses of this machine */
    const char *sha256;
    int64_t bytes;
};

/* Strings live as long as the registry. What an entry leaves out is "". */
struct registry_model {
    const char *name, *title, *origin, *task, *head, *input, *labels, *note;
    const char *licence, *licence_url;         /* "" licence: nobody said */
    const char *sha256;                        /* of what set-up made the files from */
    const char *made[REGISTRY_FILES];          /* by set-up, below .deps/models */
    struct registry_file load[REGISTRY_FILES]; /* by `models pull` */
    int made_count, load_count;
    bool is_default;
};

struct registry {
    struct registry_model *models;
    int count;
    void *root;
};

/* Reads the registry in force. Returns FOV_EFORMAT naming the file, entry and key, FOV_ENOTFOUND,
 * FOV_ENOMEM. Release with registry_close. Thread-safe. Blocks: on the disk. */
fov_status registry_open(struct registry *registry, fov_error *error);
void registry_close(struct registry *registry);

/* From memory; `source` is what errors call it. */
fov_status registry_parse(struct registry *registry, const char *text, size_t size,
                          const char *source, fov_error *error);

/* NULL when there is none of that name. */
const struct registry_model *registry_find(const struct registry *registry, const char *name);

/* The entry that this file belongs to, by size and SHA-256 whatever its name; NULL for none. */
const struct registry_model *registry_find_file(const struct registry *registry, const char *path);

/* True for licences that ask for no more than to be named; false for the rest and for "". */
bool registry_is_permissive(const char *licence);

/* True when `models pull NAME` would fetch it. Thread-safe. */
bool registry_offers(const char *name);

/* SHA-256 of a file and its size; false when it cannot be read or holds more than `most` bytes. */
bool registry_sum(const char *path, int64_t most, char sum[65], int64_t *bytes);

/* True for a URL that a download may take: https, or http to this machine alone; no password; at
 * most `most` bytes. */
bool registry_url_fits(const char *url, size_t most);

#endif
