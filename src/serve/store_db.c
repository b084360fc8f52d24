#include "serve/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/file.h"

enum { SCHEMA_VERSION = 1, CHECKED_MB = 64, TRIM_ROWS_LEAST = 64 };

struct store_db {
    sqlite3 *file;
    sqlite3_stmt *add;
    int64_t until_ns; /* of a search */
};

/* ---- errors -----------------------------------------------------------------------------------
 */

static fov_status failed(struct store_db *db, int code, fov_error *error)
{
    const char *why = sqlite3_errmsg(db->file);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return fov_fail(error, FOV_ELIMIT, "the disk is full");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our statements are fixed: then the file is none of ours */
        return fov_fail(error, FOV_EFORMAT, "%s", why);
    case SQLITE_NOMEM:
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    case SQLITE_INTERRUPT:
        return fov_fail(error, FOV_ETIMEOUT, "the search took too long; ask for less time");
    default:
        return fov_fail(error, FOV_EIO, "%s", why);
    }
}

static fov_status run(struct store_db *db, const char *sql, fov_error *error)
{
    int code = sqlite3_exec(db->file, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? FOV_OK : failed(db, code, error);
}

/* The first value of a statement's first row; -1 when there is none. */
static int64_t number_of(struct store_db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db->file, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* A small file is looked through at once; damage in a large one shows when it is met. */
static fov_status check_whole(struct store_db *db, fov_error *error)
{
    sqlite3_stmt *statement = NULL;
    if (store_db_bytes(db) > (int64_t)CHECKED_MB << 20)
        return FOV_OK;
    int code = sqlite3_prepare_v2(db->file, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool good = code == SQLITE_ROW &&
                strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    fov_status status = FOV_OK;
    if (code != SQLITE_ROW)
        status = failed(db, code, error);
    else if (!good)
        status = fov_fail(error, FOV_EFORMAT, "the database is damaged");
    sqlite3_finalize(statement);
    return status;
}

/* Before anything is written: a file that a newer version made stays as it is. */
static fov_status check_version(struct store_db *db, fov_error *error)
{
    int64_t version = number_of(db, "PRAGMA user_version");
    if (version > SCHEMA_VERSION)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "the events were stored by a newer version of fovea (schema %lld, this one "
                        "knows %d)",
                        (long long)version, SCHEMA_VERSION);
    return FOV_OK;
}

static fov_status make_tables(struct store_db *db, fov_error *error)
{
    return run(db,
               "CREATE TABLE IF NOT EXISTS events("
               " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL,"
               " stream TEXT NOT NULL, class TEXT, json TEXT NOT NULL);"
               "CREATE INDEX IF NOT EXISTS events_at ON events(at);"
               "CREATE INDEX IF NOT EXISTS events_stream ON events(stream, at);"
               "PRAGMA user_version=1;",
               error);
}

static fov_status prepare(struct store_db *db, fov_error *error)
{
    static const char add[] = "INSERT INTO events(at, type, stream, class, json) "
                              "VALUES(?1, ?2, ?3, json_extract(?4, '$.class'), ?4)";
    fov_status status = check_version(db, error);
    if (status == FOV_OK)
        status = run(db,
                     "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
                     "PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=1048576;"
                     "PRAGMA cache_size=-2048; PRAGMA trusted_schema=OFF;"
                     "PRAGMA cell_size_check=ON;",
                     error);
    if (status == FOV_OK)
        status = check_whole(db, error);
    if (status == FOV_OK)
        status = make_tables(db, error);
    int code = status ? SQLITE_OK : sqlite3_prepare_v2(db->file, add, -1, &db->add, NULL);
    return code == SQLITE_OK ? status : failed(db, code, error);
}

static int too_late(void *user)
{
    const struct store_db *db = user;
    return db->until_ns != 0 && clock_now_ns() > db->until_ns;
}

fov_status store_db_open(struct store_db **opened, const char *path, fov_error *error)
{
    struct store_db *db = calloc(1, sizeof *db);
    *opened = NULL;
    if (!db)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); /* not for others */
    if (fd < 0) {
        free(db);
        return fov_fail(error, FOV_EIO, "%s", strerror(errno));
    }
    close(fd);
    /* Without SQLITE_OPEN_NOFOLLOW: that would refuse folders that are links too, as systemd has it
     * with users that it makes up. */
    int code = sqlite3_open_v2(
        path, &db->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    fov_status status = code == SQLITE_OK ? FOV_OK : failed(db, code, error);
    if (status == FOV_OK) {
        sqlite3_busy_timeout(db->file, 1000);
        sqlite3_progress_handler(db->file, 2000, too_late, db);
        status = prepare(db, error);
    }
    if (status == FOV_OK)
        *opened = db;
    else
        store_db_close(&db);
    return status;
}

void store_db_close(struct store_db **db)
{
    if (!*db)
        return;
    sqlite3_finalize((*db)->add);
    sqlite3_close((*db)->file);
    free(*db);
    *db = NULL;
}

bool store_db_move_aside(const char *path, char *aside, size_t size)
{
    static const char *const sides[] = {"-wal", "-shm"};
    char from[600], to[640];
    bool moved = file_move_aside(path, aside, size);
    for (size_t i = 0; moved && i < 2; i++) {
        snprintf(from, sizeof from, "%s%s", path, sides[i]);
        snprintf(to, sizeof to, "%s%s", aside, sides[i]);
        if (rename(from, to) != 0)
            remove(from); /* one that stays would be taken for the new file's */
    }
    return moved;
}

void store_db_set_page_limit(struct store_db *db, int pages)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count=%d", pages);
    number_of(db, sql);
}

/* ---- adding -----------------------------------------------------------------------------------
 */

fov_status store_db_begin(struct store_db *db, fov_error *error)
{
    return run(db, "BEGIN IMMEDIATE", error);
}

fov_status store_db_commit(struct store_db *db, fov_error *error)
{
    return run(db, "COMMIT", error);
}

void store_db_rollback(struct store_db *db)
{
    if (!sqlite3_get_autocommit(db->file))
        run(db, "ROLLBACK", NULL);
}

fov_status store_db_add(struct store_db *db, const char *type, const char *stream, int64_t at_ms,
                        const char *json, size_t size, fov_error *error)
{
    sqlite3_stmt *add = db->add;
    sqlite3_bind_int64(add, 1, at_ms);
    sqlite3_bind_text(add, 2, type, -1, SQLITE_STATIC);
    sqlite3_bind_text(add, 3, stream, -1, SQLITE_STATIC);
    sqlite3_bind_text(add, 4, json, (int)size, SQLITE_STATIC);
    int code = sqlite3_step(add);
    fov_status status = code == SQLITE_DONE    ? FOV_OK
                        : code == SQLITE_ERROR ? fov_fail(error, FOV_EINVAL, "no JSON object")
                                               : failed(db, code, error);
    sqlite3_reset(add);
    sqlite3_clear_bindings(add);
    return status;
}

/* ---- keeping it small -------------------------------------------------------------------------
 */

int64_t store_db_bytes(struct store_db *db)
{
    int64_t pages = number_of(db, "PRAGMA page_count"),
            unused = number_of(db, "PRAGMA freelist_count");
    return (pages - (unused > 0 ? unused : 0)) * number_of(db, "PRAGMA page_size");
}

static fov_status delete_rows(struct store_db *db, const char *sql, int64_t bound, int64_t *deleted,
                              fov_error *error)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->file, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, bound);
        code = sqlite3_step(statement);
    }
    fov_status status = code == SQLITE_DONE ? FOV_OK : failed(db, code, error);
    sqlite3_finalize(statement);
    *deleted = status == FOV_OK ? sqlite3_changes(db->file) : 0;
    return status;
}

