/* Texts of a hazard session (WS /stream/detection): pure, for any thread. The picture of a `frame`
 * is never copied into a tree of JSON values: its base64 text is found by a scan of the message,
 * the rest is parsed without it, and the bytes are decoded from where they lie. */
#ifndef SERVE_HAZARD_MESSAGE_H
#define SERVE_HAZARD_MESSAGE_H

#include <fovea/fovea.h>

#include "base/json.h"

/* Bytes of a text message beside its picture. */
#define HAZARD_JSON_MAX ((size_t)64 << 10)

enum hazard_kind { HAZARD_FRAME, HAZARD_CONFIG, HAZARD_TIME, HAZARD_UNKNOWN };

struct hazard_message {
    enum hazard_kind kind;
    json_value *json;  /* all but the picture's text; hazard_message_free */
    const char *image; /* base64 inside the message, after a data: URL's head; NULL: none */
    size_t image_size;
    int64_t frame_id; /* -1: none */
    double sender_ms; /* `timestamp`, 0: none */
    double t0;        /* HAZARD_TIME */
};

struct hazard_error {
    const char *code; /* "bad_json", "bad_frame", "bad_base64", "bad_config", "unknown_message" */
    char text[200];
};

/* Reads one text (valid UTF-8). False: `error` says why; `kind` and `frame_id` hold what could be
 * read all the same. Free it in both cases. */
bool hazard_message_read(struct hazard_message *message, const char *text, size_t size,
                         struct hazard_error *error);
void hazard_message_free(struct hazard_message *message);

/* Bytes that `size` characters of base64 have at most. */
size_t hazard_base64_room(size_t size);

/* Decodes base64 of RFC 4648, section 4; the padding may be left out; a slash may be escaped as in
 * JSON. `out` has hazard_base64_room(size) bytes. False: `error` names the place. */
bool hazard_base64_decode(const char *text, size_t size, uint8_t *out, size_t *out_size,
                          struct hazard_error *error);

/* What a client may configure. */
struct hazard_config {
    double fps_limit;
    float confidence, iou;
    uint64_t classes[16]; /* bit a class_id, all zero: every class */
    bool fifo;
};

/* Changes what the message names, or nothing at all: then `error` says which member is wrong and
 * what it may be. `model` gives class names their numbers; NULL: numbers only. */
bool hazard_config_read(struct hazard_config *config, const json_value *json, double max_fps,
                        const fov_model *model, struct hazard_error *error);

/* The object {"fps_limit","confidence","iou","classes","order"}; `fps` is the limit in force. */
void hazard_config_write(struct json_writer *w, const struct hazard_config *config, double fps);

/* Member "ignored" with the members of a config that are not known; left out when all are. */
void hazard_config_ignored(struct json_writer *w, const json_value *json);

#endif
