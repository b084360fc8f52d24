#include "media/paint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/image.h"

enum { SLICES = 4, WHOLE = 256, SLICE = WHOLE / SLICES };

bool paint_start(struct paint *p, int width)
{
    *p = (struct paint){0};
    p->cover = calloc(2 * (size_t)width, sizeof *p->cover);
    return p->cover != NULL;
}

void paint_end(struct paint *p)
{
    free(p->cover);
    p->cover = NULL;
}

struct paint_colour paint_rgb(uint32_t rgb)
{
    uint8_t pixel[3] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb};
    struct paint_colour c;
    fov_image from = {FOV_RGB24, 1, 1, {pixel}, {3}, 0, 0};
    fov_image to = {FOV_YUV, 1, 1, {&c.y, &c.cb, &c.cr}, {1, 1, 1}, 0, 0};
    image_convert(&to, &from);
    return c;
}

/* The library's fminf minds NaN and is a call. */
static inline float least(float a, float b)
{
    return a < b ? a : b;
}

static inline float most(float a, float b)
{
    return a > b ? a : b;
}

bool paint_slice(const struct paint_point *corners, int count, float y, float *left, float *right)
{
    *left = 1e9f;
    *right = -1e9f;
    for (int i = 0; i < count; i++) {
        struct paint_point a = corners[i], b = corners[i + 1 < count ? i + 1 : 0];
        if ((a.y <= y) == (b.y <= y))
            continue;
        float x = a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y);
        *left = least(*left, x);
        *right = most(*right, x);
    }
    return *left < *right;
}

/* ---- cover -----------------------------------------------------------------------------------
 */

struct range {
    int first, end; /* columns that something was added to */
};

static uint16_t part(float of)
{
    return (uint16_t)(of * SLICE + 0.5f);
}

/* Adds one slice of a row; pixels at the ends by their part. */
static void add_slice(uint16_t *cover, int width, float left, float right, struct range *r)
{
    left = most(left, 0);
    right = least(right, (float)width);
    if (left >= right)
        return;
    int first = (int)left, last = (int)right;
    r->first = first < r->first ? first : r->first;
    r->end = last + 1 > r->end ? last + 1 : r->end;
    if (first == last) {
        cover[first] = (uint16_t)(cover[first] + part(right - left));
        return;
    }
    cover[first] = (uint16_t)(cover[first] + part((float)(first + 1) - left));
    for (int x = first + 1; x < last; x++)
        cover[x] = (uint16_t)(cover[x] + SLICE);
    if (last < width)
        cover[last] = (uint16_t)(cover[last] + part(right - (float)last));
}

static void cover_row(uint16_t *cover, int width, const struct paint_point *corners, int count,
                      int y, struct range *r)
{
    for (int s = 0; s < SLICES; s++) {
        float left, right, at = (float)y + ((float)s + 0.5f) / SLICES;
        if (paint_slice(corners, count, at, &left, &right))
            add_slice(cover, width, left, right, r);
    }
}

/* ---- mixing ----------------------------------------------------------------------------------
 */

static uint8_t mix(uint8_t old, uint8_t colour, int weight, int shift)
{
    return (uint8_t)(old + (((colour - old) * weight + (1 << (shift - 1))) >> shift));
}

static void mix_luma(const fov_image *image, int y, const uint16_t *cover, struct range r,
                     uint8_t colour, int alpha)
{
    uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->stride[0];
    for (int x = r.first; x < r.end; x++)
        row[x] = mix(row[x], colour, cover[x] * alpha, 16);
}

