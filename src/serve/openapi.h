/* docs/api/openapi.yaml, embedded, as JSON. */
#ifndef SERVE_OPENAPI_H
#define SERVE_OPENAPI_H

struct net_blob;

/* The description as JSON; NULL when it is broken or memory is short. */
struct net_blob *openapi_make(void);

#endif
