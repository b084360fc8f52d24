/* Stands in for models where a target needs none. */
#include <fovea/model.h>

const fov_model_info *fov_model_get_info(const fov_model *model)
{
    (void)model;
    return 0;
}
