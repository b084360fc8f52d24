#include "serve/percent.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool percent_decode(char *to, size_t size, const char *from, size_t length, bool plus)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = from[i];
        if (c == '%' && length - i > 2 && hex_digit(from[i + 1]) >= 0 &&
            hex_digit(from[i + 2]) >= 0) {
            c = (char)(hex_digit(from[i + 1]) * 16 + hex_digit(from[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0' || used + 1 >= size)
            return false;
        to[used++] = c;
    }
    if (size == 0)
        return false;
    to[used] = '\0';
    return true;
}

size_t percent_encode(char *to, size_t size, const char *from, const char *keep)
{
    size_t used = 0;
    for (; *from && used + 4 <= size; from++) {
        bool plain = (*from >= '0' && *from <= '9') || (*from >= 'a' && *from <= 'z') ||
                     (*from >= 'A' && *from <= 'Z') || strchr("-._~", *from) || strchr(keep, *from);
        if (plain)
            to[used++] = *from;
        else
            used += (size_t)snprintf(to + used, size - used, "%%%02X", (unsigned char)*from);
    }
    if (size > 0)
        to[used] = '\0';
    return used;
}
