#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

void text_list(char *to, size_t size, const char *(*name)(int i, const char **help))
{
    const char *next;
    size_t used = 0;
    to[0] = '\0';
    for (int i = 0; (next = name(i, NULL)); i++) {
        used += text_copy(to + used, size - used, i ? ", " : "");
        used += text_copy(to + used, size - used, next);
    }
}

/* Whether the word before a '=' names a secret: "password", "userpwd", "passwd2", "access_token".
 */
static bool names_secret(const char *word, size_t length)
{
    static const char *const names[] = {"pass", "pwd", "token", "key"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t at = 0; at + strlen(names[i]) <= length; at++)
            if (strncasecmp(word + at, names[i], strlen(names[i])) == 0)
                return true;
    return false;
}

/* As much of `from` as there is room for behind `used`; the new length. */
static size_t put(char *to, size_t size, size_t used, const char *from, size_t length)
{
    if (used + 1 >= size)
        return used;
    if (length > size - 1 - used)
        length = size - 1 - used;
    memcpy(to + used, from, length);
    to[used + length] = '\0';
    return used + length;
}

/* Where the value of a secret begins in "/user=admin_password=x"; 0: there is none. */
static size_t secret_value(const char *word, size_t length)
{
    size_t name = 0;
    for (size_t i = 0; i < length; i++) {
        if (word[i] != '=')
            continue;
        if (names_secret(word + name, i - name))
            return i + 1;
        name = i + 1;
    }
    return 0;
}

/* A path, word by word: "/user=admin&password=x" has its secrets between such borders. */
static void redact_path(char *to, size_t size, size_t used, const char *path)
{
    static const char borders[] = "/&;,?#";
    while (*path && *path != '?') {
        size_t word = strcspn(path + 1, borders) + 1, value = secret_value(path, word);
        used = put(to, size, used, path, value ? value : word);
        if (value)
            used = put(to, size, used, "***", 3);
        path += word;
    }
    if (*path)
        put(to, size, used, "?***", 4);
}

void text_redact_url(char *to, size_t size, const char *url)
{
    const char *scheme = strstr(url, "://");
    if (!size)
        return;
    to[0] = '\0';
    if (!scheme) {
        put(to, size, 0, url, strlen(url));
        return;
    }
    const char *host = scheme + 3, *path = host + strcspn(host, "/?#");
    const char *at = memrchr(host, '@', (size_t)(path - host));
    const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
    size_t used = put(to, size, 0, url, (size_t)((colon ? colon : path) - url));
    if (colon) {
        used = put(to, size, used, ":***", 4);
        used = put(to, size, used, at, (size_t)(path - at));
    }
    redact_path(to, size, used, path);
}

void text_hex(char *to, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
}
