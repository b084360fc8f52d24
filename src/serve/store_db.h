/* Events in a SQLite file. Everything here blocks on the disk: it belongs to the store's thread
 * (store.c). Not thread-safe. */
#ifndef SERVE_STORE_DB_H
#define SERVE_STORE_DB_H

#include <stdint.h>

#include <fovea/status.h>
#include "base/json.h"

struct store_db;

/* Which events: times in Unix milliseconds, texts "" for any. */
struct store_query {
    int64_t from_ms, to_ms;
    char type[32], stream[65], class_name[256];
    int limit;
};

/* Opens the file, making it and its tables. Returns FOV_EFORMAT when it is damaged or no database
 * (see store_db_move_aside), FOV_EUNSUPPORTED when a newer version made it, FOV_EIO. */
fov_status store_db_open(struct store_db **db, const char *path, fov_error *error);
void store_db_close(struct store_db **db); /* accepts NULL */

/* Renames a damaged database out of the way, its side files with it; `aside` gets the new name.
 * False: it is where it was. */
bool store_db_move_aside(const char *path, char *aside, size_t size);

/* Many additions become one write: begin, add …, commit. A failed one leaves what was committed.
 * Return FOV_EINVAL for what is no JSON (the others of the write go on), FOV_ELIMIT when the disk
 * is full, FOV_EFORMAT when the file is damaged, FOV_EIO. */
fov_status store_db_begin(struct store_db *db, fov_error *error);
fov_status store_db_add(struct store_db *db, const char *type, const char *stream, int64_t at_ms,
                        const char *json, size_t size, fov_error *error);
fov_status store_db_commit(struct store_db *db, fov_error *error);
void store_db_rollback(struct store_db *db);

/* Deletes what is older than `before_ms`, then the oldest until at most `max_bytes` are used; gives
 * the room back to the disk. *deleted (may be NULL) counts. */
fov_status store_db_trim(struct store_db *db, int64_t before_ms, int64_t max_bytes,
                         int64_t *deleted, fov_error *error);

/* Bytes of what is stored, without free pages. */
int64_t store_db_bytes(struct store_db *db);

/* Writes the events as an array, newest first, each as it was added, with its "type"; *total counts
 * all that fit, beyond the limit too. Returns FOV_ETIMEOUT after `limit_ms`. */
fov_status store_db_find(struct store_db *db, const struct store_query *query, int limit_ms,
                         struct json_writer *w, int64_t *total, fov_error *error);

/* For tests: at most so many pages of 4 KiB may be in the file, as if the disk were full. */
void store_db_set_page_limit(struct store_db *db, int pages);

#endif
