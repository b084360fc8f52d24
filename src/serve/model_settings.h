/* How the settings say that models are opened: for the server, and for pipelines made of a file. */
#ifndef SERVE_MODEL_SETTINGS_H
#define SERVE_MODEL_SETTINGS_H

#include <fovea/stream.h>

#include "serve/settings.h"

/* How a model is opened, all but its path; `entry` may be NULL. The texts are those of the
 * settings. Thread-safety: safe. Blocks: no. */
fov_model_params model_settings_params(const struct settings *settings,
                                       const struct settings_model *entry, const char *cache);

/* Folder of compiled models, "" for none. Thread-safety: safe. Blocks: no. */
void model_settings_cache(const struct settings *settings, char *folder, size_t size);

/* What the workers of these settings are, all but their model. */
fov_workers_params model_settings_workers(const struct settings *settings);

/* The same with the path, of what the settings call `name` (an entry of `models`, a name of the
 * folders of models, a file, an address); `path` holds it. Returns FOV_ENOTFOUND. Thread-safety:
 * safe. Blocks: on the disk. */
fov_status model_settings_find(const struct settings *settings, const char *name, const char *cache,
                               fov_model_params *params, char *path, size_t size, fov_error *error);

/* Opens it beside the models that the workers have, under `id`, unless they have one of that id.
 * Returns what model_settings_find and fov_workers_add_model return. Thread-safety: safe. Blocks:
 * yes. */
fov_status model_settings_add(const struct settings *settings, const char *name, const char *id,
                              const char *cache, fov_workers *workers, fov_error *error);

#endif
