/* Puts machine, accelerators and runtimes together and says what a model is given to. */
#include "device/device.h"

#include <string.h>

#include "base/text.h"

static void probe_runtimes(const char *runtime_dir, fov_device_info *info)
{
    const fov_backend *backend;
    for (size_t i = 0; (backend = fov_backend_at(i)); i++) {
        if (info->runtime_count == FOV_RUNTIMES_MAX || strcmp(backend->name, "fake") == 0)
            continue; /* the fake backend is a test tool, never something to recommend */
        int at = info->runtime_count++;
        text_copy(info->runtimes[at].name, sizeof info->runtimes[at].name, backend->name);
        backend->probe(runtime_dir, &info->runtimes[at].probe);
    }
}

/* A machine of no known family that has a GPU is called by it. */
static void name_by_gpu(fov_device_info *info)
{
    for (int i = 0; i < info->accelerator_count; i++)
        if (strcmp(info->type, "cpu") == 0 && strcmp(info->accelerators[i].kind, "gpu") == 0)
            text_copy(info->type, sizeof info->type, "gpu");
}

void device_look(const char *root, fov_device_info *info)
{
    device_find_processor(root, info);
    device_find_board(root, info);
    if (!info->name[0])
        text_copy(info->name, sizeof info->name, info->cpu);
    device_find_accelerators(root, info);
    if (!*root)
        device_find_apple(info);
    name_by_gpu(info);
}

void fov_device_probe_at(const char *root, const char *runtime_dir, fov_device_info *info)
{
    memset(info, 0, sizeof *info);
    device_look(root ? root : "", info);
    probe_runtimes(runtime_dir, info);
    device_select(info);
    device_match(info);
    device_recommend(info);
}

void fov_device_probe(const char *runtime_dir, fov_device_info *info)
{
    fov_device_probe_at(NULL, runtime_dir, info);
}
