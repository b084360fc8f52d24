/* What the section `football` asks for, as a stream or a pipeline takes it. */
#ifndef SERVE_SETTINGS_FOOTBALL_H
#define SERVE_SETTINGS_FOOTBALL_H

#include <fovea/football.h>

#include "serve/settings.h"

#define FOOTBALL_DRAWN "drawn" /* the model that is none: what a detector might have seen */

/* Its models, in this order. */
enum settings_football_model {
    FOOTBALL_PLAYERS,
    FOOTBALL_BALL,
    FOOTBALL_PITCH,
    FOOTBALL_APPEARANCE,
    FOOTBALL_TEAM,
    FOOTBALL_MODELS
};

struct settings_football {
    fov_football_params params; /* its strings lie here and in the settings; `view` here, too */
    fov_pitch_view view;
    bool has_view;
    /* As the settings name each model (NULL: there is none to open), and the id under which the
     * workers have to know it. `params` has the ids. */
    const char *names[FOOTBALL_MODELS];
    char ids[FOOTBALL_MODELS][128];
};

/* Fills `to`, reads the file of football.homography. `to` must stay where it is, and the settings
 * must live, while `to->params` is used. Returns FOV_ENOTFOUND, FOV_EINVAL, FOV_EFORMAT, FOV_ELIMIT
 * with the place in the settings, the file and the reason. Thread-safety: safe. Blocks: on the
 * disk. */
fov_status settings_football(const struct settings *settings, struct settings_football *to,
                             fov_error *error);

/* Another model than the settings name: as they would name it; NULL changes nothing. */
void settings_football_name(const struct settings *settings, struct settings_football *football,
                            enum settings_football_model which, const char *name);

/* Reads a calibration (JSON as pitch_view_read has it) from a file. A calibration by points needs
 * "picture" in it, unless `params` has the size. Returns as settings_football, without the place.
 * Thread-safety: safe. Blocks: on the disk. */
fov_status settings_read_view(const char *path, const fov_pitch_params *params,
                              fov_pitch_view *view, fov_error *error);

/* A colour: a word ("red", "sky blue") or "#rrggbb". False: neither; `near` (may be NULL) gets the
 * word that was perhaps meant, or NULL. Thread-safety: safe. Blocks: no. */
bool settings_color(const char *text, uint32_t *color, const char **near);

#endif
