#include "media/jpeg.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "media/image.h"
#include "media/jpeg_error.h"
#include "media/jpeg_memory.h"

#if JPEG_LIB_VERSION >= 70
#define LEAST_DCT_SIZE(cinfo) ((cinfo)->min_DCT_h_scaled_size)
#define DCT_SIZE(component) ((component)->DCT_h_scaled_size)
#else
#define LEAST_DCT_SIZE(cinfo) ((cinfo)->min_DCT_scaled_size)
#define DCT_SIZE(component) ((component)->DCT_scaled_size)
#endif

/* Most that one picture may need beside its pixels; coefficients of a progressive one are 2 bytes
 * a sample. */
#define ARENA_LIMIT ((size_t)256 << 20)
/* Processor time for a picture: four times what a 40 megapixel progressive photograph takes here.
 */
#define CPU_BASE_NS (250 * NS_PER_MS)
#define CPU_PIXEL_NS 200
#define MAX_ROWS (4 * DCTSIZE) /* of one component in one row of MCUs */

struct jpeg_decoder {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_failure failure;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    struct jpeg_arena arena;
    int64_t cpu_end_ns; /* on the thread's own clock */
    unsigned ticks;
    bool raw; /* planes are written as they are in the file */
};

/* ---- bytes in memory as libjpeg's source ---------------------------------------------------- */

static void nothing_to_do(j_decompress_ptr cinfo)
{
    (void)cinfo;
}

static boolean cut_off(j_decompress_ptr cinfo)
{
    jpeg_fail((j_common_ptr)cinfo, FOV_EFORMAT, "the picture is cut off");
}

static void skip_bytes(j_decompress_ptr cinfo, long count)
{
    if (count <= 0)
        return;
    if ((unsigned long)count > cinfo->src->bytes_in_buffer)
        cut_off(cinfo);
    cinfo->src->next_input_byte += count;
    cinfo->src->bytes_in_buffer -= (size_t)count;
}

/* ---- bound on processor time ----------------------------------------------------------------- */

/* libjpeg calls this for every row of MCUs of every scan, and for every line; asking the clock each
 * time would cost more than it guards. */
static void check_time(j_common_ptr cinfo)
{
    struct jpeg_decoder *decoder = (struct jpeg_decoder *)cinfo; /* first member */
    if (++decoder->ticks % 64 == 0 && clock_thread_ns() > decoder->cpu_end_ns)
        jpeg_fail(cinfo, FOV_ELIMIT, "the picture takes too long to decode");
}

/* ---- life ------------------------------------------------------------------------------------ */

fov_status jpeg_decoder_create(struct jpeg_decoder **decoder, fov_error *error)
{
    struct jpeg_decoder *d = calloc(1, sizeof *d);
    *decoder = d;
    if (!d)
        return fov_fail(error, FOV_ENOMEM, "no memory for a JPEG decoder");
    d->cinfo.err = jpeg_failure_init(&d->failure);
    if (setjmp(d->failure.jump)) {
        jpeg_decoder_destroy(decoder);
        return fov_fail(error, FOV_ENOMEM, "no memory for a JPEG decoder");
    }
    jpeg_create_decompress(&d->cinfo);
    jpeg_arena_attach((j_common_ptr)&d->cinfo, &d->arena, ARENA_LIMIT);
    d->source = (struct jpeg_source_mgr){.init_source = nothing_to_do,
                                         .fill_input_buffer = cut_off,
                                         .skip_input_data = skip_bytes,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = nothing_to_do};
    d->progress.progress_monitor = check_time;
    return FOV_OK;
}

void jpeg_decoder_destroy(struct jpeg_decoder **decoder)
{
    struct jpeg_decoder *d = *decoder;
    *decoder = NULL;
    if (!d)
        return;
    if (!setjmp(d->failure.jump))
        jpeg_destroy_decompress(&d->cinfo);
    jpeg_arena_release(&d->arena);
    free(d);
}

/* ---- one picture ----------------------------------------------------------------------------- */

/* Tables of an earlier picture must never serve this one: a camera that sends none gets the
 * standard Huffman tables from libjpeg-turbo, a file without quantisation tables is an error. */
