/* Letters as coverage maps, baked at build time by bake_font.c. */
#ifndef MEDIA_GLYPHS_H
#define MEDIA_GLYPHS_H

#include <stdint.h>

struct glyph {
    uint8_t width, height; /* px of the map */
    int8_t left, top;      /* of the map against pen and base line; top counts upwards */
    uint8_t advance;
    uint32_t offset; /* of the map in glyph_coverage: 0 clear, 255 ink */
};

/* Code points U+0020..U+007E, then U+00A0..U+00FF, then a box for all others. */
#define GLYPH_ASCII 95
#define GLYPH_COUNT (GLYPH_ASCII + 96 + 1)
#define GLYPH_FONTS 3

struct glyph_font {
    int ascent, descent; /* px, both positive */
    struct glyph glyphs[GLYPH_COUNT];
};

extern const struct glyph_font glyph_fonts[GLYPH_FONTS]; /* 14, 22 and 36 px */
extern const uint8_t glyph_coverage[];

#endif
