/* Answers that handlers share: errors as problem+json or as a page, JSON, the busy answer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "serve/pages.h"
#include "serve/server.h"

static bool wants_page(const struct exchange *x)
{
    const char *accept = net_request_header(x->request, "accept");
    if (x->route)
        return x->route->flags & ROUTE_PAGE;
    return accept && strstr(accept, "text/html");
}

static void problem(struct exchange *x, int status, const char *code, const char *detail)
{
    if (wants_page(x))
        page_problem(x, status, code, detail);
    else
        net_reply_problem(x->request, status, code, detail);
}

void serve_problem(struct exchange *x, int status, const char *code, const char *format, ...)
{
    char detail[400];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    problem(x, status, code, detail);
}

void serve_error(struct exchange *x, fov_status status, const fov_error *error)
{
    const char *detail = error && error->message[0] ? error->message : fov_status_text(status);
    if (fov_status_http(status) == 503)
        net_request_add_header(x->request, "Retry-After", "1");
    problem(x, fov_status_http(status), fov_status_code(status), detail);
}

void serve_busy(struct exchange *x, unsigned retry_s, const char *code, const char *format, ...)
{
    char detail[400], seconds[16];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    snprintf(seconds, sizeof seconds, "%u", retry_s);
    net_request_add_header(x->request, "Retry-After", seconds);
    problem(x, 503, code, detail);
}

void serve_reply(struct net_request *request, int status, const struct json_writer *w)
{
    if (w->failed)
        net_reply_problem(request, 503, "out_of_memory", "not enough memory for the answer");
    else
        net_reply(request, status, "application/json", w->text, w->size);
}

void serve_json(struct exchange *x, int status, struct json_writer *w)
{
    serve_reply(x->request, status, w);
}

struct json_writer *serve_writer(struct server *server)
{
    json_reset(&server->writer);
    return &server->writer;
}

int serve_param_number(struct exchange *x, const char *name, double least, double most,
                       double *value)
{
    const char *text = net_request_param(x->request, name);
    if (!text)
        return 0;
    if (text_to_double(text, least, most, value))
        return 1;
    serve_problem(x, 422, "invalid_argument", "%s must be a number from %g to %g", name, least,
                  most);
    return -1;
}

fov_workers *serve_workers(struct exchange *x)
{
    const struct server *server = x->server;
    if (server->workers)
        return server->workers;
    if (server->model_state == MODEL_MISSING)
        serve_busy(x, 30, "model_missing", "%s", server->model_problem);
    else
        serve_busy(x, 1, "model_not_ready", "the model is being loaded; try again in a second");
    return NULL;
}
