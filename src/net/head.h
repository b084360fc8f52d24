/* Head of an HTTP/1.1 request (RFC 9112), strict: whatever two parsers could read differently is
 * refused. Pure: bytes in, structure out. */
#ifndef NET_HEAD_H
#define NET_HEAD_H

#include <sys/types.h>

#include "net/net.h"

#define HEAD_MAX 16384
#define HEAD_LINE_MAX 8192
#define HEAD_FIELDS_MAX 100
#define HEAD_PARAMS_MAX 64

/* Where the scan stands; zero to begin. */
struct head_scan {
    size_t pos, line_start;
};

/* Looks for the end of the head in data[0, len); may be called again with more bytes behind the
 * same ones. > 0: its length, with the empty line; 0: more is needed; < 0: -(HTTP status), refuse.
 */
ssize_t head_scan(struct head_scan *scan, const uint8_t *data, size_t len);

struct head {
    const char *method, *path, *query, *host;
    struct net_header fields[HEAD_FIELDS_MAX];
    size_t count;
    struct net_header params[HEAD_PARAMS_MAX]; /* of the query, decoded */
    size_t params_count;
    int64_t content_length; /* -1: none */
    bool chunked;
    bool close;   /* the connection ends after the answer */
    bool expect;  /* 100-continue */
    bool upgrade; /* Connection: upgrade, Upgrade: websocket */
};

/* Reads the `len` bytes that head_scan found, in place; text and scratch have len + 1 bytes and
 * live as long as the head. Returns 0 or the HTTP status of the refusal. */
int head_parse(struct head *head, char *text, size_t len, char *scratch);

const char *head_field(const struct head *head, const char *name);

#endif
