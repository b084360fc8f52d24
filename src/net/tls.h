#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>

#include "net/net.h"

struct net_tls *tls_ref(struct net_tls *tls);
/* A new session with the present certificate; NULL: memory. Thread-safety: safe. */
SSL *tls_session(struct net_tls *tls);

#endif
