/* TensorFlow's frozen graphs and PaddlePaddle's programs. Field numbers are those of graph.proto
 * and framework.proto, as their projects publish them. */
#include "infer/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/protobuf.h"

enum { GRAPH_NODE = 1, NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_KEY = 1, ATTRIBUTE_VALUE = 2, VALUE_TYPE = 6, VALUE_SHAPE = 7 };
enum { SHAPE_DIM = 2, DIM_SIZE = 1, NAMES = 1 << 17 };

struct names {
    struct reader *list;
    size_t count;
};

static uint64_t find_number(struct reader message, uint64_t number, uint64_t otherwise)
{
    struct field f;
    while (read_field(&message, &f))
        if (f.number == number)
            otherwise = f.value;
    return otherwise;
}

/* ---- TensorFlow ---- */

static const char *type_name(uint64_t type)
{
    static const char *const names[] = {"?",  "f32",    "f64", "i32", "u8",  "i16",
                                        "i8", "string", "c64", "i64", "bool"};
    return type == 19 ? "f16" : type < sizeof names / sizeof *names ? names[type] : "?";
}

static void read_placeholder(struct inspected *found, struct reader node)
{
    struct reader name = read_find(node, NODE_NAME);
    fov_file_port *port = inspected_add_port(found, false, (const char *)name.at,
                                             reader_size(name));
    struct field f, dim;
    while (port && read_field(&node, &f)) {
        if (f.number != NODE_ATTRIBUTE)
            continue;
        struct reader key = read_find(f.bytes, ATTRIBUTE_KEY),
                      value = read_find(f.bytes, ATTRIBUTE_VALUE);
        if (reader_is(key, "dtype"))
            snprintf(port->type, sizeof port->type, "%s",
                     type_name(find_number(value, VALUE_TYPE, 0)));
        if (!reader_is(key, "shape"))
            continue;
        struct reader shape = read_find(value, VALUE_SHAPE);
        while (read_field(&shape, &dim))
            if (dim.number == SHAPE_DIM)
                inspected_add_dimension(found, port, (int64_t)find_number(dim.bytes, DIM_SIZE, 0));
    }
}

