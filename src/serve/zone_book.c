#include "serve/zone_book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "serve/chores.h"

#define BOOK_BYTES_MAX ((size_t)8 << 20)

struct page {
    struct page *next;
    char camera[ROOM_NAME_MAX];
    struct zones zones;
};

struct zone_book {
    struct page *first;
    size_t count;
    char path[512];
    struct chores *chores; /* made at the first write */
    bool writing;
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

static char *read_file(const char *path, size_t *size, fov_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *from = fd >= 0 ? fdopen(fd, "rb") : NULL;
    char *text = from ? malloc(BOOK_BYTES_MAX + 1) : NULL;
    if (text)
        *size = fread(text, 1, BOOK_BYTES_MAX + 1, from);
    else
        fov_fail(error, errno == ENOENT ? FOV_ENOTFOUND : FOV_EIO, "%s", strerror(errno));
    if (from)
        fclose(from);
    else if (fd >= 0)
        close(fd);
    return text;
}

static struct zone_book *load(const char *path)
{
    fov_error error = {0};
    size_t size = 0;
    char aside[560];
    char *text = read_file(path, &size, &error);
    struct zone_book *book = text ? zone_book_parse(text, size, &error) : NULL;
    free(text);
    if (book || error.status == FOV_ENOTFOUND)
        return book;
    bool moved = file_move_aside(path, aside, sizeof aside);
    fov_log(FOV_LOG_ERROR, "zones", "%s cannot be used: %s; %s%s", path, error.message,
            moved ? "it is kept as " : "it stays and is not used", moved ? aside : "");
    return NULL;
}

struct zone_book *zone_book_open(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/zones.json", folder);
    struct zone_book *book = load(path);
    if (!book)
        book = calloc(1, sizeof *book);
    if (book)
        text_copy(book->path, sizeof book->path, path);
    return book;
}

void zone_book_stop(struct zone_book *book)
{
    if (book)
        chores_stop(&book->chores);
}

void zone_book_close(struct zone_book **closing)
{
    struct zone_book *book = *closing;
    *closing = NULL;
    if (!book)
        return;
    chores_stop(&book->chores);
    while (book->first)
        forget(book, book->first->camera);
    free(book);
}

/* A book on its way to the disk. */
struct writing {
    struct server *server;
    struct json_writer text;
    char path[512];
    fov_status status;
    fov_error error;
    void (*done)(void *arg, fov_status status, const char *message);
    void *arg;
};

static void written(void *arg)
{
    struct writing *w = arg;
    if (w->server->zone_book)
        w->server->zone_book->writing = false;
    if (w->status != FOV_OK)
        fov_log(FOV_LOG_ERROR, "zones", "drawn zones are in force but not kept: %s",
                w->error.message);
    w->done(w->arg, w->status, w->error.message);
    json_release(&w->text);
    free(w);
}

static void write_file(void *arg)
{
    struct writing *w = arg;
    w->status = file_replace(w->path, w->text.text, w->text.size, 0600, &w->error);
    net_post_surely(w->server->loop, written, w); /* `writing` would stay */
}

static fov_status start_writing(struct server *server, struct writing *w, fov_error *error)
{
    struct zone_book *book = server->zone_book;
    zone_book_write(book, &w->text);
    text_copy(w->path, sizeof w->path, book->path);
    if (!book->chores)
        book->chores = chores_start("fovea-zones");
    if (w->text.failed || !book->chores || !chores_add(book->chores, write_file, w))
        return fov_fail(error, FOV_ENOMEM, "not enough memory to keep zones");
    book->writing = true;
    return FOV_OK;
}

fov_status zone_book_set(struct server *server, const char *camera, const struct zones *zones,
                         void (*done)(void *arg, fov_status status, const char *message), void *arg,
                         fov_error *error)
{
    struct zone_book *book = server->zone_book;
    if (book->writing)
        return fov_fail(error, FOV_EBUSY, "zones are being written; try again");
    struct writing *w = calloc(1, sizeof *w);
    struct page *page = w && zones ? page_of(book, camera) : NULL;
    if (!w || (zones && !page)) {
        free(w);
        return fov_fail(error, FOV_ELIMIT, "zones are drawn for %d cameras at most", ZONE_BOOK_MAX);
    }
    w->server = server;
    w->done = done;
    w->arg = arg;
    if (page)
        page->zones = *zones;
    else
        forget(book, camera);
    fov_status status = start_writing(server, w, error);
    if (status != FOV_OK) {
        json_release(&w->text);
        free(w);
    }
    return status;
}
