/* One HTTP/1.1 connection to a server of models, by libcurl that is opened at run time. Only http
 * and https, never a redirect, a proxy, a cookie or a password. A connection that breaks is made
 * again by the next exchange. */
#ifndef INFER_OIP_HTTP_H
#define INFER_OIP_HTTP_H

#include "infer/oip.h"

struct oip_http;

struct oip_exchange {
    const char *url;
    const void *body; /* NULL: GET; else POST of JSON with binary tensors behind it */
    size_t size, json_size;
    size_t most;         /* bytes that the reply's body may have */
    int64_t deadline_ns; /* monotonic; the exchange has ended then */
};

/* `body` stays valid to the next exchange; its binary part (from json_size on) is aligned to
 * OIP_ALIGN. */
struct oip_answer {
    long code; /* of HTTP */
    const char *body;
    size_t size, json_size;
};

/* Opens libcurl once for the process; fills version and path. Returns FOV_ERUNTIME with what was
 * looked for and what would mend it. Thread-safe. */
fov_status oip_http_probe(char version[64], char library[256], fov_error *error);

/* Also FOV_ENOMEM. */
fov_status oip_http_open(struct oip_http **http, fov_error *error);
void oip_http_close(struct oip_http **http); /* accepts NULL */

/* Sends and waits. Returns FOV_EIO (no connection, broken, more than `most`, not HTTP),
 * FOV_ETIMEOUT, FOV_ECLOSED (cancelled); any status code of HTTP is FOV_OK. The body may be
 * changed once this returns. */
fov_status oip_http_run(struct oip_http *http, const struct oip_exchange *exchange,
                        struct oip_answer *answer, fov_error *error);

/* Ends an exchange in progress on another thread; without one, nothing. Thread-safe while the
 * connection is open. */
void oip_http_cancel(struct oip_http *http);

#endif
