#include "base/json.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { DEPTH_MAX = 16 };

/* ---- reading ------------------------------------------------------------------------------- */

/* cJSON nests to 1,000 by recursion; the depth is checked before it sees the text. */
static bool depth_ok(const char *text, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return false;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

static bool keys_unique(const cJSON *value)
{
    for (const cJSON *a = value->child; a; a = a->next) {
        if (cJSON_IsObject(value))
            for (const cJSON *b = a->next; b; b = b->next)
                if (strcmp(a->string, b->string) == 0)
                    return false;
        if (a->child && !keys_unique(a))
            return false;
        if (cJSON_IsNumber(a) && !isfinite(a->valuedouble))
            return false;
    }
    return true;
}

static bool only_blanks(const char *from, const char *end)
{
    while (from < end && strchr(" \t\r\n", *from) && *from)
        from++;
    return from == end;
}

/* Quadratic checks of duplicate keys stay cheap only while objects are small. */
static bool members_ok(const cJSON *value, int *budget)
{
    for (const cJSON *a = value->child; a; a = a->next)
        if (--*budget < 0 || (a->child && !members_ok(a, budget)))
            return false;
    return true;
}

static json_value *parse(const char *text, size_t size, int most_values, fov_error *error)
{
    if (!text_is_utf8((const uint8_t *)text, size) || memchr(text, '\0', size)) {
        fov_fail(error, FOV_EFORMAT, "JSON must be UTF-8 text");
        return NULL;
    }
    if (!depth_ok(text, size)) {
        fov_fail(error, FOV_EFORMAT, "JSON is nested deeper than %d", DEPTH_MAX);
        return NULL;
    }
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, size, &end, false);
    int budget = most_values;
    if (!value || !only_blanks(end, text + size)) {
        size_t at = end ? (size_t)(end - text) : 0;
        fov_fail(error, FOV_EFORMAT, "not valid JSON at byte %zu", at);
    } else if (!members_ok(value, &budget)) {
        fov_fail(error, FOV_ELIMIT, "JSON has more than %d values", most_values);
    } else if (!keys_unique(value)) {
        fov_fail(error, FOV_EFORMAT, "JSON has a key twice or a number too large");
    } else {
        return value;
    }
    cJSON_Delete(value);
    return NULL;
}

json_value *json_parse(const char *text, size_t size, size_t max_bytes, fov_error *error)
{
    if (size <= max_bytes)
        return parse(text, size, 4096, error);
    fov_fail(error, FOV_ELIMIT, "JSON of %zu bytes, at most %zu are read", size, max_bytes);
    return NULL;
}

json_value *json_parse_own(const char *text, size_t size, fov_error *error)
{
    return parse(text, size, INT_MAX, error);
}

void json_free(json_value **value)
{
    if (!value)
        return;
    cJSON_Delete(*value);
    *value = NULL;
}

const json_value *json_get(const json_value *object, const char *key)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

bool json_has(const json_value *object, const char *key)
{
    return json_get(object, key) != NULL;
}

bool json_string(const json_value *value, const char **text)
{
    if (!cJSON_IsString(value))
        return false;
    *text = value->valuestring;
    return true;
}

bool json_number(const json_value *value, double *number)
{
    if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble))
        return false;
    *number = value->valuedouble;
    return true;
}

bool json_get_string(const json_value *object, const char *key, const char **value)
{
    return json_string(json_get(object, key), value);
}

bool json_get_number(const json_value *object, const char *key, double *value)
{
    return json_number(json_get(object, key), value);
}

bool json_get_int(const json_value *object, const char *key, int64_t *value)
{
    double number;
    if (!json_get_number(object, key, &number) || number != floor(number) ||
        fabs(number) > 9007199254740992.0)
        return false;
    *value = (int64_t)number;
    return true;
}

bool json_get_bool(const json_value *object, const char *key, bool *value)
{
    const cJSON *item = json_get(object, key);
    if (!cJSON_IsBool(item))
        return false;
    *value = cJSON_IsTrue(item);
    return true;
}

bool json_is_object(const json_value *value)
{
    return cJSON_IsObject(value);
}

bool json_is_array(const json_value *value)
{
    return cJSON_IsArray(value);
}

bool json_is_null(const json_value *value)
{
    return cJSON_IsNull(value);
}

size_t json_count(const json_value *array_or_object)
{
    return array_or_object ? (size_t)cJSON_GetArraySize(array_or_object) : 0;
}

const json_value *json_at(const json_value *array_or_object, size_t index)
{
    return array_or_object ? cJSON_GetArrayItem(array_or_object, (int)index) : NULL;
}

const json_value *json_next(const json_value *item)
{
    return item ? item->next : NULL;
}

const char *json_key(const json_value *member)
{
    return member && member->string ? member->string : "";
}

/* ---- writing ------------------------------------------------------------------------------- */

static char *room(struct json_writer *w, size_t more)
{
    size_t need = w->size + more + 1;
    if (w->failed)
        return NULL;
    if (need > w->capacity) {
        size_t capacity = w->capacity ? w->capacity : 512;
        while (capacity < need)
            capacity *= 2;
        char *text = need <= JSON_WRITE_MAX ? realloc(w->text, capacity) : NULL;
        if (!text) {
            w->failed = true;
            return NULL;
        }
        w->text = text;
        w->capacity = capacity;
    }
    return w->text + w->size;
}

