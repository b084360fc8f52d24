/* HTML pages, their files, the token form. */
#include "serve/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/text.h"
#include "serve/auth.h"
#include "serve/gate.h"
#include "serve/percent.h"
#include "serve/routes.h"
#include "serve/server.h"
#include "web_assets.h"

const char pages_policy[] =
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws: wss:; "
    "worker-src 'self' blob:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/* The API page: swagger-ui sets styles on its elements and shows inline pictures. */
static const char docs_policy[] =
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

/* ---- embedded files -----------------------------------------------------------------------------
 */

static void send_file(struct exchange *x, const char *name)
{
    const struct web_asset *asset = web_asset_find(name);
    const char *match = net_request_header(x->request, "if-none-match");
    if (!asset) {
        serve_problem(x, 404, "no_such_file", "this program has no page file of that name");
        return;
    }
    net_request_add_header(x->request, "ETag", asset->etag);
    net_request_add_header(x->request, "Cache-Control", "no-cache");
    if (match && strstr(match, asset->etag)) {
        net_reply(x->request, 304, NULL, NULL, 0);
        return;
    }
    const char *encodings = net_request_header(x->request, "accept-encoding");
    bool packed = asset->gzip && encodings && strstr(encodings, "gzip");
    net_request_add_header(x->request, "Vary", "Accept-Encoding");
    if (packed)
        net_request_add_header(x->request, "Content-Encoding", "gzip");
    struct net_blob *blob = packed ? net_blob_wrap(asset->gzip, asset->gzip_size, NULL, NULL)
                                   : net_blob_wrap(asset->data, asset->size, NULL, NULL);
    if (!blob) {
        serve_busy(x, 1, "out_of_memory", "not enough memory");
        return;
    }
    net_reply_blob(x->request, 200, asset->type, blob);
    net_blob_unref(&blob);
}

void get_asset(struct exchange *x)
{
    send_file(x, exchange_param(x, "path"));
}

/* ---- pages --------------------------------------------------------------------------------------
 */

/* The page's own address without the token: of its query, and of its path, where the camera's name
 * takes its place. */
static void bare_url(struct exchange *x, char *url, size_t size)
{
    const char *name, *value, *path = net_request_path(x->request);
    const char *token = x->route ? exchange_param(x, "token") : NULL;
    char room[3 * ROOM_NAME_MAX];
    size_t used;
    if (token && x->room[0]) {
        percent_encode(room, sizeof room, x->room, "");
        int page = (int)strcspn(path + 1, "/"); /* "camera", "view", "zones" */
        used = (size_t)snprintf(url, size, "/%.*s/%s", page, path + 1, room);
    } else {
        used = percent_encode(url, size, path, "/");
    }
    char mark = '?';
    for (size_t i = 0; net_request_param_at(x->request, i, &name, &value); i++) {
        if (strcmp(name, "token") == 0 || used + 3 * strlen(name) + 3 * strlen(value) + 8 > size)
            continue;
        url[used++] = mark;
        mark = '&';
        used += percent_encode(url + used, size - used, name, "");
        if (*value) {
            url[used++] = '=';
            used += percent_encode(url + used, size - used, value, "");
        }
        url[used] = '\0';
    }
}

/* Whether a good cookie that opens this page is there already: then it stays. */
static bool has_cookie(struct exchange *x)
{
    char name[32];
    gate_cookie_name(x->server, name, sizeof name);
    const char *text = net_request_cookie(x->request, name);
    const struct token *token = text ? auth_find(x->server->auth, text) : NULL;
    return token && (token->role == ROLE_ADMIN ||
                     ((token->role & x->route->roles) &&
                      (token->camera[0] == '\0' || strcmp(token->camera, x->room) == 0)));
}

/* A page. A token in the address, as `?token=` or in place of the camera's name, moves into a
 * cookie and the browser is sent to the bare address: no token stays in its bar and its history. */
static void send_page(struct exchange *x, const char *name)
{
    const char *query = net_request_param(x->request, "token");
    const char *in_path = exchange_param(x, "token");
    bool by_path = in_path && strcmp(in_path, x->room) != 0;
    char url[2048];
    if (!query && !by_path) {
        send_file(x, name);
        return;
    }
    bare_url(x, url, sizeof url);
    if (x->identity.by == BY_QUERY)
        gate_set_cookie(x, query);
    else if (x->identity.by == BY_PATH && auth_on(x->server->auth) && !has_cookie(x))
        gate_set_cookie(x, in_path);
    net_reply_redirect(x->request, url);
}

void page_start(struct exchange *x)
{
    send_page(x, "start.html");
}

void page_camera(struct exchange *x)
{
    send_page(x, "camera.html");
}

void page_view(struct exchange *x)
{
    send_page(x, "view.html");
}

void page_zones(struct exchange *x)
{
    send_page(x, "zones.html");
}

void page_football(struct exchange *x)
{
    send_page(x, "football.html");
}

void page_calibrate(struct exchange *x)
{
    send_page(x, "calibrate.html");
}

void page_docs(struct exchange *x)
{
    net_request_add_header(x->request, "Content-Security-Policy", docs_policy);
    send_page(x, "docs.html");
}

