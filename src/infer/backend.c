#include <fovea/backend.h>

#include "backend_list.h"

#define DECLARE(name) extern const fov_backend fov_backend_##name;
FOV_BACKENDS(DECLARE)
#undef DECLARE

const fov_backend *fov_backend_at(size_t i)
{
    static const fov_backend *const backends[] = {
#define ROW(name) &fov_backend_##name,
        FOV_BACKENDS(ROW)
#undef ROW
    };
    return i < sizeof backends / sizeof *backends ? backends[i] : NULL;
}