static void forget_tables(j_decompress_ptr cinfo)
{
    memset(cinfo->quant_tbl_ptrs, 0, sizeof cinfo->quant_tbl_ptrs);
    memset(cinfo->dc_huff_tbl_ptrs, 0, sizeof cinfo->dc_huff_tbl_ptrs);
    memset(cinfo->ac_huff_tbl_ptrs, 0, sizeof cinfo->ac_huff_tbl_ptrs);
}

/* Chroma of component 1 against luma: 0 same, 1 half, -1 something else. */
static int reduction(int luma_samples, int samples)
{
    if (luma_samples == samples)
        return 0;
    return luma_samples == 2 * samples ? 1 : -1;
}

/* True when the components, as libjpeg will deliver them, are planes of a FOV_YUV image. */
static bool raw_planes(j_decompress_ptr cinfo, int *shift_x, int *shift_y)
{
    const jpeg_component_info *c = cinfo->comp_info;
    int whole_x = cinfo->max_h_samp_factor * LEAST_DCT_SIZE(cinfo);
    int whole_y = cinfo->max_v_samp_factor * LEAST_DCT_SIZE(cinfo);
    *shift_x = *shift_y = 0;
    if (cinfo->jpeg_color_space == JCS_GRAYSCALE)
        return true;
    if (cinfo->jpeg_color_space != JCS_YCbCr || c[1].h_samp_factor != c[2].h_samp_factor ||
        c[1].v_samp_factor != c[2].v_samp_factor ||
        reduction(whole_x, c[0].h_samp_factor * DCT_SIZE(&c[0])) ||
        reduction(whole_y, c[0].v_samp_factor * DCT_SIZE(&c[0])))
        return false;
    *shift_x = reduction(whole_x, c[1].h_samp_factor * DCT_SIZE(&c[1]));
    *shift_y = reduction(whole_y, c[1].v_samp_factor * DCT_SIZE(&c[1]));
    return *shift_x >= 0 && *shift_y >= 0;
}

static bool has_luma(j_decompress_ptr cinfo)
{
    return cinfo->jpeg_color_space == JCS_GRAYSCALE || cinfo->jpeg_color_space == JCS_YCbCr;
}

static bool has_four_colours(j_decompress_ptr cinfo)
{
    return cinfo->jpeg_color_space == JCS_CMYK || cinfo->jpeg_color_space == JCS_YCCK;
}

/* Sets libjpeg's output and says what it will be. */
static void choose_output(struct jpeg_decoder *d, fov_pixels wish, fov_image *image)
{
    j_decompress_ptr cinfo = &d->cinfo;
    int shift_x = 0, shift_y = 0;
    d->raw = wish == FOV_YUV && raw_planes(cinfo, &shift_x, &shift_y);
    if (!d->raw && (wish == FOV_YUV || (wish == FOV_GRAY8 && !has_luma(cinfo))))
        wish = FOV_RGB24;
    cinfo->raw_data_out = d->raw;
    if (has_four_colours(cinfo))
        cinfo->out_color_space = JCS_CMYK;
    else if (d->raw)
        cinfo->out_color_space = cinfo->jpeg_color_space;
    else if (wish == FOV_GRAY8)
        cinfo->out_color_space = JCS_GRAYSCALE;
    else
        cinfo->out_color_space = wish == FOV_BGR24 ? JCS_EXT_BGR : JCS_EXT_RGB;
    image_layout(image, wish, (int)cinfo->output_width, (int)cinfo->output_height, shift_x,
                 shift_y);
}

fov_status jpeg_decoder_begin(struct jpeg_decoder *d, const uint8_t *bytes, size_t size,
                              const fov_picture_info *info, fov_pixels wish, int denominator,
                              fov_image *image, fov_error *error)
{
    j_decompress_ptr cinfo = &d->cinfo;
    if (setjmp(d->failure.jump)) {
        jpeg_abort_decompress(cinfo);
        return fov_fail(error, d->failure.error.status, "%s", d->failure.error.message);
    }
    jpeg_abort_decompress(cinfo);
    jpeg_arena_reset(&d->arena);
    forget_tables(cinfo);
    d->source.next_input_byte = bytes;
    d->source.bytes_in_buffer = size;
    cinfo->src = &d->source;
    cinfo->progress = &d->progress;
    d->cpu_end_ns = clock_thread_ns() + CPU_BASE_NS +
                    CPU_PIXEL_NS * (int64_t)info->width * info->height;
    jpeg_read_header(cinfo, TRUE);
    if ((int)cinfo->image_width != info->width || (int)cinfo->image_height != info->height ||
        cinfo->num_components != info->components || cinfo->arith_code)
        jpeg_fail((j_common_ptr)cinfo, FOV_EFORMAT, "the picture's headers contradict each other");
    cinfo->scale_num = 1;
    cinfo->scale_denom = (unsigned)denominator;
    cinfo->dct_method = JDCT_ISLOW;
    jpeg_calc_output_dimensions(cinfo);
    choose_output(d, wish, image);
    return FOV_OK;
}

