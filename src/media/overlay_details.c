/* Masks, skeletons and turned boxes drawn into pixels. */
#include <math.h>

#include "media/image.h"
#include "media/overlay.h"

enum { MASK_SHARE = 115 }; /* of 256: how much of the colour a mask has */

static const float seen = 0.3f; /* a keypoint that is drawn */

/* ---- masks ---- */

static inline uint8_t mix(uint8_t under, uint8_t colour)
{
    return (uint8_t)(under + (((colour - under) * MASK_SHARE) >> 8));
}

/* One column of pixels, rows [y1, y2). */
static void mix_packed(const fov_image *image, int x, int y1, int y2, const uint8_t samples[3])
{
    int bytes = image_pixel_bytes(image);
    uint8_t *pixel = image->plane[0] + (ptrdiff_t)y1 * image->stride[0] + (ptrdiff_t)x * bytes;
    for (int y = y1; y < y2; y++, pixel += image->stride[0])
        for (int b = 0; b < bytes; b++)
            pixel[b] = mix(pixel[b], samples[b]);
}

/* Chroma is mixed where its first pixel is inside. */
static void mix_planes(const fov_image *image, int x, int y1, int y2, const uint8_t samples[3])
{
    uint8_t *luma = image->plane[0] + (ptrdiff_t)y1 * image->stride[0] + x;
    for (int y = y1; y < y2; y++, luma += image->stride[0])
        *luma = mix(*luma, samples[0]);
    if (x & ((1 << image->shift_x) - 1))
        return;
    int first = (y1 + (1 << image->shift_y) - 1) >> image->shift_y;
    int end = (y2 + (1 << image->shift_y) - 1) >> image->shift_y;
    for (int p = 1; p < 3 && image->plane[p]; p++) {
        uint8_t *sample = image->plane[p] + (ptrdiff_t)first * image->stride[p] +
                          (x >> image->shift_x);
        for (int y = first; y < end; y++, sample += image->stride[p])
            *sample = mix(*sample, samples[p]);
    }
}

void overlay_mask(const fov_image *image, const uint32_t *runs, size_t count, uint32_t rgb)
{
    uint8_t samples[3];
    uint64_t at = 0, height = (uint64_t)image->height, all = height * (uint64_t)image->width;
    overlay_samples(image, rgb, samples);
    for (size_t i = 0; i < count && at < all; i++) {
        uint64_t end = at + runs[i] < all ? at + runs[i] : all;
        while (i % 2 && at < end) {
            int x = (int)(at / height), y = (int)(at % height);
            uint64_t foot = (uint64_t)(x + 1) * height;
            int below = (int)((end < foot ? end : foot) - (uint64_t)x * height);
            if (image->pixels == FOV_YUV)
                mix_planes(image, x, y, below, samples);
            else
                mix_packed(image, x, y, below, samples);
            at = end < foot ? end : foot;
        }
        at = end;
    }
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
