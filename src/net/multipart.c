/* multipart/form-data (RFC 7578), split in memory. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/field.h"
#include "net/net.h"

#define BOUNDARY_MAX 70
#define PART_HEAD_MAX 4096

struct cursor {
    const uint8_t *at, *end;
};

static bool find_boundary(const char *content_type, char out[BOUNDARY_MAX + 1], fov_status *why)
{
    const char *rest = content_type, *element;
    size_t len;
    *why = FOV_EUNSUPPORTED;
    if (!content_type || !field_next(&rest, ';', &element, &len) || len != 19 ||
        strncasecmp(element, "multipart/form-data", 19) != 0)
        return false;
    *why = FOV_EFORMAT;
    while (field_next(&rest, ';', &element, &len)) {
        if (len <= 9 || strncasecmp(element, "boundary=", 9) != 0)
            continue;
        if (len - 9 > BOUNDARY_MAX + 2)
            *why = FOV_ELIMIT;
        return field_unquote(element + 9, len - 9, out, BOUNDARY_MAX + 1) && out[0];
    }
    return false;
}

/* "--boundary" at `at`, followed by CR LF (part), "--" (end). 0: it is none; else its length. */
static size_t delimiter_at(const struct cursor *c, const uint8_t *at, const char *boundary,
                           bool *last)
{
    size_t len = strlen(boundary);
    if ((size_t)(c->end - at) < len + 4 || at[0] != '-' || at[1] != '-' ||
        memcmp(at + 2, boundary, len) != 0)
        return 0;
    const uint8_t *behind = at + 2 + len;
    *last = behind[0] == '-' && behind[1] == '-';
    while (!*last && behind < c->end && (*behind == ' ' || *behind == '\t'))
        behind++;
    if (!*last && (c->end - behind < 2 || behind[0] != '\r' || behind[1] != '\n'))
        return 0;
    return (size_t)(behind + 2 - at);
}

/* The next delimiter that begins a line; *len receives the bytes before it (without CR LF). */
static bool next_delimiter(struct cursor *c, const char *boundary, size_t *len, bool *last)
{
    const uint8_t *start = c->at, *at = start;
    while ((at = memmem(at, (size_t)(c->end - at), "\r\n--", 4)) != NULL) {
        size_t delimiter = delimiter_at(c, at + 2, boundary, last);
        if (delimiter) {
            *len = (size_t)(at - start);
            c->at = at + 2 + delimiter;
            return true;
        }
        at += 2;
    }
    return false;
}

/* Percent-decoding as browsers write it into names (%22, %0D, %0A). */
static void decode_browser(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (strncasecmp(from, "%22", 3) == 0) {
            *to++ = '"';
            from += 2;
        } else if (strncasecmp(from, "%0d", 3) == 0 || strncasecmp(from, "%0a", 3) == 0) {
            *to++ = ' ';
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
}

/* Nothing of a sender's path is kept: only the base name. */
static void keep_base_name(char *name)
{
    const char *base = name;
    for (const char *c = name; *c; c++) {
        if (*c == '/' || *c == '\\')
            base = c + 1;
    }
    memmove(name, base, strlen(base) + 1);
}

static bool clean(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    }
    return text_is_utf8((const uint8_t *)text, strlen(text));
}

static bool read_disposition(struct net_part *part, const char *value)
{
    const char *rest = value, *element;
    size_t len;
    bool named = false;
    if (!field_next(&rest, ';', &element, &len) || len != 9 ||
        strncasecmp(element, "form-data", 9) != 0)
        return false;
    while (field_next(&rest, ';', &element, &len)) {
        if (len >= 5 && strncasecmp(element, "name=", 5) == 0) {
            if (named || !field_unquote(element + 5, len - 5, part->name, sizeof(part->name)))
                return false;
            named = true;
        } else if (len >= 9 && strncasecmp(element, "filename=", 9) == 0) {
            if (!field_unquote(element + 9, len - 9, part->filename, sizeof(part->filename)))
                return false;
        }
    }
    decode_browser(part->name);
    decode_browser(part->filename);
    keep_base_name(part->filename);
    return named && clean(part->name) && clean(part->filename);
}

