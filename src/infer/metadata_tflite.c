/* TFLite: its first graph's inputs, outputs and operators out of the flatbuffer, and what the
 * TensorFlow Lite metadata in it says. Every offset is checked against the file. Field numbers are
 * those of schema.fbs and metadata_schema.fbs, as TensorFlow publishes them. */
#include "infer/inspect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/flatbuffer.h"
#include "infer/metadata_zip.h"

enum { MODEL_VERSION, MODEL_CODES, MODEL_GRAPHS, MODEL_DESCRIPTION, MODEL_BUFFERS };
enum { MODEL_METADATA = 6, METADATA_NAME = 0, METADATA_BUFFER = 1, BUFFER_DATA = 0 };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS };
enum { CODE_OLD, CODE_CUSTOM, CODE_VERSION, CODE_BUILTIN, BUILTIN_CUSTOM = 32 };
enum { TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_NAME, TENSOR_QUANT, TENSOR_SIGNATURE = 7 };
enum { QUANT_SCALE = 2, QUANT_ZERO = 3, TYPE_U8 = 3, TYPE_I8 = 9 };

struct vector {
    size_t at, count;
};

static struct vector list_of(const struct buffer *b, size_t table, unsigned field, size_t element)
{
    struct vector v = {0, 0};
    v.at = vector_of(b, table, field, element, &v.count);
    return v;
}

/* The i-th table of a list of tables. */
static size_t table_in(const struct buffer *b, struct vector list, size_t i)
{
    return i < list.count ? follow(b, list.at + 4 * i) : 0;
}

static uint32_t number_of(const struct buffer *b, size_t table, unsigned field)
{
    size_t at = field_of(b, table, field);
    return at ? u32_at(b, at) : 0;
}

static uint32_t byte_of(const struct buffer *b, size_t table, unsigned field)
{
    size_t at = field_of(b, table, field);
    return at && at < b->size ? b->bytes[at] : 0;
}

/* ---- tensors ---- */

static struct metadata_quant quant_of(const struct buffer *b, size_t tensor)
{
    struct metadata_quant quant = {0, 0};
    size_t parameters = follow(b, field_of(b, tensor, TENSOR_QUANT)), scales, zeros;
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

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {"f32",  "f16",      "i32",     "u8",  "i64", "string",
                                        "bool", "i16",      "c64",     "i8",  "f64", "c128",
                                        "u64",  "resource", "variant", "u32", "u16"};
    return type < sizeof names / sizeof *names ? names[type] : "?";
}

/* The signature's shape has -1 where the size is open; the plain one stands for a batch of 1. */
static void read_port(struct inspected *found, const struct buffer *b, size_t tensor, bool output)
{
    struct vector name = list_of(b, tensor, TENSOR_NAME, 1);
    struct vector shape = list_of(b, tensor, TENSOR_SIGNATURE, 4);
    fov_file_port *port = inspected_add_port(found, output, (const char *)b->bytes + name.at,
                                             name.count);
    if (!port)
        return;
    if (!shape.count)
        shape = list_of(b, tensor, TENSOR_SHAPE, 4);
    port->rank = 0;
    for (size_t i = 0; i < shape.count && !found->wrong[0]; i++)
        inspected_add_dimension(found, port, (int32_t)u32_at(b, shape.at + 4 * i));
    snprintf(port->type, sizeof port->type, "%s", type_name(byte_of(b, tensor, TENSOR_TYPE)));
    struct metadata_quant quant = quant_of(b, tensor);
    port->scale = quant.scale;
    port->zero = quant.zero;
}

static void read_ports(struct inspected *found, const struct buffer *b, size_t graph, bool output)
{
    struct vector tensors = list_of(b, graph, GRAPH_TENSORS, 4);
    struct vector which = list_of(b, graph, output ? GRAPH_OUTPUTS : GRAPH_INPUTS, 4);
    for (size_t i = 0; i < which.count && i < INSPECT_TENSORS && !found->wrong[0]; i++)
        read_port(found, b, table_in(b, tensors, u32_at(b, which.at + 4 * i)), output);
}

