/* Players in kits on a pitch, drawn with shade, noise and blur and coded as a JPEG, with boxes as a
 * tracker would give them. A drawing: no evidence about real footage. */
#ifndef TESTS_KIT_WORLD_H
#define TESTS_KIT_WORLD_H

#include <fovea/picture.h>
#include <fovea/team.h>

enum { KIT_WORLD_PLAYERS = 23, KIT_WORLD_WIDTH = 1280, KIT_WORLD_HEIGHT = 720 };

enum kit_role { KIT_TEAM_A, KIT_TEAM_B, KIT_KEEPER_A, KIT_KEEPER_B, KIT_REFEREE, KIT_ROLES };

struct kit_design {
    uint32_t shirt, second; /* 0xRRGGBB; second: of stripes, the same for plain shirts */
    uint32_t shorts, socks;
};

struct kit_level {
    const char *name;
    struct kit_design designs[KIT_ROLES];
    double noise;   /* of each channel, of 255 */
    double shade;   /* light that is left in the shadow of the stand; 1: no shadow */
    double falloff; /* light lost from left to right, 0..1 */
    int blur;       /* px, along the rows */
    int quality;    /* of the JPEG; 0: no JPEG */
    double zoom;    /* 1: players of 28 to 70 px */
    double drift;   /* light lost, and turned to yellow, within a minute, 0..1 */
};

extern const struct kit_level kit_levels[];
extern const size_t kit_level_count;

struct kit_world;

struct kit_world *kit_world_create(const struct kit_level *level, unsigned seed, double fps);
void kit_world_destroy(struct kit_world **world);

/* The next frame. The image and the tracks are valid until the next call. */
struct kit_shot {
    double time_s;
    fov_image image;
    fov_tracks tracks; /* ids 1 to KIT_WORLD_PLAYERS */
    fov_pitch_view view;
    fov_detection truth[KIT_WORLD_PLAYERS]; /* boxes without noise */
};
bool kit_world_next(struct kit_world *world, struct kit_shot *shot);

enum kit_role kit_world_role(int id);

#endif