static bool read_type(struct net_part *part, const char *value)
{
    const char *rest = value, *element;
    size_t len;
    if (!field_next(&rest, ';', &element, &len) || len >= sizeof(part->content_type))
        return false;
    for (size_t i = 0; i < len; i++)
        part->content_type[i] = (char)(element[i] >= 'A' && element[i] <= 'Z' ? element[i] | 32
                                                                              : element[i]);
    part->content_type[len] = 0;
    return clean(part->content_type);
}

static bool read_field(struct net_part *part, char *line, bool *disposed)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return false;
    *colon = 0;
    const char *value = field_trim(colon + 1);
    if (!field_is_token(line))
        return false;
    if (strcasecmp(line, "Content-Disposition") == 0) {
        bool first = !*disposed;
        *disposed = true;
        return first && read_disposition(part, value);
    }
    if (strcasecmp(line, "Content-Type") == 0)
        return read_type(part, value);
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0) /* only the ones that change nothing */
        return strcasecmp(value, "binary") == 0 || strcasecmp(value, "8bit") == 0 ||
               strcasecmp(value, "7bit") == 0;
    return true;
}

/* Fields up to the empty line. */
static fov_status read_head(struct cursor *c, struct net_part *part)
{
    char head[PART_HEAD_MAX + 1];
    bool disposed = false;
    size_t room = (size_t)(c->end - c->at);
    bool cut = room > PART_HEAD_MAX;
    const uint8_t *end = memmem(c->at, cut ? PART_HEAD_MAX : room, "\r\n\r\n", 4);
    if (!end)
        return cut ? FOV_ELIMIT : FOV_EFORMAT;
    size_t len = (size_t)(end - c->at) + 2;
    memcpy(head, c->at, len);
    head[len] = 0;
    if (strlen(head) != len) /* NUL inside */
        return FOV_EFORMAT;
    for (char *line = head, *next; *line; line = next) {
        next = strstr(line, "\r\n");
        if (!next)
            return FOV_EFORMAT;
        *next = 0;
        next += 2;
        if (strpbrk(line, "\r\n") || !read_field(part, line, &disposed))
            return FOV_EFORMAT;
    }
    c->at = end + 4;
    return disposed ? FOV_OK : FOV_EFORMAT;
}

static fov_status split(struct cursor *c, const char *boundary, struct net_part *parts,
                        size_t *count)
{
    bool last = false;
    size_t len = delimiter_at(c, c->at, boundary, &last);
    if (len)
        c->at += len;
    else if (!next_delimiter(c, boundary, &len, &last)) /* a preamble is skipped */
        return FOV_EFORMAT;
    while (!last) {
        if (*count == NET_MULTIPART_MAX_PARTS)
            return FOV_ELIMIT;
        struct net_part *part = &parts[*count];
        *part = (struct net_part){0};
        fov_status status = read_head(c, part);
        if (status != FOV_OK)
            return status;
        part->data = c->at;
        c->at -= 2; /* an empty part's delimiter begins with the head's last CR LF */
        if (!next_delimiter(c, boundary, &part->len, &last))
            return FOV_EFORMAT;
        if (part->len < 2)
            part->len = 0;
        else
            part->len -= 2;
        ++*count;
    }
    return FOV_OK;
}

fov_status net_multipart_parse(const char *content_type, const uint8_t *body, size_t len,
                               struct net_part *parts, size_t *count, fov_error *error)
{
    char boundary[BOUNDARY_MAX + 1];
    struct cursor cursor = {body, body + len};
    fov_status status;
    *count = 0;
    if (!find_boundary(content_type, boundary, &status))
        return fov_fail(error, status,
                        status == FOV_EUNSUPPORTED ? "the body is not multipart/form-data"
                                                   : "multipart/form-data without a usable "
                                                     "boundary (1 to 70 bytes)");
    status = split(&cursor, boundary, parts, count);
    if (status == FOV_ELIMIT)
        return fov_fail(error, status, "a form has at most %d parts with heads of 4 KiB",
                        NET_MULTIPART_MAX_PARTS);
    if (status != FOV_OK)
        return fov_fail(error, status, "the multipart body is malformed or cut off");
    return FOV_OK;
}

const struct net_part *net_multipart_find(const struct net_part *parts, size_t count,
                                          const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    }
    return NULL;
}
