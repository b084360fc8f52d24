/* OpenVINO IR. Not an XML parser: it follows the nesting of tags, reads layers, the inputs and
 * outputs among them, and `value` attributes of the elements below net/rt_info. Other text,
 * comments and declarations are skipped. */
#include "infer/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *at, *end;
    struct inspected *found;
    fov_file_port *port; /* of the layer that is open: a Parameter or a Result; else NULL */
    bool output;         /* it is a Result */
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

/* ---- layers ---- */

static bool same(const char *text, size_t size, const char *word)
{
    return text && size == strlen(word) && !memcmp(text, word, size);
}

/* A number that ends where the attribute or the text ends; -1 for anything else ("?", "1..8"). */
static int64_t number_in(const char *text, size_t size)
{
    int64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || number > INT64_MAX / 16)
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return size ? number : -1;
}

static void set_type(fov_file_port *port, const char *type, size_t size)
{
    static const char *const names[][2] = {{"FP32", "f32"}, {"FP16", "f16"},  {"BF16", "bf16"},
                                           {"FP64", "f64"}, {"BOOL", "bool"}, {"boolean", "bool"}};
    inspected_text(port->type, sizeof port->type, type, size);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (same(type, size, names[i][0]))
            snprintf(port->type, sizeof port->type, "%s", names[i][1]);
    for (char *c = port->type; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
}

/* "1,3,640,640"; an open dimension is "?", -1 or a range. */
static void read_shape(struct scan *s, const char *shape, size_t size)
{
    s->port->rank = 0;
    for (size_t i = 0; i < size;) {
        const char *comma = memchr(shape + i, ',', size - i);
        size_t length = comma ? (size_t)(comma - (shape + i)) : size - i;
        inspected_add_dimension(s->found, s->port, number_in(shape + i, length));
        i += length + 1;
    }
}

static void open_layer(struct scan *s, const char *p, const char *end)
{
    size_t type_size = 0, name_size = 0, set_size = 0, given_size = 0;
    const char *type = attribute(p, end, "type", &type_size);
    const char *name = attribute(p, end, "name", &name_size);
    const char *set = attribute(p, end, "version", &set_size);
    const char *given = attribute(p, end, "output_names", &given_size);
    s->port = NULL;
    s->output = same(type, type_size, "Result");
    if (s->output && given) {
        const char *comma = memchr(given, ',', given_size);
        name = given;
        name_size = comma ? (size_t)(comma - given) : given_size;
    } else if (s->output && name) { /* "boxes/sink_port_0" */
        const char *sink = memmem(name, name_size, "/sink_port_", 11);
        name_size = sink ? (size_t)(sink - name) : name_size;
    }
    if (s->output || same(type, type_size, "Parameter"))
        s->port = inspected_add_port(s->found, s->output, name ? name : "", name_size);
    else if (type)
        inspected_add_operator(s->found, "", 0, type, type_size, !same(set, set_size, "extension"));
    if (same(type, type_size, "FakeQuantize"))
        snprintf(s->found->quantised, sizeof s->found->quantised, "int8, FakeQuantize");
}

/* `data` of a Parameter holds its shape, of a Const the place of its numbers in the weights. */
static void read_data(struct scan *s, const char *p, const char *end)
{
    size_t shape_size = 0, type_size = 0, offset_size = 0, size_size = 0;
    const char *shape = attribute(p, end, "shape", &shape_size);
    const char *type = attribute(p, end, "element_type", &type_size);
    const char *offset = attribute(p, end, "offset", &offset_size);
    const char *size = attribute(p, end, "size", &size_size);
    if (s->port && !s->output && shape)
        read_shape(s, shape, shape_size);
    if (s->port && !s->output && type)
        set_type(s->port, type, type_size);
    int64_t from = offset ? number_in(offset, offset_size) : -1;
    int64_t bytes = size ? number_in(size, size_size) : -1;
    if (from >= 0 && bytes >= 0 && from < INT64_MAX / 4 && bytes < INT64_MAX / 4 &&
        from + bytes > s->found->weights_end)
        s->found->weights_end = from + bytes;
}

static void read_port(struct scan *s, const char *p, const char *end)
{
    size_t precision_size = 0, names_size = 0;
    const char *precision = attribute(p, end, "precision", &precision_size);
    const char *names = attribute(p, end, "names", &names_size);
    if (precision && s->output)
        set_type(s->port, precision, precision_size);
    if (names && !s->output) { /* what runtimes call it; the layer's name is internal */
        const char *comma = memchr(names, ',', names_size);
        inspected_text(s->port->name, sizeof s->port->name, names,
                       comma ? (size_t)(comma - names) : names_size);
    }
    if (s->output)
        s->port->rank = 0;
}

/* An element below net/layers, its inside in [p, end). */
static void read_layer_part(struct scan *s, const char *p, const char *end)
{
    int level = s->depth - 1;
    if (level == 2 && is(s, 2, "layer"))
        open_layer(s, p, end);
    else if (level == 3 && is(s, 3, "data"))
        read_data(s, p, end);
    else if (level == 4 && is(s, 4, "port") && s->port)
        read_port(s, p, end);
    else if (level == 5 && is(s, 5, "dim") && s->port && s->output) {
        const char *text = s->at, *close = memchr(text, '<', (size_t)(s->end - text));
        if (close)
            inspected_add_dimension(s->found, s->port, number_in(text, (size_t)(close - text)));
    }
}

static void read_net(struct scan *s, const char *p, const char *end)
{
    size_t size = 0;
    const char *version = attribute(p, end, "version", &size);
    char number[16];
    inspected_text(number, sizeof number, version ? version : "?", version ? size : 1);
    snprintf(s->found->version, sizeof s->found->version, "version %s", number);
}

/* "2026.4.1-22982-e213a147257-releases/2026/4": the part that people know */
static void read_producer(struct scan *s, const char *p, const char *end)
{
    size_t size = 0;
    const char *value = attribute(p, end, "value", &size);
    const char *dash = value ? memchr(value, '-', size) : NULL;
    char number[32];
    if (!value)
        return;
    inspected_text(number, sizeof number, value, dash ? (size_t)(dash - value) : size);
    snprintf(s->found->producer, sizeof s->found->producer, "OpenVINO %s", number);
}

/* ---- tags ---- */

/* What an element that has just been opened says, its attributes in [p, end). */
static void read_element(struct scan *s, struct metadata *meta, const char *name, const char *p,
                         const char *end)
{
    if (!is(s, 0, "net"))
        return;
    if (s->depth == 1)
        read_net(s, p, end);
    else if (is(s, 1, "layers"))
        read_layer_part(s, p, end);
    else if (is(s, 1, "rt_info") && s->depth == 3 &&
             (is(s, 2, "info") || is(s, 2, "Runtime_version")))
        read_producer(s, p, end);
    else if (is(s, 1, "rt_info") && (s->depth == 3 || (s->depth == 4 && is(s, 2, "model_info"))))
        take(meta, name, (size_t)(p - name), end);
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
    read_element(s, meta, name, p, end);
    if (end[-1] == '/')
        s->depth--;
    return true;
}

/* An IR is one `net` element from its start to its end: half a file is refused here. */
bool scan_xml(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct scan s = {.at = (const char *)bytes, .end = (const char *)bytes + size, .found = found};
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
