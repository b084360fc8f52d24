/* Opening handshake of a WebSocket (RFC 6455 section 4.2). */
#ifndef NET_HANDSHAKE_H
#define NET_HANDSHAKE_H

#include <stdbool.h>

#include "net/net.h"

struct evbuffer;

/* False: it was no good handshake and has been answered. */
bool handshake_check(struct net_request *request);
/* The 101 answer; NULL: memory. *deflate: permessage-deflate is agreed. */
struct evbuffer *handshake_answer(struct net_request *request,
                                  const struct net_socket_params *params, bool *deflate);

#endif
