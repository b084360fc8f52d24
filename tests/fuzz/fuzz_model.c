/* What model files say about themselves (IR, ONNX, TFLite), and labels made of it. Whatever the
 * bytes: no crash, limits hold, texts are UTF-8.
 * libfuzzer: src/infer/metadata.c src/infer/metadata_xml.c src/infer/metadata_onnx.c
 * src/infer/metadata_tflite.c src/infer/labels.c src/base/text.c src/base/status.c
 * src/base/json.c -lcjson */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "infer/labels.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool (*const scanners[])(struct metadata *, const uint8_t *, size_t) = {
        metadata_scan_xml, metadata_scan_onnx, metadata_scan_tflite};
    for (size_t i = 0; i < sizeof scanners / sizeof *scanners; i++) {
        struct metadata meta = {.source = ""};
        scanners[i](&meta, data, size);
        check(&meta);
        check_labels(&meta);
        metadata_release(&meta);
    }
    return 0;
}
