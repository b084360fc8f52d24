#include "serve/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <fovea/log.h>

#include "base/clock.h"
#include "base/text.h"

enum { FAILERS = 256, FAILURES = 20 };

/* Wrong tokens of one address: when each came, a ring. */
struct failer {
    char address[64];
    int64_t at_ns[FAILURES];
    unsigned count;
};

/* What tells that a file is another one than before. */
struct mark {
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct auth {
    bool on;
    char folder[448], token_file[512];
    struct token_list tokens;
    struct mark store, text;
    struct failer failers[FAILERS];
};

static struct mark mark_of(const char *path)
{
    struct stat about;
    if (path[0] == '\0' || stat(path, &about) != 0)
        return (struct mark){0};
    return (struct mark){about.st_ino, about.st_size, about.st_mtim};
}

static bool mark_equal(const struct mark *a, const struct mark *b)
{
    return a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct mark store_mark(const struct auth *auth)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tokens.json", auth->folder);
    return mark_of(path);
}

static fov_status read_all(struct auth *auth, fov_error *error)
{
    struct token_list fresh;
    auth->store = store_mark(auth);
    auth->text = mark_of(auth->token_file);
    fov_status status = tokens_load(&fresh, auth->folder, error);
    if (status == FOV_OK && auth->token_file[0])
        status = tokens_load_text(&fresh, auth->token_file, error);
    if (status != FOV_OK) {
        tokens_free(&fresh);
        return status;
    }
    tokens_free(&auth->tokens);
    auth->tokens = fresh;
    return FOV_OK;
}

fov_status auth_create(struct auth **auth, const char *folder, const char *token_file, bool on,
                       fov_error *error)
{
    struct auth *a = calloc(1, sizeof *a);
    *auth = a;
    if (!a)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    a->on = on;
    text_copy(a->folder, sizeof a->folder, folder);
    auth_set_token_file(a, token_file);
    fov_status status = read_all(a, error);
    if (status != FOV_OK)
        auth_destroy(auth);
    return status;
}

void auth_destroy(struct auth **auth)
{
    if (*auth)
        tokens_free(&(*auth)->tokens);
    free(*auth);
    *auth = NULL;
}

bool auth_on(const struct auth *auth)
{
    return auth->on;
}

bool auth_empty(const struct auth *auth)
{
    return auth->tokens.count == 0;
}

const char *auth_folder(const struct auth *auth)
{
    return auth->folder;
}

void auth_set_token_file(struct auth *auth, const char *token_file)
{
    text_copy(auth->token_file, sizeof auth->token_file, token_file ? token_file : "");
}

bool auth_refresh(struct auth *auth, bool force)
{
    struct mark store = store_mark(auth), text = mark_of(auth->token_file);
    fov_error reason = {0};
    if (!force && mark_equal(&store, &auth->store) && mark_equal(&text, &auth->text))
        return false;
    if (read_all(auth, &reason) == FOV_OK)
        return true;
    fov_log(FOV_LOG_ERROR, "serve", "the tokens stay as they were: %s", reason.message);
    return false;
}

const struct token *auth_find(const struct auth *auth, const char *text)
{
    return tokens_find(&auth->tokens, text, time(NULL));
}

bool auth_alive(const struct auth *auth, const char *id)
{
    int64_t now = time(NULL);
    for (size_t i = 0; i < auth->tokens.count; i++) {
        const struct token *token = &auth->tokens.items[i];
        if (strcmp(token->id, id) == 0)
            return token->expires_s == 0 || token->expires_s > now;
    }
    return false;
}

/* The address's record; a new one takes the place of the one that failed longest ago. */
static struct failer *failer_of(struct auth *auth, const char *address)
{
    struct failer *oldest = &auth->failers[0];
    for (size_t i = 0; i < FAILERS; i++) {
        struct failer *at = &auth->failers[i];
        if (strcmp(at->address, address) == 0)
            return at;
        if (at->at_ns[(at->count + FAILURES - 1) % FAILURES] <
            oldest->at_ns[(oldest->count + FAILURES - 1) % FAILURES])
            oldest = at;
    }
    *oldest = (struct failer){0};
    text_copy(oldest->address, sizeof oldest->address, address);
    return oldest;
}

unsigned auth_failed(struct auth *auth, const char *address)
{
    static const struct {
        unsigned failures;
        int64_t within_s;
    } limits[] = {{20, 3600}, {5, 60}, {1, 1}};
    struct failer *failer = failer_of(auth, address);
    int64_t now = clock_now_ns();
    unsigned wait = 0;
    for (size_t i = 0; i < sizeof limits / sizeof *limits && !wait; i++) {
        if (failer->count < limits[i].failures)
            continue;
        int64_t then = failer->at_ns[(failer->count + FAILURES - limits[i].failures) % FAILURES];
        int64_t left = then + limits[i].within_s * NS_PER_S - now;
        if (left > 0)
            wait = (unsigned)(left / NS_PER_S) + 1;
    }
    if (!wait) /* refused ones do not lengthen the wait */
        failer->at_ns[failer->count++ % FAILURES] = now;
    return wait;
}
