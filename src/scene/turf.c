/* The pitch's own colour; see turf.h. */
#include "scene/turf.h"

#include <math.h>
#include <string.h>

enum { ACROSS = 28, DOWN = 16, BINS = 48 };

#define COLOURED 8.0f    /* less chroma than this has no hue worth a name */
#define FILLS 0.25f      /* part of the grid that three neighbouring bins of hue must hold */
#define SHADE_LEAST 0.4f /* times the ground's chroma: deep shade */
#define SHADE_MOST 1.7f
#define HUE_SLOPE 0.3f /* tangent of how far a hue may turn: 17 degrees */

struct bin {
    int count;
    float a, b, light;
};

static bool in_boxes(float x, float y, const struct turf_box *boxes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (x >= boxes[i].x1 && x < boxes[i].x2 && y >= boxes[i].y1 && y < boxes[i].y2)
            return true;
    return false;
}

static void add(struct bin *bin, const struct lab *colour)
{
    bin->count++;
    bin->a += colour->a;
    bin->b += colour->b;
    bin->light += colour->light;
}

/* Fills the bins with what lies outside of the boxes; returns how many pixels that are. `coloured`
 * counts those of all that have a hue. */
static int count_hues(struct bin bins[BINS], const struct lab_tables *tables,
                      const fov_image *image, const struct turf_box *boxes, size_t count,
                      int *coloured)
{
    int looked = 0;
    *coloured = 0;
    for (int row = 0; row < DOWN; row++)
        for (int column = 0; column < ACROSS; column++) {
            int x = (2 * column + 1) * image->width / (2 * ACROSS),
                y = (2 * row + 1) * image->height / (2 * DOWN);
            uint8_t rgb[3];
            lab_pixel(image, x, y, rgb);
            struct lab colour = lab_of(tables, rgb, 1);
            bool hue = colour.a * colour.a + colour.b * colour.b >= COLOURED * COLOURED;
            *coloured += hue;
            if (in_boxes((float)x, (float)y, boxes, count))
                continue;
            looked++;
            if (hue)
                add(&bins[(int)(lab_hue8(colour.a, colour.b) * (BINS / 8)) % BINS], &colour);
        }
    return looked;
}

static struct bin three(const struct bin bins[BINS], int middle)
{
    struct bin sum = {0};
    for (int i = middle - 1; i <= middle + 1; i++) {
        const struct bin *bin = &bins[(i + BINS) % BINS];
        sum.count += bin->count;
        sum.a += bin->a;
        sum.b += bin->b;
        sum.light += bin->light;
    }
    return sum;
}

bool turf_measure(struct turf *turf, const struct lab_tables *tables, const fov_image *image,
                  const struct turf_box *boxes, size_t count)
{
    struct bin bins[BINS] = {{0}}, best = {0};
    int coloured, looked = count_hues(bins, tables, image, boxes, count, &coloured);
    memset(turf, 0, sizeof *turf);
    for (int i = 0; i < BINS; i++) {
        struct bin sum = three(bins, i);
        if (sum.count > best.count)
            best = sum;
    }
    turf->coloured = (float)coloured / (ACROSS * DOWN);
    if (best.count == 0 || (float)best.count < FILLS * (float)looked)
        return false;
    float n = (float)best.count;
    *turf = (struct turf){true,           best.a / n,    best.b / n, hypotf(best.a / n, best.b / n),
                          best.light / n, turf->coloured};
    return true;
}

void turf_follow(struct turf *turf, const struct turf *measured, float share)
{
    if (!turf->known) {
        *turf = *measured;
        return;
    }
    turf->a += share * (measured->a - turf->a);
    turf->b += share * (measured->b - turf->b);
    turf->light += share * (measured->light - turf->light);
    turf->chroma = hypotf(turf->a, turf->b);
}

bool turf_is(const struct turf *turf, const struct lab *colour)
{
    if (!turf->known)
        return false;
    float along = (colour->a * turf->a + colour->b * turf->b) / turf->chroma;
    float across = fabsf(colour->a * turf->b - colour->b * turf->a) / turf->chroma;
    return along >= SHADE_LEAST * turf->chroma && along <= SHADE_MOST * turf->chroma &&
           across <= HUE_SLOPE * along + 2;
}
