/* Where model files lie and how a name leads to one: for the command line and the server. */
#ifndef SERVE_MODEL_FILES_H
#define SERVE_MODEL_FILES_H

#include <stdbool.h>
#include <fovea/status.h>

#include "serve/settings.h"

/* Whose name it is. */
enum model_name {
    MODEL_OF_USER,  /* also an address or a file anywhere: settings and the command line */
    MODEL_OF_CLIENT /* only a name in the folders of models */
};

/* The folder that `models pull` fills: models.dir, else $XDG_DATA_HOME/fovea/models, else
 * ~/.local/share/fovea/models; "" when there is no home. */
void model_files_folder(const struct settings *s, char *folder, size_t size);

/* NAME in one folder: NAME itself, NAME/model.xml, NAME.xml, NAME.onnx, NAME.tflite. */
bool model_files_in(const char *folder, const char *name, char *path, size_t size);

/* Takes .xml, .onnx or .tflite off; false: it ends otherwise. A dot elsewhere is part of a name. */
bool model_files_strip(char *name);

/* The name that leads to `file`, an entry of `folder`: without its ending, or as it is for a folder
 * with model.xml. False: no model, or the name leads to another file (boats.xml before
 * boats.onnx). */
bool model_files_name(const char *folder, const char *file, char *name, size_t size);

/* Tells of each name in the folders that model_files_find looks into, with the path that it leads
 * to; one that is in several of them again with the same path. */
void model_files_each(const struct settings *s,
                      void (*told)(void *user, const char *name, const char *path), void *user);

/* Looks for `name` in models.dir, the user's folder, and what set-up fetched. Returns FOV_ENOTFOUND
 * with what would bring it. */
fov_status model_files_find(const struct settings *s, const char *name, enum model_name whose,
                            char *path, size_t size, fov_error *error);

#endif
