/* ONNX: a walk over ModelProto, its graph and the graphs inside it. Field numbers are those of
 * onnx.proto, as the ONNX project publishes it. */
#include "infer/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/protobuf.h"

enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_PRODUCER_VERSION = 3, MODEL_GRAPH = 7 };
enum { MODEL_OPSET = 8, MODEL_METADATA = 14, MODEL_FUNCTION = 25 };
enum { FUNCTION_NODE = 7, FUNCTION_DOMAIN = 10, FUNCTION_DEFAULT = 11 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { GRAPH_SPARSE = 15, ATTRIBUTE_SPARSE = 22, ATTRIBUTE_SPARSES = 23 };
enum { SPARSE_VALUES = 1, SPARSE_INDICES = 2, SPARSE_DIMS = 3 };
enum { NODE_OP = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { ATTRIBUTE_TENSOR = 5, ATTRIBUTE_GRAPH = 6, ATTRIBUTE_TENSORS = 10, ATTRIBUTE_GRAPHS = 11 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_EXTERNAL = 13 };
enum { TENSOR_LOCATION = 14, LOCATION_EXTERNAL = 1 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, ELEMENT_TYPE = 1, SHAPE = 2, DIM = 1 };
enum { DOMAINS = 32 };

struct walk {
    struct inspected *found;
    struct reader domains[DOMAINS]; /* of functions that the model brings along */
    int domain_count;
    bool whole;           /* no field so far was damaged */
    struct reader *names; /* of the main graph's weights, sorted */
    size_t name_count;
};

static const char *type_name(uint64_t type)
{
    static const char *const names[] = {"?",   "f32", "u8",     "i8",   "u16", "i16",
                                        "i32", "i64", "string", "bool", "f16", "f64",
                                        "u32", "u64", "c64",    "c128", "bf16"};
    return type < sizeof names / sizeof *names ? names[type] : "?";
}

/* Every field of a message; one that is damaged ends it and is remembered. */
static bool next(struct walk *w, struct reader *message, struct field *f)
{
    if (read_field(message, f))
        return true;
    w->whole = w->whole && message->at == message->end;
    return false;
}

/* ---- tensors ---- */

static void take_external(struct walk *w, struct reader entry)
{
    struct reader value = read_find(entry, 2);
    if (reader_is(read_find(entry, 1), "location") && !w->found->external[0])
        inspected_text(w->found->external, sizeof w->found->external, (const char *)value.at,
                       reader_size(value));
}

/* Dimensions are a repeated number, packed or not. */
static void take_dimension(struct walk *w, fov_file_port *shape, const struct field *f)
{
    struct reader packed = f->bytes;
    uint64_t size = f->value;
    bool single = packed.at == packed.end;
    while (single || (packed.at < packed.end && read_varint(&packed, &size))) {
        inspected_add_dimension(w->found, shape, (int64_t)size < 0 ? INT64_MAX : (int64_t)size);
        if (single || w->found->wrong[0])
            return;
    }
}

static void read_tensor(struct walk *w, struct reader tensor, struct reader *name)
{
    fov_file_port shape = {.name = "a weight"};
    struct field f;
    bool elsewhere = false;
    struct reader message = tensor;
    while (next(w, &message, &f)) {
        if (f.number == TENSOR_NAME && name)
            *name = f.bytes;
        elsewhere |= f.number == TENSOR_LOCATION && f.value == LOCATION_EXTERNAL;
        if (f.number == TENSOR_EXTERNAL)
            take_external(w, f.bytes);
        if (f.number == TENSOR_DIMS)
            take_dimension(w, &shape, &f);
    }
    if (elsewhere && !w->found->external[0])
        snprintf(w->found->external, sizeof w->found->external, "unnamed");
}

/* Two tensors, what they are not zero for and where, and the shape of what they stand for. */
static void read_sparse(struct walk *w, struct reader sparse)
{
    fov_file_port shape = {.name = "a weight"};
    struct field f;
    while (!w->found->wrong[0] && next(w, &sparse, &f)) {
        if (f.number == SPARSE_VALUES || f.number == SPARSE_INDICES)
            read_tensor(w, f.bytes, NULL);
        else if (f.number == SPARSE_DIMS)
            take_dimension(w, &shape, &f);
    }
}

/* ---- nodes ---- */

static bool begins(struct reader text, const char *with)
{
    return reader_size(text) >= strlen(with) && !memcmp(text.at, with, strlen(with));
}

static bool is_known(const struct walk *w, struct reader domain, struct reader op)
{
    static const char *const sets[] = {"ai.onnx.", "com.microsoft", "com.ms.",
                                       "org.openvinotoolkit", "trt.plugins"};
    for (int i = 0; i < w->domain_count; i++)
        if (reader_size(domain) == reader_size(w->domains[i]) && reader_size(domain) &&
            !memcmp(domain.at, w->domains[i].at, reader_size(domain)))
            return true;
    /* ONNX's own operators are called in one word; those with '_' are plug-ins in disguise */
    if (!reader_size(domain) || reader_is(domain, "ai.onnx"))
        return !memchr(op.at, '_', reader_size(op));
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (begins(domain, sets[i]))
            return true;
    return false;
}

static void note_quantised(struct inspected *found, struct reader op)
{
    static const char *const how[][2] = {{"QuantizeLinear", "int8, QDQ"},
                                         {"QLinearConv", "int8, QLinear operators"},
                                         {"QLinearMatMul", "int8, QLinear operators"},
                                         {"ConvInteger", "int8 weights, dynamic"},
                                         {"MatMulInteger", "int8 weights, dynamic"},
                                         {"DequantizeLinear", "int8 weights"}};
    for (size_t i = 0; i < sizeof how / sizeof *how; i++)
        if (reader_is(op, how[i][0]) &&
            (!found->quantised[0] || !strcmp(found->quantised, "int8 weights")))
            snprintf(found->quantised, sizeof found->quantised, "%s", how[i][1]);
}

static void read_nodes(struct walk *w, struct reader graph, int depth);

static void read_attribute(struct walk *w, struct reader attribute, int depth)
{
    struct field f;
    while (next(w, &attribute, &f)) {
        if (f.number == ATTRIBUTE_TENSOR || f.number == ATTRIBUTE_TENSORS)
            read_tensor(w, f.bytes, NULL);
        else if (f.number == ATTRIBUTE_SPARSE || f.number == ATTRIBUTE_SPARSES)
            read_sparse(w, f.bytes);
        else if (f.number == ATTRIBUTE_GRAPH || f.number == ATTRIBUTE_GRAPHS)
            read_nodes(w, f.bytes, depth + 1);
    }
}

static void read_node(struct walk *w, struct reader node, int depth)
{
    struct reader op = {node.at, node.at}, domain = op;
    struct field f;
    while (next(w, &node, &f)) {
        if (f.number == NODE_OP)
            op = f.bytes;
        else if (f.number == NODE_DOMAIN)
            domain = f.bytes;
        else if (f.number == NODE_ATTRIBUTE)
            read_attribute(w, f.bytes, depth);
    }
    inspected_add_operator(w->found, (const char *)domain.at, reader_size(domain),
                           (const char *)op.at, reader_size(op), is_known(w, domain, op));
    note_quantised(w->found, op);
}

/* Nodes and weights of a graph; inputs and outputs are read of the main one only. */
static void read_nodes(struct walk *w, struct reader graph, int depth)
{
    struct field f;
    if (depth > INSPECT_NEST) {
        inspected_refuse(w->found, "graphs inside graphs, more than %d deep", INSPECT_NEST);
        return;
    }
    while (!w->found->wrong[0] && next(w, &graph, &f)) {
        struct reader name = {graph.at, graph.at};
        if (f.number == GRAPH_NODE) {
            read_node(w, f.bytes, depth);
        } else if (f.number == GRAPH_SPARSE) {
            read_sparse(w, f.bytes);
        } else if (f.number == GRAPH_INITIALIZER) {
            read_tensor(w, f.bytes, &name);
            if (depth == 0 && w->names && w->name_count < INSPECT_TENSORS)
                w->names[w->name_count++] = name;
        }
    }
}

/* ---- inputs and outputs ---- */

static int compare(const void *a, const void *b)
{
    const struct reader *x = a, *y = b;
    size_t n = reader_size(*x), m = reader_size(*y);
    int order = memcmp(x->at, y->at, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static void read_shape(struct walk *w, fov_file_port *port, struct reader shape)
{
    struct field f, size;
    port->rank = 0;
    while (next(w, &shape, &f)) {
        struct reader dimension = f.bytes;
        int64_t number = -1; /* a name, or nothing: open */
        if (f.number != DIM)
            continue;
        while (next(w, &dimension, &size))
            if (size.number == 1)
                number = (int64_t)size.value > 0 ? (int64_t)size.value : -1;
        inspected_add_dimension(w->found, port, number);
    }
}

/* Older files list their weights among the inputs. */
static void read_value(struct walk *w, struct reader value, bool output)
{
    struct reader name = read_find(value, VALUE_NAME);
    struct reader tensor = read_find(read_find(value, VALUE_TYPE), TYPE_TENSOR);
    struct field f;
    if (!output && w->name_count &&
        bsearch(&name, w->names, w->name_count, sizeof *w->names, compare))
        return;
    fov_file_port *port = inspected_add_port(w->found, output, (const char *)name.at,
                                             reader_size(name));
    while (port && next(w, &tensor, &f)) {
        if (f.number == ELEMENT_TYPE)
            snprintf(port->type, sizeof port->type, "%s", type_name(f.value));
        else if (f.number == SHAPE)
            read_shape(w, port, f.bytes);
    }
}

static void read_graph(struct walk *w, struct reader graph)
{
    struct field f;
    struct reader again = graph;
    w->names = malloc(INSPECT_TENSORS * sizeof *w->names);
    read_nodes(w, graph, 0);
    if (w->names && w->name_count)
        qsort(w->names, w->name_count, sizeof *w->names, compare);
    while (read_field(&again, &f))
        if (f.number == GRAPH_INPUT || f.number == GRAPH_OUTPUT)
            read_value(w, f.bytes, f.number == GRAPH_OUTPUT);
    free(w->names);
    w->names = NULL;
    w->name_count = 0;
}

/* ---- the model ---- */

static void take_entry(struct metadata *meta, struct reader entry)
{
    struct reader key = read_find(entry, 1), value = read_find(entry, 2);
    metadata_add(meta, (const char *)key.at, reader_size(key), (const char *)value.at,
                 reader_size(value));
}

/* Operators that the model explains itself, by functions of its own, are known. */
static void collect_functions(struct walk *w, struct reader file)
{
    struct field f;
    while (read_field(&file, &f))
        if (f.number == MODEL_FUNCTION && w->domain_count < DOMAINS)
            w->domains[w->domain_count++] = read_find(f.bytes, FUNCTION_DOMAIN);
}

/* What a function is made of, and the values of its attributes where a node names none. */
static void read_function(struct walk *w, struct reader function)
{
    struct field f;
    while (!w->found->wrong[0] && next(w, &function, &f)) {
        if (f.number == FUNCTION_NODE)
            read_node(w, f.bytes, 0);
        else if (f.number == FUNCTION_DEFAULT)
            read_attribute(w, f.bytes, 0);
    }
}

static void describe(struct inspected *found, uint64_t ir, uint64_t opset, struct reader producer,
                     struct reader version)
{
    char number[32];
    inspected_text(found->producer, sizeof found->producer - 33, (const char *)producer.at,
                   reader_size(producer));
    inspected_text(number, sizeof number, (const char *)version.at, reader_size(version));
    size_t used = strlen(found->producer);
    if (number[0])
        snprintf(found->producer + used, sizeof found->producer - used, "%s%s", used ? " " : "",
                 number);
    snprintf(found->version, sizeof found->version, "IR %llu, opset %llu", (unsigned long long)ir,
             (unsigned long long)opset);
}

bool scan_onnx(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct reader file = {bytes, bytes + size}, producer = {bytes, bytes}, version = producer;
    struct walk w = {.found = found, .whole = true};
    struct field f;
    uint64_t ir = 0, opset = 0;
    bool has_graph = false;
    collect_functions(&w, file);
    while (next(&w, &file, &f)) {
        if (f.number == MODEL_IR)
            ir = f.value;
        else if (f.number == MODEL_PRODUCER)
            producer = f.bytes;
        else if (f.number == MODEL_PRODUCER_VERSION)
            version = f.bytes;
        else if (f.number == MODEL_METADATA)
            take_entry(meta, f.bytes);
        else if (f.number == MODEL_OPSET && !reader_size(read_find(f.bytes, 1)))
            for (struct field v; read_field(&f.bytes, &v);)
                opset = v.number == 2 ? v.value : opset;
        if (f.number == MODEL_FUNCTION)
            read_function(&w, f.bytes);
        if (f.number != MODEL_GRAPH || f.bytes.at == f.bytes.end)
            continue;
        if (has_graph) /* runtimes take both as one */
            inspected_refuse(found, "it has two graphs");
        else
            read_graph(&w, f.bytes);
        has_graph = true;
    }
    found->lacks = f.lacks;
    describe(found, ir, opset, producer, version);
    if (meta->count)
        meta->source = "metadata_props";
    return has_graph && w.whole;
}
