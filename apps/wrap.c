#include "wrap.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 100 };

/* Columns of the first `bytes` of a text: bytes that continue a character take none. */
static int columns_of(const char *text, size_t bytes)
{
    int columns = 0;
    for (size_t i = 0; i < bytes; i++)
        columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    return columns;
}

void wrap_print(int indent, const char *text)
{
    int column = indent;
    while (*text) {
        size_t blanks = strspn(text, " "), word = strcspn(text + blanks, " ");
        int width = columns_of(text, blanks + word);
        if (column > indent && column + width > COLUMNS) {
            printf("\n%*s", indent, "");
            column = indent;
            text += blanks;
            width -= (int)blanks;
            blanks = 0;
        }
        printf("%.*s", (int)(blanks + word), text);
        column += width;
        text += blanks + word;
    }
    putchar('\n');
}
