/* rt_info of an OpenVINO IR. Not an XML parser: it follows the nesting of tags and reads `value`
 * attributes of the elements below net/rt_info. Text, comments and declarations are skipped. */
#include "infer/metadata.h"

#include <stdlib.h>
#include <string.h>

struct scan {
    const char *at, *end;
    /* names of open elements, pointing into the text */
    struct {
        const char *name;
        size_t size;
    } open[METADATA_XML_DEPTH];
    int depth;
};

static bool is(const struct scan *s, int level, const char *name)
{
    return s->depth > level && s->open[level].size == strlen(name) &&
           !memcmp(s->open[level].name, name, s->open[level].size);
}

static bool is_name_end(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/' || c == '>' || c == '=';
}

/* End of a tag: the '>' outside quotes, NULL when cut off. */
static const char *tag_end(const char *p, const char *end)
{
    char quote = 0;
    for (; p < end; p++) {
        if (quote)
            quote = *p == quote ? 0 : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '>')
            return p;
    }
    return NULL;
}

static size_t unescape(char *to, const char *p, size_t size)
{
    static const struct {
        const char *name;
        char character;
    } entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
    size_t length = 0;
    for (size_t i = 0; i < size;) {
        size_t taken = 1;
        char c = p[i];
        for (size_t k = 0; c == '&' && k < sizeof entities / sizeof *entities; k++) {
            size_t n = strlen(entities[k].name);
            if (size - i >= n && !memcmp(p + i, entities[k].name, n)) {
                c = entities[k].character;
                taken = n;
                break;
            }
        }
        to[length++] = c;
        i += taken;
    }
    return length;
}

/* The attribute `name` of a tag's inside [p, end). */
static const char *attribute(const char *p, const char *end, const char *name, size_t *size)
{
    size_t n = strlen(name);
    while (p < end) {
        while (p < end && is_name_end(*p))
            p++;
        const char *key = p;
        while (p < end && !is_name_end(*p))
            p++;
        size_t key_size = (size_t)(p - key);
        if (end - p < 3 || p[0] != '=' || (p[1] != '"' && p[1] != '\''))
            continue;
        const char *value = p + 2, *close = memchr(value, p[1], (size_t)(end - value));
        if (!close)
            return NULL;
        if (key_size == n && !memcmp(key, name, n)) {
            *size = (size_t)(close - value);
            return value;
        }
        p = close + 1;
    }
    return NULL;
}

static void take(struct metadata *meta, const char *name, size_t name_size, const char *end)
{
    size_t size = 0;
    const char *value = attribute(name + name_size, end, "value", &size);
    char *text = value && size <= METADATA_VALUE ? malloc(size + 1) : NULL;
    if (text)
        metadata_add(meta, name, name_size, text, unescape(text, value, size));
    free(text);
}

/* Handles one tag that starts behind '<'; false ends the scan (cut off or too deep). */
static bool step(struct scan *s, struct metadata *meta)
{
    const char *p = s->at;
    if (s->end - p >= 3 && !memcmp(p, "!--", 3)) {
        const char *close = memmem(p, (size_t)(s->end - p), "-->", 3);
        s->at = close ? close + 3 : s->end;
        return close != NULL;
    }
    const char *end = tag_end(p, s->end);
    if (!end)
        return false;
    s->at = end + 1;
    if (*p == '?' || *p == '!')
        return true;
    if (*p == '/') {
        s->depth -= s->depth > 0;
        return true;
    }
    const char *name = p;
    while (p < end && !is_name_end(*p))
        p++;
    if (s->depth >= METADATA_XML_DEPTH)
        return false;
    s->open[s->depth].name = name;
    s->open[s->depth++].size = (size_t)(p - name);
    bool below = is(s, 0, "net") && is(s, 1, "rt_info") &&
                 (s->depth == 3 || (s->depth == 4 && is(s, 2, "model_info")));
    if (below)
        take(meta, name, (size_t)(p - name), end);
    if (end[-1] == '/')
        s->depth--;
    return true;
}

/* An IR is one `net` element from its start to its end: half a file is refused here. */
bool metadata_scan_xml(struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct scan s = {.at = (const char *)bytes, .end = (const char *)bytes + size};
    bool began = false, ended = false;
    while (s.at < s.end && !ended) {
        const char *tag = memchr(s.at, '<', (size_t)(s.end - s.at));
        if (!tag)
            break;
        s.at = tag + 1;
        if (s.at == s.end || !step(&s, meta))
            break;
        began = began || is(&s, 0, "net");
        ended = began && s.depth == 0;
    }
    if (meta->count)
        meta->source = "rt_info";
    return ended;
}