/* Rows of one component for jpeg_read_raw_data; rows of padding blocks go to a spare one. */
static void point_rows(const fov_image *image, int plane, int first, int count, JSAMPROW spare,
                       JSAMPROW *rows)
{
    int held = (image_plane_height(image, plane) + 15) & ~15;
    for (int i = 0; i < count; i++)
        rows[i] = first + i < held
                      ? image->plane[plane] + (ptrdiff_t)(first + i) * image->stride[plane]
                      : spare;
}

static void read_planes(j_decompress_ptr cinfo, const fov_image *image)
{
    JSAMPROW rows[3][MAX_ROWS];
    JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
    JDIMENSION lines = (JDIMENSION)(cinfo->max_v_samp_factor * LEAST_DCT_SIZE(cinfo));
    JSAMPARRAY spare = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE,
                                                cinfo->output_width + 2 * BUFFER_ALIGN, 1);
    for (int mcu_row = 0; cinfo->output_scanline < cinfo->output_height; mcu_row++) {
        for (int c = 0; c < cinfo->num_components; c++) {
            int count = cinfo->comp_info[c].v_samp_factor * DCT_SIZE(&cinfo->comp_info[c]);
            point_rows(image, c, mcu_row * count, count, spare[0], rows[c]);
        }
        jpeg_read_raw_data(cinfo, planes, lines);
    }
}

static void read_rows(j_decompress_ptr cinfo, const fov_image *image)
{
    while (cinfo->output_scanline < cinfo->output_height) {
        JSAMPROW row = image->plane[0] + (ptrdiff_t)cinfo->output_scanline * image->stride[0];
        jpeg_read_scanlines(cinfo, &row, 1);
    }
}

/* CMYK in JPEG files is stored inverted (Adobe's way, which all writers follow). */
static void read_four_colours(j_decompress_ptr cinfo, const fov_image *image)
{
    int red = image->pixels == FOV_BGR24 ? 2 : 0;
    JSAMPARRAY line = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE,
                                               4 * cinfo->output_width, 1);
    while (cinfo->output_scanline < cinfo->output_height) {
        uint8_t *out = image->plane[0] + (ptrdiff_t)cinfo->output_scanline * image->stride[0];
        jpeg_read_scanlines(cinfo, line, 1);
        const uint8_t *in = line[0];
        for (JDIMENSION x = 0; x < cinfo->output_width; x++, in += 4, out += 3) {
            out[red] = (uint8_t)((in[0] * in[3] + 127) / 255);
            out[1] = (uint8_t)((in[1] * in[3] + 127) / 255);
            out[2 - red] = (uint8_t)((in[2] * in[3] + 127) / 255);
        }
    }
}

fov_status jpeg_decoder_finish(struct jpeg_decoder *d, fov_image *image, fov_error *error)
{
    j_decompress_ptr cinfo = &d->cinfo;
    if (setjmp(d->failure.jump)) {
        jpeg_abort_decompress(cinfo);
        return fov_fail(error, d->failure.error.status, "%s", d->failure.error.message);
    }
    jpeg_start_decompress(cinfo);
    if (d->raw)
        read_planes(cinfo, image);
    else if (has_four_colours(cinfo))
        read_four_colours(cinfo, image);
    else
        read_rows(cinfo, image);
    jpeg_finish_decompress(cinfo); /* also finds the end marker missing */
    if (d->raw && cinfo->jpeg_color_space == JCS_GRAYSCALE)
        image->plane[1] = image->plane[2] = NULL;
    return FOV_OK;
}
