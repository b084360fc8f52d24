/* Zones of cameras: those drawn on the page /zones/NAME, kept in zones.json of the state folder, go
 * before those of the settings file. Loop thread. */
#ifndef SERVE_ZONE_BOOK_H
#define SERVE_ZONE_BOOK_H

#include "scene/zones.h"
#include "serve/serve.h"

enum { ZONE_BOOK_MAX = 256 }; /* cameras with drawn zones */

struct zone_book;

/* Reads `folder`/zones.json. A file that cannot be read is moved aside with a log line, and the
 * book begins empty. NULL: no memory. Blocks: on the disk. */
struct zone_book *zone_book_open(const char *folder);
void zone_book_stop(struct zone_book *book);   /* waits for a write that runs; accepts NULL */
void zone_book_close(struct zone_book **book); /* accepts NULL */

/* Zones in force for a camera, NULL: none. *drawn (may be NULL): they are from the page. Valid
 * until the next change. */
const struct zones *zone_book_find(struct server *server, const char *camera, bool *drawn);

/* Replaces the drawn zones of a camera (NULL: forgets them, the settings' own hold again), in
 * memory at once; done(arg, status, message) is called on the loop thread when they are on the
 * disk, or not. Returns FOV_EBUSY while another write runs, FOV_ELIMIT: nothing changed;
 * FOV_ENOMEM: in force, but not kept. Then `done` is not called. */
fov_status zone_book_set(struct server *server, const char *camera, const struct zones *zones,
                         void (*done)(void *arg, fov_status status, const char *message), void *arg,
                         fov_error *error);

/* The text of a whole book, as it is on the disk (for fuzzing): a new book, NULL with the reason.
 */
struct zone_book *zone_book_parse(const char *text, size_t size, fov_error *error);
/* Writes it. */
void zone_book_write(const struct zone_book *book, struct json_writer *w);

#endif
