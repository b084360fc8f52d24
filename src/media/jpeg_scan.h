/* The one scan of a baseline JPEG, far enough to walk it symbol by symbol: tables, sampling, where
 * its bytes lie. */
#ifndef MEDIA_JPEG_SCAN_H
#define MEDIA_JPEG_SCAN_H

#include <fovea/picture.h>

enum {
    SCAN_BLOCK = 64,    /* numbers of a block */
    SCAN_FAST = 10,     /* bits that one look decides */
    SCAN_CODE_BITS = 16 /* of the longest code */
};

/* A Huffman table, for reading and for writing. */
struct scan_table {
    uint16_t fast[1 << SCAN_FAST];     /* length << 8 | symbol of codes that short; 0: longer */
    int32_t most[SCAN_CODE_BITS + 1];  /* largest code of a length, -1 none */
    int32_t first[SCAN_CODE_BITS + 1]; /* symbols[first + code] */
    uint8_t symbols[256];
    uint16_t code[256];  /* of a symbol */
    uint8_t length[256]; /* bits of it, 0: the table has no code for the symbol */
    bool present;
};

struct scan_component {
    int id, h, v;
    float quant[SCAN_BLOCK]; /* 1 / step, in natural order */
    const struct scan_table *dc, *ac;
};

struct jpeg_scan {
    int width, height, count; /* px; components, 1 or 3 */
    struct scan_component components[3];
    int mcu_width, mcu_height; /* px */
    int columns, rows;         /* of MCUs */
    int interval;              /* MCUs between restart markers, 0: none */
    size_t begin, end;         /* of the coded bytes */
    struct scan_table tables[2][4];
};

/* Zigzag position → natural position. */
extern const uint8_t scan_zigzag[SCAN_BLOCK];

/* Reads everything before the coded bytes and finds their end. Only what can be re-coded block by
 * block: baseline or extended Huffman, 8 bits, gray or YCbCr with chroma at 1/1 or 1/2, all
 * components in one scan. Returns FOV_EUNSUPPORTED for other JPEGs, FOV_EFORMAT for broken ones.
 * Every offset is checked. */
fov_status jpeg_scan_read(struct jpeg_scan *scan, const uint8_t *bytes, size_t size);

#endif