static int compare(const void *a, const void *b)
{
    const struct reader *x = a, *y = b;
    size_t n = reader_size(*x), m = reader_size(*y);
    int order = memcmp(x->at, y->at, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

/* "^name" waits for a node, "name:1" takes its second result. */
static void add_input(struct names *used, struct reader input)
{
    const uint8_t *colon = memchr(input.at, ':', reader_size(input));
    if (colon)
        input.end = colon;
    if (reader_size(input) && *input.at == '^')
        input.at++;
    if (used->count < NAMES)
        used->list[used->count++] = input;
}

static void collect_inputs(struct names *used, struct reader file)
{
    struct field f, part;
    while (read_field(&file, &f)) {
        struct reader node = f.bytes;
        while (f.number == GRAPH_NODE && read_field(&node, &part))
            if (part.number == NODE_INPUT)
                add_input(used, part.bytes);
    }
    qsort(used->list, used->count, sizeof *used->list, compare);
}

/* What no other node takes is a result. */
static void read_results(struct inspected *found, struct reader file)
{
    static const char *const others[] = {"NoOp", "Assert", "Const", "Placeholder"};
    struct names used = {malloc(NAMES * sizeof *used.list), 0};
    struct field f;
    if (!used.list)
        return;
    collect_inputs(&used, file);
    while (used.count < NAMES && read_field(&file, &f)) {
        struct reader name = read_find(f.bytes, NODE_NAME), op = read_find(f.bytes, NODE_OP);
        bool result = f.number == GRAPH_NODE &&
                      !bsearch(&name, used.list, used.count, sizeof name, compare);
        for (size_t i = 0; result && i < sizeof others / sizeof *others; i++)
            result = !reader_is(op, others[i]);
        if (result)
            inspected_add_port(found, true, (const char *)name.at, reader_size(name));
    }
    free(used.list);
}

bool scan_graphdef(struct inspected *found, struct metadata *meta, const uint8_t *bytes,
                   size_t size)
{
    struct reader file = {bytes, bytes + size}, again = file;
    struct field f;
    (void)meta;
    while (!found->wrong[0] && read_field(&file, &f)) {
        struct reader op = read_find(f.bytes, NODE_OP);
        if (f.number != GRAPH_NODE)
            continue;
        if (reader_is(op, "Placeholder"))
            read_placeholder(found, f.bytes);
        inspected_add_operator(found, "", 0, (const char *)op.at, reader_size(op), true);
    }
    found->lacks = f.lacks;
    if (file.at != file.end)
        return false;
    read_results(found, again);
    return found->node_count > 0;
}

/* ---- PaddlePaddle: blocks of variables and operators; `feed` and `fetch` mark the ends ---- */

enum { PROGRAM_BLOCK = 1, BLOCK_VARIABLE = 3, BLOCK_OPERATOR = 4, OPERATOR_TYPE = 3 };
enum { VARIABLE_NAME = 1, VARIABLE_TYPE = 2, TYPE_LOD = 3, LOD_TENSOR = 1, TENSOR_DIMS = 2 };
enum { OPERATOR_INPUTS = 1, OPERATOR_OUTPUTS = 2, SLOT_ARGUMENT = 2 };

static const char *paddle_type(uint64_t type)
{
    static const char *const names[] = {"bool", "i16", "i32", "i64", "f16", "f32", "f64"};
    return type < sizeof names / sizeof *names ? names[type]
           : type == 20                        ? "u8"
           : type == 21                        ? "i8"
                                               : "?";
}

/* Shape and type of the variable `name`. */
static void read_variable(struct inspected *found, struct reader block, struct reader name,
                          fov_file_port *port)
{
    struct field f, part;
    while (read_field(&block, &f)) {
        struct reader called = read_find(f.bytes, VARIABLE_NAME);
        if (f.number != BLOCK_VARIABLE || compare(&called, &name))
            continue;
        struct reader tensor = read_find(read_find(read_find(f.bytes, VARIABLE_TYPE), TYPE_LOD),
                                         LOD_TENSOR);
        snprintf(port->type, sizeof port->type, "%s", paddle_type(find_number(tensor, 1, 99)));
        while (read_field(&tensor, &part))
            if (part.number == TENSOR_DIMS && part.bytes.at == part.bytes.end)
                inspected_add_dimension(found, port, (int64_t)part.value);
    }
}

static void read_paddle_port(struct inspected *found, struct reader block, struct reader op,
                             bool output)
{
    struct reader name = read_find(read_find(op, output ? OPERATOR_INPUTS : OPERATOR_OUTPUTS),
                                   SLOT_ARGUMENT);
    fov_file_port *port = inspected_add_port(found, output, (const char *)name.at,
                                             reader_size(name));
    if (port)
        read_variable(found, block, name, port);
}

static void read_block(struct inspected *found, struct reader block)
{
    struct field f;
    struct reader whole = block;
    while (!found->wrong[0] && read_field(&block, &f)) {
        struct reader type = read_find(f.bytes, OPERATOR_TYPE);
        if (f.number != BLOCK_OPERATOR)
            continue;
        if (reader_is(type, "feed") || reader_is(type, "fetch"))
            read_paddle_port(found, whole, f.bytes, reader_is(type, "fetch"));
        else
            inspected_add_operator(found, "", 0, (const char *)type.at, reader_size(type), true);
    }
}

bool scan_paddle(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size)
{
    struct reader file = {bytes, bytes + size};
    struct field f;
    (void)meta;
    while (!found->wrong[0] && read_field(&file, &f))
        if (f.number == PROGRAM_BLOCK)
            read_block(found, f.bytes);
    found->lacks = f.lacks;
    return file.at == file.end && found->node_count > 0;
}
