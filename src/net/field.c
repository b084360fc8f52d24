#include "net/field.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool field_is_token(const char *text)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t len = strlen(text);
    return len > 0 && strspn(text, allowed) == len;
}

char *field_trim(char *value)
{
    while (is_blank(*value))
        value++;
    size_t len = strlen(value);
    while (len > 0 && is_blank(value[len - 1]))
        len--;
    value[len] = 0;
    return value;
}

bool field_next(const char **rest, char separator, const char **element, size_t *len)
{
    const char *at = *rest;
    if (!at)
        return false;
    while (is_blank(*at))
        at++;
    const char *end = at;
    for (bool quoted = false; *end && (quoted || *end != separator); end++) {
        if (*end == '"')
            quoted = !quoted;
        else if (*end == '\\' && quoted && end[1])
            end++;
    }
    *rest = *end ? end + 1 : NULL;
    while (end > at && is_blank(end[-1]))
        end--;
    *element = at;
    *len = (size_t)(end - at);
    return true;
}

bool field_has_token(const char *list, const char *token)
{
    const char *element;
    size_t len;
    while (field_next(&list, ',', &element, &len)) {
        if (len == strlen(token) && strncasecmp(element, token, len) == 0)
            return true;
    }
    return false;
}

bool field_unquote(const char *value, size_t len, char *to, size_t size)
{
    size_t n = 0;
    bool quoted = len > 0 && value[0] == '"';
    if (quoted) {
        if (len < 2 || value[len - 1] != '"')
            return false;
        value++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++) {
        if (quoted && value[i] == '\\' && i + 1 < len &&
            (value[i + 1] == '"' || value[i + 1] == '\\'))
            i++;
        if (n + 1 >= size)
            return false;
        to[n++] = value[i];
    }
    if (size == 0)
        return false;
    to[n] = 0;
    return true;
}
