#include "infer/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void metadata_release(struct metadata *meta)
{
    for (int i = 0; i < meta->count; i++)
        free(meta->entries[i].value);
    free(meta->label_file);
    *meta = (struct metadata){.source = ""};
}

const char *metadata_get(const struct metadata *meta, const char *key)
{
    for (int i = 0; i < meta->count; i++)
        if (!strcmp(meta->entries[i].key, key))
            return meta->entries[i].value;
    return NULL;
}

void metadata_add(struct metadata *meta, const char *key, size_t key_size, const char *value,
                  size_t value_size)
{
    if (meta->count >= METADATA_ENTRIES || !key_size || key_size >= METADATA_KEY ||
        value_size > METADATA_VALUE || meta->total + value_size > METADATA_TOTAL ||
        !text_is_utf8((const uint8_t *)key, key_size) ||
        !text_is_utf8((const uint8_t *)value, value_size) || memchr(value, 0, value_size))
        return;
    char name[METADATA_KEY];
    memcpy(name, key, key_size);
    name[key_size] = '\0';
    if (metadata_get(meta, name))
        return;
    char *copy = malloc(value_size + 1);
    if (!copy)
        return;
    memcpy(copy, value, value_size);
    copy[value_size] = '\0';
    memcpy(meta->entries[meta->count].key, name, key_size + 1);
    meta->entries[meta->count++].value = copy;
    meta->total += value_size;
}
