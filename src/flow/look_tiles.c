#include "flow/look_tiles.h"

#include <math.h>
#include <stdlib.h>

#define PART 0.5        /* of a cut box that another must hold */
#define PEOPLE 0.08     /* of the picture's height: people at the far line stand above the ground */
#define GROUND_ROW 0.25 /* of a row that has the colour of the ground */
#define GROUND_LEAST 0.2 /* of the picture, for there to be a ground */

/* ---- where they are ----------------------------------------------------------------------------
 */

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int along(int length, int side, int overlap)
{
    return length <= side ? 1 : 1 + (length - overlap - 1) / (side - overlap);
}

/* Where the i-th of `count` begins: evenly from `from` on. */
static int start(int i, int count, int from, int length, int side)
{
    return from + (count > 1 ? (int)((int64_t)(length - side) * i / (count - 1)) : 0);
}

/* At even px, so that chroma has its own: a px earlier where need be. */
static fov_ball_region tile_at(int x, int y, int wide, int high)
{
    return (fov_ball_region){x & ~1, y & ~1, wide + (x & 1), high + (y & 1)};
}

/* Along one axis: an area smaller than a tile is looked at with what lies around it. */
static void widen(int *from, int *length, int side, int most)
{
    if (*length < side) {
        *from -= (side - *length) / 2;
        *length = side;
    }
    *length = least(*length, most);
    *from = *from < 0 ? 0 : *from > most - *length ? most - *length : *from;
}

size_t tiles_cover(fov_ball_region area, int side, int overlap, int width, int height,
                   fov_ball_region tiles[TILES_MAX])
{
    size_t count = 0;
    int wide, high, across, down;
    for (;; side += side / 4 + 2) {
        wide = least(side, width);
        high = least(side, height);
        overlap = least(overlap, side / 2);
        widen(&area.x, &area.width, wide, width);
        widen(&area.y, &area.height, high, height);
        across = along(area.width, wide, least(overlap, wide / 2));
        down = along(area.height, high, least(overlap, high / 2));
        if (across * down <= TILES_MAX)
            break;
    }
    for (int y = 0; y < down; y++)
        for (int x = 0; x < across; x++)
            tiles[count++] = tile_at(start(x, across, area.x, area.width, wide),
                                     start(y, down, area.y, area.height, high), wide, high);
    return count;
}

/* ---- the band of the pitch ---------------------------------------------------------------------
 */

struct extent {
    double x1, y1, x2, y2;
};

static void reach(struct extent *e, double x, double y)
{
    e->x1 = fmin(e->x1, x);
    e->y1 = fmin(e->y1, y);
    e->x2 = fmax(e->x2, x);
    e->y2 = fmax(e->y2, y);
}

/* Inside of the picture, with room for people above; empty: nothing of it is. */
static fov_ball_region region_of(const struct extent *e, int width, int height)
{
    int x1 = (int)fmax(e->x1, 0), x2 = (int)fmin(e->x2, width);
    int y1 = (int)fmax(e->y1 - PEOPLE * height, 0), y2 = (int)fmin(e->y2, height);
    return (fov_ball_region){x1, y1, x2 > x1 ? x2 - x1 : 0, y2 > y1 ? y2 - y1 : 0};
}

/* Points of the pitch, near enough to each other, that lie in the picture or not far from it. */
static fov_ball_region band_of_view(const fov_pitch_view *view, const fov_pitch_size *pitch,
                                    int width, int height)
{
    struct extent e = {1e9, 1e9, -1e9, -1e9};
    for (double x = 0; x <= pitch->length + 1; x += 3)
        for (double y = 0; y <= pitch->width + 1; y += 3) {
            double at[2] = {fmin(x, pitch->length), fmin(y, pitch->width)}, px[2];
            if (fov_pitch_to_px(view, at, px) && px[0] > -0.1 * width && px[0] < 1.1 * width &&
                px[1] > -0.1 * height && px[1] < 1.1 * height)
                reach(&e, px[0], px[1]);
        }
    return region_of(&e, width, height);
}

enum { COLUMNS = 64, ROWS = 36, BINS = 32 };

/* Two chroma values of a pixel as a bin, -1: no colour. */
static int bin_at(const fov_image *image, int column, int row)
{
    int x = (int)((int64_t)(2 * column + 1) * image->width / (2 * COLUMNS)) >> image->shift_x;
    int y = (int)((int64_t)(2 * row + 1) * image->height / (2 * ROWS)) >> image->shift_y;
    int u = image->plane[1][y * image->stride[1] + x],
        v = image->plane[2][y * image->stride[2] + x];
    bool grey = abs(u - 128) + abs(v - 128) < 12;
    return grey ? -1 : u * BINS / 256 * BINS + v * BINS / 256;
}