static void note_quantised(struct inspected *found, const struct buffer *b, size_t graph)
{
    struct vector tensors = list_of(b, graph, GRAPH_TENSORS, 4);
    size_t bytes = 0;
    for (size_t i = 0; i < tensors.count && i < INSPECT_TENSORS; i++) {
        size_t tensor = table_in(b, tensors, i);
        if (!tensor)
            inspected_refuse(found, "a tensor outside the file; fetch or export it again");
        uint32_t type = byte_of(b, tensor, TENSOR_TYPE);
        size_t parameters = follow(b, field_of(b, tensor, TENSOR_QUANT));
        bytes += (type == TYPE_U8 || type == TYPE_I8) &&
                 list_of(b, parameters, QUANT_SCALE, 4).count;
    }
    if (bytes)
        snprintf(found->quantised, sizeof found->quantised, "int8, %d of %d tensors", (int)bytes,
                 (int)(tensors.count < INSPECT_TENSORS ? tensors.count : INSPECT_TENSORS));
}

/* ---- operators ---- */

// clang-format off
static const char *const builtin_names[] = {
    [0] = "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE", "DEQUANTIZE", [8] = "FLOOR", "FULLY_CONNECTED", [11] = "L2_NORMALIZATION",
    "L2_POOL_2D", [14] = "LOGISTIC", [17] = "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6",
    "RESHAPE", "RESIZE_BILINEAR", [25] = "SOFTMAX", "SPACE_TO_DEPTH", [28] = "TANH", [34] = "PAD",
    [36] = "GATHER", [39] = "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE", [45] = "STRIDED_SLICE",
    [47] = "EXP", "TOPK_V2", "SPLIT", [53] = "CAST", "PRELU", "MAXIMUM", "ARG_MAX", "MINIMUM",
    "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE",
    [67] = "TRANSPOSE_CONV", [69] = "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM",
    "SQRT", "RSQRT", "SHAPE", "POW", [82] = "REDUCE_MAX", "PACK", [88] = "UNPACK",
    [90] = "FLOOR_DIV", [92] = "SQUARE", [94] = "FILL", "FLOOR_MOD", "RANGE",
    "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V",
    [107] = "GATHER_ND", [114] = "QUANTIZE", [117] = "HARD_SWISH",
    [120] = "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", [123] = "SELECT_V2",
    [126] = "BATCH_MATMUL", [130] = "BROADCAST_TO", [150] = "GELU"};
// clang-format on

static const char *builtin_name(uint32_t code)
{
    return code < sizeof builtin_names / sizeof *builtin_names ? builtin_names[code] : NULL;
}

static void count_operator(struct inspected *found, const struct buffer *b, size_t code)
{
    static const char edge_tpu[] = "edgetpu-custom-op";
    uint32_t builtin = number_of(b, code, CODE_BUILTIN), old = byte_of(b, code, CODE_OLD);
    struct vector custom = list_of(b, code, CODE_CUSTOM, 1);
    const char *name = (const char *)b->bytes + custom.at;
    char number[32];
    builtin = builtin > old ? builtin : old; /* newer writers cap the old field at 127 */
    if (builtin == BUILTIN_CUSTOM && custom.count) {
        bool detection = custom.count == 28 && !memcmp(name, "TFLite_Detection_PostProcess", 28);
        bool tpu = custom.count == sizeof edge_tpu - 1 && !memcmp(name, edge_tpu, custom.count);
        found->edge_tpu |= tpu;
        inspected_add_operator(found, "", 0, name, custom.count, detection || tpu);
        return;
    }
    snprintf(number, sizeof number, "operator %u", builtin);
    const char *known = builtin_name(builtin) ? builtin_name(builtin) : number;
    inspected_add_operator(found, "", 0, known, strlen(known), true);
}

