/* What every request passes before its handler: Host, route, Origin, access control, limits. */
#ifndef SERVE_GATE_H
#define SERVE_GATE_H

#include <stdbool.h>

struct exchange;
struct server;
struct net_request;

/* Names that requests to this machine may use; filled once at start. `loopback`: listening on
 * loopback only, then no other address is accepted as Host. */
struct gate;
struct gate *gate_create(bool loopback);
void gate_destroy(struct gate **gate);

/* Fills x and decides. False: it has been answered. Called when the head is complete (`counts`: a
 * wrong token is counted) and again before the handler runs. */
bool gate_pass(struct exchange *x, struct server *server, struct net_request *request, bool counts);

/* Name of the cookie that carries a token: ports of one host must not share it. */
void gate_cookie_name(const struct server *server, char *name, unsigned size);
/* Adds Set-Cookie with this token to the answer to come; NULL: forgets it. */
void gate_set_cookie(struct exchange *x, const char *token);

#endif
