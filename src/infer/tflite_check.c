/* Source: the schema of TFLite files, version 3, as TensorFlow publishes it. */
#include "infer/tflite_check.h"

#include <string.h>

#include "base/text.h"
#include "infer/flatbuffer.h"

/* fields of the tables, by their number in the schema */
enum { MODEL_CODES = 1, MODEL_GRAPHS = 2, MODEL_BUFFERS = 4, MODEL_METADATA = 6 };
enum { MODEL_SIGNATURES = 7, MODEL_EXTERNAL = 8, CODE_CUSTOM = 1 };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS };
enum { TENSOR_SHAPE = 0, TENSOR_BUFFER = 2, TENSOR_QUANT = 4, TENSOR_SIGNATURE = 7 };
enum {
    QUANT_SCALE = 2,
    QUANT_DETAILS_TYPE = 4,
    QUANT_DETAILS = 5,
    QUANT_DIMENSION = 6,
    BLOCKWISE = 2
};
enum { OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_LARGE = 9 };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };
enum { SIGNATURE_INPUTS = 0, SIGNATURE_OUTPUTS = 1, SIGNATURE_GRAPH = 4, MAP_TENSOR = 1 };
enum { GRAPHS_MAX = 64, TENSORS_MAX = 1 << 16 };
enum { STEPS_MAX = 1 << 24 }; /* of the whole check: tables may share their lists */
enum { NUMBERS_MAX = 1 << 28, IO_NUMBERS_MAX = 1 << 26 }; /* of a tensor, of an input or output */

struct vector {
    size_t at, count;
};

struct check {
    struct buffer file;
    size_t model;
    struct vector codes, graphs, buffers;
    size_t steps;
    const char *wrong; /* first thing found, NULL so far */
};

static struct vector vector_in(const struct check *c, size_t table, unsigned field, size_t element)
{
    struct vector v = {0, 0};
    v.at = vector_of(&c->file, table, field, element, &v.count);
    return v;
}

/* The i-th table of a vector of tables. */
static size_t table_at(const struct check *c, struct vector v, size_t i)
{
    return follow(&c->file, v.at + 4 * i);
}

static uint32_t number_in(const struct check *c, size_t table, unsigned field)
{
    size_t at = field_of(&c->file, table, field);
    return at ? u32_at(&c->file, at) : 0;
}

static uint64_t wide_number_in(const struct check *c, size_t table, unsigned field)
{
    size_t at = field_of(&c->file, table, field);
    return at ? u32_at(&c->file, at) | (uint64_t)u32_at(&c->file, at + 4) << 32 : 0;
}

static void require(struct check *c, bool holds, const char *otherwise)
{
    if (!holds && !c->wrong)
        c->wrong = otherwise;
}

/* Goes before every turn of a loop: false when something is wrong or the file goes on forever. */
static bool may_go_on(struct check *c)
{
    require(c, ++c->steps <= STEPS_MAX, "more parts than a model can have");
    return !c->wrong;
}

static bool is_in_file(const struct check *c, uint64_t offset, uint64_t size)
{
    return offset <= c->file.size && size <= c->file.size - offset;
}

static void check_buffers(struct check *c)
{
    for (size_t i = 0; i < c->buffers.count && may_go_on(c); i++) {
        size_t buffer = table_at(c, c->buffers, i);
        require(c, buffer != 0, "a buffer outside the file");
        require(c,
                is_in_file(c, wide_number_in(c, buffer, BUFFER_OFFSET),
                           wide_number_in(c, buffer, BUFFER_SIZE)),
                "weights outside the file");
    }
}

/* Dimensions: at most what a tensor of ours can have; -1 is open. */
static void check_shape(struct check *c, size_t tensor, unsigned field, int64_t most)
{
    struct vector shape = vector_in(c, tensor, field, 4);
    int64_t count = 1;
    require(c, shape.count <= FOV_TENSOR_RANK, "a tensor of more than 8 dimensions");
    for (size_t i = 0; i < shape.count && may_go_on(c); i++) {
        int32_t size = (int32_t)u32_at(&c->file, shape.at + 4 * i);
        require(c, size >= -1, "a negative dimension");
        count *= size > 1 ? size : 1;
        require(c, count <= most, "a tensor of absurd size");
    }
}

static void check_tensors(struct check *c, struct vector tensors)
{
    require(c, tensors.count <= TENSORS_MAX, "more tensors than a model can have");
    for (size_t i = 0; i < tensors.count && may_go_on(c); i++) {
        size_t tensor = table_at(c, tensors, i);
        require(c, tensor != 0, "a tensor outside the file");
        require(c, number_in(c, tensor, TENSOR_BUFFER) < c->buffers.count || !c->buffers.count,
                "a tensor without its buffer");
        check_shape(c, tensor, TENSOR_SHAPE, NUMBERS_MAX);
        check_shape(c, tensor, TENSOR_SIGNATURE, NUMBERS_MAX);
        size_t quant = follow(&c->file, field_of(&c->file, tensor, TENSOR_QUANT));
        size_t type = field_of(&c->file, quant, QUANT_DETAILS_TYPE);
        size_t details = follow(&c->file, field_of(&c->file, quant, QUANT_DETAILS));
        if (type && (u16_at(&c->file, type) & 255) == BLOCKWISE)
            for (unsigned field = 0; field < 2; field++) /* scales, zero points */
                require(c,
                        number_in(c, details, field) < tensors.count ||
                            (field && number_in(c, details, field) == UINT32_MAX),
                        "scales that are no tensor");
    }
}

