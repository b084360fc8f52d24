/* What a server of the Open Inference Protocol says: descriptions, configurations, errors, replies.
 * Whatever the bytes: no crash, limits hold, and what was accepted lies within the reply. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "infer/oip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char description[] =
    "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"UINT8\",\"shape\":[1,8,8,3]}],\"outputs\":["
    "{\"name\":\"boxes\",\"datatype\":\"FP32\",\"shape\":[1,4,4]},"
    "{\"name\":\"scores\",\"datatype\":\"FP16\",\"shape\":[1,-1,-1]}]}";

static void check_reply(const char *text, size_t size)
{
    static const fov_model_params params;
    fov_backend_model about = {0};
    struct oip_reply reply = {0};
    if (oip_read_description(description, sizeof description - 1, &params, &about, NULL) != FOV_OK)
        abort();
    const char *line = memchr(text, '\n', size); /* JSON, line feed, binary part */
    size_t json = line ? (size_t)(line - text) : size, binary = line ? size - json - 1 : 0;
    for (int turn = 0; turn < 2; turn++) {
        fov_status status = oip_read_reply(&reply, &about, text, json, binary, NULL);
        for (int i = 0; status == FOV_OK && i < about.output_count; i++) {
            const fov_tensor *t = &reply.outputs[i];
            size_t bytes = fov_tensor_count(t) * fov_dtype_size(t->dtype);
            if (reply.offset[i] > binary || bytes > binary - reply.offset[i])
                abort();
        }
    }
    oip_reply_release(&reply);
}

static void check_description(const char *text, size_t size)
{
    static const fov_model_params params = {.input_width = 64};
    fov_backend_model about = {0};
    struct json_writer w = {0};
    if (oip_read_description(text, size, &params, &about, NULL) == FOV_OK) {
        if (about.input_count < 1 || about.input_count > FOV_MODEL_INPUTS ||
            about.output_count < 1 || about.output_count > FOV_MODEL_OUTPUTS)
            abort();
        for (int i = 0; i < about.input_count; i++) {
            size_t count = fov_tensor_count(&about.inputs[i]);
            if (!count || count * fov_dtype_size(about.inputs[i].dtype) > OIP_TENSOR_MAX)
                abort();
        }
        oip_write_request(&about, &w);
        if (w.failed || w.size % OIP_ALIGN)
            abort();
    }
    json_release(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct metadata meta = {.source = ""};
    struct oip_address address;
    char line[256], url[OIP_URL];
    check_reply(text, size);
    check_description(text, size);
    oip_read_metadata(text, size, &meta);
    metadata_release(&meta);
    oip_read_server(text, size, line, 64);
    oip_read_error(text, size, line, 160);
    size_t length = size < sizeof line - 1 ? size : sizeof line - 1;
    if (length)
        memcpy(line, data, length);
    line[length] = '\0';
    if (oip_read_address(line, &address, NULL) == FOV_OK)
        oip_url(&address, "/infer", url);
    return 0;
}
