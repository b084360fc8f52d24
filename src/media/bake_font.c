/* Build tool: `bake_font FONT.ttf OUT.c` draws the letters of glyphs.h with FreeType. */
#include <stdio.h>
#include <stdlib.h>
#include <ft2build.h>
#include FT_FREETYPE_H

#include "media/glyphs.h"

static const unsigned sizes[GLYPH_FONTS] = {14, 22, 36};

static FT_ULong code_point(int index)
{
    if (index < GLYPH_ASCII)
        return 0x20 + (FT_ULong)index;
    return index < GLYPH_COUNT - 1 ? 0xA0 + (FT_ULong)(index - GLYPH_ASCII) : 0xFFFD;
}

static void put_coverage(FILE *out, const FT_Bitmap *map)
{
    for (unsigned y = 0; y < map->rows; y++)
        for (unsigned x = 0; x < map->width; x++)
            fprintf(out, "%d,", map->buffer[y * (unsigned)map->pitch + x]);
    fputc('\n', out);
}

/* The coverage goes to `out` at once; the tables are collected in `fonts`. */
static int bake(FT_Face face, FILE *out, struct glyph_font *font, unsigned size, uint32_t *offset)
{
    if (FT_Set_Pixel_Sizes(face, 0, size))
        return 1;
    font->ascent = (int)((face->size->metrics.ascender + 63) >> 6);
    font->descent = (int)((-face->size->metrics.descender + 63) >> 6);
    for (int i = 0; i < GLYPH_COUNT; i++) {
        FT_GlyphSlot slot = face->glyph;
        if (FT_Load_Char(face, code_point(i), FT_LOAD_RENDER))
            return 1;
        font->glyphs[i] = (struct glyph){
            (uint8_t)slot->bitmap.width, (uint8_t)slot->bitmap.rows,      (int8_t)slot->bitmap_left,
            (int8_t)slot->bitmap_top,    (uint8_t)(slot->advance.x >> 6), *offset};
        put_coverage(out, &slot->bitmap);
        *offset += slot->bitmap.width * slot->bitmap.rows;
    }
    return 0;
}

static void put_tables(FILE *out, const struct glyph_font *fonts)
{
    fputs("0};\nconst struct glyph_font glyph_fonts[GLYPH_FONTS] = {\n", out);
    for (int f = 0; f < GLYPH_FONTS; f++) {
        fprintf(out, "{%d, %d, {\n", fonts[f].ascent, fonts[f].descent);
        for (int i = 0; i < GLYPH_COUNT; i++) {
            const struct glyph *g = &fonts[f].glyphs[i];
            fprintf(out, "{%d,%d,%d,%d,%d,%u},\n", g->width, g->height, g->left, g->top, g->advance,
                    g->offset);
        }
        fputs("}},\n", out);
    }
    fputs("};\n", out);
}

int main(int argc, char **argv)
{
    static struct glyph_font fonts[GLYPH_FONTS];
    FT_Library library;
    FT_Face face;
    uint32_t offset = 0;
    if (argc != 3 || FT_Init_FreeType(&library) || FT_New_Face(library, argv[1], 0, &face))
        return fprintf(stderr, "bake_font: cannot read the font\n"), 1;
    FILE *out = fopen(argv[2], "w");
    if (!out)
        return perror(argv[2]), 1;
    fputs("#include \"media/glyphs.h\"\nconst uint8_t glyph_coverage[] = {\n", out);
    for (int f = 0; f < GLYPH_FONTS; f++)
        if (bake(face, out, &fonts[f], sizes[f], &offset))
            return fprintf(stderr, "bake_font: a letter is missing\n"), 1;
    put_tables(out, fonts);
    FT_Done_Face(face);
    FT_Done_FreeType(library);
    return fclose(out) ? 1 : 0;
}
