#include "serve/pairing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define METADATA_MAX 4096
#define SIDE_MAX 65535
#define UNIX_MS_MAX 1e14

static bool refuse(struct pairing_error *error, const char *code, int64_t frame_id,
                   const char *format, ...) FOV_PRINTF(4, 5);

static bool refuse(struct pairing_error *error, const char *code, int64_t frame_id,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->code = code;
    error->frame_id = frame_id;
    return false;
}

static bool read_number(const json_value *json, const char *key, double least, double most,
                        double *value, bool *has)
{
    *has = json_has(json, key);
    return !*has || (json_get_number(json, key, value) && *value >= least && *value <= most);
}

static bool read_side(const json_value *json, const char *key, int *side)
{
    int64_t value = 0;
    if (!json_has(json, key))
        return true;
    if (!json_get_int(json, key, &value) || value < 1 || value > SIDE_MAX)
        return false;
    *side = (int)value;
    return true;
}

static bool read_codec(const json_value *json, fov_codec *codec)
{
    static const struct {
        const char *word;
        fov_codec codec;
    } words[] = {{"jpeg", FOV_JPEG}, {"jpg", FOV_JPEG}, {"png", FOV_PNG}, {"webp", FOV_WEBP}};
    const char *format;
    if (!json_has(json, "format"))
        return true;
    if (!json_get_string(json, "format", &format))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(format, words[i].word) == 0)
            *codec = words[i].codec;
    return *codec != FOV_CODEC_NONE;
}

/* Name of the first member that is wrong, NULL when all are fine. */
static const char *read_members(const json_value *json, struct picture_note *note)
{
    *note = (struct picture_note){.number = -1};
    if (json_has(json, "frameNumber") &&
        (!json_get_int(json, "frameNumber", &note->number) || note->number < 0)) {
        note->number = -1;
        return "frameNumber";
    }
    if (!read_number(json, "timestamp", 0, UNIX_MS_MAX, &note->timestamp, &note->has_timestamp))
        return "timestamp";
    if (!read_number(json, "clock_offset_ms", -UNIX_MS_MAX, UNIX_MS_MAX, &note->clock_offset_ms,
                     &note->has_offset))
        return "clock_offset_ms";
    if (!read_side(json, "width", &note->width))
        return "width";
    if (!read_side(json, "height", &note->height))
        return "height";
    return read_codec(json, &note->codec) ? NULL : "format";
}

bool pairing_read_note(const char *text, size_t size, struct picture_note *note,
                       struct pairing_error *error)
{
    fov_error why = {0};
    const char *type = "", *wrong = NULL;
    json_value *json = json_parse(text, size, METADATA_MAX, &why);
    if (!json)
        return refuse(error, "bad_metadata", -1, "%s", why.message);
    json_get_string(json, "type", &type);
    if (strcmp(type, "frame_metadata") != 0)
        refuse(error, "bad_metadata", -1, "type is '%.40s', expected frame_metadata", type);
    else if ((wrong = read_members(json, note)) != NULL)
        refuse(
            error, "bad_metadata", note->number,
            "%s has a wrong type or value; expected timestamp (ms), frameNumber (0 …), width and "
            "height (px), format (jpeg, png, webp)",
            wrong);
    bool good = strcmp(type, "frame_metadata") == 0 && !wrong;
    json_free(&json);
    return good;
}

void pairing_metadata(struct pairing *pairing, const struct picture_note *note, int64_t now_ns,
                      struct pairing_error *error)
{
    error->code = NULL;
    if (pairing->waiting)
        refuse(
            error, "metadata_without_picture", pairing->note.number,
            "another metadata came before the picture: send the picture right after its metadata");
    pairing->waiting = true;
    pairing->note = *note;
    pairing->since_ns = now_ns;
}

bool pairing_picture(struct pairing *pairing, int64_t now_ns, struct picture_note *note,
                     struct pairing_error *error)
{
    error->code = NULL;
    if (!pairing->waiting)
        return refuse(error, "picture_without_metadata", -1,
                      "send a frame_metadata text before each picture");
    pairing->waiting = false;
    *note = pairing->note;
    if (now_ns - pairing->since_ns >= PAIRING_GAP_MS * NS_PER_MS)
        return refuse(error, "metadata_too_old", note->number,
                      "the picture came more than 1 s after its metadata: send smaller pictures");
    return true;
}

bool pairing_check(const struct picture_note *note, const fov_picture_info *info,
                   struct pairing_error *error)
{
    error->code = NULL;
    if ((note->width && note->width != info->width) ||
        (note->height && note->height != info->height))
        return refuse(error, "size_mismatch", note->number,
                      "the metadata says %d×%d, the picture is %d×%d", note->width, note->height,
                      info->width, info->height);
    if (note->codec != FOV_CODEC_NONE && note->codec != info->codec)
        return refuse(error, "format_mismatch", note->number,
                      "the metadata names another format than the picture has");
    return true;
}

bool pairing_unpack(const uint8_t *data, size_t size, const char **json, size_t *json_size,
                    const uint8_t **picture, size_t *picture_size, struct pairing_error *error)
{
    error->code = NULL;
    size_t length = size < 4 ? 0
                             : (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 |
                                   (size_t)data[3] << 24;
    if (size < 4 || length > METADATA_MAX || length > size - 4)
        return refuse(error, "bad_pack", -1,
                      "expected u32 little-endian JSON length (at most %d), JSON, picture",
                      METADATA_MAX);
    *json = (const char *)data + 4;
    *json_size = length;
    *picture = data + 4 + length;
    *picture_size = size - 4 - length;
    return true;
}