static void read_operators(struct inspected *found, const struct buffer *b, size_t model,
                           size_t graph)
{
    struct vector codes = list_of(b, model, MODEL_CODES, 4);
    struct vector operators = list_of(b, graph, GRAPH_OPERATORS, 4);
    for (size_t i = 0; i < operators.count && !found->wrong[0]; i++) {
        size_t op = table_in(b, operators, i);
        size_t code = op ? table_in(b, codes, number_of(b, op, 0)) : 0;
        if (code)
            count_operator(found, b, code);
        else
            inspected_refuse(found, "an operator outside the file; fetch or export it again");
    }
}

/* ---- TensorFlow Lite metadata: a flatbuffer of its own in one of the buffers ---- */

enum { ABOUT_NAME, ABOUT_DESCRIPTION, ABOUT_VERSION, ABOUT_GRAPHS, ABOUT_AUTHOR, ABOUT_LICENCE };
enum { ABOUT_INPUTS = 2, ABOUT_OUTPUTS = 3, TENSOR_UNITS = 4, TENSOR_FILES = 6 };
enum { UNIT_TYPE, UNIT_OPTIONS, NORMALIZATION = 1, FILE_NAME = 0, FILE_TYPE = 2 };
enum { AXIS_LABELS = 2, VALUE_LABELS = 3 };

static struct buffer buffer_called(const struct buffer *b, size_t model, const char *name)
{
    struct vector entries = list_of(b, model, MODEL_METADATA, 4);
    struct vector buffers = list_of(b, model, MODEL_BUFFERS, 4);
    for (size_t i = 0; i < entries.count && i < METADATA_ENTRIES; i++) {
        size_t entry = table_in(b, entries, i);
        struct vector called = list_of(b, entry, METADATA_NAME, 1);
        if (called.count != strlen(name) || memcmp(b->bytes + called.at, name, called.count))
            continue;
        size_t holder = table_in(b, buffers, number_of(b, entry, METADATA_BUFFER));
        struct vector data = list_of(b, holder, BUFFER_DATA, 1);
        return (struct buffer){b->bytes + data.at, data.count};
    }
    return (struct buffer){b->bytes, 0};
}

static void add_text_of(struct metadata *meta, const char *key, const struct buffer *b,
                        size_t table, unsigned field)
{
    struct vector text = list_of(b, table, field, 1);
    if (text.count)
        metadata_add(meta, key, strlen(key), (const char *)b->bytes + text.at, text.count);
}

/* Up to three floats as "127.5 127.5 127.5"; one stands for all. */
static void add_floats(struct metadata *meta, const char *key, const struct buffer *b, size_t table,
                       unsigned field)
{
    struct vector list = list_of(b, table, field, 4);
    char text[96] = "";
    size_t used = 0;
    for (size_t i = 0; i < list.count && i < 3; i++) {
        uint32_t bits = u32_at(b, list.at + 4 * i);
        float number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number))
            return;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.7g", i ? " " : "",
                                 (double)number);
    }
    if (used)
        metadata_add(meta, key, strlen(key), text, used);
}

static void read_normalization(struct metadata *meta, const struct buffer *b, size_t tensor)
{
    struct vector units = list_of(b, tensor, TENSOR_UNITS, 4);
    for (size_t i = 0; i < units.count && i < METADATA_ENTRIES; i++) {
        size_t unit = table_in(b, units, i), options = follow(b, field_of(b, unit, UNIT_OPTIONS));
        if (byte_of(b, unit, UNIT_TYPE) != NORMALIZATION)
            continue;
        add_floats(meta, "mean_values", b, options, 0);
        add_floats(meta, "scale_values", b, options, 1);
    }
}

/* The first file of labels that an output names. */
static void find_labels(const struct buffer *b, size_t graph, char *name, size_t size)
{
    struct vector outputs = list_of(b, graph, ABOUT_OUTPUTS, 4);
    for (size_t i = 0; i < outputs.count && i < METADATA_ENTRIES && !name[0]; i++) {
        struct vector files = list_of(b, table_in(b, outputs, i), TENSOR_FILES, 4);
        for (size_t k = 0; k < files.count && k < METADATA_ENTRIES && !name[0]; k++) {
            size_t file = table_in(b, files, k);
            uint32_t type = byte_of(b, file, FILE_TYPE);
            struct vector called = list_of(b, file, FILE_NAME, 1);
            if ((type == AXIS_LABELS || type == VALUE_LABELS) && called.count < size)
                inspected_text(name, size, (const char *)b->bytes + called.at, called.count);
        }
    }
}

