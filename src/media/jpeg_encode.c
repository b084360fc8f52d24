#include <fovea/picture.h>

#include <stdlib.h>
#include <string.h>

#include "media/image.h"
#include "media/jpeg_error.h"
#include "media/jpeg_memory.h"
#include "media/jpeg_splice.h"
#include "media/still.h"

#define ARENA_LIMIT ((size_t)64 << 20)
#define FIRST_ROOM ((size_t)64 << 10)
#define MAX_ROWS (2 * DCTSIZE)

struct fov_encoder {
    struct jpeg_compress_struct cinfo;
    struct jpeg_failure failure;
    struct jpeg_destination_mgr destination;
    struct jpeg_arena arena;
    struct buffer out, touched;
    struct splice *splice; /* made when first needed */
};

/* ---- the encoder's own buffer as libjpeg's destination --------------------------------------- */

static void start_output(j_compress_ptr cinfo)
{
    fov_encoder *encoder = (fov_encoder *)cinfo; /* first member */
    cinfo->dest->next_output_byte = encoder->out.data;
    cinfo->dest->free_in_buffer = encoder->out.size;
}

/* The buffer is full: doubles it. */
static boolean grow_output(j_compress_ptr cinfo)
{
    fov_encoder *encoder = (fov_encoder *)cinfo;
    struct buffer larger = {0};
    size_t used = encoder->out.size;
    if (!buffer_reserve(&larger, 2 * used))
        jpeg_fail((j_common_ptr)cinfo, FOV_ENOMEM, "no memory for a JPEG");
    memcpy(larger.data, encoder->out.data, used);
    buffer_release(&encoder->out);
    encoder->out = larger;
    cinfo->dest->next_output_byte = larger.data + used;
    cinfo->dest->free_in_buffer = larger.size - used;
    return TRUE;
}

static void end_output(j_compress_ptr cinfo)
{
    (void)cinfo;
}

/* ---- life ------------------------------------------------------------------------------------ */

fov_status fov_encoder_create(fov_encoder **encoder, fov_error *error)
{
    fov_encoder *e = calloc(1, sizeof *e);
    *encoder = e;
    if (!e)
        return fov_fail(error, FOV_ENOMEM, "no memory for a JPEG encoder");
    e->cinfo.err = jpeg_failure_init(&e->failure);
    if (setjmp(e->failure.jump)) {
        fov_encoder_destroy(encoder);
        return fov_fail(error, FOV_ENOMEM, "no memory for a JPEG encoder");
    }
    jpeg_create_compress(&e->cinfo);
    jpeg_arena_attach((j_common_ptr)&e->cinfo, &e->arena, ARENA_LIMIT);
    e->destination = (struct jpeg_destination_mgr){.init_destination = start_output,
                                                   .empty_output_buffer = grow_output,
                                                   .term_destination = end_output};
    return FOV_OK;
}

void fov_encoder_destroy(fov_encoder **encoder)
{
    fov_encoder *e = *encoder;
    *encoder = NULL;
    if (!e)
        return;
    if (!setjmp(e->failure.jump))
        jpeg_destroy_compress(&e->cinfo);
    jpeg_arena_release(&e->arena);
    buffer_release(&e->out);
    buffer_release(&e->touched);
    splice_destroy(&e->splice);
    free(e);
}

/* ---- one picture ----------------------------------------------------------------------------- */

/* What jpeg_set_defaults keeps from picture to picture lies in the arena: it is made anew. */
static void forget_tables(j_compress_ptr cinfo)
{
    cinfo->comp_info = NULL;
    cinfo->scan_info = NULL;
    memset(cinfo->quant_tbl_ptrs, 0, sizeof cinfo->quant_tbl_ptrs);
    memset(cinfo->dc_huff_tbl_ptrs, 0, sizeof cinfo->dc_huff_tbl_ptrs);
    memset(cinfo->ac_huff_tbl_ptrs, 0, sizeof cinfo->ac_huff_tbl_ptrs);
}

static void choose_input(j_compress_ptr cinfo, const fov_image *image)
{
    bool gray = image->pixels == FOV_GRAY8 || (image->pixels == FOV_YUV && !image->plane[1]);
    cinfo->image_width = (JDIMENSION)image->width;
    cinfo->image_height = (JDIMENSION)image->height;
    cinfo->input_components = gray ? 1 : 3;
    if (gray)
        cinfo->in_color_space = JCS_GRAYSCALE;
    else if (image->pixels == FOV_YUV)
        cinfo->in_color_space = JCS_YCbCr;
    else
        cinfo->in_color_space = image->pixels == FOV_BGR24 ? JCS_EXT_BGR : JCS_EXT_RGB;
}

/* Rows of one component for a row of MCUs. libjpeg reads whole blocks: the last row is repeated
 * below the picture, and where a row ends inside a block it is copied into `spare` and its last
 * sample repeated. What lies behind a picture in memory must not get into the file. */
