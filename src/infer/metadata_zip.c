/* The zip that exporters append to TFLite files: metadata.json, or a text file with labels. Only
 * stored members are read, found through the central directory; every offset is checked. */
#include "infer/metadata_zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ---- metadata.json ---- */

/* Room that only grows shorter; a text that does not fit is dropped as a whole. */
struct text {
    char *at;
    size_t left;
};

static void append(struct text *t, const char *prefix, const char *string, const char *suffix)
{
    int n = snprintf(t->at, t->left, "%s%s%s", prefix, string, suffix);
    size_t taken = n < 0 || (size_t)n >= t->left ? t->left : (size_t)n;
    t->at += taken;
    t->left -= taken;
}

/* A string, a number, or one level of either in [] or {}, as the exporter's other formats write
 * it: {0: 'person', 1: 'bicycle'}. */
static void write_value(struct text *t, const json_value *value, bool nested)
{
    const char *string;
    double number;
    char digits[32];
    if (json_string(value, &string)) {
        const char *quote = !nested ? "" : strchr(string, '\'') ? "\"" : "'";
        append(t, quote, string, quote);
    } else if (json_number(value, &number)) {
        snprintf(digits, sizeof digits, "%g", number);
        append(t, "", digits, "");
    } else if (!nested && (json_is_object(value) || json_is_array(value))) {
        append(t, json_is_object(value) ? "{" : "[", "", "");
        for (size_t i = 0; i < json_count(value) && t->left; i++) {
            const json_value *item = json_at(value, i);
            append(t, i ? ", " : "", "", "");
            if (json_is_object(value))
                append(t, "", json_key(item), ": ");
            write_value(t, item, true);
        }
        append(t, json_is_object(value) ? "}" : "]", "", "");
    }
}

static void take_json(struct metadata *meta, const char *json, size_t size)
{
    json_value *root = json_parse(json, size, METADATA_VALUE, NULL);
    char *room = root ? malloc(METADATA_VALUE) : NULL;
    for (size_t i = 0; room && i < json_count(root) && i < METADATA_ENTRIES; i++) {
        const json_value *member = json_at(root, i);
        struct text text = {room, METADATA_VALUE};
        write_value(&text, member, false);
        if (text.left)
            metadata_add(meta, json_key(member), strlen(json_key(member)), room,
                         METADATA_VALUE - text.left);
    }
    free(room);
    json_free(&root);
}

/* ---- appended zip: only stored members, found through the central directory ---- */

enum { ZIP_END = 22, ZIP_ENTRY = 46, ZIP_LOCAL = 30, ZIP_MEMBERS = 64, ZIP_COMMENT = 4096 };

/* Start of the end-of-central-directory record, 0 when there is none. */
static size_t zip_end(const struct buffer *b)
{
    for (size_t back = ZIP_END; back <= ZIP_END + ZIP_COMMENT && back <= b->size; back++)
        if (u32_at(b, b->size - back) == 0x06054B50u)
            return b->size - back;
    return 0;
}

/* One stored member of the archive. */
struct member {
    const char *name, *data;
    size_t name_size, size;
};

/* `shift`: what the writer's offsets lack, as it may count from the zip's or the file's start. */
static bool open_member(const struct buffer *b, size_t entry, size_t shift, struct member *m)
{
    *m = (struct member){.name = (const char *)b->bytes + entry + ZIP_ENTRY,
                         .name_size = u16_at(b, entry + 28),
                         .size = u32_at(b, entry + 20)};
    size_t local = shift + u32_at(b, entry + 42);
    if (b->size - entry - ZIP_ENTRY < m->name_size || u16_at(b, entry + 10) != 0 ||
        local > b->size || b->size - local < ZIP_LOCAL || u32_at(b, local) != 0x04034B50u)
        return false;
    size_t data = local + ZIP_LOCAL + u16_at(b, local + 26) + u16_at(b, local + 28);
    m->data = (const char *)b->bytes + data;
    return data <= b->size && m->size <= b->size - data;
}

static bool is_called(const struct member *m, const char *name)
{
    return m->name_size == strlen(name) && !memcmp(m->name, name, m->name_size);
}

static bool is_text_file(const struct member *m)
{
    return m->name_size > 4 && !memcmp(m->name + m->name_size - 4, ".txt", 4);
}

bool metadata_read_zip(struct metadata *meta, const struct buffer *b, const char *labels)
{
    size_t end = zip_end(b);
    size_t size = u32_at(b, end + 12), offset = u32_at(b, end + 16);
    if (!end || size > end || offset > end - size)
        return false;
    size_t shift = end - size - offset, entry = end - size;
    struct member m, list = {.size = 0};
    int texts = 0;
    for (int i = 0; i < ZIP_MEMBERS && entry < end; i++) {
        if (end - entry < ZIP_ENTRY || u32_at(b, entry) != 0x02014B50u)
            break;
        bool readable = open_member(b, entry, shift, &m);
        if (readable && is_called(&m, "metadata.json"))
            take_json(meta, m.data, m.size);
        if (readable && (labels[0] ? is_called(&m, labels) : is_text_file(&m))) {
            list = m;
            texts++;
        }
        entry += ZIP_ENTRY + u16_at(b, entry + 28) + u16_at(b, entry + 30) + u16_at(b, entry + 32);
    }
    if (texts == 1)
        metadata_add_lines(meta, list.data, list.size);
    return true;
}

/* ---- a label a line ---- */

/* "'dog'" behind its number; a quote inside is escaped. */
static void add_label(struct text *t, int number, const char *line, size_t size)
{
    char name[256], digits[16];
    size_t length = 0;
    for (size_t i = 0; i < size && length + 3 < sizeof name; i++) {
        if (line[i] == '\'' || line[i] == '\\')
            name[length++] = '\\';
        name[length++] = line[i];
    }
    name[length] = '\0';
    snprintf(digits, sizeof digits, "%s%d: '", number ? ", " : "", number);
    append(t, digits, name, "'");
}

void metadata_add_lines(struct metadata *meta, const char *text, size_t size)
{
    char *room = size <= METADATA_VALUE ? malloc(METADATA_VALUE) : NULL;
    struct text t = {room, METADATA_VALUE};
    int number = 0;
    if (!room)
        return;
    while (size && strchr("\r\n \t", text[size - 1]))
        size--;
    append(&t, "{", "", "");
    for (size_t i = 0; i < size && t.left;) {
        const char *end = memchr(text + i, '\n', size - i);
        size_t length = end ? (size_t)(end - (text + i)) : size - i, shown = length;
        while (shown && strchr("\r \t", text[i + shown - 1]))
            shown--;
        add_label(&t, number++, text + i, shown);
        i += length + 1;
    }
    append(&t, "}", "", "");
    if (number && t.left && !metadata_get(meta, "labels"))
        metadata_add(meta, "names", 5, room, METADATA_VALUE - t.left);
    free(room);
}
