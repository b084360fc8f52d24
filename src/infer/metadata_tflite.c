/* TFLite: quantisation of inputs and outputs out of the flatbuffer, and the metadata that
 * exporters append to the file as a zip. Every offset is checked against the file. */
#include "infer/metadata.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "infer/flatbuffer.h"

enum { MODEL_SUBGRAPHS = 2, GRAPH_TENSORS = 0, GRAPH_INPUTS = 1, GRAPH_OUTPUTS = 2 };
enum { TENSOR_QUANTIZATION = 4, QUANT_SCALE = 2, QUANT_ZERO = 3 };

static struct metadata_quant quant_of(const struct buffer *b, size_t tensor)
{
    struct metadata_quant quant = {0, 0};
    size_t parameters = follow(b, field_of(b, tensor, TENSOR_QUANTIZATION)), scales, zeros;
    size_t scale = vector_of(b, parameters, QUANT_SCALE, 4, &scales);
    size_t zero = vector_of(b, parameters, QUANT_ZERO, 8, &zeros);
    if (scales != 1) /* per channel: only weights are */
        return quant;
    uint32_t bits = u32_at(b, scale);
    memcpy(&quant.scale, &bits, sizeof bits);
    quant.zero = zeros ? (int32_t)u32_at(b, zero) : 0;
    if (!isfinite(quant.scale) || quant.scale < 0 || quant.zero < -255 || quant.zero > 255)
        quant = (struct metadata_quant){0, 0};
    return quant;
}

static void read_quant(const struct buffer *b, size_t graph, unsigned list,
                       struct metadata_quant *quants, size_t room)
{
    size_t tensors, count;
    size_t tensor = vector_of(b, graph, GRAPH_TENSORS, 4, &tensors);
    size_t index = vector_of(b, graph, list, 4, &count);
    for (size_t i = 0; i < count && i < room; i++) {
        uint32_t which = u32_at(b, index + 4 * i);
        if (which < tensors)
            quants[i] = quant_of(b, follow(b, tensor + 4 * (size_t)which));
    }
}

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

/* `shift`: what the writer's offsets lack, as it may count from the zip's or the file's start. */
static void take_member(struct metadata *meta, const struct buffer *b, size_t entry, size_t shift)
{
    static const char name[] = "metadata.json";
    size_t name_size = u16_at(b, entry + 28), packed = u32_at(b, entry + 20);
    if (name_size != sizeof name - 1 || b->size - entry - ZIP_ENTRY < name_size ||
        memcmp(b->bytes + entry + ZIP_ENTRY, name, name_size) || u16_at(b, entry + 10) != 0)
        return;
    size_t local = shift + u32_at(b, entry + 42);
    if (local > b->size || b->size - local < ZIP_LOCAL || u32_at(b, local) != 0x04034B50u)
        return;
    size_t data = local + ZIP_LOCAL + u16_at(b, local + 26) + u16_at(b, local + 28);
    if (data <= b->size && packed <= b->size - data)
        take_json(meta, (const char *)b->bytes + data, packed);
}

static void read_zip(struct metadata *meta, const struct buffer *b)
{
    size_t end = zip_end(b);
    size_t size = u32_at(b, end + 12), offset = u32_at(b, end + 16);
    if (!end || size > end || offset > end - size)
        return;
    size_t shift = end - size - offset, entry = end - size;
    for (int i = 0; i < ZIP_MEMBERS && entry < end; i++) {
        if (end - entry < ZIP_ENTRY || u32_at(b, entry) != 0x02014B50u)
            return;
        take_member(meta, b, entry, shift);
        entry += ZIP_ENTRY + u16_at(b, entry + 28) + u16_at(b, entry + 30) + u16_at(b, entry + 32);
    }
}

bool metadata_scan_tflite(struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct buffer b = {bytes, size};
    if (size < 16 || memcmp(bytes + 4, "TFL3", 4))
        return false;
    size_t graphs, graph = vector_of(&b, u32_at(&b, 0), MODEL_SUBGRAPHS, 4, &graphs);
    if (!graphs)
        return false;
    graph = follow(&b, graph);
    read_quant(&b, graph, GRAPH_INPUTS, meta->inputs, FOV_MODEL_INPUTS);
    read_quant(&b, graph, GRAPH_OUTPUTS, meta->outputs, FOV_MODEL_OUTPUTS);
    read_zip(meta, &b);
    if (meta->count)
        meta->source = "metadata.json";
    return true;
}
