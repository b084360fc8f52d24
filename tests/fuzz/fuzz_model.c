/* What model files are and say about themselves (IR, ONNX, TFLite, frozen graphs, Paddle), and
 * labels made of it. Whatever the bytes: no crash, limits hold, texts are UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "infer/inspect.h"
#include "infer/labels.h"
#include "infer/metadata_beside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct metadata *meta)
{
    size_t total = 0;
    for (int i = 0; i < meta->count; i++) {
        const char *value = meta->entries[i].value;
        total += strlen(value);
        if (!text_is_utf8((const uint8_t *)value, strlen(value)) ||
            strlen(meta->entries[i].key) >= METADATA_KEY)
            abort();
    }
    if (meta->count > METADATA_ENTRIES || total > METADATA_TOTAL)
        abort();
}

static void check_labels(const struct metadata *meta)
{
    struct head_setup setup = {.columns = 91, .background = 0};
    struct labels labels;
    fov_error error;
    if (labels_count(meta) < 0)
        abort();
    if (labels_make(&labels, &setup, meta, NULL, &error) != FOV_OK)
        return;
    for (int column = 0; column < setup.columns; column++)
        if (labels.class_of[column] >= labels.count)
            abort();
    labels_release(&labels);
}

/* Everything that is kept is printable, terminated and within its bounds. */
static void check_text(const char *text, size_t room)
{
    size_t size = strnlen(text, room);
    if (size == room)
        abort();
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > 126)
            abort();
}

static void check_port(const fov_file_port *port)
{
    fov_tensor t = inspected_tensor(port);
    check_text(port->name, sizeof port->name);
    check_text(port->type, sizeof port->type);
    if (t.rank < 0 || t.rank > FOV_TENSOR_RANK)
        abort();
    for (int d = 0; d < t.rank; d++)
        if (t.shape[d] < -1 || t.shape[d] > INSPECT_SIDE)
            abort();
}

static void check_found(const struct inspected *found)
{
    check_text(found->version, sizeof found->version);
    check_text(found->producer, sizeof found->producer);
    check_text(found->custom, sizeof found->custom);
    check_text(found->external, sizeof found->external);
    check_text(found->wrong, sizeof found->wrong);
    for (int i = 0; i < found->input_count && i < INSPECT_PORTS; i++)
        check_port(&found->inputs[i]);
    for (int i = 0; i < found->output_count && i < INSPECT_PORTS; i++)
        check_port(&found->outputs[i]);
    if (found->operator_kinds > INSPECT_OPERATORS)
        abort();
    for (int i = 0; i < found->operator_kinds; i++)
        check_text(found->operators[i].name, sizeof found->operators[i].name);
}

static void check_kind(const uint8_t *data, size_t size)
{
    char advice[160];
    enum file_kind kind = file_kind_of(data, size, "a.bin");
    file_kind_advice(kind, "folder/a.bin", advice, sizeof advice);
    check_text(advice, sizeof advice);
    check_text(file_kind_noun(kind), 80);
}

static void check_yaml(const uint8_t *data, size_t size)
{
    struct metadata meta = {.source = ""};
    metadata_scan_yaml(&meta, (const char *)data, size);
    check(&meta);
    check_labels(&meta);
    metadata_release(&meta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool (*const scanners[])(struct inspected *, struct metadata *, const uint8_t *, size_t) = {
        scan_xml, scan_onnx, scan_tflite, scan_graphdef, scan_paddle};
    for (size_t i = 0; i < sizeof scanners / sizeof *scanners; i++) {
        struct metadata meta = {.source = ""};
        struct inspected *found = calloc(1, sizeof *found);
        if (!found)
            abort();
        scanners[i](found, &meta, data, size);
        check(&meta);
        check_found(found);
        check_labels(&meta);
        metadata_release(&meta);
        free(found);
    }
    check_kind(data, size);
    check_yaml(data, size);
    return 0;
}
