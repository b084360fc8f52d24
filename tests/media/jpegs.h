/* Makes the JPEGs of the tests with libjpeg itself, odd kinds included. */
#ifndef TESTS_MEDIA_JPEGS_H
#define TESTS_MEDIA_JPEGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jpeg_colours { JPEG_GRAY = 1, JPEG_YCC = 3, JPEG_CMYK = 4, JPEG_YCCK = 5, JPEG_RGB = 6 };

struct jpeg_recipe {
    int width, height;
    enum jpeg_colours colours;
    int h, v; /* sampling factors of luma; 0: 2, 2 */
    bool progressive, arithmetic, no_tables;
    int orientation;  /* 1..8 puts an EXIF block in */
    bool big_endian;  /* of that block */
    int restart_rows; /* restart markers every so many rows of MCUs */
    int quality;      /* 0: 90 */
    /* Colour of a pixel; NULL: a smooth slope. */
    void (*paint)(int x, int y, const struct jpeg_recipe *recipe, uint8_t rgb[3]);
};

struct jpeg_file {
    uint8_t *bytes;
    size_t size;
};

struct jpeg_file jpeg_make(const struct jpeg_recipe *recipe);
void jpeg_free(struct jpeg_file *file);

void jpeg_paint_slope(int x, int y, const struct jpeg_recipe *recipe, uint8_t rgb[3]);
/* Four flat quarters: red, green over blue, white. */
void jpeg_paint_quarters(int x, int y, const struct jpeg_recipe *recipe, uint8_t rgb[3]);

/* Position just behind the first marker of that code (its length field); 0: none. */
size_t jpeg_find(const struct jpeg_file *file, int marker);

/* Removes every segment of that code. */
void jpeg_strip(struct jpeg_file *file, int marker);

/* Repeats the last scan until there are `scans` of them. */
void jpeg_repeat_scan(struct jpeg_file *file, int scans);

#endif
