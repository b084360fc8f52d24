#include "serve/gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "serve/auth.h"
#include "serve/serve.h"
#include "serve/server.h"

struct gate {
    bool loopback;
    char host_name[256]; /* of this machine */
};

struct gate *gate_create(bool loopback)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (!gate)
        return NULL;
    gate->loopback = loopback;
    if (gethostname(gate->host_name, sizeof gate->host_name - 1) != 0)
        gate->host_name[0] = '\0';
    return gate;
}

void gate_destroy(struct gate **gate)
{
    free(*gate);
    *gate = NULL;
}

/* ---- Host and Origin ------------------------------------------------------------------------ */

/* The name part of "name:port" or "[v6]:port", lower case, without a final dot. */
static void host_only(const char *from, char *name, size_t size)
{
    size_t length = from[0] == '[' ? strcspn(from, "]") : strcspn(from, ":");
    if (from[0] == '[' && length > 0)
        from++, length--;
    if (length >= size)
        length = size - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i]);
    name[length] = '\0';
    if (length > 1 && name[length - 1] == '.')
        name[length - 1] = '\0';
}

/* A numeric address cannot be rebound by a stranger's DNS. *loopback tells which kind. */
static bool is_address(const char *name, bool *loopback)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, name, &v4) == 1) {
        *loopback = ntohl(v4.s_addr) >> 24 == 127;
        return true;
    }
    *loopback = inet_pton(AF_INET6, name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    return inet_pton(AF_INET6, name, &v6) == 1;
}

static bool in_allowed(const struct settings *s, const char *name)
{
    char own[256];
    if (s->server.public_url) {
        host_only(strstr(s->server.public_url, "://") + 3, own, sizeof own);
        own[strcspn(own, "/")] = '\0';
        if (strcmp(own, name) == 0)
            return true;
    }
    for (size_t i = 0; i < s->server.allowed_hosts.count; i++) {
        host_only(s->server.allowed_hosts.items[i], own, sizeof own);
        if (strcmp(own, name) == 0 || strcmp(own, "*") == 0)
            return true;
    }
    return false;
}

static bool host_ok(const struct server *server, const char *host)
{
    const struct gate *gate = server->own->gate;
    char name[256], local[300];
    bool loopback;
    if (!host || !*host)
        return false;
    host_only(host, name, sizeof name);
    if (strcmp(name, "localhost") == 0 || in_allowed(server->settings, name))
        return true;
    if (is_address(name, &loopback))
        return loopback || !gate->loopback;
    if (gate->loopback || gate->host_name[0] == '\0')
        return false;
    snprintf(local, sizeof local, "%s.local", gate->host_name);
    return strcasecmp(name, gate->host_name) == 0 || strcasecmp(name, local) == 0;
}

/* Same scheme, name and port as the request itself, or as public_url says. */
static bool origin_ok(const struct server *server, struct net_request *request, const char *origin)
{
    bool tls = net_request_is_tls(request);
    const char *host = net_request_host(request), *url = server->settings->server.public_url;
    char own[600];
    if (url) {
        size_t length = strlen(url);
        size_t authority = strcspn(strstr(url, "://") + 3, "/") +
                           (size_t)(strstr(url, "://") - url) + 3;
        if (authority < length)
            length = authority;
        if (strlen(origin) == length && strncasecmp(origin, url, length) == 0)
            return true;
    }
    snprintf(own, sizeof own, "http%s://%s", tls ? "s" : "", host ? host : "");
    const char *port = tls ? ":443" : ":80";
    size_t length = strlen(own);
    if (length > strlen(port) && strcmp(own + length - strlen(port), port) == 0)
        own[length - strlen(port)] = '\0';
    return strcasecmp(own, origin) == 0;
}

/* ---- who is asking -------------------------------------------------------------------------- */

void gate_cookie_name(const struct server *server, char *name, unsigned size)
{
    snprintf(name, size, "fovea_%u", server->port);
}

void gate_set_cookie(struct exchange *x, const char *token)
{
    char name[32], cookie[256];
    gate_cookie_name(x->server, name, sizeof name);
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", name,
             token ? token : "", token ? "; Max-Age=31536000" : "; Max-Age=0",
             net_request_is_tls(x->request) ? "; Secure" : "");
    net_request_add_header(x->request, "Set-Cookie", cookie);
}