static void read_about(struct metadata *meta, const struct buffer *file, size_t model)
{
    char labels[128] = "";
    struct buffer b = buffer_called(file, model, "TFLITE_METADATA");
    int before = meta->count;
    if (b.size >= 8 && !memcmp(b.bytes + 4, "M001", 4)) {
        size_t about = u32_at(&b, 0);
        size_t graph = table_in(&b, list_of(&b, about, ABOUT_GRAPHS, 4), 0);
        size_t input = table_in(&b, list_of(&b, graph, ABOUT_INPUTS, 4), 0);
        add_text_of(meta, "name", &b, about, ABOUT_NAME);
        add_text_of(meta, "description", &b, about, ABOUT_DESCRIPTION);
        add_text_of(meta, "author", &b, about, ABOUT_AUTHOR);
        add_text_of(meta, "license", &b, about, ABOUT_LICENCE);
        read_normalization(meta, &b, input);
        find_labels(&b, graph, labels, sizeof labels);
        meta->source = "TFLite metadata";
    }
    int said = meta->count;
    metadata_read_zip(meta, file, labels);
    if (metadata_get(meta, "task") || (meta->count > said && said == before))
        meta->source = "metadata.json";
}

static struct metadata_quant quant_in(const fov_file_port *port)
{
    return (struct metadata_quant){port->scale, port->zero};
}

/* Weights are read by their offsets: in a file that was cut off they point beyond its end. */
static bool buffers_are_whole(struct inspected *found, const struct buffer *b, size_t model)
{
    size_t list = follow(b, field_of(b, model, MODEL_BUFFERS));
    struct vector buffers = list_of(b, model, MODEL_BUFFERS, 4);
    for (size_t i = 0; i < buffers.count; i++) {
        size_t holder = table_in(b, buffers, i), field = field_of(b, holder, BUFFER_DATA);
        uint64_t start = field ? (uint64_t)field + u32_at(b, field) + 4 : 0;
        uint64_t end = field && start <= b->size ? start + u32_at(b, (size_t)start - 4) : start;
        if (end > b->size && end - b->size > found->lacks)
            found->lacks = end - b->size;
        if (!holder)
            return false;
    }
    return !found->lacks && (buffers.count || !list);
}

bool scan_tflite(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct buffer b = {bytes, size};
    if (size < 16 || memcmp(bytes + 4, "TFL3", 4))
        return false;
    size_t model = u32_at(&b, 0);
    struct vector description = list_of(&b, model, MODEL_DESCRIPTION, 1);
    size_t graph = table_in(&b, list_of(&b, model, MODEL_GRAPHS, 4), 0);
    if (!graph || !buffers_are_whole(found, &b, model))
        return false;
    snprintf(found->version, sizeof found->version, "schema %u",
             number_of(&b, model, MODEL_VERSION));
    inspected_text(found->producer, sizeof found->producer, (const char *)bytes + description.at,
                   description.count);
    read_ports(found, &b, graph, false);
    read_ports(found, &b, graph, true);
    note_quantised(found, &b, graph);
    read_operators(found, &b, model, graph);
    if (!found->input_count || !found->output_count || !found->node_count)
        inspected_refuse(found, "a graph without inputs, outputs or operators");
    read_about(meta, &b, model);
    for (int i = 0; i < found->input_count && i < FOV_MODEL_INPUTS; i++)
        meta->inputs[i] = quant_in(&found->inputs[i]);
    for (int i = 0; i < found->output_count && i < FOV_MODEL_OUTPUTS; i++)
        meta->outputs[i] = quant_in(&found->outputs[i]);
    return true;
}
