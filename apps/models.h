/* fovea models list and pull: the registry for people. */
#ifndef APPS_MODELS_H
#define APPS_MODELS_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/registry.h"

struct settings;

/* True when all files of the entry are on this machine (sizes looked at, not sums). */
bool models_is_here(const struct settings *s, const struct registry_model *m);

/* Bytes of all files that `pull` would fetch; 0 when set-up makes them. */
int64_t models_bytes(const struct registry_model *m);

/* Prints the registry; returns the exit code. */
int models_list(bool json);

/* Fetches a model; `accepted` is the licence that the user agrees to, or NULL. Returns the exit
 * code. */
int models_pull(const char *name, const char *accepted, bool json);

/* The licence of a model's file, recognised by its sum or as what set-up made. False: not known. */
bool models_licence(const char *path, char *text, size_t size);

#endif