/* The oldest twentieth at a time, until the rest fits. */
static fov_status delete_oldest(struct store_db *db, int64_t max_bytes, int64_t *deleted,
                                fov_error *error)
{
    fov_status status = FOV_OK;
    int64_t some = 1;
    while (status == FOV_OK && some > 0 && store_db_bytes(db) > max_bytes) {
        int64_t rows = number_of(db, "SELECT count(*) FROM events") / 20;
        status = delete_rows(db,
                             "DELETE FROM events WHERE id IN "
                             "(SELECT id FROM events ORDER BY at, id LIMIT ?1)",
                             rows > TRIM_ROWS_LEAST ? rows : TRIM_ROWS_LEAST, &some, error);
        *deleted += some;
    }
    return status;
}

fov_status store_db_trim(struct store_db *db, int64_t before_ms, int64_t max_bytes,
                         int64_t *deleted, fov_error *error)
{
    int64_t count = 0;
    fov_status status = delete_rows(db, "DELETE FROM events WHERE at < ?1", before_ms, &count,
                                    error);
    if (status == FOV_OK)
        status = delete_oldest(db, max_bytes, &count, error);
    if (status == FOV_OK && count > 0)
        status = run(db, "PRAGMA incremental_vacuum", error);
    if (deleted)
        *deleted = count;
    return status;
}

