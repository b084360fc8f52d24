#include "npy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX = 10, ALIGN = 64 }; /* bytes before the header's text; of the whole header */

/* Magic, version, length, and a Python dictionary padded with blanks; returns its bytes. */
static size_t make_header(char header[512], const char *type, const fov_tensor *t)
{
    int used = snprintf(header + PREFIX, 512 - PREFIX,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    for (int i = 0; i < t->rank; i++)
        used += snprintf(header + PREFIX + used, 512 - PREFIX - (size_t)used, "%lld, ",
                         (long long)t->shape[i]);
    used += snprintf(header + PREFIX + used, 512 - PREFIX - (size_t)used, ")}");
    size_t size = (PREFIX + (size_t)used + 1 + ALIGN - 1) / ALIGN * ALIGN;
    memset(header + PREFIX + used, ' ', size - PREFIX - (size_t)used);
    header[size - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((size - PREFIX) & 255);
    header[9] = (char)((size - PREFIX) >> 8);
    return size;
}

fov_status npy_write(const char *path, const fov_tensor *tensor, fov_error *error)
{
    char header[512];
    const char *type = tensor->dtype == FOV_F32  ? "<f4"
                       : tensor->dtype == FOV_U8 ? "|u1"
                       : tensor->dtype == FOV_I8 ? "|i1"
                                                 : NULL;
    if (!type)
        return fov_fail(error, FOV_EUNSUPPORTED, "inputs of type %s cannot be calibrated",
                        fov_dtype_name(tensor->dtype));
    size_t size = make_header(header, type, tensor);
    size_t bytes = fov_tensor_count(tensor) * fov_dtype_size(tensor->dtype);
    FILE *file = fopen(path, "wbe");
    bool whole = file && fwrite(header, 1, size, file) == size &&
                 fwrite(tensor->data, 1, bytes, file) == bytes;
    int code = errno;
    if (file && fclose(file) != 0)
        whole = false;
    return whole ? FOV_OK : fov_fail(error, FOV_EIO, "%.160s: %s", path, strerror(code));
}
