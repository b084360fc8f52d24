#include "net/chunk.h"

#include <stdbool.h>
#include <string.h>

/* Finds the end of a line that starts at data[at]. > 0: length without CR LF, + 1; 0: more; < 0. */
static int line_length(const uint8_t *data, size_t at, size_t len)
{
    for (size_t i = at; i < len; i++) {
        uint8_t c = data[i];
        if (i - at > CHUNK_LINE_MAX || c == '\n' || (c < ' ' && c != '\t' && c != '\r') ||
            c == 0x7f)
            return -400;
        if (c == '\r') {
            if (i + 1 == len)
                return 0;
            return data[i + 1] == '\n' ? (int)(i - at) + 1 : -400;
        }
    }
    return 0;
}

/* Hexadecimal digits, then nothing or an extension (";…", ignored). */
static bool parse_size(const uint8_t *line, size_t len, size_t *size)
{
    size_t i = 0;
    *size = 0;
    for (; i < len && i < 9; i++) {
        uint8_t c = line[i];
        unsigned digit = c >= '0' && c <= '9'   ? c - 48U
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10U
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10U
                                                : 16;
        if (digit == 16)
            break;
        *size = *size << 4 | digit;
    }
    return i >= 1 && i <= 8 && (i == len || line[i] == ';');
}

static int read_size(struct chunk_decoder *d, const uint8_t *data, size_t len, size_t max_body)
{
    int line = line_length(data, d->raw, len);
    if (line <= 0)
        return line;
    if (!parse_size(data + d->raw, (size_t)line - 1, &d->left) || ++d->chunks > CHUNKS_MAX)
        return -400;
    if (d->left > max_body - d->body)
        return -413;
    d->raw += (size_t)line + 1;
    d->state = d->left ? CHUNK_DATA : CHUNK_LAST;
    return 1;
}

static int read_data(struct chunk_decoder *d, uint8_t *data, size_t len)
{
    size_t n = len - d->raw < d->left ? len - d->raw : d->left;
    memmove(data + d->body, data + d->raw, n);
    d->body += n;
    d->raw += n;
    d->left -= n;
    if (d->left)
        return 0;
    d->state = CHUNK_DATA_END;
    return 1;
}

/* CR LF behind a chunk's data or behind the last chunk; trailer fields are refused. */
static int read_end(struct chunk_decoder *d, const uint8_t *data, size_t len)
{
    if (len - d->raw >= 1 && data[d->raw] != '\r')
        return -400;
    if (len - d->raw < 2)
        return 0;
    if (data[d->raw + 1] != '\n')
        return -400;
    d->raw += 2;
    d->state = d->state == CHUNK_LAST ? CHUNK_DONE : CHUNK_SIZE;
    return 1;
}

int chunk_decode(struct chunk_decoder *d, uint8_t *data, size_t *len, size_t max_body)
{
    int more = 1;
    while (more > 0 && d->state != CHUNK_DONE) {
        if (d->state == CHUNK_SIZE)
            more = read_size(d, data, *len, max_body);
        else if (d->state == CHUNK_DATA)
            more = read_data(d, data, *len);
        else
            more = read_end(d, data, *len);
    }
    if (more < 0)
        return more;
    memmove(data + d->body, data + d->raw, *len - d->raw);
    *len -= d->raw - d->body;
    d->raw = d->body;
    return d->state == CHUNK_DONE;
}
