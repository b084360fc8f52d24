/* Heads, targets, queries, chunked bodies; the result must not depend on how the bytes are cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/address.h"
#include "net/chunk.h"
#include "net/field.h"
#include "net/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t scan(const uint8_t *data, size_t size, size_t step)
{
    struct head_scan s = {0};
    for (size_t have = 0; have < size;) {
        have = size - have < step ? size : have + step;
        ssize_t end = head_scan(&s, data, have);
        if (end != 0)
            return end;
    }
    return 0;
}

/* What is accepted must hold what the rest of the room relies on. */
static void check_head(const struct head *head)
{
    const char *path = head->path;
    if (path[0] != '/' || strstr(path, "//") || strstr(path, "/../") || strchr(path, '\\') ||
        !text_is_utf8((const uint8_t *)path, strlen(path)))
        abort();
    if (head->chunked && head->content_length >= 0)
        abort();
    if (head->count > HEAD_FIELDS_MAX || head->params_count > HEAD_PARAMS_MAX)
        abort();
    for (size_t i = 0; i < head->count; i++) {
        const struct net_header *field = &head->fields[i];
        if (!field_is_token(field->name) || strpbrk(field->value, "\r\n"))
            abort();
        const char *rest = field->value, *element;
        size_t len;
        for (char separator = ','; separator; separator = separator == ',' ? ';' : 0) {
            for (rest = field->value; field_next(&rest, separator, &element, &len);) {
                char to[64];
                field_unquote(element, len, to, sizeof(to));
            }
        }
        struct cidr cidr;
        struct address address;
        cidr_parse(&cidr, field->value);
        address_parse(&address, field->value, strlen(field->value));
    }
}

static int dechunk(const uint8_t *bytes, size_t total, size_t step, size_t *body, uint8_t *data)
{
    struct chunk_decoder d = {0};
    size_t len = 0;
    int done = 0;
    for (size_t at = 0; at < total && done == 0;) {
        size_t n = total - at < step ? total - at : step;
        memcpy(data + len, bytes + at, n);
        at += n;
        len += n;
        done = chunk_decode(&d, data, &len, 3000);
        if (d.body > 3000 || (done >= 0 && d.body > len))
            abort();
    }
    *body = d.body;
    return done;
}

static void check_chunks(const uint8_t *data, size_t size, size_t step)
{
    uint8_t *one = malloc(size + 1), *two = malloc(size + 1);
    size_t one_len = 0, two_len = 0;
    if (one && two) {
        int whole = dechunk(data, size, size + 1, &one_len, one);
        int cut = dechunk(data, size, step, &two_len, two);
        if (whole != cut || (whole >= 0 && (one_len != two_len || memcmp(one, two, one_len) != 0)))
            abort();
    }
    free(one);
    free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head head;
    if (size < 2 || size > 65536)
        return 0;
    size_t step = 1 + data[0];
    data++;
    size--;
    ssize_t end = scan(data, size, size);
    if (scan(data, size, step) != end)
        abort();
    if (end > 0) {
        char *text = malloc(2 * ((size_t)end + 1));
        if (text) {
            memcpy(text, data, (size_t)end);
            if (head_parse(&head, text, (size_t)end, text + end + 1) == 0)
                check_head(&head);
        }
        free(text);
        data += end;
        size -= (size_t)end;
    }
    check_chunks(data, size, step);
    return 0;
}