static void append(struct json_writer *w, const char *bytes, size_t size)
{
    char *to = room(w, size);
    if (!to)
        return;
    memcpy(to, bytes, size);
    w->size += size;
    w->text[w->size] = '\0';
}

static void separate(struct json_writer *w)
{
    if (w->comma)
        append(w, ",", 1);
    w->comma = true;
}

static void open_with(struct json_writer *w, const char *bracket)
{
    separate(w);
    append(w, bracket, 1);
    w->comma = false;
}

static void close_with(struct json_writer *w, const char *bracket)
{
    append(w, bracket, 1);
    w->comma = true;
}

void json_reset(struct json_writer *w)
{
    w->size = 0;
    w->failed = w->comma = false;
    if (w->text)
        w->text[0] = '\0';
}

void json_release(struct json_writer *w)
{
    free(w->text);
    *w = (struct json_writer){0};
}

void json_object_begin(struct json_writer *w)
{
    open_with(w, "{");
}

void json_object_end(struct json_writer *w)
{
    close_with(w, "}");
}

void json_array_begin(struct json_writer *w)
{
    open_with(w, "[");
}

void json_array_end(struct json_writer *w)
{
    close_with(w, "]");
}

/* Bytes that may stand as they are: everything but quotes, backslash and control characters. */
static size_t plain_run(const char *text)
{
    size_t n = 0;
    while ((unsigned char)text[n] >= ' ' && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

static void append_escaped(struct json_writer *w, const char *text)
{
    append(w, "\"", 1);
    bool valid = text_is_utf8((const uint8_t *)text, strlen(text));
    while (*text) {
        size_t run = valid ? plain_run(text) : 0;
        append(w, text, run);
        text += run;
        unsigned char c = (unsigned char)*text;
        char escape[8];
        if (!c)
            break;
        if (c == '"' || c == '\\')
            append(w, escape, (size_t)snprintf(escape, sizeof escape, "\\%c", c));
        else if (c < ' ')
            append(w, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
        else
            append(w, c < 0x80 ? (const char *)&c : "?", 1);
        text++;
    }
    append(w, "\"", 1);
}

void json_text_begin(struct json_writer *w)
{
    separate(w);
    append(w, "\"", 1);
}

void json_text_add(struct json_writer *w, const char *ascii, size_t size)
{
    for (size_t i = 0, from = 0; i < size; i++) {
        if (ascii[i] == '"' || ascii[i] == '\\') {
            append(w, ascii + from, i - from);
            append(w, "\\", 1);
            from = i;
        }
        if (i + 1 == size)
            append(w, ascii + from, size - from);
    }
}

void json_text_end(struct json_writer *w)
{
    append(w, "\"", 1);
}

void json_name(struct json_writer *w, const char *key)
{
    separate(w);
    append_escaped(w, key);
    append(w, ":", 1);
    w->comma = false;
}

void json_put_string(struct json_writer *w, const char *text)
{
    if (!text) {
        json_put_null(w);
        return;
    }
    separate(w);
    append_escaped(w, text);
}

void json_put_int(struct json_writer *w, int64_t value)
{
    char digits[24];
    separate(w);
    append(w, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value));
}

void json_put_number(struct json_writer *w, double value, int decimals)
{
    if (!isfinite(value) || fabs(value) > 1e15) {
        json_put_null(w);
        return;
    }
    /* Fixed point by integers: printf("%f") costs ten times as much, and there are many a frame. */
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    decimals = decimals < 0 ? 0 : decimals > 6 ? 6 : decimals;
    if (fabs(value) > 9e12)
        decimals = decimals > 3 ? 3 : decimals;
    int64_t scaled = llround(value * (double)powers[decimals]);
    char digits[32];
    char *end = digits + sizeof digits, *p = end;
    uint64_t rest = scaled < 0 ? (uint64_t)-scaled : (uint64_t)scaled;
    int left = decimals;
    while (left > 0 && rest % 10 == 0) {
        rest /= 10;
        left--;
    }
    for (int i = 0; i < left; i++, rest /= 10)
        *--p = (char)('0' + rest % 10);
    if (left)
        *--p = '.';
    do {
        *--p = (char)('0' + rest % 10);
    } while (rest /= 10);
    if (scaled < 0)
        *--p = '-';
    separate(w);
    append(w, p, (size_t)(end - p));
}

void json_put_bool(struct json_writer *w, bool value)
{
    separate(w);
    append(w, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json_writer *w)
{
    separate(w);
    append(w, "null", 4);
}

void json_put_raw(struct json_writer *w, const char *json, size_t size)
{
    separate(w);
    append(w, json, size);
}

void json_add_string(struct json_writer *w, const char *key, const char *text)
{
    json_name(w, key);
    json_put_string(w, text);
}

void json_add_int(struct json_writer *w, const char *key, int64_t value)
{
    json_name(w, key);
    json_put_int(w, value);
}

void json_add_number(struct json_writer *w, const char *key, double value, int decimals)
{
    json_name(w, key);
    json_put_number(w, value, decimals);
}

void json_add_bool(struct json_writer *w, const char *key, bool value)
{
    json_name(w, key);
    json_put_bool(w, value);
}

void json_add_null(struct json_writer *w, const char *key)
{
    json_name(w, key);
    json_put_null(w);
}
