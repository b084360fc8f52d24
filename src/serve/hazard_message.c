#include "serve/hazard_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CLASSES = 1024 };

static bool fail(struct hazard_error *error, const char *code, const char *format, ...)
    FOV_PRINTF(3, 4);
static bool fail(struct hazard_error *error, const char *code, const char *format, ...)
{
    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error->code = code;
    text_copy(error->text, sizeof error->text, text); /* never half a character */
    return false;
}

/* ---- where the picture is ----------------------------------------------------------------------
 */

/* Position of the quote that ends the string which starts at `from`; `size` when none does. */
static size_t string_end(const char *text, size_t size, size_t from)
{
    for (size_t at = from; at < size; at++) {
        const char *quote = memchr(text + at, '"', size - at);
        if (!quote)
            return size;
        at = (size_t)(quote - text);
        size_t slashes = 0;
        while (at - slashes > from && text[at - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return at;
    }
    return size;
}

static size_t skip_blanks(const char *text, size_t size, size_t at)
{
    while (at < size &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
        at++;
    return at;
}

/* The string that is the value of the outer object's member "image_data": [*from, *end). What is
 * wrong with the rest of the text is left to the parser. */
static bool find_image(const char *text, size_t size, size_t *from, size_t *end)
{
    static const char name[] = "image_data";
    int depth = 0;
    bool at_key = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '{' || c == '[') {
            depth++;
            at_key = c == '{';
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',' || c == ':') {
            at_key = c == ',';
        } else if (c == '"') {
            size_t key = i + 1, stop = string_end(text, size, key);
            i = stop;
            if (depth != 1 || !at_key || stop - key != sizeof name - 1 ||
                memcmp(text + key, name, sizeof name - 1) != 0)
                continue;
            size_t colon = skip_blanks(text, size, stop + 1);
            size_t value = colon < size && text[colon] == ':' ? skip_blanks(text, size, colon + 1)
                                                              : size;
            if (value >= size || text[value] != '"')
                return false;
            *from = value + 1;
            *end = string_end(text, size, *from);
            return *end < size;
        }
    }
    return false;
}

/* Skips "data:image/jpeg;base64,"; a slash in it may be escaped. */
static bool skip_url_head(struct hazard_message *m, struct hazard_error *error)
{
    static const char scheme[] = "data:", coding[] = ";base64";
    enum { HEAD_MAX = 128 };
    if (m->image_size < sizeof scheme - 1 || memcmp(m->image, scheme, sizeof scheme - 1) != 0)
        return true;
    size_t most = m->image_size < HEAD_MAX ? m->image_size : HEAD_MAX;
    const char *comma = memchr(m->image, ',', most);
    size_t head = comma ? (size_t)(comma - m->image) : 0;
    if (head < sizeof scheme + sizeof coding - 2 ||
        memcmp(comma - (sizeof coding - 1), coding, sizeof coding - 1) != 0)
        return fail(error, "bad_base64",
                    "image_data is a data: URL without base64; canvas.toDataURL(\"image/jpeg\") "
                    "gives one with it");
    m->image_size -= head + 1;
    m->image = comma + 1;
    return true;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

/* The text without the picture, parsed. */
static json_value *parse_rest(struct hazard_message *m, const char *text, size_t size,
                              struct hazard_error *error)
{
    size_t from = 0, end = 0;
    fov_error why = {0};
    if (!find_image(text, size, &from, &end))
        from = end = 0;
    m->image = end ? text + from : NULL;
    m->image_size = end - from;
    size_t rest = size - (end - from);
    char *copy = rest <= HAZARD_JSON_MAX ? malloc(rest + 1) : NULL;
    if (!copy) {
        fail(error, "bad_json", "%zu bytes beside the picture; at most %zu are read", rest,
             HAZARD_JSON_MAX);
        return NULL;
    }
    memcpy(copy, text, from);
    memcpy(copy + from, text + end, size - end);
    json_value *json = json_parse(copy, rest, HAZARD_JSON_MAX, &why);
    free(copy);
    if (!json)
        fail(error, "bad_json", "%.150s", why.message);
    return json;
}

static bool read_frame(struct hazard_message *m, struct hazard_error *error)
{
    if (json_has(m->json, "frame_id") &&
        (!json_get_int(m->json, "frame_id", &m->frame_id) || m->frame_id < 0)) {
        m->frame_id = -1;
        return fail(error, "bad_frame", "frame_id must be a whole number, 0 or more");
    }
    if (json_has(m->json, "timestamp") &&
        (!json_get_number(m->json, "timestamp", &m->sender_ms) || m->sender_ms < 0))
        return fail(error, "bad_frame", "timestamp must be Unix milliseconds");
    if (!m->image)
        return fail(error, "bad_frame",
                    "image_data must be the picture's bytes as base64, with or without "
                    "\"data:image/jpeg;base64,\" before them");
    return skip_url_head(m, error);
}

bool hazard_message_read(struct hazard_message *m, const char *text, size_t size,
                         struct hazard_error *error)
{
    const char *type;
    *m = (struct hazard_message){0};
    m->json = parse_rest(m, text, size, error);
    m->kind = HAZARD_UNKNOWN;
    m->frame_id = -1;
    if (!m->json)
        return false;
    if (!json_get_string(m->json, "type", &type))
        return fail(error, "unknown_message", "\"type\" is missing: frame, config or time");
    if (strcmp(type, "frame") == 0) {
        m->kind = HAZARD_FRAME;
        return read_frame(m, error);
    }
    if (strcmp(type, "config") == 0) {
        m->kind = HAZARD_CONFIG;
        return true;
    }
    if (strcmp(type, "time") == 0 && json_get_number(m->json, "t0", &m->t0)) {
        m->kind = HAZARD_TIME;
        return true;
    }
    return fail(error, "unknown_message",
                strcmp(type, "time") == 0 ? "t0 must be a number"
                                          : "\"type\" must be frame, config or time");
}

void hazard_message_free(struct hazard_message *m)
{
    json_free(&m->json);
    m->image = NULL;
}

/* ---- base64 ------------------------------------------------------------------------------------
 */

// clang-format off
/* 64 + the value of each digit; 0: no digit. */
static const uint8_t digits[256] = {
    ['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    ['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112,
            113, 114, 115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
    ['+'] = 126, ['/'] = 127,
};
// clang-format on

size_t hazard_base64_room(size_t size)
{
    return size / 4 * 3 + 3;
}

/* Whole groups of four plain digits; returns the characters read. */
static size_t decode_run(const uint8_t *text, size_t size, uint8_t *out)
{
    size_t i = 0;
    for (; i + 4 <= size; i += 4, out += 3) {
        uint32_t a = digits[text[i]], b = digits[text[i + 1]];
        uint32_t c = digits[text[i + 2]], d = digits[text[i + 3]];
        if (!(a & b & c & d & 64))
            break;
        uint32_t bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    return i;
}

/* Up to four digits, escaped slashes among them. Returns the characters read and how many digits
 * there were; the padding and what is wrong stay unread. */
static size_t decode_group(const uint8_t *text, size_t size, uint8_t *out, int *count)
{
    uint32_t bits = 0;
    size_t i = 0;
    *count = 0;
    while (i < size && *count < 4) {
        i += text[i] == '\\' && i + 1 < size && text[i + 1] == '/';
        if (!digits[text[i]])
            break;
        bits = bits << 6 | (digits[text[i++]] & 63);
        ++*count;
    }
    bits <<= 6 * (4 - *count);
    for (int byte = 0; byte < *count - 1; byte++)
        out[byte] = (uint8_t)(bits >> (16 - 8 * byte));
    return i;
}

bool hazard_base64_decode(const char *text, size_t size, uint8_t *out, size_t *out_size,
                          struct hazard_error *error)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t at = 0, done = 0;
    int count = 4;
    while (count == 4 && at < size) {
        size_t run = decode_run(bytes + at, size - at, out + done);
        at += run;
        done += run / 4 * 3;
        at += decode_group(bytes + at, size - at, out + done, &count);
        done += count > 1 ? (size_t)count - 1 : 0;
    }
    size_t padding = 0;
    while (padding < 2 && at + padding < size && bytes[at + padding] == '=')
        padding++;
    *out_size = done;
    if (at + padding < size)
        return fail(error, "bad_base64", "image_data is no base64 at character %zu of %zu",
                    at + padding, size);
    if (count == 1 || (padding > 0 && padding != 4 - (size_t)count))
        return fail(error, "bad_base64", "image_data is cut off: %zu characters of base64", size);
    return true;
}

/* ---- config ------------------------------------------------------------------------------------
 */

static bool read_number(const json_value *json, const char *name, double least, double most,
                        double *value, struct hazard_error *error)
{
    double read;
    if (!json_has(json, name))
        return true;
    if (!json_get_number(json, name, &read) || read < least || read > most)
        return fail(error, "bad_config", "%s must be a number from %g to %g", name, least, most);
    *value = read;
    return true;
}

static int class_by_name(const fov_model *model, const char *name)
{
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    for (int i = 0; info && i < info->label_count && i < CLASSES; i++)
        if (strcmp(info->labels[i], name) == 0)
            return i;
    return -1;
}

static int class_number(const json_value *item)
{
    double number;
    if (!json_number(item, &number) || number < 0 || number >= CLASSES || number != (int)number)
        return -1;
    return (int)number;
}

static bool read_classes(const json_value *json, uint64_t classes[16], const fov_model *model,
                         struct hazard_error *error)
{
    const json_value *list = json_get(json, "classes");
    uint64_t set[16] = {0};
    if (!list)
        return true;
    if (!json_is_array(list))
        return fail(error, "bad_config", "classes must be a list of class numbers or names");
    for (const json_value *item = json_at(list, 0); item; item = json_next(item)) {
        const char *name = NULL;
        int id = json_string(item, &name) ? class_by_name(model, name) : class_number(item);
        if (id < 0 && name)
            return fail(error, "bad_config", "classes: the model has no class \"%.80s\"", name);
        if (id < 0)
            return fail(error, "bad_config", "classes must be whole numbers, 0 to 1023, or names");
        set[id / 64] |= UINT64_C(1) << (id % 64);
    }
    memcpy(classes, set, sizeof set);
    return true;
}

static bool read_order(const json_value *json, bool *fifo, struct hazard_error *error)
{
    const char *order;
    if (!json_has(json, "order"))
        return true;
    if (!json_get_string(json, "order", &order) ||
        (strcmp(order, "live") != 0 && strcmp(order, "fifo") != 0))
        return fail(error, "bad_config", "order must be \"live\" or \"fifo\"");
    *fifo = strcmp(order, "fifo") == 0;
    return true;
}

bool hazard_config_read(struct hazard_config *config, const json_value *json, double max_fps,
                        const fov_model *model, struct hazard_error *error)
{
    struct hazard_config c = *config;
    double confidence = (double)c.confidence, iou = (double)c.iou;
    if (!read_number(json, "fps_limit", 1, max_fps, &c.fps_limit, error) ||
        !read_number(json, "confidence", 0.001, 1, &confidence, error) ||
        !read_number(json, "iou", 0.01, 1, &iou, error) ||
        !read_classes(json, c.classes, model, error) || !read_order(json, &c.fifo, error))
        return false;
    c.confidence = (float)confidence;
    c.iou = (float)iou;
    *config = c;
    return true;
}

void hazard_config_write(struct json_writer *w, const struct hazard_config *c, double fps)
{
    json_object_begin(w);
    json_add_number(w, "fps_limit", fps, 2);
    json_add_number(w, "confidence", (double)c->confidence, 4);
    json_add_number(w, "iou", (double)c->iou, 4);
    json_name(w, "classes");
    json_array_begin(w);
    for (int i = 0; i < CLASSES; i++)
        if (c->classes[i / 64] >> (i % 64) & 1)
            json_put_int(w, i);
    json_array_end(w);
    json_add_string(w, "order", c->fifo ? "fifo" : "live");
    json_object_end(w);
}

void hazard_config_ignored(struct json_writer *w, const json_value *json)
{
    static const char *const known[] = {"type", "fps_limit", "confidence",
                                        "iou",  "classes",   "order"};
    bool begun = false;
    for (const json_value *member = json_at(json, 0); member; member = json_next(member)) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || strcmp(json_key(member), known[i]) == 0;
        if (is_known)
            continue;
        if (!begun) {
            json_name(w, "ignored");
            json_array_begin(w);
        }
        begun = true;
        json_put_string(w, json_key(member));
    }
    if (begun)
        json_array_end(w);
}