static void point_rows(j_compress_ptr cinfo, const fov_image *image, int plane, int first,
                       JSAMPARRAY spare, JSAMPROW *rows)
{
    const jpeg_component_info *c = &cinfo->comp_info[plane];
    int width = image_plane_width(image, plane), height = image_plane_height(image, plane);
    int needed = (int)c->width_in_blocks * DCTSIZE;
    for (int i = 0; i < c->v_samp_factor * DCTSIZE; i++) {
        int y = first + i < height ? first + i : height - 1;
        rows[i] = image->plane[plane] + (ptrdiff_t)y * image->stride[plane];
        if (needed > width) {
            memcpy(spare[i], rows[i], (size_t)width);
            memset(spare[i] + width, rows[i][width - 1], (size_t)(needed - width));
            rows[i] = spare[i];
        }
    }
}

static void write_planes(j_compress_ptr cinfo, const fov_image *image)
{
    JSAMPROW rows[3][MAX_ROWS];
    JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]}, spare[3];
    for (int c = 0; c < cinfo->num_components; c++)
        spare[c] = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE,
                                            cinfo->comp_info[c].width_in_blocks * DCTSIZE,
                                            MAX_ROWS);
    JDIMENSION lines = (JDIMENSION)(cinfo->max_v_samp_factor * DCTSIZE);
    for (int mcu_row = 0; cinfo->next_scanline < cinfo->image_height; mcu_row++) {
        for (int c = 0; c < cinfo->num_components; c++)
            point_rows(cinfo, image, c, mcu_row * cinfo->comp_info[c].v_samp_factor * DCTSIZE,
                       spare[c], rows[c]);
        jpeg_write_raw_data(cinfo, planes, lines);
    }
}

static void write_rows(j_compress_ptr cinfo, const fov_image *image)
{
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = image->plane[0] + (ptrdiff_t)cinfo->next_scanline * image->stride[0];
        jpeg_write_scanlines(cinfo, &row, 1);
    }
}

static void compress(fov_encoder *e, const fov_image *image, int quality)
{
    j_compress_ptr cinfo = &e->cinfo;
    forget_tables(cinfo);
    cinfo->dest = &e->destination;
    choose_input(cinfo, image);
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    if (image->pixels == FOV_YUV && image->plane[1]) {
        cinfo->comp_info[0].h_samp_factor = 1 << image->shift_x;
        cinfo->comp_info[0].v_samp_factor = 1 << image->shift_y;
    }
    cinfo->raw_data_in = image->pixels == FOV_YUV;
    jpeg_start_compress(cinfo, TRUE);
    if (cinfo->raw_data_in)
        write_planes(cinfo, image);
    else
        write_rows(cinfo, image);
    jpeg_finish_compress(cinfo);
}

fov_status fov_encode_jpeg(fov_encoder *e, const fov_image *image, int quality,
                           const uint8_t **bytes, size_t *size, fov_error *error)
{
    *bytes = NULL;
    *size = 0;
    if (image->pixels == FOV_PIXELS_NONE || quality < 1 || quality > 100)
        return fov_fail(error, FOV_EINVAL, "no pixels, or a quality outside 1 to 100");
    fov_status status = image_check_size(image->width, image->height, error);
    if (status)
        return status;
    if (!e->out.size && !buffer_reserve(&e->out, FIRST_ROOM))
        return fov_fail(error, FOV_ENOMEM, "no memory for a JPEG");
    if (setjmp(e->failure.jump)) {
        jpeg_abort_compress(&e->cinfo);
        return fov_fail(error, e->failure.error.status, "%s", e->failure.error.message);
    }
    jpeg_abort_compress(&e->cinfo);
    jpeg_arena_reset(&e->arena);
    compress(e, image, quality);
    *bytes = e->out.data;
    *size = (size_t)(e->destination.next_output_byte - e->out.data);
    return FOV_OK;
}

fov_status fov_encode_png(fov_encoder *e, const fov_image *image, const uint8_t **bytes,
                          size_t *size, fov_error *error)
{
    *bytes = NULL;
    *size = 0;
    fov_status status = png_encode(image, &e->out, size, error);
    if (status == FOV_OK)
        *bytes = e->out.data;
    return status;
}

fov_status fov_draw_into_jpeg(fov_encoder *encoder, const uint8_t *bytes, size_t size,
                              fov_image *image, const fov_detections *detections,
                              const char *(*label)(void *user, int class_id), void *user,
                              int quality, const uint8_t **out, size_t *out_size, bool *kept,
                              fov_error *error)
{
    size_t side = OVERLAY_CELL - 1;
    size_t cells = (((size_t)image->width + side) / OVERLAY_CELL) *
                   (((size_t)image->height + side) / OVERLAY_CELL);
    bool room = buffer_reserve(&encoder->touched, cells);
    struct overlay_touched touched = {.cells = encoder->touched.data};
    overlay_draw(image, detections, label, user, room ? &touched : NULL);
    bool good = room &&
                splice_run(&encoder->splice, bytes, size, image, &touched, out, out_size) == FOV_OK;
    if (kept)
        *kept = good;
    return good ? FOV_OK : fov_encode_jpeg(encoder, image, quality, out, out_size, error);
}
