/* Paths and queries of request targets: decoded once, refused when ambiguous. Pure. */
#ifndef NET_URI_H
#define NET_URI_H

#include "net/net.h"

/* Decodes in place. 0, 400 (malformed) or 404 ("..", "//", backslash, encoded slash, NUL or control
 * characters: nothing we serve has such a name). */
int uri_decode_path(char *path);
/* Splits and decodes "a=1&b" in place. 0, or 400 (malformed, NUL, no UTF-8, more than max). */
int uri_parse_params(char *query, struct net_header *params, size_t max, size_t *count);

#endif
