#include "serve/view_book.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scene/football_json.h"
#include "scene/pitch.h"
#include "serve/state_file.h"

#define BOOK_BYTES_MAX ((size_t)1 << 20)

struct page {
    struct page *next;
    struct view_key key;
    struct kept_view kept;
};

struct view_book {
    struct page *first; /* set last */
    size_t count;
    struct state_file file;
};

/* Name and password may change, the camera is the same. */
void view_key_make(struct view_key *key, const char *name, const char *url)
{
    char plain[2048];
    const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
    size_t end = scheme ? strcspn(host, "/?#") : 0;
    const char *at = end ? memrchr(host, '@', end) : NULL;
    size_t used = text_copy(plain, sizeof plain, url);
    if (at) { /* "rtsp://" and what follows the "@" */
        used = (size_t)(host - url);
        used += text_copy(plain + used, sizeof plain - used, at + 1);
    }
    text_copy(key->camera, sizeof key->camera, name ? name : "");
    text_redact_url(key->source, sizeof key->source, url);
    sha256_text(plain, used, key->mark);
}

/* ---- in memory --------------------------------------------------------------------------------
 */

static struct page **find(struct page **at, const struct view_key *key)
{
    while (*at && (strcmp((*at)->key.camera, key->camera) || strcmp((*at)->key.mark, key->mark)))
        at = &(*at)->next;
    return at;
}

static void forget(struct view_book *book, struct page **at)
{
    struct page *page = *at;
    if (!page)
        return;
    *at = page->next;
    book->count--;
    free(page);
}

static void forget_oldest(struct view_book *book)
{
    struct page **at = &book->first;
    while ((*at)->next)
        at = &(*at)->next;
    fov_log(FOV_LOG_WARN, "views", "calibrations of %d cameras are kept: that of %s goes",
            VIEW_BOOK_MAX, (*at)->key.source);
    forget(book, at);
}

const struct kept_view *view_book_find(const struct view_book *book, const struct view_key *key)
{
    struct page *first = book ? book->first : NULL, *page = *find(&first, key);
    return page ? &page->kept : NULL;
}

bool view_book_busy(const struct view_book *book)
{
    return book->file.writing;
}

/* ---- as text ----------------------------------------------------------------------------------
 */

static void write_pair(struct json_writer *w, const char *name, double a, double b)
{
    json_name(w, name);
    json_array_begin(w);
    json_put_number(w, a, 3);
    json_put_number(w, b, 3);
    json_array_end(w);
}

