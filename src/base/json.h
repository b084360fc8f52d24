/* JSON: a strict reader over cJSON, and a writer into a growing or fixed buffer. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/status.h>

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct cJSON json_value; /* opaque to callers */

/* Parses one JSON text (UTF-8, at most max_bytes, depth at most 16, no duplicate keys, nothing
 * after it). Returns NULL with FOV_EFORMAT or FOV_ELIMIT in `error`. Free with json_free.
 * Thread-safe. */
json_value *json_parse(const char *text, size_t size, size_t max_bytes, fov_error *error);

/* The same for files of the person who runs the program (annotations, references): no bound on
 * their size or number of values. Thread-safe. */
json_value *json_parse_own(const char *text, size_t size, fov_error *error);

void json_free(json_value **value); /* accepts NULL */

/* Member of an object; NULL when absent or `object` is no object. */
const json_value *json_get(const json_value *object, const char *key);
bool json_has(const json_value *object, const char *key);

/* Typed members. True when present, of that type and in range; `value` is untouched otherwise. */
bool json_get_string(const json_value *object, const char *key, const char **value);
bool json_get_number(const json_value *object, const char *key, double *value); /* finite */
bool json_get_int(const json_value *object, const char *key,
                  int64_t *value); /* whole, |n| <= 2^53 */
bool json_get_bool(const json_value *object, const char *key, bool *value);

bool json_is_object(const json_value *value);
bool json_is_array(const json_value *value);
bool json_is_null(const json_value *value);
size_t json_count(const json_value *array_or_object);
const json_value *json_at(const json_value *array_or_object, size_t index);
const json_value *json_next(const json_value *item); /* behind it; NULL after the last */
const char *json_key(const json_value *member);      /* of an object's member */
bool json_string(const json_value *value, const char **text);
bool json_number(const json_value *value, double *number);

/* ---- writing ------------------------------------------------------------------------------- */

/* Appends to a buffer. Starts empty ({0}); grows by doubling and is kept between texts by
 * json_reset, so that a steady writer does not allocate. Errors (no memory, over JSON_WRITE_MAX)
 * stick: check `failed`. Commas are placed by the writer. Numbers: ms and scores get few digits;
 * NaN and infinities become null. */
struct json_writer {
    char *text; /* terminated when size > 0 */
    size_t size, capacity;
    bool failed;
    bool comma; /* internal: a value stands before */
};

#define JSON_WRITE_MAX ((size_t)16 << 20)

void json_reset(struct json_writer *w);   /* empties, keeps the memory */
void json_release(struct json_writer *w); /* frees */

void json_object_begin(struct json_writer *w); /* as a value; after json_name inside objects */
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_name(struct json_writer *w, const char *key);
void json_put_string(struct json_writer *w,
                     const char *text); /* NULL writes null; bad UTF-8 is replaced */
void json_put_int(struct json_writer *w, int64_t value);
void json_put_number(struct json_writer *w, double value, int decimals); /* trailing zeros cut */
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
/* A string in pieces, of ASCII: begin, any number of adds, end. */
void json_text_begin(struct json_writer *w);
void json_text_add(struct json_writer *w, const char *ascii, size_t size);
void json_text_end(struct json_writer *w);
void json_put_raw(struct json_writer *w, const char *json, size_t size); /* already JSON */

/* Members in one line. */
void json_add_string(struct json_writer *w, const char *key, const char *text);
void json_add_int(struct json_writer *w, const char *key, int64_t value);
void json_add_number(struct json_writer *w, const char *key, double value, int decimals);
void json_add_bool(struct json_writer *w, const char *key, bool value);
void json_add_null(struct json_writer *w, const char *key);

#endif
