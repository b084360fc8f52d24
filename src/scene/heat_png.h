/* A heat map as a picture in memory. */
#ifndef SCENE_HEAT_PNG_H
#define SCENE_HEAT_PNG_H

#include <fovea/match.h>
#include <fovea/picture.h>

/* What fov_match_heat_png writes, which see; *bytes stay the encoder's. Returns FOV_EINVAL,
 * FOV_ENOMEM. Thread-safety: each with its own encoder. Blocks: no. */
fov_status heat_png_encode(fov_encoder *encoder, const fov_match_heat *heat,
                           const fov_pitch_size *pitch, const uint8_t **bytes, size_t *size,
                           fov_error *error);

#endif