void view_book_write(const struct view_book *book, struct json_writer *w)
{
    json_object_begin(w);
    json_add_int(w, "version", 1);
    json_name(w, "views");
    json_array_begin(w);
    for (const struct page *page = book->first; page; page = page->next) {
        const fov_pitch_view *view = &page->kept.view;
        json_object_begin(w);
        json_add_string(w, "camera", page->key.camera);
        json_add_string(w, "source", page->key.source);
        json_add_string(w, "mark", page->key.mark);
        json_add_int(w, "set_at", page->kept.set_ms);
        write_pair(w, "picture", view->width, view->height);
        write_pair(w, "size", page->kept.pitch.length, page->kept.pitch.width);
        json_name(w, "matrix");
        football_put_matrix(w, view->map);
        json_add_number(w, "k1", view->k1, 9);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static bool take_text(const json_value *value, const char *name, char *to, size_t size)
{
    const char *text;
    if (!json_get_string(value, name, &text) || strlen(text) >= size)
        return false;
    text_copy(to, size, text);
    return true;
}

static fov_status read_kept(const json_value *value, struct kept_view *kept, fov_error *error)
{
    const json_value *size = json_get(value, "size");
    if (!json_is_array(size) || json_count(size) != 2 ||
        !json_number(json_at(size, 0), &kept->pitch.length) ||
        !json_number(json_at(size, 1), &kept->pitch.width))
        return fov_fail(error, FOV_EFORMAT, "size: length and width of the pitch are needed");
    fov_status status = pitch_size_check(kept->pitch, error);
    const fov_pitch_params of = {.size = kept->pitch};
    if (!status)
        status = pitch_view_read(value, &of, &kept->view, NULL, error);
    if (!status && kept->view.width <= 0)
        status = fov_fail(error, FOV_EFORMAT, "picture: its width and height are needed");
    return status;
}

static fov_status read_page(struct view_book *book, const json_value *value, fov_error *error)
{
    struct page *page = calloc(1, sizeof *page);
    if (!page)
        return fov_fail(error, FOV_ENOMEM, "no memory");
    struct page **end = &book->first;
    fov_error why = {0};
    fov_status status = FOV_OK;
    if (!take_text(value, "camera", page->key.camera, sizeof page->key.camera) ||
        !take_text(value, "source", page->key.source, sizeof page->key.source) ||
        !take_text(value, "mark", page->key.mark, sizeof page->key.mark) ||
        !json_get_int(value, "set_at", &page->kept.set_ms))
        status = fov_fail(&why, FOV_EFORMAT, "camera, source, mark or set_at is missing");
    else if (*find(&book->first, &page->key))
        status = fov_fail(&why, FOV_EFORMAT, "it is there twice");
    else if (book->count == VIEW_BOOK_MAX)
        status = fov_fail(&why, FOV_ELIMIT, "it is one more than %d", VIEW_BOOK_MAX);
    else
        status = read_kept(value, &page->kept, &why);
    if (status) {
        free(page);
        return fov_fail(error, status, "views[%zu]: %s", book->count, why.message);
    }
    while (*end)
        end = &(*end)->next;
    *end = page;
    book->count++;
    return FOV_OK;
}

static fov_status read_book(struct view_book *book, const json_value *root, fov_error *error)
{
    int64_t version;
    const json_value *views = json_get(root, "views");
    if (!json_get_int(root, "version", &version) || version != 1)
        return fov_fail(error, FOV_EFORMAT, "version 1 is expected");
    if (!json_is_array(views))
        return fov_fail(error, FOV_EFORMAT, "views is no list");
    fov_status status = FOV_OK;
    for (const json_value *at = json_at(views, 0); at && !status; at = json_next(at))
        status = read_page(book, at, error);
    return status;
}

struct view_book *view_book_parse(const char *text, size_t size, fov_error *error)
{
    struct view_book *book = calloc(1, sizeof *book);
    json_value *root = NULL;
    if (book && size > BOOK_BYTES_MAX)
        fov_fail(error, FOV_ELIMIT, "larger than 1 MiB");
    else if (book)
        root = json_parse_own(text, size, error);
    bool good = root && read_book(book, root, error) == FOV_OK;
    json_free(&root);
    if (!good)
        view_book_close(&book);
    return book;
}

/* ---- on the disk ------------------------------------------------------------------------------
 */

struct view_book *view_book_open(const char *folder)
{
    struct state_file file;
    fov_error error = {0};
    size_t size = 0;
    state_file_init(&file, folder, "pitch_views.json", "views");
    char *text = state_file_read(&file, BOOK_BYTES_MAX, &size, &error);
    struct view_book *book = text ? view_book_parse(text, size, &error) : NULL;
    free(text);
    if (!book && error.status != FOV_ENOTFOUND)
        state_file_refuse(&file, &error);
    if (!book)
        book = calloc(1, sizeof *book);
    if (book)
        book->file = file;
    return book;
}

void view_book_stop(struct view_book *book)
{
    if (book)
        state_file_stop(&book->file);
}

void view_book_close(struct view_book **closing)
{
    struct view_book *book = *closing;
    *closing = NULL;
    if (!book)
        return;
    state_file_stop(&book->file);
    while (book->first)
        forget(book, &book->first);
    free(book);
}

fov_status view_book_set(struct server *server, struct view_book *book, const struct view_key *key,
                         const struct kept_view *view,
                         void (*done)(void *arg, fov_status status, const char *message), void *arg,
                         fov_error *error)
{
    struct json_writer text = {0};
    struct page *page = view ? calloc(1, sizeof *page) : NULL;
    if (book->file.writing || (view && !page)) {
        free(page);
        return view && !page ? fov_fail(error, FOV_ENOMEM, "no memory to keep a calibration")
                             : fov_fail(error, FOV_EBUSY, "another calibration is being written");
    }
    forget(book, find(&book->first, key));
    if (page) {
        if (book->count == VIEW_BOOK_MAX)
            forget_oldest(book);
        *page = (struct page){.next = book->first, .key = *key, .kept = *view};
        book->first = page;
        book->count++;
    }
    view_book_write(book, &text);
    fov_status status = state_file_write(server, &book->file, &text, done, arg, error);
    json_release(&text);
    return status;
}
