#include "net/uri.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place; false on a malformed escape, an encoded NUL or bytes that are no UTF-8. */
static bool decode(char *text, bool plus_is_blank)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from;
        if (c == '%') {
            int high = hex(from[1]), low = high < 0 ? -1 : hex(from[2]);
            if (low < 0 || high + low == 0)
                return false;
            c = (char)(high << 4 | low);
            from += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        *to++ = c;
    }
    *to = 0;
    return text_is_utf8((const uint8_t *)text, (size_t)(to - text));
}

static bool has_dot_segment(const char *path)
{
    for (const char *at = path; at; at = strchr(at + 1, '/')) {
        const char *segment = at + 1;
        size_t len = strcspn(segment, "/");
        if ((len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0))
            return true;
    }
    return false;
}

int uri_decode_path(char *path)
{
    if (path[0] != '/')
        return 400;
    for (const char *at = path; (at = strchr(at, '%')) != NULL; at++) {
        /* an encoded slash or NUL would mean one thing here and another elsewhere */
        if (strncasecmp(at, "%2f", 3) == 0 || strncmp(at, "%00", 3) == 0)
            return 404;
    }
    if (!decode(path, false))
        return 400;
    for (const char *c = path; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\')
            return 404;
    }
    return strstr(path, "//") || has_dot_segment(path) ? 404 : 0;
}

int uri_parse_params(char *query, struct net_header *params, size_t max, size_t *count)
{
    *count = 0;
    for (char *next; query; query = next) {
        next = strchr(query, '&');
        if (next)
            *next++ = 0;
        if (!*query)
            continue;
        if (*count == max)
            return 400;
        char *equals = strchr(query, '=');
        char *value = equals ? equals + 1 : query + strlen(query);
        if (equals)
            *equals = 0;
        if (!decode(query, true) || (equals && !decode(value, true)))
            return 400;
        params[(*count)++] = (struct net_header){query, equals ? value : ""};
    }
    return 0;
}
