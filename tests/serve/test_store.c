/* The file of events: what is found again, what goes first, and what becomes of a bad file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "serve/store_db.h"

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/fovea-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/events.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct store_db *open_db(void)
{
    struct store_db *db;
    fov_error error = {0};
    if (store_db_open(&db, path, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return db;
}

static fov_status add(struct store_db *db, int64_t at, const char *stream, const char *class_name,
                      size_t ballast)
{
    static char json[70000];
    fov_error error = {0};
    int n = snprintf(json, sizeof json, "{\"at\":%lld,\"class\":\"%s\",\"more\":\"%0*d\"}",
                     (long long)at, class_name, (int)ballast, 7);
    fov_status status = store_db_begin(db, &error);
    if (!status)
        status = store_db_add(db, "alert", stream, at, json, (size_t)n, &error);
    if (!status)
        status = store_db_commit(db, &error);
    store_db_rollback(db);
    return status;
}

/* The found events' `at`, newest first, as text. */
static const char *find(struct store_db *db, struct store_query query, int64_t *total)
{
    static char text[4000];
    struct json_writer w = {0};
    fov_error error = {0};
    size_t used = 0;
    text[0] = '\0';
    if (!query.to_ms)
        query.to_ms = INT64_MAX;
    if (!query.limit)
        query.limit = 100;
    if (store_db_find(db, &query, 2000, &w, total, &error) != FOV_OK)
        fail_msg("%s", error.message);
    json_value *array = json_parse(w.text, w.size, w.size, &error);
    assert_non_null(array);
    for (const json_value *at = json_at(array, 0); at; at = json_next(at)) {
        int64_t when = 0;
        const char *type = "";
        json_get_int(at, "at", &when);
        assert_true(json_get_string(at, "type", &type));
        assert_string_equal(type, "alert");
        used += (size_t)snprintf(text + used, sizeof text - used, "%lld ", (long long)when);
    }
    json_free(&array);
    json_release(&w);
    return text;
}

static void found_by_time_stream_and_class(void **state)
{
    (void)state;
    struct store_db *db = open_db();
    int64_t total;
    for (int i = 1; i <= 6; i++)
        assert_int_equal(add(db, i * 100, i % 2 ? "hall" : "yard", i > 3 ? "person" : "car", 1), 0);
    assert_string_equal(find(db, (struct store_query){0}, &total), "600 500 400 300 200 100 ");
    assert_int_equal(total, 6);
    assert_int_equal(store_db_add(db, "alert", "x", 1, "{", 1, NULL), FOV_EINVAL);
    assert_string_equal(find(db, (struct store_query){.limit = 2}, &total), "600 500 ");
    assert_int_equal(total, 6);
    assert_string_equal(find(db, (struct store_query){.from_ms = 200, .to_ms = 400}, &total),
                        "400 300 200 ");
    assert_string_equal(find(db, (struct store_query){.stream = "hall"}, &total), "500 300 100 ");
    assert_string_equal(find(db, (struct store_query){.class_name = "car"}, &total),
                        "300 200 100 ");
    assert_string_equal(
        find(db, (struct store_query){.class_name = "car", .stream = "yard"}, &total), "200 ");
    assert_int_equal(total, 1);
    assert_string_equal(find(db, (struct store_query){.type = "alert"}, &total),
                        "600 500 400 300 200 100 ");
    assert_string_equal(find(db, (struct store_query){.type = "source"}, &total), "");
    assert_string_equal(find(db, (struct store_query){.stream = "' OR 1=1 --"}, &total), "");
    store_db_close(&db);
    db = open_db(); /* and after a restart */
    assert_string_equal(find(db, (struct store_query){.from_ms = 500}, &total), "600 500 ");
    store_db_close(&db);
}

static void the_oldest_go_first(void **state)
{
    (void)state;
    struct store_db *db = open_db();
    int64_t total, deleted;
    fov_error error = {0};
    for (int i = 1; i <= 10; i++)
        add(db, i * 100, "hall", "car", 1);
    assert_int_equal(store_db_trim(db, 401, INT64_MAX, &deleted, &error), FOV_OK);
    assert_int_equal(deleted, 3 + 1);
    assert_string_equal(find(db, (struct store_query){0}, &total), "1000 900 800 700 600 500 ");
    for (int i = 0; i < 1000; i++)
        add(db, 2000 + i, "hall", "car", 2000);
    assert_true(store_db_bytes(db) > 2000000);
    assert_int_equal(store_db_trim(db, 0, 1000000, &deleted, &error), FOV_OK);
    assert_true(store_db_bytes(db) <= 1000000);
    assert_true(deleted > 400);
    find(db, (struct store_query){.from_ms = 2999}, &total);
    assert_int_equal(total, 1); /* the newest is there */
    find(db, (struct store_query){.to_ms = 2000}, &total);
    assert_int_equal(total, 0); /* the oldest are not */
    store_db_close(&db);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_true(file.st_size < 1500000); /* the room is given back */
}