/* Mean cover of the pixels that share a sample; at an odd edge those that are there count twice. */
static void mix_chroma(const fov_image *image, int y, const uint16_t *upper, const uint16_t *lower,
                       struct range r, struct paint_colour colour, int alpha)
{
    uint8_t *cb = image->plane[1] + (ptrdiff_t)(y / 2) * image->stride[1];
    uint8_t *cr = image->plane[2] + (ptrdiff_t)(y / 2) * image->stride[2];
    for (int x = r.first & ~1; x < r.end; x += 2) {
        int next = x + 1 < image->width ? x + 1 : x;
        int weight = (upper[x] + upper[next] + lower[x] + lower[next]) * alpha;
        cb[x / 2] = mix(cb[x / 2], colour.cb, weight, 18);
        cr[x / 2] = mix(cr[x / 2], colour.cr, weight, 18);
    }
}

/* Rows y and y + 1, y even, that share chroma. */
static void paint_pair(struct paint *p, const struct paint_point *corners, int count, int y,
                       struct paint_colour colour, int alpha)
{
    int width = p->image.width;
    bool two = y + 1 < p->image.height;
    uint16_t *upper = p->cover, *lower = two ? upper + width : upper;
    struct range r = {width, 0};
    cover_row(upper, width, corners, count, y, &r);
    if (two)
        cover_row(lower, width, corners, count, y + 1, &r);
    r.end = r.end < width ? r.end : width;
    if (r.first >= r.end)
        return;
    mix_luma(&p->image, y, upper, r, colour.y, alpha);
    if (two)
        mix_luma(&p->image, y + 1, lower, r, colour.y, alpha);
    mix_chroma(&p->image, y, upper, lower, r, colour, alpha);
    size_t size = (size_t)(r.end - r.first) * sizeof *upper;
    memset(upper + r.first, 0, size);
    memset(lower + r.first, 0, size);
}

void paint_convex(struct paint *p, const struct paint_point *corners, int count,
                  struct paint_colour colour, float opacity)
{
    struct paint_box box = PAINT_NOWHERE;
    paint_box_add(&box, corners, count);
    if (count < 3 || box.x2 <= 0 || box.x1 >= (float)p->image.width)
        return;
    float top = most(box.y1, 0), bottom = least(box.y2, (float)p->image.height);
    int alpha = (int)(opacity * WHOLE + 0.5f);
    for (int y = (int)top & ~1; (float)y < bottom; y += 2)
        paint_pair(p, corners, count, y, colour, alpha);
}

/* ---- shapes ----------------------------------------------------------------------------------
 */

void paint_box_add(struct paint_box *box, const struct paint_point *corners, int count)
{
    for (int i = 0; i < count; i++) {
        box->x1 = least(box->x1, corners[i].x);
        box->y1 = least(box->y1, corners[i].y);
        box->x2 = most(box->x2, corners[i].x);
        box->y2 = most(box->y2, corners[i].y);
    }
}

enum { HALF = 6 }; /* corners of a round end */

/* Two half circles, the outer one of each end; their hull is the shape for radii that do not differ
 * by more than the length. */
void paint_capsule(struct paint *p, struct paint_point a, float radius_a, struct paint_point b,
                   float radius_b, struct paint_colour colour, float opacity, struct paint_box *box)
{
    static const float cosines[HALF] = {1, 0.8090f, 0.3090f, -0.3090f, -0.8090f, -1};
    static const float sines[HALF] = {0, 0.5878f, 0.9511f, 0.9511f, 0.5878f, 0};
    struct paint_point corners[2 * HALF];
    float dx = b.x - a.x, dy = b.y - a.y, length = hypotf(dx, dy);
    float ux = length > 1e-3f ? dx / length : 1, uy = length > 1e-3f ? dy / length : 0;
    for (int i = 0; i < HALF; i++) {
        float side = cosines[i], out = sines[i];
        corners[i] = (struct paint_point){b.x + radius_b * (ux * out - uy * side),
                                          b.y + radius_b * (uy * out + ux * side)};
        corners[HALF + i] = (struct paint_point){a.x - radius_a * (ux * out - uy * side),
                                                 a.y - radius_a * (uy * out + ux * side)};
    }
    if (box)
        paint_box_add(box, corners, 2 * HALF);
    paint_convex(p, corners, 2 * HALF, colour, opacity);
}
