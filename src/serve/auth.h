/* Access control of a running server: the tokens as they stand, and failed logins by address.
 * Belongs to the loop thread. */
#ifndef SERVE_AUTH_H
#define SERVE_AUTH_H

#include "serve/tokens.h"

struct auth;

/* `folder`: of the store; `token_file` may be NULL. `on`: whether requests need a token. */
fov_status auth_create(struct auth **auth, const char *folder, const char *token_file, bool on,
                       fov_error *error);
void auth_destroy(struct auth **auth);

bool auth_on(const struct auth *auth);
bool auth_empty(const struct auth *auth); /* no token at all yet */
const char *auth_folder(const struct auth *auth);

/* Reads the files again when they changed (or `force`); keeps what there was when they are broken,
 * and logs why once. Returns true when the tokens may have changed. */
bool auth_refresh(struct auth *auth, bool force);
void auth_set_token_file(struct auth *auth, const char *token_file);

/* The token of a text, NULL when there is none or it has ended. */
const struct token *auth_find(const struct auth *auth, const char *text);
/* Whether a token of this id is there and has not ended. */
bool auth_alive(const struct auth *auth, const char *id);

/* Notes a wrong token from `address`. Returns 0, or the seconds to wait when it was more than 1 a
 * second, 5 a minute or 20 an hour (answer 429 instead of 401). */
unsigned auth_failed(struct auth *auth, const char *address);

#endif
