/* Webhooks: alerts sent to addresses of the administrator's, by a thread of its own. A receiver
 * that hangs or fails holds up nobody but itself: each address has its own queue and one transfer
 * at a time, alerts arrive there in order. */
#ifndef SERVE_WEBHOOK_H
#define SERVE_WEBHOOK_H

#include "serve/settings.h"

enum {
    WEBHOOK_QUEUE_MAX = 64,    /* alerts that wait for one address; the oldest is left out */
    WEBHOOK_TRIES = 6,         /* with 1, 2, 4, 8, 16 s between them, a fifth more or less */
    WEBHOOK_TIMEOUT_MS = 5000, /* of one try, all together */
    WEBHOOK_ACTIVE_MAX = 8     /* transfers at once */
};

struct webhooks;

/* NULL: no memory. The thread is made with the first alert. */
struct webhooks *webhooks_create(void);

/* Copies all. A POST of `json` goes to each address, with a signature where it has a secret; see
 * docs/alerts.md. Loop thread. Blocks: no. */
void webhooks_send(struct webhooks *webhooks, const struct settings_webhooks *to, const char *json,
                   size_t size);

struct webhook_numbers {
    uint64_t delivered, failures; /* failures: of single tries */
    uint64_t given_up, dropped;   /* alerts: after the last try; by a full queue */
};
void webhooks_get_numbers(struct webhooks *webhooks, struct webhook_numbers *numbers);

/* Lets what runs come to its end for at most 1.5 s. Sets NULL, accepts NULL. */
void webhooks_stop(struct webhooks **webhooks);

enum { WEBHOOK_SIGNATURE_MAX = 96 };
/* "t=SECONDS,v1=HEX": HMAC-SHA256 of "SECONDS.BODY" with the secret. False: no memory. */
bool webhook_sign(const char *secret, int64_t unix_s, const char *body, size_t size,
                  char signature[WEBHOOK_SIGNATURE_MAX]);

#endif
