/* --lan: how phones on the local network reach the server. */
#ifndef SERVE_LAN_H
#define SERVE_LAN_H

#include <fovea/status.h>
#include <stddef.h>

struct server;
struct net_tls;

/* A certificate of the own local CA for this machine's names and addresses. */
fov_status lan_make_tls(struct server *server, const char *folder, struct net_tls **tls,
                        fov_error *error);
/* "https://192.168.1.7:8440", the first address of this machine that others can reach. */
void lan_url(const struct server *server, char *url, size_t size);
/* Shows on standard error, if it is a terminal, a QR code that opens the camera page on a phone,
 * with a token of its own, and how the phone trusts the certificate. */
void lan_announce(struct server *server);

#endif