static const char *bearer(const struct net_request *request)
{
    const char *field = net_request_header(request, "authorization");
    if (!field || strncasecmp(field, "Bearer ", 7) != 0)
        return NULL;
    return field + 7 + strspn(field + 7, " ");
}

static void take(struct identity *who, const struct token *token, enum credential by)
{
    who->roles = token->role;
    who->by = by;
    text_copy(who->token_id, sizeof who->token_id, token->id);
    text_copy(who->camera, sizeof who->camera, token->camera);
}

static bool opens(const struct exchange *x, const struct identity *who)
{
    unsigned roles = x->route->roles;
    if (who->roles & ROLE_ADMIN)
        return true;
    if (roles != 0 && !(who->roles & roles))
        return false;
    if (who->camera[0] == '\0' || roles == 0 || roles == ROLE_ANY)
        return true;
    return x->room[0] != '\0' && strcmp(x->room, who->camera) == 0;
}

static bool unauthorised(struct exchange *x, bool wrong, bool counts)
{
    unsigned wait = wrong && counts ? auth_failed(x->server->auth, net_request_peer(x->request))
                                    : 0;
    char seconds[16], name[32];
    if (wait) {
        snprintf(seconds, sizeof seconds, "%u", wait);
        net_request_add_header(x->request, "Retry-After", seconds);
        serve_problem(x, 429, "too_many_failures",
                      "too many wrong tokens from this address; "
                      "try again in %u s",
                      wait);
        return false;
    }
    gate_cookie_name(x->server, name, sizeof name);
    if (wrong && net_request_cookie(x->request, name))
        gate_set_cookie(x, NULL);
    net_request_add_header(x->request, "WWW-Authenticate", "Bearer realm=\"fovea\"");
    serve_problem(x, 401, wrong ? "bad_token" : "token_required",
                  wrong
                      ? "the token is unknown, revoked or has ended; `fovea token create` makes one"
                      : "a token is required: send `Authorization: Bearer TOKEN`, or open the page "
                        "with ?token=TOKEN once");
    return false;
}

/* The token of a text. One that is not known may have been made this instant: the files are looked
 * at again, so that `fovea token create` works at once. */
static const struct token *look_up(struct exchange *x, const char *text)
{
    const struct token *token = auth_find(x->server->auth, text);
    if (!token && auth_refresh(x->server->auth, false))
        token = auth_find(x->server->auth, text);
    return token;
}

