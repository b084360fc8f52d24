/* Masks, skeletons and turned boxes drawn into pixels. */
#include <math.h>

#include "media/image.h"
#include "media/overlay.h"

enum { MASK_SHARE = 115 }; /* of 256: how much of the colour a mask has */

static const float seen = 0.3f; /* a keypoint that is drawn */

/* ---- masks ---- */

/* Run lengths go down columns, memory along rows: columns are gathered in strips of 16 as bits of
 * each row, and mixed row by row. */
enum { STRIP = 16 };

struct strip {
    int x;          /* of its first column; -1: empty */
    int first, end; /* rows with a bit */
    uint16_t rows[IMAGE_MAX_SIDE];
};

/* The colour's part of the mixture, for a strip of samples. */
struct tint {
    uint16_t parts[3 * STRIP];
};

static inline uint8_t mix(uint8_t under, uint16_t part)
{
    return (uint8_t)((under * (256 - MASK_SHARE) + part) >> 8);
}

static void mix_all(uint8_t *restrict under, const uint16_t *restrict parts, int n)
{
    for (int i = 0; i < n; i++)
        under[i] = mix(under[i], parts[i]);
}

/* Pixels whose bit is set; `step` bits a pixel. */
static void mix_some(uint8_t *under, const struct tint *tint, uint16_t bits, int step, int times)
{
    for (int at = 0; bits; bits = (uint16_t)(bits >> step), at += times)
        for (int k = 0; bits & 1 && k < times; k++)
            under[at + k] = mix(under[at + k], tint->parts[at + k]);
}

/* Samples of one plane, `times` together; of chroma the first pixel of each decides. */
static void mix_plane(const fov_image *image, int plane, const struct strip *strip,
                      const struct tint *tint, int times)
{
    int shift_x = plane ? image->shift_x : 0, shift_y = plane ? image->shift_y : 0;
    int left = strip->x >> shift_x, n = (STRIP >> shift_x) * times;
    int round = (1 << shift_y) - 1;
    for (int y = (strip->first + round) & ~round; y < strip->end; y += 1 << shift_y) {
        uint8_t *row = image->plane[plane] + (ptrdiff_t)(y >> shift_y) * image->stride[plane] +
                       (ptrdiff_t)left * times;
        if (strip->rows[y] == UINT16_MAX)
            mix_all(row, tint->parts, n);
        else
            mix_some(row, tint, strip->rows[y], 1 << shift_x, times);
    }
}

static void finish(const fov_image *image, struct strip *strip, const uint8_t samples[3])
{
    struct tint tint;
    int bytes = image_pixel_bytes(image), planes = image->pixels == FOV_YUV ? 3 : 1;
    for (int p = 0; strip->x >= 0 && p < planes && image->plane[p]; p++) {
        for (int i = 0; i < 3 * STRIP; i++)
            tint.parts[i] = (uint16_t)(samples[bytes > 1 ? i % bytes : p] * MASK_SHARE);
        mix_plane(image, p, strip, &tint, bytes);
    }
    for (int y = strip->first; y < strip->end; y++)
        strip->rows[y] = 0;
    strip->x = -1;
    strip->first = strip->end = 0;
}

/* Rows [y1, y2) of one column. */
static void add_column(const fov_image *image, struct strip *strip, int x, int y1, int y2,
                       const uint8_t samples[3])
{
    uint16_t bit = (uint16_t)(1 << x % STRIP);
    if (strip->x != x - x % STRIP) {
        finish(image, strip, samples);
        strip->x = x - x % STRIP;
        strip->first = y1;
        strip->end = y2;
    }
    strip->first = y1 < strip->first ? y1 : strip->first;
    strip->end = y2 > strip->end ? y2 : strip->end;
    for (int y = y1; y < y2; y++)
        strip->rows[y] |= bit;
}

void overlay_mask(const fov_image *image, const uint32_t *runs, size_t count, uint32_t rgb)
{
    uint8_t samples[3];
    uint64_t at = 0, height = (uint64_t)image->height, all = height * (uint64_t)image->width;
    struct strip strip = {.x = -1};
    if (!count || image->height > IMAGE_MAX_SIDE)
        return;
    overlay_samples(image, rgb, samples);
    for (size_t i = 0; i < count && at < all; i++) {
        uint64_t end = at + runs[i] < all ? at + runs[i] : all;
        while (i % 2 && at < end) {
            uint64_t column = at / height, foot = (column + 1) * height;
            uint64_t stop = end < foot ? end : foot;
            add_column(image, &strip, (int)column, (int)(at % height),
                       (int)(stop - column * height), samples);
            at = stop;
        }
        at = end;
    }
    finish(image, &strip, samples);
}

