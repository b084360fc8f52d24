/* What is checked in a TFLite file before a runtime has it, and what is mended in it then. Whatever
 * the bytes: no crash, no write outside them, and what was not mended is as it was. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "infer/tflite_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tflite_facts facts;
    fov_error error = {.message = ""};
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    fov_status status = tflite_check(copy, size, &facts, &error);
    if (status ? status != FOV_EMODEL || !error.message[0] : error.message[0])
        abort();
    if (!text_is_utf8((const uint8_t *)facts.custom, strlen(facts.custom)))
        abort();
    if (!status) {
        bool mended = tflite_mend(copy, size) > 0;
        if (!mended && memcmp(copy, data, size))
            abort();
        if (tflite_check(copy, size, NULL, NULL) && !mended)
            abort();
    }
    free(copy);
    return 0;
}
