/* Texts of hazard sessions: what was found lies inside the message, what was decoded inside its
 * room, and a configuration that was taken is within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "serve/hazard_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_image(const struct hazard_message *m, const char *text, size_t size)
{
    struct hazard_error error;
    if (m->image < text || m->image + m->image_size > text + size)
        abort();
    size_t room = hazard_base64_room(m->image_size), used = 0;
    uint8_t *out = malloc(room); /* so tight that a sanitizer sees one byte more */
    if (!out)
        return;
    hazard_base64_decode(m->image, m->image_size, out, &used, &error);
    if (used > room)
        abort();
    free(out);
}

static void check_config(const json_value *json)
{
    struct hazard_config config = {.fps_limit = 15, .confidence = 0.5f, .iou = 0.45f};
    const struct hazard_config before = config;
    struct hazard_error error;
    struct json_writer w = {0};
    if (!hazard_config_read(&config, json, 30, NULL, &error)) {
        if (memcmp(&config, &before, sizeof config) != 0)
            abort();
        return;
    }
    if (!(config.fps_limit >= 1 && config.fps_limit <= 30) ||
        !(config.confidence > 0 && config.confidence <= 1) || !(config.iou > 0 && config.iou <= 1))
        abort();
    json_object_begin(&w);
    json_name(&w, "config");
    hazard_config_write(&w, &config, config.fps_limit);
    hazard_config_ignored(&w, json);
    json_object_end(&w);
    json_value *again = json_parse(w.text, w.size, JSON_WRITE_MAX, NULL);
    if (!again)
        abort(); /* what is written can be read */
    json_free(&again);
    json_release(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hazard_message m;
    struct hazard_error error;
    if (hazard_message_read(&m, (const char *)data, size, &error)) {
        if (m.frame_id < -1 || m.sender_ms < 0)
            abort();
        if (m.kind == HAZARD_FRAME)
            check_image(&m, (const char *)data, size);
        if (m.kind == HAZARD_CONFIG)
            check_config(m.json);
    } else if (!error.code || !error.text[0]) {
        abort();
    }
    hazard_message_free(&m);
    return 0;
}
