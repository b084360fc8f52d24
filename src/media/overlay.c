/* Boxes and labels drawn into pixels. */
#include <fovea/picture.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "media/image.h"
#include "media/overlay.h"

/* Light colours that stay apart for colour-blind eyes, read on video with a dark edge, and carry
 * dark text. The pages have the same list. */
static const uint32_t palette[10] = {0x56B4E9, 0xF0A30A, 0x1FC99A, 0xF2E55C, 0xE58FC0,
                                     0xFF8560, 0xB9ADFF, 0xA4E06A, 0xFFFFFF, 0xFFB3A7};

enum { CLASSES = 3 }; /* of a classifier */

uint32_t fov_class_color(int class_id)
{
    return palette[(unsigned)class_id % 10];
}

/* ---- colours and rectangles ------------------------------------------------------------------ */

void overlay_samples(const fov_image *image, uint32_t rgb, uint8_t samples[3])
{
    uint8_t pixel[3] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb};
    fov_image from = {FOV_RGB24, 1, 1, {pixel}, {3}, 0, 0};
    fov_image to = {image->pixels, 1, 1, {samples, samples + 1, samples + 2}, {3, 1, 1}, 0, 0};
    image_convert(&to, &from);
}

static int clip(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void fill_packed(const fov_image *image, struct overlay_rect r, const uint8_t samples[3])
{
    int bytes = image_pixel_bytes(image);
    for (int y = r.y1; y < r.y2; y++) {
        uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->stride[0];
        for (int x = r.x1; x < r.x2; x++)
            memcpy(row + (ptrdiff_t)x * bytes, samples, (size_t)bytes);
    }
}

static void fill_plane(const fov_image *image, int plane, struct overlay_rect r, uint8_t sample)
{
    for (int y = r.y1; y < r.y2; y++)
        memset(image->plane[plane] + (ptrdiff_t)y * image->stride[plane] + r.x1, sample,
               (size_t)(r.x2 - r.x1));
}

void overlay_fill(const fov_image *image, struct overlay_rect r, uint32_t rgb)
{
    uint8_t samples[3];
    r = (struct overlay_rect){clip(r.x1, image->width), clip(r.y1, image->height),
                              clip(r.x2, image->width), clip(r.y2, image->height)};
    if (r.x1 >= r.x2 || r.y1 >= r.y2)
        return;
    overlay_samples(image, rgb, samples);
    if (image->pixels != FOV_YUV) {
        fill_packed(image, r, samples);
        return;
    }
    fill_plane(image, 0, r, samples[0]);
    int round_x = (1 << image->shift_x) - 1, round_y = (1 << image->shift_y) - 1;
    struct overlay_rect c = {r.x1 >> image->shift_x, r.y1 >> image->shift_y,
                             (r.x2 + round_x) >> image->shift_x,
                             (r.y2 + round_y) >> image->shift_y};
    for (int p = 1; p < 3 && image->plane[p]; p++)
        fill_plane(image, p, c, samples[p]);
}

static void touch(struct overlay_touched *touched, const fov_image *image, struct overlay_rect r)
{
    int x1 = clip(r.x1, image->width) / OVERLAY_CELL, y1 = clip(r.y1, image->height) / OVERLAY_CELL;
    int x2 = (clip(r.x2, image->width) + OVERLAY_CELL - 1) / OVERLAY_CELL;
    int y2 = (clip(r.y2, image->height) + OVERLAY_CELL - 1) / OVERLAY_CELL;
    for (int y = y1; touched && x1 < x2 && y < y2; y++)
        memset(touched->cells + (ptrdiff_t)y * touched->columns + x1, 1, (size_t)(x2 - x1));
}

static void fill(const fov_image *image, const struct overlay_style *style, struct overlay_rect r,
                 uint32_t rgb)
{
    touch(style->touched, image, r);
    overlay_fill(image, r, rgb);
}

/* The rectangle, or two parts of it at its ends: `dx` wide and `dy` high. */
static void fill_ends(const fov_image *image, const struct overlay_style *style,
                      struct overlay_rect r, int dx, int dy, uint32_t rgb)
{
    fill(image, style, (struct overlay_rect){r.x1, r.y1, r.x1 + dx, r.y1 + dy}, rgb);
    if (dx < r.x2 - r.x1 || dy < r.y2 - r.y1)
        fill(image, style, (struct overlay_rect){r.x2 - dx, r.y2 - dy, r.x2, r.y2}, rgb);
}

void overlay_outline(const fov_image *image, const struct overlay_style *style,
                     struct overlay_rect r, int thick, int corners, uint32_t rgb)
{
    int width = r.x2 - r.x1, height = r.y2 - r.y1;
    int dx = corners > 0 && 2 * corners < width ? corners : width;
    int dy = corners > 0 && 2 * corners < height ? corners : height;
    for (int side = 0; side < 2; side++) {
        int y = side ? r.y2 - thick : r.y1, x = side ? r.x2 - thick : r.x1;
        fill_ends(image, style, (struct overlay_rect){r.x1, y, r.x2, y + thick}, dx, thick, rgb);
        fill_ends(image, style, (struct overlay_rect){x, r.y1, x + thick, r.y2}, thick, dy, rgb);
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Next code point of UTF-8 text; what is malformed counts byte by byte as U+FFFD. */
static unsigned next_code(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    int more = s[0] >= 0xF0 ? 3 : s[0] >= 0xE0 ? 2 : s[0] >= 0xC0 ? 1 : 0;
    unsigned code = more ? s[0] & (0x3Fu >> more) : s[0] < 0x80 ? s[0] : 0xFFFD;
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            *text += 1;
            return 0xFFFD;
        }
        code = code << 6 | (s[i] & 0x3F);
    }
    *text += more + 1;
    return code;
}

static const struct glyph *glyph_of(const struct glyph_font *font, unsigned code)
{
    if (code >= 0x20 && code <= 0x7E)
        return &font->glyphs[code - 0x20];
    if (code >= 0xA0 && code <= 0xFF)
        return &font->glyphs[GLYPH_ASCII + code - 0xA0];
    return &font->glyphs[GLYPH_COUNT - 1];
}

static int text_width(const struct glyph_font *font, const char *text)
{
    int width = 0;
    while (*text)
        width += glyph_of(font, next_code(&text))->advance;
    return width;
}

/* Mixes ink into one pixel: all bytes of packed formats, luma of planes (the bar keeps its hue). */
static void ink_pixel(uint8_t *pixel, int bytes, const uint8_t ink[3], int coverage)
{
    for (int b = 0; b < bytes; b++)
        pixel[b] = (uint8_t)((pixel[b] * (255 - coverage) + ink[b] * coverage + 127) / 255);
}

static void draw_glyph(const fov_image *image, const struct glyph *g, int x, int y,
                       const uint8_t ink[3])
{
    int bytes = image_pixel_bytes(image);
    const uint8_t *map = glyph_coverage + g->offset;
    x += g->left;
    y -= g->top;
    for (int row = 0; row < g->height; row++)
        for (int column = 0; column < g->width; column++) {
            int px = x + column, py = y + row;
            if (px < 0 || py < 0 || px >= image->width || py >= image->height)
                continue;
            uint8_t *pixel = image->plane[0] + (ptrdiff_t)py * image->stride[0] +
                             (ptrdiff_t)px * bytes;
            ink_pixel(pixel, bytes, ink, map[row * g->width + column]);
        }
}

/* Bars are light as a rule; colours of shirts may be dark. */
uint32_t overlay_ink(uint32_t rgb)
{
    uint32_t light = 299 * (rgb >> 16 & 255) + 587 * (rgb >> 8 & 255) + 114 * (rgb & 255);
    return light < 96 * 1000 ? OVERLAY_PAPER : OVERLAY_INK;
}

int overlay_width(const struct overlay_style *style, const char *text)
{
    return text_width(style->font, text) + 2 * (style->font->ascent / 4);
}

void overlay_text(const fov_image *image, const struct overlay_style *style, int x, int base,
                  uint32_t rgb, const char *text)
{
    uint8_t ink[3];
    overlay_samples(image, rgb, ink);
    while (*text) {
        const struct glyph *g = glyph_of(style->font, next_code(&text));
        int top = base - g->top, left = x + g->left;
        touch(style->touched, image,
              (struct overlay_rect){left, top, left + g->width, top + g->height});
        draw_glyph(image, g, x, base, ink);
        x += g->advance;
    }
}

void overlay_label(const fov_image *image, const struct overlay_style *style,
                   struct overlay_rect box, uint32_t rgb, const char *text)
{
    const struct glyph_font *font = style->font;
    int pad = font->ascent / 4, height = font->ascent + font->descent;
    int width = overlay_width(style, text);
    int x = box.x1 + width > image->width ? image->width - width : box.x1;
    int y = box.y1 >= height ? box.y1 - height : box.y1;
    x = x < 0 ? 0 : x;
    y = y < 0 ? 0 : y;
    fill(image, style, (struct overlay_rect){x, y, x + width, y + height}, rgb);
    overlay_text(image, style, x + pad, y + font->ascent, overlay_ink(rgb), text);
}

/* ---- detections ------------------------------------------------------------------------------ */

static struct overlay_style style_for(const fov_image *image)
{
    int side = image->width < image->height ? image->width : image->height;
    int line = (2 * side + 360) / 720;
    return (struct overlay_style){.line = line < 2 ? 2 : line,
                                  .edge = line < 4 ? 1 : line / 3,
                                  .font = &glyph_fonts[side <= 800    ? 0
                                                       : side <= 1600 ? 1
                                                                      : 2]};
}

bool overlay_box(const fov_image *image, float x1, float y1, float x2, float y2,
                 struct overlay_rect *rect)
{
    float most = (float)(2 * IMAGE_MAX_SIDE);
    bool near = fabsf(x1) < most && fabsf(y1) < most && fabsf(x2) < most && fabsf(y2) < most &&
                x2 > 0 && y2 > 0 && x1 < (float)image->width &&
                y1 < (float)image->height; /* false for NaN */
    if (near)
        *rect = (struct overlay_rect){(int)lroundf(x1), (int)lroundf(y1), (int)lroundf(x2),
                                      (int)lroundf(y2)};
    return near;
}

static void label_text(char *text, size_t size, const fov_detection *d, const char *name)
{
    int used = snprintf(text, size, "%.63s %.2f", name, (double)d->score);
    if (d->track_id >= 0 && used > 0 && used < (int)size)
        snprintf(text + used, size - (size_t)used, " #%d", d->track_id);
}

static void draw_one(const fov_image *image, const struct overlay_style *style,
                     const fov_detection *d, const fov_details *details, const fov_detail *detail,
                     const char *name)
{
    char text[96];
    uint32_t rgb = fov_class_color(d->class_id);
    struct overlay_rect box;
    int e = style->edge;
    if (!overlay_box(image, d->x1, d->y1, d->x2, d->y2, &box))
        return;
    if (!detail || !detail->rotated) {
        overlay_outline(image, style,
                        (struct overlay_rect){box.x1 - e, box.y1 - e, box.x2 + e, box.y2 + e},
                        style->line + 2 * e, 0, OVERLAY_INK);
        overlay_outline(image, style, box, style->line, 0, rgb);
    }
    if (detail)
        overlay_detail(image, style, details, detail, rgb);
    label_text(text, sizeof text, d, name);
    overlay_label(image, style, box, rgb, text);
}

static const char *name_of(const char *(*label)(void *user, int class_id), void *user, int class_id,
                           char number[24])
{
    const char *name = label ? label(user, class_id) : NULL;
    snprintf(number, 24, "class %d", class_id);
    return name ? name : number;
}

/* What a classifier says of the picture as a whole: top left, below what pages show there. */
static void draw_classes(const fov_image *image, const struct overlay_style *style,
                         const fov_details *details, const char *(*label)(void *user, int class_id),
                         void *user)
{
    int height = style->font->ascent + style->font->descent, gap = height / 2;
    for (int i = 0; i < details->class_count && i < CLASSES; i++) {
        const fov_class_score *c = &details->classes[i];
        fov_detection d = {.score = c->score, .track_id = -1};
        char number[24], text[96];
        struct overlay_rect at = {gap, image->height / 6 + (i + 1) * (height + 2), gap, 0};
        label_text(text, sizeof text, &d, name_of(label, user, c->class_id, number));
        overlay_label(image, style, at, fov_class_color(c->class_id), text);
    }
}

/* NULL where there are none. */
static const fov_detail *detail_of(const fov_details *details, size_t i)
{
    return details && i < details->capacity ? &details->items[i] : NULL;
}

/* Masks, skeletons and turned boxes reach far: all of the picture counts as touched. */
static void touch_first(struct overlay_touched *touched, const fov_image *image,
                        const fov_detections *detections)
{
    bool all = detections->details && detections->count > 0;
    touched->columns = (image->width + OVERLAY_CELL - 1) / OVERLAY_CELL;
    touched->rows = (image->height + OVERLAY_CELL - 1) / OVERLAY_CELL;
    memset(touched->cells, all, (size_t)touched->columns * (size_t)touched->rows);
}

void fov_draw_detections(fov_image *image, const fov_detections *detections,
                         const char *(*label)(void *user, int class_id), void *user)
{
    overlay_draw(image, detections, label, user, NULL);
}

void overlay_draw(fov_image *image, const fov_detections *detections,
                  const char *(*label)(void *user, int class_id), void *user,
                  struct overlay_touched *touched)
{
    const fov_details *details = detections->details;
    struct overlay_style style = style_for(image);
    char number[24];
    if (touched)
        touch_first(touched, image, detections);
    style.touched = touched;
    for (size_t i = 0; details && i < detections->count && i < details->capacity; i++) {
        const fov_detail *d = &details->items[i];
        overlay_mask(image, details->runs + d->run, d->run_count,
                     fov_class_color(detections->items[i].class_id));
    }
    for (size_t i = 0; i < detections->count; i++) {
        const fov_detection *d = &detections->items[i];
        draw_one(image, &style, d, details, detail_of(details, i),
                 name_of(label, user, d->class_id, number));
    }
    if (details)
        draw_classes(image, &style, details, label, user);
}
