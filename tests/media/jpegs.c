#include "jpegs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

void jpeg_paint_slope(int x, int y, const struct jpeg_recipe *r, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(255 * x / r->width);
    rgb[1] = (uint8_t)(255 * y / r->height);
    rgb[2] = (uint8_t)(128 + 40 * ((x / 16 + y / 16) % 2));
}

void jpeg_paint_quarters(int x, int y, const struct jpeg_recipe *r, uint8_t rgb[3])
{
    static const uint8_t colours[4][3] = {
        {220, 30, 30}, {30, 200, 30}, {30, 30, 220}, {255, 255, 255}};
    memcpy(rgb, colours[(x >= r->width / 2) + 2 * (y >= r->height / 2)], 3);
}

static J_COLOR_SPACE space_of(enum jpeg_colours colours)
{
    switch (colours) {
    case JPEG_GRAY:
        return JCS_GRAYSCALE;
    case JPEG_CMYK:
        return JCS_CMYK;
    case JPEG_YCCK:
        return JCS_YCCK;
    case JPEG_RGB:
        return JCS_RGB;
    default:
        return JCS_YCbCr;
    }
}

static bool has_four(const struct jpeg_recipe *r)
{
    return r->colours == JPEG_CMYK || r->colours == JPEG_YCCK;
}

static void write_exif(struct jpeg_compress_struct *c, int orientation, bool big)
{
    uint8_t little_block[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
                              0x12, 1,   3,   0,   1, 0, 0,   0,   0,  0, 0, 0, 0, 0, 0, 0};
    uint8_t big_block[] = {'E',  'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1,
                           0x12, 0,   3,   0,   0, 0, 1,   0,   0, 0,  0, 0, 0, 0, 0, 0};
    little_block[24] = (uint8_t)orientation;
    big_block[25] = (uint8_t)orientation;
    jpeg_write_marker(c, JPEG_APP0 + 1, big ? big_block : little_block, sizeof little_block);
}

static void write_lines(struct jpeg_compress_struct *c, const struct jpeg_recipe *r)
{
    uint8_t *line = malloc((size_t)r->width * 4);
    for (int y = 0; y < r->height; y++) {
        for (int x = 0; x < r->width; x++) {
            uint8_t rgb[3];
            (r->paint ? r->paint : jpeg_paint_slope)(x, y, r, rgb);
            if (has_four(r)) { /* inverted: 255 is no ink; black stays out of it */
                memcpy(line + 4 * x, rgb, 3);
                line[4 * x + 3] = 255;
            } else if (r->colours == JPEG_GRAY) {
                line[x] = rgb[0];
            } else {
                memcpy(line + 3 * x, rgb, 3);
            }
        }
        JSAMPROW row = line;
        jpeg_write_scanlines(c, &row, 1);
    }
    free(line);
}

static void configure(struct jpeg_compress_struct *c, const struct jpeg_recipe *r)
{
    c->image_width = (JDIMENSION)r->width;
    c->image_height = (JDIMENSION)r->height;
    c->input_components = has_four(r) ? 4 : r->colours == JPEG_GRAY ? 1 : 3;
    c->in_color_space = has_four(r) ? JCS_CMYK : r->colours == JPEG_GRAY ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_colorspace(c, space_of(r->colours ? r->colours : JPEG_YCC));
    jpeg_set_quality(c, r->quality ? r->quality : 90, TRUE);
    c->arith_code = r->arithmetic;
    if (r->h) {
        c->comp_info[0].h_samp_factor = r->h;
        c->comp_info[0].v_samp_factor = r->v;
    }
    c->restart_in_rows = r->restart_rows;
    if (r->progressive)
        jpeg_simple_progression(c);
}

struct jpeg_file jpeg_make(const struct jpeg_recipe *r)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    configure(&c, r);
    jpeg_start_compress(&c, TRUE);
    if (r->orientation)
        write_exif(&c, r->orientation, r->big_endian);
    write_lines(&c, r);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    struct jpeg_file file = {bytes, size};
    if (r->no_tables)
        jpeg_strip(&file, 0xC4);
    return file;
}

void jpeg_free(struct jpeg_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
}

static size_t segment_size(const struct jpeg_file *file, size_t at)
{
    return (size_t)(file->bytes[at] << 8 | file->bytes[at + 1]);
}

/* Start of the segment with that marker at or behind `from`; headers only, up to the first scan. */
static size_t find_from(const struct jpeg_file *file, size_t from, int marker)
{
    for (size_t at = from; at + 4 <= file->size && file->bytes[at] == 0xFF;
         at += 2 + segment_size(file, at + 2)) {
        if (file->bytes[at + 1] == marker)
            return at;
        if (file->bytes[at + 1] == 0xDA)
            break;
    }
    return 0;
}

size_t jpeg_find(const struct jpeg_file *file, int marker)
{
    size_t at = find_from(file, 2, marker);
    return at ? at + 2 : 0;
}

void jpeg_strip(struct jpeg_file *file, int marker)
{
    for (size_t at; (at = find_from(file, 2, marker));) {
        size_t cut = 2 + segment_size(file, at + 2);
        memmove(file->bytes + at, file->bytes + at + cut, file->size - at - cut);
        file->size -= cut;
    }
}

void jpeg_repeat_scan(struct jpeg_file *file, int scans)
{
    size_t start = 0, end = file->size - 2; /* of the last scan; the end marker stays behind it */
    for (size_t i = 2; i + 1 < file->size; i++)
        if (file->bytes[i] == 0xFF && file->bytes[i + 1] == 0xDA)
            start = i;
    size_t scan = end - start, total = end + scan * (size_t)scans + 2;
    uint8_t *bytes = malloc(total);
    memcpy(bytes, file->bytes, end);
    for (int i = 0; i < scans; i++)
        memcpy(bytes + end + scan * (size_t)i, file->bytes + start, scan);
    memcpy(bytes + total - 2, file->bytes + end, 2);
    free(file->bytes);
    file->bytes = bytes;
    file->size = total;
}
