/* Forms. The first line is the content type, the rest the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct net_part parts[NET_MULTIPART_MAX_PARTS];
    const uint8_t *line = memchr(data, '\n', size);
    char type[512];
    size_t count = 0;
    if (!line || (size_t)(line - data) >= sizeof(type))
        return 0;
    memcpy(type, data, (size_t)(line - data));
    type[line - data] = 0;
    const uint8_t *body = line + 1, *end = data + size, *last = body;
    if (net_multipart_parse(type, body, (size_t)(end - body), parts, &count, NULL) != FOV_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct net_part *part = &parts[i];
        if (part->data < last || part->len > (size_t)(end - part->data))
            abort(); /* parts do not overlap and lie inside */
        last = part->data + part->len;
        if (strpbrk(part->filename, "/\\") ||
            !text_is_utf8((const uint8_t *)part->name, strlen(part->name)))
            abort();
    }
    return 0;
}