/* A list of tensors; `optional`: -1 stands for one that is left out. */
static struct vector check_list(struct check *c, size_t table, unsigned field, size_t tensors,
                                bool optional)
{
    struct vector list = vector_in(c, table, field, 4);
    for (size_t i = 0; i < list.count && may_go_on(c); i++) {
        uint32_t index = u32_at(&c->file, list.at + 4 * i);
        require(c, index < tensors || (optional && index == UINT32_MAX),
                "an operator or a graph with a tensor that is not there");
    }
    return list;
}

/* True when the tensor has numbers of its own in the file. */
static bool is_constant(const struct check *c, size_t tensor)
{
    uint32_t index = number_in(c, tensor, TENSOR_BUFFER);
    if (index >= c->buffers.count)
        return false;
    size_t buffer = table_at(c, c->buffers, index);
    return vector_in(c, buffer, BUFFER_DATA, 1).count || wide_number_in(c, buffer, BUFFER_SIZE);
}

static void check_operators(struct check *c, size_t graph, struct vector tensors)
{
    struct vector operators = vector_in(c, graph, GRAPH_OPERATORS, 4);
    for (size_t i = 0; i < operators.count && may_go_on(c); i++) {
        size_t op = table_at(c, operators, i);
        require(c, op != 0, "an operator outside the file");
        require(c, number_in(c, op, OPERATOR_CODE) < c->codes.count, "an operator of no kind");
        require(c,
                is_in_file(c, wide_number_in(c, op, OPERATOR_LARGE),
                           wide_number_in(c, op, OPERATOR_LARGE + 1)),
                "an operator's options outside the file");
        check_list(c, op, OPERATOR_INPUTS, tensors.count, true);
        struct vector out = check_list(c, op, OPERATOR_OUTPUTS, tensors.count, false);
        for (size_t k = 0; k < out.count && may_go_on(c); k++)
            require(c, !is_constant(c, table_at(c, tensors, u32_at(&c->file, out.at + 4 * k))),
                    "an operator that writes into weights");
    }
}

/* What is copied in and out of a graph. */
static void check_ends(struct check *c, struct vector tensors, struct vector list)
{
    for (size_t i = 0; i < list.count && may_go_on(c); i++)
        check_shape(c, table_at(c, tensors, u32_at(&c->file, list.at + 4 * i)), TENSOR_SHAPE,
                    IO_NUMBERS_MAX);
}

static void check_graphs(struct check *c)
{
    require(c, c->graphs.count > 0, "no graph");
    require(c, c->graphs.count <= GRAPHS_MAX, "more graphs than a model can have");
    for (size_t i = 0; i < c->graphs.count && may_go_on(c); i++) {
        size_t graph = table_at(c, c->graphs, i);
        struct vector tensors = vector_in(c, graph, GRAPH_TENSORS, 4);
        require(c, graph && tensors.count, "an empty graph");
        check_tensors(c, tensors);
        check_operators(c, graph, tensors);
        struct vector in = check_list(c, graph, GRAPH_INPUTS, tensors.count, false);
        struct vector out = check_list(c, graph, GRAPH_OUTPUTS, tensors.count, false);
        require(c, i > 0 || (in.count && out.count), "a graph without inputs or outputs");
        check_ends(c, tensors, in);
        check_ends(c, tensors, out);
    }
}

static void check_maps(struct check *c, struct vector maps, size_t tensors)
{
    for (size_t i = 0; i < maps.count && may_go_on(c); i++)
        require(c, number_in(c, table_at(c, maps, i), MAP_TENSOR) < tensors,
                "a signature with a tensor that is not there");
}

static void check_signatures(struct check *c)
{
    struct vector signatures = vector_in(c, c->model, MODEL_SIGNATURES, 4);
    for (size_t i = 0; i < signatures.count && may_go_on(c); i++) {
        size_t signature = table_at(c, signatures, i);
        uint32_t graph = number_in(c, signature, SIGNATURE_GRAPH);
        require(c, signature && graph < c->graphs.count, "a signature without its graph");
        if (c->wrong)
            return;
        size_t tensors = vector_in(c, table_at(c, c->graphs, graph), GRAPH_TENSORS, 4).count;
        check_maps(c, vector_in(c, signature, SIGNATURE_INPUTS, 4), tensors);
        check_maps(c, vector_in(c, signature, SIGNATURE_OUTPUTS, 4), tensors);
    }
}

/* Metadata: name 0, buffer 1. */
static void check_metadata(struct check *c)
{
    struct vector entries = vector_in(c, c->model, MODEL_METADATA, 4);
    for (size_t i = 0; i < entries.count && may_go_on(c); i++) {
        size_t entry = table_at(c, entries, i);
        require(c,
                entry && follow(&c->file, field_of(&c->file, entry, 0)) &&
                    number_in(c, entry, 1) < c->buffers.count,
                "metadata without its buffer");
    }
}

