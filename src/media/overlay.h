/* What the files that draw share. Everything is clipped to the picture. */
#ifndef MEDIA_OVERLAY_H
#define MEDIA_OVERLAY_H

#include <fovea/picture.h>

#include "media/glyphs.h"

#define OVERLAY_INK 0x06131C
#define OVERLAY_PAPER 0xF4F7F5

struct overlay_rect {
    int x1, y1, x2, y2; /* half-open */
};

enum { OVERLAY_CELL = 8 }; /* px */

/* Cells of the picture that something was drawn in. */
struct overlay_touched {
    uint8_t *cells;    /* rows * columns, 1: touched */
    int columns, rows; /* cover the picture */
};

struct overlay_style {
    struct overlay_touched *touched; /* NULL: nobody asks */
    int line;                        /* px */
    int edge;
    const struct glyph_font *font;
};

/* A colour in the picture's own terms: bytes of a pixel, or samples of the planes. */
void overlay_samples(const fov_image *image, uint32_t rgb, uint8_t samples[3]);

void overlay_fill(const fov_image *image, struct overlay_rect r, uint32_t rgb);

/* A box to whole px; false: it lies outside of the picture, or is not finite. */
bool overlay_box(const fov_image *image, float x1, float y1, float x2, float y2,
                 struct overlay_rect *rect);

/* Frame of `thick` px inside the rectangle; with `corners` px above 0 its corners alone, where they
 * do not meet. */
void overlay_outline(const fov_image *image, const struct overlay_style *style,
                     struct overlay_rect r, int thick, int corners, uint32_t rgb);

/* fov_draw_detections, which also says in `touched` (may be NULL; its cells are cleared first)
 * where it drew. */
void overlay_draw(fov_image *image, const fov_detections *detections,
                  const char *(*label)(void *user, int class_id), void *user,
                  struct overlay_touched *touched);

/* Text on a bar of the class's colour, above the box where there is room, else inside its top. */
void overlay_label(const fov_image *image, const struct overlay_style *style,
                   struct overlay_rect box, uint32_t rgb, const char *text);

/* The colour that stands out from another one: dark, or light on a dark one. */
uint32_t overlay_ink(uint32_t rgb);

/* Width of that bar, px. */
int overlay_width(const struct overlay_style *style, const char *text);

/* Text alone: `x` and `base` are where the base line begins. Into planes only brightness is mixed.
 */
void overlay_text(const fov_image *image, const struct overlay_style *style, int x, int base,
                  uint32_t rgb, const char *text);

/* A line `thick` px wide with round ends. */
void overlay_line(const fov_image *image, fov_point a, fov_point b, float thick, uint32_t rgb);

/* Mixes the colour into what the run lengths of a mask say; the masks lie under everything else. */
void overlay_mask(const fov_image *image, const uint32_t *runs, size_t count, uint32_t rgb);

/* Lines and points of one detection that belong to its details: the mask's outline, the skeleton,
 * the turned box. */
void overlay_detail(const fov_image *image, const struct overlay_style *style,
                    const fov_details *details, const fov_detail *detail, uint32_t rgb);

#endif
