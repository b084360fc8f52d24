/* metadata_props of an ONNX file: a walk over the protobuf's top level that skips the graph by its
 * length. ModelProto: 7 is the graph, 8 the opset, 14 metadata_props {1: key, 2: value}. */
#include "infer/metadata.h"

struct reader {
    const uint8_t *at, *end;
};

static bool read_varint(struct reader *r, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return true;
    }
    return false;
}

/* One field: its number and, when it has a length, its bytes. */
static bool read_field(struct reader *r, uint64_t *number, struct reader *bytes)
{
    uint64_t tag, value;
    *bytes = (struct reader){r->at, r->at};
    if (!read_varint(r, &tag))
        return false;
    *number = tag >> 3;
    size_t left = (size_t)(r->end - r->at), fixed = 0;
    switch (tag & 7) {
    case 0:
        return read_varint(r, &value);
    case 1:
        fixed = 8;
        break;
    case 5:
        fixed = 4;
        break;
    case 2:
        if (!read_varint(r, &value) || value > (uint64_t)(r->end - r->at))
            return false;
        *bytes = (struct reader){r->at, r->at + value};
        r->at += value;
        return true;
    default:
        return false;
    }
    if (fixed > left)
        return false;
    r->at += fixed;
    return true;
}

static void take_entry(struct metadata *meta, struct reader entry)
{
    struct reader key = {entry.at, entry.at}, value = key, bytes;
    uint64_t number;
    while (entry.at < entry.end && read_field(&entry, &number, &bytes)) {
        if (number == 1)
            key = bytes;
        else if (number == 2)
            value = bytes;
    }
    metadata_add(meta, (const char *)key.at, (size_t)(key.end - key.at), (const char *)value.at,
                 (size_t)(value.end - value.at));
}

bool metadata_scan_onnx(struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct reader file = {bytes, bytes + size}, field;
    bool has_graph = false;
    uint64_t number;
    while (file.at < file.end) {
        if (!read_field(&file, &number, &field) || number == 0)
            return false;
        has_graph |= number == 7 && field.at < field.end;
        if (number == 14)
            take_entry(meta, field);
    }
    if (meta->count)
        meta->source = "metadata_props";
    return has_graph;
}
