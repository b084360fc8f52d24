/* Names of models, for programs that open a model themselves. */
#include <fovea/model.h>

#include <unistd.h>

#include "serve/model_settings.h"

static void keep_reason(void *user, bool fatal, const char *text)
{
    fov_error *error = user;
    if (fatal && !error->message[0])
        fov_fail(error, FOV_EINVAL, "%s", text);
}

fov_status fov_model_find(const char *name, char *path, size_t size, fov_error *error)
{
    fov_model_params params;
    fov_error why = {0}, general = {0};
    struct settings *settings;
    if (!path || size == 0)
        return fov_fail(error, FOV_EINVAL, "nowhere to put the path");
    path[0] = '\0';
    fov_status status = settings_load(&settings, NULL, environ, NULL, 0, keep_reason, &why,
                                      &general);
    if (status)
        return fov_fail(error, status, "%s", why.message[0] ? why.message : general.message);
    name = name && *name ? name : settings->models.default_model;
    status = model_settings_find(settings, name, NULL, &params, path, size, error);
    settings_free(&settings);
    return status;
}