/* ---- searching --------------------------------------------------------------------------------
 */

#define WHERE                                                                                      \
    " FROM events WHERE at BETWEEN ?1 AND ?2 AND (?3 = '' OR type = ?3)"                           \
    " AND (?4 = '' OR stream = ?4) AND (?5 = '' OR class = ?5)"
/* With a stream the index of streams is the better way; `?4 = '' OR` would hide it. */
#define WHERE_STREAM                                                                               \
    " FROM events WHERE stream = ?4 AND at BETWEEN ?1 AND ?2"                                      \
    " AND (?3 = '' OR type = ?3) AND (?5 = '' OR class = ?5)"

static int bind_query(sqlite3_stmt *statement, const struct store_query *q)
{
    sqlite3_bind_int64(statement, 1, q->from_ms);
    sqlite3_bind_int64(statement, 2, q->to_ms);
    sqlite3_bind_text(statement, 3, q->type, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, q->stream, -1, SQLITE_STATIC);
    return sqlite3_bind_text(statement, 5, q->class_name, -1, SQLITE_STATIC);
}

static fov_status count_found(struct store_db *db, const struct store_query *q, int64_t *total,
                              fov_error *error)
{
    sqlite3_stmt *statement = NULL;
    const char *sql = q->stream[0] ? "SELECT count(*)" WHERE_STREAM : "SELECT count(*)" WHERE;
    int code = sqlite3_prepare_v2(db->file, sql, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = bind_query(statement, q)) == SQLITE_OK)
        code = sqlite3_step(statement);
    *total = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    fov_status status = code == SQLITE_ROW ? FOV_OK : failed(db, code, error);
    sqlite3_finalize(statement);
    return status;
}

static fov_status write_found(struct store_db *db, const struct store_query *q,
                              struct json_writer *w, fov_error *error)
{
    static const char select[] = "SELECT json_insert(json, '$.type', type)" WHERE
                                 " ORDER BY at DESC, id DESC LIMIT ?6";
    static const char of_stream[] = "SELECT json_insert(json, '$.type', type)" WHERE_STREAM
                                    " ORDER BY at DESC, id DESC LIMIT ?6";
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->file, q->stream[0] ? of_stream : select, -1, &statement,
                                  NULL);
    if (code == SQLITE_OK && (code = bind_query(statement, q)) == SQLITE_OK)
        code = sqlite3_bind_int(statement, 6, q->limit);
    json_array_begin(w);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            json_put_raw(w, (const char *)sqlite3_column_text(statement, 0),
                         (size_t)sqlite3_column_bytes(statement, 0));
    }
    json_array_end(w);
    fov_status status = code == SQLITE_DONE ? FOV_OK : failed(db, code, error);
    sqlite3_finalize(statement);
    return status;
}

fov_status store_db_find(struct store_db *db, const struct store_query *query, int limit_ms,
                         struct json_writer *w, int64_t *total, fov_error *error)
{
    db->until_ns = clock_now_ns() + limit_ms * NS_PER_MS;
    fov_status status = count_found(db, query, total, error);
    if (status == FOV_OK)
        status = write_found(db, query, w, error);
    db->until_ns = 0;
    return status;
}