/* ---- lines ---- */

/* Half the width, at this row, of a disc about (0, 0). */
static float reach(float radius, float y)
{
    float square = radius * radius - y * y;
    return square > 0 ? sqrtf(square) : -1;
}

struct span {
    float from, to;
};

static void widen(struct span *s, float from, float to)
{
    s->from = fminf(s->from, from);
    s->to = fmaxf(s->to, to);
}

/* Where row y crosses the side of a line's body from p to q. */
static void cross(struct span *s, fov_point p, fov_point q, float y)
{
    if ((p.y <= y) == (q.y <= y))
        return;
    float x = p.x + (q.x - p.x) * (y - p.y) / (q.y - p.y);
    widen(s, x, x);
}

static bool in_reach(fov_point p)
{
    float most = 4 * IMAGE_MAX_SIDE;
    return fabsf(p.x) < most && fabsf(p.y) < most; /* false for NaN */
}

/* The body is convex with its round ends, so that each row has one span. */
void overlay_line(const fov_image *image, fov_point a, fov_point b, float thick, uint32_t rgb)
{
    float radius = thick / 2, x = b.x - a.x, y = b.y - a.y, length = hypotf(x, y);
    if (!in_reach(a) || !in_reach(b))
        return;
    float nx = length > 0 ? -y / length * radius : 0, ny = length > 0 ? x / length * radius : 0;
    fov_point body[4] = {
        {a.x + nx, a.y + ny}, {b.x + nx, b.y + ny}, {b.x - nx, b.y - ny}, {a.x - nx, a.y - ny}};
    int first = (int)floorf(fminf(a.y, b.y) - radius), last = (int)ceilf(fmaxf(a.y, b.y) + radius);
    first = first < 0 ? 0 : first;
    last = last > image->height ? image->height : last;
    for (int row = first; row < last; row++) {
        float at = (float)row + 0.5f;
        struct span s = {INFINITY, -INFINITY};
        float of_a = reach(radius, at - a.y), of_b = reach(radius, at - b.y);
        if (of_a >= 0)
            widen(&s, a.x - of_a, a.x + of_a);
        if (of_b >= 0)
            widen(&s, b.x - of_b, b.x + of_b);
        for (int i = 0; i < 4; i++)
            cross(&s, body[i], body[(i + 1) % 4], at);
        if (s.from <= s.to)
            overlay_fill(
                image,
                (struct overlay_rect){(int)lroundf(s.from), row, (int)lroundf(s.to), row + 1}, rgb);
    }
}

static void draw_closed(const fov_image *image, const fov_point *points, size_t count, float thick,
                        uint32_t rgb)
{
    for (size_t i = 0; i < count; i++)
        overlay_line(image, points[i], points[(i + 1) % count], thick, rgb);
}

static void draw_skeleton(const fov_image *image, const struct overlay_style *style,
                          const fov_keypoint *points, size_t count, uint32_t rgb)
{
    float line = (float)style->line, edge = (float)(2 * style->edge);
    int from, to;
    for (int i = 0; count == 17 && fov_keypoint_line(i, &from, &to); i++) {
        fov_point a = {points[from].x, points[from].y}, b = {points[to].x, points[to].y};
        if (points[from].score < seen || points[to].score < seen)
            continue;
        overlay_line(image, a, b, line + edge, OVERLAY_INK);
        overlay_line(image, a, b, line, rgb);
    }
    for (size_t i = 0; i < count; i++) {
        fov_point p = {points[i].x, points[i].y};
        if (points[i].score < seen)
            continue;
        overlay_line(image, p, p, 3 * line + edge, OVERLAY_INK);
        overlay_line(image, p, p, 3 * line, 0xFFFFFF);
        overlay_line(image, p, p, 2 * line, rgb);
    }
}

void overlay_detail(const fov_image *image, const struct overlay_style *style,
                    const fov_details *details, const fov_detail *detail, uint32_t rgb)
{
    float line = (float)style->line, edge = (float)(2 * style->edge);
    draw_closed(image, details->points + detail->point, detail->point_count, line, rgb);
    if (detail->rotated) {
        fov_point corners[4];
        fov_detail_corners(detail, corners);
        draw_closed(image, corners, 4, line + edge, OVERLAY_INK);
        draw_closed(image, corners, 4, line, rgb);
    }
    draw_skeleton(image, style, details->keypoints + detail->keypoint, detail->keypoint_count, rgb);
}
