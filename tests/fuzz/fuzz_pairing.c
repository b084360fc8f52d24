/* Texts and packed messages of a camera: a note that was read keeps its bounds, a picture that was
 * split off lies inside the message. */
#include <stdlib.h>

#include "serve/pairing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct picture_note *note)
{
    if (note->width < 0 || note->width > 65535 || note->height < 0 || note->height > 65535 ||
        note->number < -1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct picture_note note;
    struct pairing_error error = {0};
    const char *json;
    const uint8_t *picture;
    size_t json_size, picture_size;
    if (pairing_read_note((const char *)data, size, &note, &error))
        check(&note);
    if (!pairing_unpack(data, size, &json, &json_size, &picture, &picture_size, &error))
        return 0;
    if (picture + picture_size != data + size || json + json_size != (const char *)picture)
        abort();
    if (pairing_read_note(json, json_size, &note, &error))
        check(&note);
    return 0;
}
