/* Looking in tiles: bytes are a picture's size, a band of it, tiles, boxes that a detector saw in
 * them. Whatever comes: no crash; tiles lie in the picture at even px; boxes come best first, none
 * twice, and each is one of those that went in, or the hull of some. */
#include <math.h>
#include <stdlib.h>

#include "flow/look_tiles.h"
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH_MOST = 4096, BOXES = 64, PIXELS = 96 * 96 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int between(struct reader *r, int least, int most)
{
    uint16_t bits;
    take(r, &bits, sizeof bits);
    return least + bits % (most - least + 1);
}

static bool lies_in(const fov_ball_region *r, int width, int height)
{
    return r->x >= 0 && r->y >= 0 && r->width > 0 && r->height > 0 && r->x + r->width <= width &&
           r->y + r->height <= height;
}

/* By any view, or by the colours of a small picture of any bytes. */
static fov_ball_region find_band(struct reader *r)
{
    static uint8_t pixels[3][PIXELS];
    fov_image image = {.pixels = FOV_YUV,
                       .width = between(r, 1, 96),
                       .height = between(r, 1, 96),
                       .plane = {pixels[0], pixels[1], pixels[2]},
                       .stride = {96, 96, 96}};
    const fov_pitch_size pitch = {between(r, 20, 200), between(r, 20, 200)};
    image.shift_x = image.shift_y = between(r, 0, 1);
    bool by_view = next(r) & 1;
    fov_pitch_view view = {.width = image.width, .height = image.height};
    for (int i = 0; by_view && i < 9; i++)
        view.map[i] = (double)next_float(r);
    for (int k = 0; !by_view && k < 3; k++)
        for (int i = 0; i < PIXELS; i++)
            pixels[k][i] = i % 8 || !left(r) ? pixels[k][i & ~7] : next(r);
    fov_ball_region band = tiles_band(by_view ? &view : NULL, &pitch, &image);
    must(lies_in(&band, image.width, image.height));
    return band;
}

static size_t read_boxes(struct reader *r, const fov_ball_region *tiles, size_t count, int width,
                         int height, struct tile_box boxes[BOXES])
{
    size_t n = 0;
    for (; n < BOXES && left(r) > 0; n++) {
        size_t tile = (size_t)between(r, 0, (int)count - 1);
        fov_detection seen = {.score = (float)next(r) / 255};
        bool any = next(r) > 250;
        seen.x1 = any ? next_float(r) : (float)between(r, -20, 700);
        seen.y1 = any ? next_float(r) : (float)between(r, -20, 700);
        seen.x2 = any ? next_float(r) : seen.x1 + (float)next(r);
        seen.y2 = any ? next_float(r) : seen.y1 + (float)next(r);
        boxes[n] = tile_box_of(&seen, (int)tile, &tiles[tile], next(r) % 3, width, height);
    }
    return n;
}

/* Each side is that of a box that went in. */
static bool is_from(const struct tile_box *b, const struct tile_box *all, size_t count)
{
    bool x1 = isnan(b->box.x1), y1 = isnan(b->box.y1), x2 = isnan(b->box.x2), y2 = isnan(b->box.y2);
    for (size_t i = 0; i < count; i++) {
        x1 = x1 || all[i].box.x1 == b->box.x1;
        y1 = y1 || all[i].box.y1 == b->box.y1;
        x2 = x2 || all[i].box.x2 == b->box.x2;
        y2 = y2 || all[i].box.y2 == b->box.y2;
    }
    return x1 && y1 && x2 && y2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size, 0};
    fov_ball_region tiles[TILES_MAX];
    struct tile_box boxes[BOXES], before[BOXES];
    int width = between(&r, 2, WIDTH_MOST), height = between(&r, 2, WIDTH_MOST);
    fov_ball_region area = {between(&r, 0, width - 1), between(&r, 0, height - 1), 0, 0};
    area.width = between(&r, 1, width - area.x);
    area.height = between(&r, 1, height - area.y);
    int side = between(&r, 32, 2048), overlap = between(&r, 0, side / 2);
    size_t count = tiles_cover(area, side, overlap, width, height, tiles);
    must(count >= 1 && count <= TILES_MAX);
    for (size_t i = 0; i < count; i++)
        must(lies_in(&tiles[i], width, height) && tiles[i].x % 2 == 0 && tiles[i].y % 2 == 0);
    find_band(&r);
    size_t seen = read_boxes(&r, tiles, count, width, height, boxes);
    memcpy(before, boxes, sizeof before);
    size_t kept = tiles_merge(boxes, seen, 0.5);
    must(kept <= seen && (kept > 0) == (seen > 0));
    for (size_t i = 0; i < kept; i++) {
        must(is_from(&boxes[i], before, seen));
        must(i == 0 || boxes[i - 1].box.score >= boxes[i].box.score);
    }
    return 0;
}
