#ifndef NET_DEFLATE_H
#define NET_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#define DEFLATE_ANSWER_MAX 128

/* Reads a Sec-WebSocket-Extensions field. True: `answer` is the field to answer with: we accepted
 * an offer of permessage-deflate, without context takeover in either direction. */
bool deflate_accept(const char *offers, char answer[DEFLATE_ANSWER_MAX]);

#endif
