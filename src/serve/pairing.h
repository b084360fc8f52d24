/* How a camera's messages become pictures: metadata and then its picture, or both in one packed
 * message. A pure state machine: the same rules for every socket, testable without one. */
#ifndef SERVE_PAIRING_H
#define SERVE_PAIRING_H

#include <fovea/fovea.h>

/* A metadata text may stand alone for this long; then its picture counts as lost. */
#define PAIRING_GAP_MS 1000

struct picture_note {
    double timestamp; /* sender's Unix ms */
    bool has_timestamp;
    double clock_offset_ms; /* server clock - sender's, as the sender estimated it */
    bool has_offset;
    int64_t number;    /* sender's frameNumber, -1 none */
    int width, height; /* px, 0 not said */
    fov_codec codec;   /* FOV_CODEC_NONE: not said */
};

struct pairing {
    bool waiting; /* metadata is there, its picture is not */
    struct picture_note note;
    int64_t since_ns;
};

/* A typed error for the sender; code NULL: none. frame_id -1: unknown. */
struct pairing_error {
    const char *code;
    int64_t frame_id;
    char message[200];
};

/* Reads {"type":"frame_metadata",…}. Members may be missing but not of a wrong type or out of
 * range. Returns false with code `bad_metadata`. */
bool pairing_read_note(const char *text, size_t size, struct picture_note *note,
                       struct pairing_error *error);

/* A metadata text came. The error speaks of the one before, which gets no picture any more; the new
 * one is kept in any case. */
void pairing_metadata(struct pairing *pairing, const struct picture_note *note, int64_t now_ns,
                      struct pairing_error *error);

/* A picture came: takes the metadata that waits into `note`. False: it may not be used
 * (picture_without_metadata, metadata_too_old). */
bool pairing_picture(struct pairing *pairing, int64_t now_ns, struct picture_note *note,
                     struct pairing_error *error);

/* The picture's own header against what the metadata says (size_mismatch, format_mismatch). */
bool pairing_check(const struct picture_note *note, const fov_picture_info *info,
                   struct pairing_error *error);

/* Splits a packed message (u32 little-endian JSON length, JSON, picture): `bad_pack`. */
bool pairing_unpack(const uint8_t *data, size_t size, const char **json, size_t *json_size,
                    const uint8_t **picture, size_t *picture_size, struct pairing_error *error);

#endif
