#include "serve/zone_book.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/state_file.h"

#define BOOK_BYTES_MAX ((size_t)8 << 20)

struct page {
    struct page *next;
    char camera[ROOM_NAME_MAX];
    struct zones zones;
};

struct zone_book {
    struct page *first;
    size_t count;
    struct state_file file;
};

/* ---- in memory --------------------------------------------------------------------------------
 */

static struct page **find(struct zone_book *book, const char *camera)
{
    struct page **at = &book->first;
    while (*at && strcmp((*at)->camera, camera) != 0)
        at = &(*at)->next;
    return at;
}

static void forget(struct zone_book *book, const char *camera)
{
    struct page **at = find(book, camera), *page = *at;
    if (!page)
        return;
    *at = page->next;
    book->count--;
    free(page);
}

static struct page *page_of(struct zone_book *book, const char *camera)
{
    struct page **at = find(book, camera);
    if (!*at && book->count < ZONE_BOOK_MAX && (*at = calloc(1, sizeof **at))) {
        text_copy((*at)->camera, sizeof(*at)->camera, camera);
        book->count++;
    }
    return *at;
}

const struct zones *zone_book_find(struct server *server, const char *camera, bool *drawn)
{
    const struct page *page = server->zone_book ? *find(server->zone_book, camera) : NULL;
    const struct settings_camera *own = settings_find_camera(server->settings, camera);
    if (drawn)
        *drawn = page != NULL;
    return page ? &page->zones : own ? own->zones : NULL;
}

/* ---- as text ----------------------------------------------------------------------------------
 */

void zone_book_write(const struct zone_book *book, struct json_writer *w)
{
    json_object_begin(w);
    json_add_int(w, "version", 1);
    json_name(w, "cameras");
    json_array_begin(w);
    for (const struct page *page = book->first; page; page = page->next) {
        json_object_begin(w);
        json_add_string(w, "camera", page->camera);
        json_name(w, "zones");
        zones_write(w, &page->zones, NULL);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static fov_status read_page(struct zone_book *book, const json_value *value, fov_error *error)
{
    const char *camera;
    if (!json_get_string(value, "camera", &camera) || !camera[0] || strlen(camera) >= ROOM_NAME_MAX)
        return fov_fail(error, FOV_EFORMAT, "a camera has no name");
    if (*find(book, camera))
        return fov_fail(error, FOV_EFORMAT, "camera %s is there twice", camera);
    struct page *page = page_of(book, camera);
    if (!page)
        return fov_fail(error, FOV_ELIMIT, "more than %d cameras", ZONE_BOOK_MAX);
    return zones_read(json_get(value, "zones"), &page->zones, error);
}

static fov_status read_book(struct zone_book *book, const json_value *root, fov_error *error)
{
    int64_t version;
    if (!json_get_int(root, "version", &version) || version != 1)
        return fov_fail(error, FOV_EFORMAT, "version 1 is expected");
    const json_value *cameras = json_get(root, "cameras");
    if (!json_is_array(cameras))
        return fov_fail(error, FOV_EFORMAT, "cameras is no list");
    fov_status status = FOV_OK;
    for (const json_value *at = json_at(cameras, 0); at && !status; at = json_next(at))
        status = read_page(book, at, error);
    return status;
}

struct zone_book *zone_book_parse(const char *text, size_t size, fov_error *error)
{
    struct zone_book *book = calloc(1, sizeof *book);
    json_value *root = book && size <= BOOK_BYTES_MAX ? json_parse_own(text, size, error) : NULL;
    if (!root && book && size > BOOK_BYTES_MAX)
        fov_fail(error, FOV_ELIMIT, "larger than 8 MiB");
    if (root && read_book(book, root, error) == FOV_OK) {
        json_free(&root);
        return book;
    }
    json_free(&root);
    zone_book_close(&book);
    return NULL;
}

/* ---- on the disk ------------------------------------------------------------------------------
 */

struct zone_book *zone_book_open(const char *folder)
{
    struct state_file file;
    fov_error error = {0};
    size_t size = 0;
    state_file_init(&file, folder, "zones.json", "zones");
    char *text = state_file_read(&file, BOOK_BYTES_MAX, &size, &error);
    struct zone_book *book = text ? zone_book_parse(text, size, &error) : NULL;
    free(text);
    if (!book && error.status != FOV_ENOTFOUND)
        state_file_refuse(&file, &error);
    if (!book)
        book = calloc(1, sizeof *book);
    if (book)
        book->file = file;
    return book;
}

void zone_book_stop(struct zone_book *book)
{
    if (book)
        state_file_stop(&book->file);
}

void zone_book_close(struct zone_book **closing)
{
    struct zone_book *book = *closing;
    *closing = NULL;
    if (!book)
        return;
    state_file_stop(&book->file);
    while (book->first)
        forget(book, book->first->camera);
    free(book);
}

fov_status zone_book_set(struct server *server, const char *camera, const struct zones *zones,
                         void (*done)(void *arg, fov_status status, const char *message), void *arg,
                         fov_error *error)
{
    struct zone_book *book = server->zone_book;
    struct json_writer text = {0};
    if (book->file.writing)
        return fov_fail(error, FOV_EBUSY, "zones are being written; try again");
    struct page *page = zones ? page_of(book, camera) : NULL;
    if (zones && !page)
        return fov_fail(error, FOV_ELIMIT, "zones are drawn for %d cameras at most", ZONE_BOOK_MAX);
    if (page)
        page->zones = *zones;
    else
        forget(book, camera);
    zone_book_write(book, &text);
    fov_status status = state_file_write(server, &book->file, &text, done, arg, error);
    json_release(&text);
    return status;
}
