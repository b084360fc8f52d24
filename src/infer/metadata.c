#include "infer/metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

void metadata_release(struct metadata *meta)
{
    for (int i = 0; i < meta->count; i++)
        free(meta->entries[i].value);
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

static const struct {
    const char *suffix, *format;
    bool (*scan)(struct metadata *, const uint8_t *, size_t);
} scanners[] = {
    {".xml", "an OpenVINO IR", metadata_scan_xml},
    {".onnx", "an ONNX model", metadata_scan_onnx},
    {".tflite", "a TFLite model", metadata_scan_tflite},
};

static int scanner_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof scanners / sizeof *scanners; i++)
        if (!strcmp(dot, scanners[i].suffix))
            return (int)i;
    return -1;
}

static fov_status scan_file(struct metadata *meta, int scanner, int file, const char *path,
                            fov_error *error)
{
    struct stat st;
    if (fstat(file, &st) || !S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EIO, "%s: not a file", path);
    void *bytes = MAP_FAILED;
    if (st.st_size > 0)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return fov_fail(error, FOV_EMODEL, "%s: the file is empty or cannot be read", path);
    static const char lfs[] = "version https://git-lfs";
    bool pointer = (size_t)st.st_size >= sizeof lfs && !memcmp(bytes, lfs, sizeof lfs - 1);
    bool known = !pointer && scanners[scanner].scan(meta, bytes, (size_t)st.st_size);
    munmap(bytes, (size_t)st.st_size);
    if (pointer)
        return fov_fail(error, FOV_EMODEL,
                        "%s: a Git LFS pointer, not the model itself; fetch it with `git lfs pull`",
                        path);
    if (!known)
        return fov_fail(error, FOV_EMODEL, "%s: not %s, or damaged", path,
                        scanners[scanner].format);
    return FOV_OK;
}

fov_status metadata_read(struct metadata *meta, const char *path, fov_error *error)
{
    *meta = (struct metadata){.source = ""};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fov_fail(error, errno == ENOENT || errno == ENOTDIR ? FOV_ENOTFOUND : FOV_EIO,
                        "%s: %s", path, strerror(errno));
    int scanner = scanner_of(path);
    fov_status status = FOV_OK;
    if (scanner >= 0)
        status = scan_file(meta, scanner, file, path, error);
    close(file);
    if (status)
        metadata_release(meta);
    return status;
}
