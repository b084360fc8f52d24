/* Colours as eyes tell them apart: CIE L*a*b* under D65 of sRGB pixels, by tables. */
#ifndef SCENE_LAB_H
#define SCENE_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include <fovea/frame.h>

enum { LAB_STEPS = 4096 };

/* Light up to twice that of white: gains may brighten a pixel beyond it. */
#define LAB_LIGHT_MAX 2.0f

struct lab_tables {
    float linear[256];
    float root[LAB_STEPS + 2];
};

struct lab {
    float l, a, b; /* l 0..100 for pixels as they are */
    float light;   /* Y, linear, 1: white */
};

void lab_fill_tables(struct lab_tables *tables);

/* `gain` multiplies the light before it is seen. */
struct lab lab_of(const struct lab_tables *tables, const uint8_t rgb[3], float gain);

/* Back to sRGB, cut to what it can show. */
uint32_t lab_to_rgb(float l, float a, float b);

/* The pixel as sRGB; (x, y) inside the picture, pixels not FOV_PIXELS_NONE. */
void lab_pixel(const fov_image *image, int x, int y, uint8_t rgb[3]);

/* Whether pixels can have colour at all. */
bool lab_image_has_colour(const fov_image *image);

/* Where a hue lies on a ring of eight, 0..8, from a and b; no trigonometry: evenly within eighths
 * up to 4 degrees. Of grey 0. */
float lab_hue8(float a, float b);

#endif
