/* Which runtime and device run a model, best first, and why better ones do not. */
#ifndef INFER_CHAIN_H
#define INFER_CHAIN_H

#include <fovea/backend.h>

#include "infer/cache.h"
#include "infer/inspect.h"

enum { CHAIN_REASONS = 200 };

/* Compiled models on disk. */
enum chain_keeps {
    CHAIN_KEEPS_NOTHING,
    CHAIN_KEEPS_CHECKED, /* the runtime looks itself whether they are of this model */
    CHAIN_KEEPS,
};

/* One try: this backend on this device. */
struct chain_link {
    const fov_backend *backend;
    enum chain_keeps keeps;
    char device[32], version[64]; /* of the runtime */
};

/* What compiled forms of the model depend on there; points into both. */
struct cache_key chain_cache_key(const fov_model_params *params, const struct chain_link *link);

/* Goes through the order row by row and looks at a runtime only when its turn comes: one that is
 * not needed is never opened. */
struct chain {
    const fov_model_params *params;
    const struct inspected *found; /* NULL: there is no file */
    int row, pass;                 /* pass 0: the device that was asked for; 1: the rest */
    bool any;                      /* some backend of this build takes the file */
    bool known;                    /* ... and has the device that was asked for in its rows */
    char missed[CHAIN_REASONS];
    const fov_backend *probed; /* whose probe is in `probe` */
    fov_backend_probe *probe;
};

/* True when `path` names a scheme ("fake:") and not a file. */
bool chain_is_scheme(const char *path);

/* Begins. Both pointers are kept; release with chain_end. Returns FOV_EINVAL for a device or a
 * backend that nobody knows, FOV_ENOMEM. */
fov_status chain_begin(struct chain *chain, const fov_model_params *params,
                       const struct inspected *found, fov_error *error);
void chain_end(struct chain *chain);

/* The next try, false when there is none left. */
bool chain_next(struct chain *chain, struct chain_link *link);

/* Notes why a try failed. */
void chain_miss(struct chain *chain, const struct chain_link *link, const char *reason);

/* Nothing was left to try: why. */
fov_status chain_fail(const struct chain *chain, fov_error *error);

#endif