static bool is_near(int bin, int best)
{
    return bin >= 0 && abs(bin / BINS - best / BINS) <= 1 && abs(bin % BINS - best % BINS) <= 1;
}

/* The rows in which one colour, which is that of much of the picture, is at home. */
static fov_ball_region band_of_ground(const fov_image *image)
{
    int bins[ROWS][COLUMNS], counts[BINS * BINS] = {0}, best = 0, all = 0, first = ROWS, last = -1;
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            bins[r][c] = bin_at(image, c, r);
            if (bins[r][c] >= 0 && ++counts[bins[r][c]] > counts[best])
                best = bins[r][c];
        }
    for (int r = 0; r < ROWS; r++) {
        int count = 0;
        for (int c = 0; c < COLUMNS; c++)
            count += is_near(bins[r][c], best);
        all += count;
        if (count < GROUND_ROW * COLUMNS)
            continue;
        first = r < first ? r : first;
        last = r;
    }
    if (all < GROUND_LEAST * ROWS * COLUMNS)
        return (fov_ball_region){0, 0, image->width, image->height};
    const struct extent e = {0, (double)first * image->height / ROWS, image->width,
                             (double)(last + 1) * image->height / ROWS};
    return region_of(&e, image->width, image->height);
}

fov_ball_region tiles_band(const fov_pitch_view *view, const fov_pitch_size *pitch,
                           const fov_image *image)
{
    fov_ball_region whole = {0, 0, image->width, image->height}, band = whole;
    if (view)
        band = band_of_view(view, pitch, image->width, image->height);
    else if (image->pixels == FOV_YUV && image->plane[1])
        band = band_of_ground(image);
    return band.width > 0 && band.height > 0 ? band : whole;
}

/* ---- boxes of several --------------------------------------------------------------------------
 */

struct tile_box tile_box_of(const fov_detection *seen, int tile, const fov_ball_region *r,
                            int group, int width, int height)
{
    struct tile_box b = {.box = *seen, .tile = tile, .group = group};
    float margin = (float)(r->width > 200 ? r->width / 100 : 2);
    b.cut = (r->x > 0 && seen->x1 < margin) || (r->y > 0 && seen->y1 < margin) ||
            (r->x + r->width < width && seen->x2 > (float)r->width - margin) ||
            (r->y + r->height < height && seen->y2 > (float)r->height - margin);
    b.box.x1 += (float)r->x;
    b.box.x2 += (float)r->x;
    b.box.y1 += (float)r->y;
    b.box.y2 += (float)r->y;
    return b;
}

static double area_of(const fov_detection *d)
{
    return (double)(d->x2 - d->x1) * (double)(d->y2 - d->y1);
}

static double both(const fov_detection *a, const fov_detection *b)
{
    double w = fmin((double)a->x2, (double)b->x2) - fmax((double)a->x1, (double)b->x1);
    double h = fmin((double)a->y2, (double)b->y2) - fmax((double)a->y1, (double)b->y1);
    return w > 0 && h > 0 ? w * h : 0;
}

/* By score; with `whole` those that were not cut first; equal ones as they came. */
static bool is_before(const struct tile_box *a, const struct tile_box *b, bool whole)
{
    return whole && a->cut != b->cut ? b->cut : a->box.score > b->box.score;
}

/* By insertion: there are some dozens, and qsort may allocate. */
static void sort(struct tile_box *boxes, size_t count, bool whole)
{
    for (size_t i = 1; i < count; i++) {
        struct tile_box box = boxes[i];
        size_t k = i;
        for (; k > 0 && is_before(&box, &boxes[k - 1], whole); k--)
            boxes[k] = boxes[k - 1];
        boxes[k] = box;
    }
}

static void join(fov_detection *to, const fov_detection *part)
{
    to->x1 = fminf(to->x1, part->x1);
    to->y1 = fminf(to->y1, part->y1);
    to->x2 = fmaxf(to->x2, part->x2);
    to->y2 = fmaxf(to->y2, part->y2);
}

/* Whether a kept box stands for this one, too; it grows where both are parts of one thing. */
static bool stands_for(struct tile_box *kept, const struct tile_box *b, double iou)
{
    double shared = both(&kept->box, &b->box), mine = area_of(&b->box), its = area_of(&kept->box);
    if (kept->group != b->group || shared <= 0)
        return false;
    bool part = b->cut && kept->tile != b->tile && shared > PART * fmin(mine, its);
    if (part && kept->cut)
        join(&kept->box, &b->box);
    return part || shared > iou * (mine + its - shared);
}

size_t tiles_merge(struct tile_box *boxes, size_t count, double iou)
{
    size_t kept = 0;
    sort(boxes, count, true);
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < kept && !stands_for(&boxes[k], &boxes[i], iou))
            k++;
        if (k == kept)
            boxes[kept++] = boxes[i];
    }
    sort(boxes, kept, false);
    return kept;
}