/* The room that {token} names. False: answered. */
static bool find_room(struct exchange *x, bool counts)
{
    const char *name = exchange_param(x, "token"), *stream = exchange_param(x, "stream_id");
    if (stream && strlen(stream) < sizeof x->room)
        rooms_resolve(x->server, stream, true, x->room, sizeof x->room);
    if (!name)
        return true;
    bool secret = strncmp(name, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0;
    const struct token *token = secret ? look_up(x, name) : auth_find(x->server->auth, name);
    if (token && token->role == ROLE_ADMIN) {
        serve_problem(x, 403, "admin_token_in_url",
                      "an admin token does not belong in a URL; use a "
                      "camera's name and the Authorization header");
        return false;
    }
    if (token) {
        take(&x->identity, token, BY_PATH);
        if (token->camera[0])
            text_copy(x->room, sizeof x->room, token->camera);
        else
            snprintf(x->room, sizeof x->room, "token-%s", token->id);
        return true;
    }
    if (auth_on(x->server->auth) && secret)
        return unauthorised(x, true, counts);
    if (strlen(name) >= sizeof x->room) {
        serve_problem(x, 404, "bad_camera_name", "a camera's name has at most 64 bytes");
        return false;
    }
    rooms_resolve(x->server, name, false, x->room, sizeof x->room);
    return true;
}

/* The token that header, cookie or query carry. *text NULL: none is there. */
static const struct token *find_token(struct exchange *x, const char **text, enum credential *by)
{
    char name[32];
    gate_cookie_name(x->server, name, sizeof name);
    *by = BY_HEADER;
    *text = bearer(x->request);
    if (!*text && (x->route->flags & ROUTE_QUERY_TOKEN)) {
        *by = BY_QUERY;
        *text = net_request_param(x->request, "token");
    }
    if (!*text) {
        *by = BY_COOKIE;
        *text = net_request_cookie(x->request, name);
    }
    return *text ? look_up(x, *text) : NULL;
}

static bool forbidden(struct exchange *x)
{
    const struct identity *who = &x->identity;
    if (who->camera[0] && (who->roles & x->route->roles))
        serve_problem(x, 403, "wrong_camera", "this token opens the camera \"%s\" only",
                      who->camera);
    else
        serve_problem(x, 403, "wrong_role",
                      "this needs a token of another role (`fovea token create "
                      "--role …`)");
    return false;
}

static bool authorise(struct exchange *x, bool counts)
{
    struct identity by_path = x->identity;
    const char *text;
    enum credential by;
    if (!auth_on(x->server->auth)) {
        x->identity.roles = ROLE_ANY;
        x->identity.camera[0] = '\0';
        return true;
    }
    if (x->route->roles == 0)
        return true;
    if (by_path.roles && opens(x, &by_path))
        return true;
    const struct token *token = find_token(x, &text, &by);
    if (!token && by_path.roles)
        return forbidden(x);
    if (!token)
        return unauthorised(x, text != NULL, counts);
    if (token->role == ROLE_ADMIN && by == BY_QUERY && !(x->route->flags & ROUTE_PAGE)) {
        serve_problem(x, 403, "admin_token_in_url",
                      "an admin token is not accepted in a URL; use the Authorization header");
        return false;
    }
    take(&x->identity, token, by);
    return opens(x, &x->identity) || forbidden(x);
}

/* ---- the gate ------------------------------------------------------------------------------- */

static bool check_origin(struct exchange *x)
{
    const char *method = net_request_method(x->request);
    bool changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
    const char *origin = net_request_header(x->request, "origin");
    if (!changes && !(x->route->flags & ROUTE_SOCKET))
        return true;
    if (origin && !origin_ok(x->server, x->request, origin)) {
        serve_problem(x, 403, "wrong_origin",
                      "requests from other sites are refused; add the site's "
                      "address as server.public_url if it is yours");
        return false;
    }
    if (!origin && x->identity.by == BY_COOKIE) {
        serve_problem(x, 403, "origin_required",
                      "with a cookie the Origin header is required; "
                      "programs use the Authorization header");
        return false;
    }
    return true;
}

static bool check_limits(struct exchange *x)
{
    int64_t length = net_request_content_length(x->request);
    if (x->route->max_body > 0)
        net_request_set_max_body(x->request, x->route->max_body);
    else if (length > 0)
        net_request_set_max_body(x->request, 1024);
    size_t most = x->route->max_body > 0 ? x->route->max_body : 1024;
    if (length > 0 && (uint64_t)length > most) {
        serve_problem(x, 413, "body_too_large",
                      "the body has %lld bytes, at most %zu are read here", (long long)length,
                      most);
        return false;
    }
    return true;
}

static bool find_route(struct exchange *x)
{
    char allow[64];
    int status = route_find(net_request_method(x->request), net_request_path(x->request), x, allow,
                            sizeof allow);
    if (status == 0)
        return true;
    if (status == 405) {
        net_request_add_header(x->request, "Allow", allow);
        serve_problem(x, 405, "wrong_method", "this address takes %s", allow);
    } else {
        serve_problem(x, 404, "no_such_address",
                      "there is nothing at this address; /docs lists what "
                      "there is");
    }
    return false;
}

bool gate_pass(struct exchange *x, struct server *server, struct net_request *request, bool counts)
{
    *x = (struct exchange){.server = server, .request = request};
    if (!host_ok(server, net_request_host(request))) {
        serve_problem(x, 403, "wrong_host",
                      "this server does not answer to that name; add it to "
                      "server.allowed_hosts");
        return false;
    }
    if (!find_route(x) || !find_room(x, counts) || !authorise(x, counts) || !check_origin(x))
        return false;
    if ((x->route->flags & ROUTE_REALTIME) && !server->settings->realtime.enabled) {
        serve_problem(x, 503, "disabled", "switched off by realtime.enabled (REALTIME_ENABLED)");
        return false;
    }
    return check_limits(x);
}
