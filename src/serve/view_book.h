/* Views of the pitch that users have set, kept in pitch_views.json of the state folder for the next
 * time that the same source is opened under the same name. Loop thread. */
#ifndef SERVE_VIEW_BOOK_H
#define SERVE_VIEW_BOOK_H

#include <fovea/pitch.h>

#include "base/sha256.h"
#include "serve/serve.h"

enum { VIEW_BOOK_MAX = 256 }; /* more: the one that was set longest ago goes */

/* What a view is of. */
struct view_key {
    char camera[ROOM_NAME_MAX]; /* "": a room that nobody has named */
    char source[256];           /* for people, without secrets */
    char mark[SHA256_TEXT];     /* of the whole address but for name and password */
};

/* `name`: the room's as it was asked for, NULL: not. */
void view_key_make(struct view_key *key, const char *name, const char *url);

struct kept_view {
    fov_pitch_view view; /* with the size of its picture */
    fov_pitch_size pitch;
    int64_t set_ms; /* Unix time */
};

struct view_book;

/* Reads `folder`/pitch_views.json. A file that cannot be used is moved aside with a log line, and
 * the book begins empty. NULL: no memory. Blocks: on the disk. */
struct view_book *view_book_open(const char *folder);
void view_book_stop(struct view_book *book);   /* waits for a write that runs; accepts NULL */
void view_book_close(struct view_book **book); /* sets NULL, accepts NULL */

/* Valid until the next change; NULL: none. */
const struct kept_view *view_book_find(const struct view_book *book, const struct view_key *key);

/* A write runs: view_book_set would be refused. */
bool view_book_busy(const struct view_book *book);

/* Keeps a view, or forgets it (NULL), in memory at once; done(arg, status, message) is called on
 * the loop thread when that is on the disk, or is not. Returns FOV_EBUSY: nothing has changed;
 * FOV_ENOMEM: it is not kept. Then `done` is not called. */
fov_status view_book_set(struct server *server, struct view_book *book, const struct view_key *key,
                         const struct kept_view *view,
                         void (*done)(void *arg, fov_status status, const char *message), void *arg,
                         fov_error *error);

/* The text of a whole book, as it is on the disk: a new book, NULL with the reason. */
struct view_book *view_book_parse(const char *text, size_t size, fov_error *error);
void view_book_write(const struct view_book *book, struct json_writer *w);

#endif
