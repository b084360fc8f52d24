#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

size_t text_copy(char *to, size_t size, const char *from)
{
    if (!size)
        return 0;
    size_t length = strnlen(from, size);
    if (length == size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xC0) == 0x80)
            length--;
    }
    memmove(to, from, length);
    to[length] = '\0';
    return length;
}

/* Length of the sequence that starts at p, 0 when malformed (table 3-7 of the Unicode standard). */
static size_t utf8_step(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];
    if (lead < 0x80)
        return 1;
    size_t more = lead >= 0xC2 && lead <= 0xDF   ? 1
                  : lead >= 0xE0 && lead <= 0xEF ? 2
                  : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                 : 0;
    if (!more || left <= more)
        return 0;
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i <= more; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return more + 1;
}

bool text_is_utf8(const uint8_t *bytes, size_t size)
{
    size_t i = 0;
    while (i < size) {
        uint64_t eight;
        if (size - i >= 8 && (memcpy(&eight, bytes + i, 8), !(eight & 0x8080808080808080u))) {
            i += 8;
            continue;
        }
        size_t step = utf8_step(bytes + i, size - i);
        if (!step)
            return false;
        i += step;
    }
    return true;
}

bool text_to_double(const char *text, double least, double most, double *value)
{
    if (!text || !*text || strchr(" \t\r\n", *text))
        return false;
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (errno || *end || !isfinite(number) || number < least || number > most)
        return false;
    *value = number;
    return true;
}

bool text_to_int(const char *text, long long least, long long most, long long *value)
{
    if (!text || !*text || strchr(" \t\r\n", *text))
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || *end || number < least || number > most)
        return false;
    *value = number;
    return true;
}

void text_flatten(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 0x7F)
            *c = ' ';
        if (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0)
            c[0] = c[1] = ' ';
    }
}

enum { NEAREST_MAX = 48 };

static size_t edit_distance(const char *a, const char *b)
{
    size_t columns = strlen(b);
    size_t row[NEAREST_MAX + 1];
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < columns; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            size_t best = row[j] + 1 < row[j + 1] + 1 ? row[j] + 1 : row[j + 1] + 1;
            row[j + 1] = best < change ? best : change;
        }
    }
    return row[columns];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2;
    if (strlen(word) > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > NEAREST_MAX)
            continue;
        size_t distance = edit_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

void text_redact_url(char *to, size_t size, const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : NULL;
    size_t authority = host ? strcspn(host, "/?#") : 0;
    const char *at = host ? memrchr(host, '@', authority) : NULL;
    const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
    if (colon)
        snprintf(to, size, "%.*s:***%s", (int)(colon - url), url, at);
    else
        snprintf(to, size, "%s", url);
}
