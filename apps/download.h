/* A file from the network: https only, its size and SHA-256 known beforehand. */
#ifndef APPS_DOWNLOAD_H
#define APPS_DOWNLOAD_H

#include <stdbool.h>
#include <fovea/status.h>

#include "serve/registry.h"

struct download {
    const struct registry_file *file;
    const char *folder; /* made when it is not there */
    bool quiet;         /* no progress */
    int64_t resumed;    /* out: bytes that were there from a try before */
    bool was_here;      /* out: nothing was fetched */
    char path[4096];    /* out */
};

/* Fetches into FILE.part, goes on where a try before ended, and renames once size and sum are
 * right. Progress goes to standard error. Returns FOV_ERUNTIME (no libcurl), FOV_EIO (no network,
 * refused, broken off: what came is kept), FOV_EFORMAT (other bytes: deleted), FOV_EEXISTS (another
 * file has the name), FOV_ELIMIT (no room), FOV_EBUSY (another process fetches it), FOV_EDENIED
 * (an address that may not be taken). */
fov_status download_run(struct download *download, fov_error *error);

#endif