/* ---- the form for a token
 * ------------------------------------------------------------------------ */

/* A field of application/x-www-form-urlencoded. False when absent or too long. */
static bool form_field(const char *body, size_t size, const char *name, char *value, size_t room)
{
    size_t length = strlen(name);
    for (const char *at = body, *end = body + size; at < end;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop ? stop : end;
        if ((size_t)(stop - at) > length && memcmp(at, name, length) == 0 && at[length] == '=') {
            at += length + 1;
            return percent_decode(value, room, at, (size_t)(stop - at), true);
        }
        at = stop + 1;
    }
    return false;
}

void post_login(struct exchange *x)
{
    size_t size;
    char token[256], next[512];
    const char *body = (const char *)net_request_body(x->request, &size);
    const struct token *found = NULL;
    if (!form_field(body, size, "next", next, sizeof next) || next[0] != '/' || next[1] == '/' ||
        next[1] == '\\')
        text_copy(next, sizeof next, "/");
    if (form_field(body, size, "token", token, sizeof token))
        found = auth_find(x->server->auth, token + strspn(token, " "));
    if (found) {
        gate_set_cookie(x, token + strspn(token, " "));
        net_reply_redirect(x->request, next);
        return;
    }
    unsigned wait = auth_failed(x->server->auth, net_request_peer(x->request));
    if (wait)
        serve_problem(x, 429, "too_many_failures", "too many wrong tokens; try again in %u s",
                      wait);
    else
        serve_problem(x, 401, "bad_token", "the token is unknown, revoked or has ended");
}

/* ---- what is wrong
 * ------------------------------------------------------------------------------- */

static const char problem_style[] =
    ":root{color-scheme:dark light}body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;"
    "max-width:34rem;padding:0 1.5rem;background:#0e1116;color:#e6e9ee}"
    "@media(prefers-color-scheme:light){body{background:#fff;color:#14181f}}"
    "h1{font-size:1.3rem}input,button{font:inherit;padding:.5rem .8rem;border-radius:8px;"
    "border:1px solid #5a6675;background:transparent;color:inherit}input{width:100%;"
    "box-sizing:border-box;margin:.3rem 0 .8rem}small{color:#8a95a5}a{color:#4c9cff}";

static void escape_html(char *to, size_t size, const char *from)
{
    size_t used = 0;
    for (; *from && used + 7 < size; from++) {
        const char *word = *from == '&'    ? "&amp;"
                           : *from == '<'  ? "&lt;"
                           : *from == '>'  ? "&gt;"
                           : *from == '"'  ? "&quot;"
                           : *from == '\'' ? "&#39;"
                                           : NULL;
        if (word)
            used += text_copy(to + used, size - used, word);
        else
            to[used++] = *from;
    }
    to[used] = '\0';
}

/* Only this style may run: its hash stands in the policy. */
static void problem_policy(char *policy, size_t size)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char base64[64];
    SHA256((const unsigned char *)problem_style, sizeof problem_style - 1, hash);
    EVP_EncodeBlock((unsigned char *)base64, hash, sizeof hash);
    snprintf(policy, size,
             "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; base-uri 'none'; "
             "frame-ancestors 'none'",
             base64);
}

static void write_form(struct exchange *x, FILE *to)
{
    char url[2048], escaped[4096];
    bare_url(x, url, sizeof url);
    if (strcmp(net_request_path(x->request), "/login") == 0)
        text_copy(url, sizeof url, "/");
    escape_html(escaped, sizeof escaped, url);
    fprintf(to,
            "<form method=\"post\" action=\"/login\"><label>Token<input name=\"token\" "
            "type=\"password\" autocomplete=\"current-password\" required autofocus></label>"
            "<input type=\"hidden\" name=\"next\" value=\"%s\"><button>Open</button></form>"
            "<p><small>A token was shown when the server started first. <code>fovea token create"
            "</code> makes another. If you came here by a link, <a href=\"%s\">try again</a>."
            "</small></p>",
            escaped, escaped);
}

void page_problem(struct exchange *x, int status, const char *code, const char *detail)
{
    char policy[300], sentence[900];
    char *html = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&html, &size);
    if (!to) {
        net_reply_problem(x->request, status, code, detail);
        return;
    }
    if (strcmp(code, "token_required") == 0) /* the detail speaks to programs */
        detail = "This camera server opens with a token only. Paste yours here.";
    escape_html(sentence, sizeof sentence, detail);
    fprintf(to,
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>fovea</title>"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>%s"
            "</style></head><body><h1>%s</h1><p>%s</p>",
            problem_style,
            status == 401   ? "A token is needed"
            : status == 403 ? "Not with this token"
            : status == 404 ? "Nothing here"
                            : "That did not work",
            sentence);
    if (status == 401)
        write_form(x, to);
    fprintf(to, "<p><small>%d %s</small></p></body></html>", status, code);
    fclose(to);
    problem_policy(policy, sizeof policy);
    net_request_add_header(x->request, "Content-Security-Policy", policy);
    net_reply(x->request, status, "text/html; charset=utf-8", html, size);
    free(html);
}
