/* The token store: one file, tokens.json (0600), in the state folder. The command line changes it
 * while the server runs; the server notices. Only SHA-256 sums of tokens are kept: a token is 256
 * random bits, which nobody guesses, so a slow hash would add nothing (docs/adr/0003-tokens.md). */
#ifndef SERVE_TOKENS_H
#define SERVE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fovea/status.h>

#define TOKEN_PREFIX "fov_"
enum { TOKEN_TEXT_MAX = 48, TOKEN_HASH_SIZE = 32, TOKENS_MAX = 4096 };

struct token {
    char id[17];     /* public name, fit for logs */
    unsigned role;   /* one of ROLE_* (serve.h) */
    char camera[65]; /* the only camera it opens, "" all */
    uint8_t hash[TOKEN_HASH_SIZE];
    int64_t created_s, expires_s; /* Unix; expires 0: never */
    char label[65];
};

struct token_list {
    struct token *items;
    size_t count, capacity;
};

/* Folder of the store: `configured`, else $XDG_STATE_HOME/fovea, else ~/.local/state/fovea. Makes
 * it (0700) where it is missing. Returns FOV_EIO with the reason. */
fov_status tokens_folder(const char *configured, char *folder, size_t size, fov_error *error);

/* Reads the store; no file is an empty list. Tightens the file's mode to 0600. Free with
 * tokens_free. Returns FOV_EFORMAT, FOV_EIO, FOV_ENOMEM. */
fov_status tokens_load(struct token_list *list, const char *folder, fov_error *error);
/* Adds the tokens of server.token_file: one `[ROLE [CAMERA]] TOKEN` a line, `#` begins a comment;
 * tokens have 22 characters or more. */
fov_status tokens_load_text(struct token_list *list, const char *path, fov_error *error);
void tokens_free(struct token_list *list);

/* Makes a token, stores its hash, writes its text (TOKEN_TEXT_MAX) once. ttl_s 0: never ends.
 * Expired tokens are thrown out on the way. Returns FOV_EINVAL (name of the camera), FOV_ELIMIT,
 * FOV_EIO. Safe beside a running server and other commands (file lock, atomic rename). */
fov_status tokens_create(const char *folder, unsigned role, const char *camera, int64_t ttl_s,
                         const char *label, struct token *made, char *text, fov_error *error);
/* Removes by id or by the token's own text. FOV_ENOTFOUND. */
fov_status tokens_revoke(const char *folder, const char *id_or_text, fov_error *error);

/* The token of this text that has not ended, or NULL. Looks at every token, in constant time. */
const struct token *tokens_find(const struct token_list *list, const char *text, int64_t now_s);

/* "admin", "push", "view"; 0 for other words. */
unsigned token_role(const char *word);
const char *token_role_name(unsigned role);

/* "90", "90s", "30m", "12h", "1d", "2w" in seconds; false when it is none of them or over 10 years.
 */
bool token_ttl(const char *text, int64_t *seconds);

#endif