static void a_full_disk_is_named_and_nothing_is_lost(void **state)
{
    (void)state;
    struct store_db *db = open_db();
    int64_t total, deleted;
    fov_status status = FOV_OK;
    int good = 0;
    store_db_set_page_limit(db, 40);
    while (status == FOV_OK && good < 1000)
        if ((status = add(db, ++good, "hall", "car", 3000)) != FOV_OK)
            good--;
    assert_int_equal(status, FOV_ELIMIT);
    find(db, (struct store_query){.limit = 1000}, &total);
    assert_int_equal(total, good);
    assert_int_equal(store_db_trim(db, good, INT64_MAX, &deleted, NULL), FOV_OK);
    assert_int_equal(add(db, 5000, "hall", "car", 3000), FOV_OK);
    store_db_close(&db);
}

/* The system refuses to let files grow: as on a full disk. */
static void a_file_that_may_not_grow(void **state)
{
    (void)state;
    struct store_db *db = open_db();
    struct rlimit old, small = {200000, 0};
    int64_t total;
    fov_status status = FOV_OK;
    int good = 0;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    while (status == FOV_OK && good < 1000)
        if ((status = add(db, ++good, "hall", "car", 3000)) != FOV_OK)
            good--;
    setrlimit(RLIMIT_FSIZE, &old);
    assert_true(status == FOV_ELIMIT || status == FOV_EIO);
    store_db_close(&db);
    db = open_db();
    find(db, (struct store_query){.limit = 1000}, &total);
    assert_int_equal(total, good);
    assert_int_equal(add(db, 5000, "hall", "car", 3000), FOV_OK);
    store_db_close(&db);
}

static void damage(size_t from, size_t count)
{
    FILE *file = fopen(path, "r+b");
    fseek(file, (long)from, SEEK_SET);
    for (size_t i = 0; i < count; i++)
        fputc((int)(i * 37 + 11) & 0xff, file);
    fclose(file);
}

static void damaged_files_are_told_and_move_aside(void **state)
{
    (void)state;
    static const size_t places[] = {0, 40, 4096, 8192, 16384, 32768};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct store_db *db = open_db();
        fov_error error = {0};
        char aside[128];
        int64_t total;
        for (int k = 0; k < 30; k++)
            add(db, k, "hall", "car", 3000);
        store_db_close(&db);
        damage(places[i], 3000);
        fov_status status = store_db_open(&db, path, &error);
        if (status != FOV_EFORMAT)
            fail_msg("damage at %zu: %d %s", places[i], status, error.message);
        assert_true(store_db_move_aside(path, aside, sizeof aside));
        assert_int_equal(access(aside, F_OK), 0);
        db = open_db();
        assert_string_equal(find(db, (struct store_query){0}, &total), "");
        store_db_close(&db);
        remove(aside);
        remove(path);
    }
}

static void files_of_newer_versions_stay(void **state)
{
    (void)state;
    struct store_db *db = open_db();
    sqlite3 *raw;
    fov_error error = {0};
    store_db_close(&db);
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    sqlite3_exec(raw, "PRAGMA user_version=2", NULL, NULL, NULL);
    sqlite3_close(raw);
    assert_int_equal(store_db_open(&db, path, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "newer version"));
    assert_null(db);
}

/* As systemd has it: /var/lib/fovea is a link to private/fovea. The file itself may be none. */
static void a_folder_may_be_a_link_but_not_the_file(void **state)
{
    (void)state;
    char link[96], file[128];
    struct store_db *db;
    fov_error error = {0};
    snprintf(link, sizeof link, "%s-link", folder);
    snprintf(file, sizeof file, "%s/events.db", link);
    assert_int_equal(symlink(folder, link), 0);
    assert_int_equal(store_db_open(&db, file, &error), FOV_OK);
    store_db_close(&db);
    unlink(link);
    remove(path);
    assert_int_equal(symlink("/tmp/fovea-elsewhere.db", path), 0);
    assert_int_equal(store_db_open(&db, path, &error), FOV_EIO);
    assert_int_not_equal(access("/tmp/fovea-elsewhere.db", F_OK), 0);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct store_db *db;
    fov_error error = {0};
    assert_int_equal(store_db_open(&db, "/nowhere/at/all.db", &error), FOV_EIO);
    assert_true(error.message[0] != '\0');
    assert_int_equal(store_db_open(&db, folder, &error), FOV_EIO);
    assert_null(db);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(found_by_time_stream_and_class),
        WITH_FOLDER(the_oldest_go_first),
        WITH_FOLDER(a_full_disk_is_named_and_nothing_is_lost),
        WITH_FOLDER(a_file_that_may_not_grow),
        WITH_FOLDER(damaged_files_are_told_and_move_aside),
        WITH_FOLDER(files_of_newer_versions_stay),
        WITH_FOLDER(a_folder_may_be_a_link_but_not_the_file),
        WITH_FOLDER(what_cannot_be_opened_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
