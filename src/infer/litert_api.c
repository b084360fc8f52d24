/* What both interfaces to TFLite share. */
#include "infer/litert_api.h"

#include <stdio.h>

#include "base/dynlib.h"
#include "base/text.h"

size_t litert_places(const char *runtime_dir, const char *name,
                     char paths[LITERT_PATHS][LITERT_PATH], char *where, size_t size)
{
    static const char *const below[] = {"", "/lib", "/libs", NULL};
    static const struct dynlib_library places = {
        .deps = "litert/lib", .below = below, .further = "/usr/lib", .wheel = "ai_edge_litert"};
    char folders[DYNLIB_FOLDERS][DYNLIB_PATH];
    const char *named = dynlib_named(runtime_dir);
    size_t count = dynlib_folders(&places, named, folders);
    for (size_t i = 0; i < count; i++)
        snprintf(paths[i], LITERT_PATH, "%.*s/%s", DYNLIB_PATH, folders[i], name);
    if (!named)
        text_copy(paths[count++], LITERT_PATH, name);
    text_copy(where, size, named ? named : "set-up's folder or the system's");
    return count;
}

fov_dtype litert_dtype(int number)
{
    static const struct {
        int number;
        fov_dtype dtype;
    } types[] = {{1, FOV_F32}, {2, FOV_I32},  {3, FOV_U8},   {4, FOV_I64},
                 {9, FOV_I8},  {10, FOV_F16}, {19, FOV_BF16}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == number)
            return types[i].dtype;
    return FOV_DTYPE_NONE;
}

bool litert_wanted_shape(const struct litert_setup *setup, int i, const fov_tensor *input,
                         int wanted[FOV_TENSOR_RANK])
{
    bool picture = input->rank == 4, packed = picture && input->shape[1] != 3, changed = false;
    int width = setup->width > 0 ? setup->width : 640;
    int height = setup->height > 0 ? setup->height : width;
    const int planar_dims[4] = {1, 3, height, width}, packed_dims[4] = {1, height, width, 3};
    for (int k = 0; k < input->rank; k++) {
        bool open = input->shape[k] <= 0 || setup->facts.open[i] >> k & 1;
        int size = !picture ? 1 : packed ? packed_dims[k] : planar_dims[k];
        wanted[k] = open ? size : (int)input->shape[k];
        if (picture && k == 0 && setup->batch > 1 && (open || wanted[k] == 1))
            wanted[k] = setup->batch;
        changed |= wanted[k] != input->shape[k];
    }
    return changed;
}
