#include "serve/members.h"

#include <string.h>

json_value *member_object(struct exchange *x)
{
    size_t size;
    fov_error error = {0};
    const char *body = (const char *)net_request_body(x->request, &size);
    json_value *json = size ? json_parse(body, size, MEMBERS_BODY_MAX, &error)
                            : json_parse("{}", 2, MEMBERS_BODY_MAX, &error);
    if (json && json_is_object(json))
        return json;
    serve_problem(x, 400, "bad_format", "the body must be a JSON object: %s",
                  json ? "it is another value" : error.message);
    json_free(&json);
    return NULL;
}

bool member_text(struct exchange *x, const json_value *json, const char *name, const char **value)
{
    *value = NULL;
    if (!json_has(json, name) || json_get_string(json, name, value))
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be a string", name);
    return false;
}

bool member_number(struct exchange *x, const json_value *json, const char *name, double least,
                   double most, double *value)
{
    if (!json_has(json, name))
        return true;
    if (json_get_number(json, name, value) && *value >= least && *value <= most)
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be a number from %g to %g", name, least,
                  most);
    return false;
}

bool member_bool(struct exchange *x, const json_value *json, const char *name, bool *value)
{
    if (!json_has(json, name) || json_get_bool(json, name, value))
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be true or false", name);
    return false;
}

bool member_word(struct exchange *x, const json_value *json, const char *name,
                 const char *const *words)
{
    const char *value;
    if (!member_text(x, json, name, &value))
        return false;
    for (const char *const *word = words; value && *word; word++)
        if (strcmp(*word, value) == 0)
            return true;
    if (value)
        serve_problem(x, 422, "invalid_argument", "%s '%.40s' is not known; try %s", name, value,
                      words[0]);
    return !value;
}
