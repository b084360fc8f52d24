/* The route table as text: tests check each row against the description and the roles. */
#include <stdio.h>

#include "base/json.h"
#include "serve/server.h"

void serve_print_routes(void)
{
    struct json_writer w = {0};
    for (const struct route *route = serve_routes; route->method; route++) {
        json_reset(&w);
        json_object_begin(&w);
        json_add_string(&w, "method", route->method);
        json_add_string(&w, "path", route->pattern);
        json_name(&w, "roles");
        json_array_begin(&w);
        if (route->roles & ROLE_VIEW)
            json_put_string(&w, "view");
        if (route->roles & ROLE_PUSH)
            json_put_string(&w, "push");
        if (route->roles)
            json_put_string(&w, "admin");
        json_array_end(&w);
        json_add_int(&w, "max_body", (int64_t)route->max_body);
        json_add_bool(&w, "socket", route->flags & ROUTE_SOCKET);
        json_add_bool(&w, "stream", route->flags & ROUTE_STREAM);
        json_add_bool(&w, "query_token", route->flags & ROUTE_QUERY_TOKEN);
        json_add_bool(&w, "page", route->flags & ROUTE_PAGE);
        json_add_bool(&w, "hidden", route->flags & ROUTE_HIDDEN);
        json_object_end(&w);
        puts(w.text ? w.text : "{}");
    }
    json_release(&w);
}