/* Reads the kinds of operators; those of TFLite itself have no name. */
static void read_codes(struct check *c, struct tflite_facts *facts)
{
    static const char edge_tpu[] = "edgetpu-custom-op";
    for (size_t i = 0; i < c->codes.count && may_go_on(c); i++) {
        size_t code = table_at(c, c->codes, i);
        require(c, code != 0, "a kind of operator outside the file");
        struct vector name = vector_in(c, code, CODE_CUSTOM, 1);
        const char *text = (const char *)c->file.bytes + name.at;
        char shown[sizeof facts->custom] = "";
        if (!name.count)
            continue;
        facts->edge_tpu |= name.count == sizeof edge_tpu - 1 &&
                           !memcmp(text, edge_tpu, sizeof edge_tpu - 1);
        for (size_t k = 0; !facts->custom[0] && k < name.count && k < sizeof shown - 1; k++)
            shown[k] = text[k] > ' ' && text[k] < 127 ? text[k] : '?';
        if (!facts->custom[0])
            text_copy(facts->custom, sizeof facts->custom, shown);
    }
}

/* Which dimensions of the i-th tensor in the list have no size yet: a bit for each. */
static uint8_t open_in(const struct check *c, struct vector tensors, struct vector list, size_t i)
{
    size_t tensor = table_at(c, tensors, u32_at(&c->file, list.at + 4 * i));
    struct vector shape = vector_in(c, tensor, TENSOR_SIGNATURE, 4);
    unsigned open = 0;
    for (size_t k = 0; k < shape.count; k++)
        if (u32_at(&c->file, shape.at + 4 * k) == UINT32_MAX)
            open |= 1u << k;
    return (uint8_t)open;
}

static void read_open(const struct check *c, struct tflite_facts *facts)
{
    size_t graph = table_at(c, c->graphs, 0);
    struct vector tensors = vector_in(c, graph, GRAPH_TENSORS, 4);
    struct vector inputs = vector_in(c, graph, GRAPH_INPUTS, 4);
    struct vector outputs = vector_in(c, graph, GRAPH_OUTPUTS, 4);
    for (size_t i = 0; i < inputs.count && i < FOV_MODEL_INPUTS; i++)
        facts->open[i] = open_in(c, tensors, inputs, i);
    for (size_t i = 0; i < outputs.count && i < FOV_MODEL_OUTPUTS; i++)
        facts->open_outputs |= open_in(c, tensors, outputs, i) != 0;
}

static void read_model(struct check *c)
{
    c->model = u32_at(&c->file, 0);
    c->codes = vector_in(c, c->model, MODEL_CODES, 4);
    c->graphs = vector_in(c, c->model, MODEL_GRAPHS, 4);
    c->buffers = vector_in(c, c->model, MODEL_BUFFERS, 4);
}

fov_status tflite_check(const uint8_t *bytes, size_t size, struct tflite_facts *facts,
                        fov_error *error)
{
    struct tflite_facts own;
    struct check c = {.file = {bytes, size}};
    facts = facts ? facts : &own;
    *facts = (struct tflite_facts){0};
    if (size < 16 || memcmp(bytes + 4, "TFL3", 4))
        return fov_fail(error, FOV_EMODEL, "not a TensorFlow Lite model");
    read_model(&c);
    require(&c, !vector_in(&c, c.model, MODEL_EXTERNAL, 4).count, "weights in other files");
    check_buffers(&c);
    check_graphs(&c);
    check_signatures(&c);
    check_metadata(&c);
    read_codes(&c, facts);
    if (!c.wrong)
        read_open(&c, facts);
    if (c.wrong)
        return fov_fail(error, FOV_EMODEL, "damaged, or not a model for fovea: %s", c.wrong);
    return FOV_OK;
}

/* True when the dimension was not one that the tensor has, and now is. */
static bool mend_tensor(const struct check *c, uint8_t *bytes, size_t tensor)
{
    size_t quant = follow(&c->file, field_of(&c->file, tensor, TENSOR_QUANT));
    size_t at = field_of(&c->file, quant, QUANT_DIMENSION);
    size_t rank = vector_in(c, tensor, TENSOR_SHAPE, 4).count;
    bool alone = rank == 1 || vector_in(c, quant, QUANT_SCALE, 4).count == 1;
    if (!at || at > c->file.size - 4 || !rank || !alone || u32_at(&c->file, at) < rank)
        return false;
    memset(bytes + at, 0, 4);
    return true;
}

int tflite_mend(uint8_t *bytes, size_t size)
{
    struct check c = {.file = {bytes, size}};
    int mended = 0;
    read_model(&c);
    for (size_t i = 0; i < c.graphs.count; i++) {
        struct vector tensors = vector_in(&c, table_at(&c, c.graphs, i), GRAPH_TENSORS, 4);
        for (size_t k = 0; k < tensors.count; k++)
            mended += mend_tensor(&c, bytes, table_at(&c, tensors, k));
    }
    return mended;
}
