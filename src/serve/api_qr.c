/* QR codes of this server's own addresses, so that a phone opens a page without typing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "serve/auth.h"
#include "serve/percent.h"
#include "serve/qr.h"
#include "serve/routes.h"
#include "serve/server.h"

enum { QR_TEXT_MAX = 512, INVITES_MAX = 32, INVITE_S = 86400 };

/* A token that a QR code carries: one a room and role, so that a page that shows the code again and
 * again does not fill the store. */
struct invite {
    unsigned role;
    char room[ROOM_NAME_MAX], text[TOKEN_TEXT_MAX];
    int64_t expires_s;
};

struct invites {
    struct invite items[INVITES_MAX];
    size_t next;
};

void invites_destroy(struct invites **invites)
{
    free(*invites);
    *invites = NULL;
}

static struct invite *find_invite(struct invites *invites, unsigned role, const char *room)
{
    for (size_t i = 0; i < INVITES_MAX; i++)
        if (invites->items[i].role == role && strcmp(invites->items[i].room, room) == 0)
            return &invites->items[i];
    struct invite *oldest = &invites->items[invites->next++ % INVITES_MAX];
    *oldest = (struct invite){.role = role};
    text_copy(oldest->room, sizeof oldest->room, room);
    return oldest;
}

/* Text of a token of a day for the room, NULL when none can be made. */
static const char *invite(struct server *server, unsigned role, const char *room)
{
    struct server_private *own = server->own;
    struct token made;
    fov_error error = {0};
    if (!own->invites && !(own->invites = calloc(1, sizeof *own->invites)))
        return NULL;
    struct invite *i = find_invite(own->invites, role, room);
    if (i->text[0] && i->expires_s - time(NULL) > INVITE_S / 2 && auth_find(server->auth, i->text))
        return i->text;
    if (tokens_create(auth_folder(server->auth), role, room, INVITE_S, "QR code of a page", &made,
                      i->text, &error) != FOV_OK) {
        fov_log(FOV_LOG_WARN, "serve", "no token for a QR code: %s", error.message);
        i->text[0] = '\0';
        return NULL;
    }
    auth_refresh(server->auth, true);
    i->expires_s = made.expires_s;
    return i->text;
}

/* Puts a token in place of the room's name in /camera/NAME and /view/NAME: whoever scans the code
 * of an administrator's page may use it for a day. */
static void add_invite(struct exchange *x, char *url, size_t size)
{
    char room[ROOM_NAME_MAX];
    const char *path = strstr(url, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    bool camera = path && strncmp(path, "/camera/", 8) == 0;
    size_t prefix = camera ? 8 : 6;
    if (!path || (!camera && strncmp(path, "/view/", 6) != 0) || !auth_on(x->server->auth) ||
        !(x->identity.roles & ROLE_ADMIN))
        return;
    size_t length = strcspn(path + prefix, "/?#");
    if (path[prefix + length] != '\0' || length == 0 ||
        !percent_decode(room, sizeof room, path + prefix, length, false) ||
        strncmp(room, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0)
        return;
    const char *text = invite(x->server, camera ? ROLE_PUSH : ROLE_VIEW, room);
    size_t at = (size_t)(path - url) + prefix;
    if (text && at + strlen(text) < size)
        text_copy(url + at, size - at, text);
}

/* Whether `url` is one of this server's. */
static bool is_own(const struct exchange *x, const char *url)
{
    const struct server *server = x->server;
    char here[320];
    const char *host = net_request_host(x->request);
    snprintf(here, sizeof here, "http%s://%s", net_request_is_tls(x->request) ? "s" : "",
             host ? host : "");
    const char *bases[] = {here, server->origin, server->lan_url,
                           server->settings->server.public_url};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        size_t length = bases[i] ? strlen(bases[i]) : 0;
        if (length > 0 && strncmp(url, bases[i], length) == 0 &&
            (url[length] == '/' || url[length] == '\0' || bases[i][length - 1] == '/'))
            return true;
    }
    return false;
}

/* A path becomes the address that others on the network can open. */
static void make_whole(const struct exchange *x, const char *text, char *url, size_t size)
{
    const struct server *server = x->server;
    const char *host = net_request_host(x->request), *public = server->settings->server.public_url;
    if (text[0] != '/' || text[1] == '/')
        text_copy(url, size, text);
    else if (public)
        snprintf(url, size, "%.*s%s", (int)(strlen(public) - (public[strlen(public) - 1] == '/')),
                 public, text);
    else if (server->lan_url[0])
        snprintf(url, size, "%s%s", server->lan_url, text);
    else
        snprintf(url, size, "http%s://%.120s%s", net_request_is_tls(x->request) ? "s" : "",
                 host ? host : "", text);
}

void get_qr(struct exchange *x)
{
    const char *text = net_request_param(x->request, "text");
    char url[QR_TEXT_MAX + 300];
    size_t size = 0;
    if (!text || !*text || strlen(text) > QR_TEXT_MAX) {
        serve_problem(x, 422, "invalid_argument",
                      "text: a path or URL of this server, at most %d "
                      "bytes",
                      QR_TEXT_MAX);
        return;
    }
    make_whole(x, text, url, sizeof url);
    if (!is_own(x, url)) {
        serve_problem(x, 422, "foreign_url",
                      "QR codes are made for this server's own addresses only");
        return;
    }
    add_invite(x, url, sizeof url);
    char *svg = qr_svg(url, &size);
    if (svg)
        net_reply(x->request, 200, "image/svg+xml", svg, size);
    else
        serve_problem(x, 422, "invalid_argument", "the address is too long for a QR code");
    free(svg);
}
