/* The colours of a torso; see kit.h. */
#include "scene/kit.h"

#include <math.h>
#include <string.h>

enum { ACROSS = 12, DOWN = 14, CROP_LEAST_X = 3, CROP_LEAST_Y = 4, FEET = 4 };

#define L_WEIGHT 0.5f   /* light differs between players of one kit more than hue does */
#define HUE_UNITS 12.0f /* a torso wholly of one hue is so far from one without any */
#define VIVID 30.0f     /* chroma at which a hue counts in full */
#define SHIRT_LEAST 0.25f /* less of a torso than this is not grass: the shirt has its colour */
#define LIGHT_LEAST 0.4f
#define LIGHT_MOST 2.5f
#define LIGHT_DEAD 1.1f /* mown stripes differ by that much in the same light */

/* The torso: 25 to 75 % of the width, 15 to 50 % of the height, in whole px. */
struct crop {
    int x, y, width, height;
};

static bool crop_of(struct crop *crop, const struct turf_box *box, const fov_image *image)
{
    float width = box->x2 - box->x1, height = box->y2 - box->y1;
    float x1 = fmaxf(box->x1 + 0.25f * width, 0), y1 = fmaxf(box->y1 + 0.15f * height, 0);
    float x2 = fminf(box->x1 + 0.75f * width, (float)image->width),
          y2 = fminf(box->y1 + 0.50f * height, (float)image->height);
    if (!(x2 - x1 >= CROP_LEAST_X && y2 - y1 >= CROP_LEAST_Y))
        return false;
    *crop = (struct crop){(int)x1, (int)y1, (int)(x2 - x1), (int)(y2 - y1)};
    return true;
}

/* Light of the ground left and right of the feet, 0: too little of it to be seen. */
static float light_at_feet(const struct lab_tables *tables, const fov_image *image,
                           const struct turf_box *box, const struct turf *turf)
{
    float width = box->x2 - box->x1, height = box->y2 - box->y1, sum = 0;
    int found = 0;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < FEET * FEET; i++) {
            float out = width * (0.1f + 0.15f * (float)(i % FEET));
            int x = (int)(side ? box->x2 + out : box->x1 - out),
                y = (int)(box->y2 - height * 0.08f * (float)(i / FEET));
            uint8_t rgb[3];
            if (x < 0 || y < 0 || x >= image->width || y >= image->height)
                continue;
            lab_pixel(image, x, y, rgb);
            struct lab colour = lab_of(tables, rgb, 1);
            if (turf_is(turf, &colour)) {
                sum += colour.light;
                found++;
            }
        }
    return found >= FEET * FEET / 2 ? sum / (float)found : 0;
}

static float gain_of(float light, float daylight)
{
    if (light <= 0 || daylight <= 0)
        return 1;
    float gain = fminf(fmaxf(daylight / light, LIGHT_LEAST), LIGHT_MOST);
    return gain > LIGHT_DEAD ? gain / LIGHT_DEAD : gain < 1 / LIGHT_DEAD ? gain * LIGHT_DEAD : 1;
}

/* What is added up over pixels. */
struct sum {
    float weight, l, a, b, hues[KIT_HUES];
};

static void add(struct sum *sum, const struct lab *colour, float weight)
{
    float at = lab_hue8(colour->a, colour->b);
    float vivid =
        fminf(sqrtf(colour->a * colour->a + colour->b * colour->b) / VIVID, 1) * weight;
    int bin = (int)at % KIT_HUES;
    float part = at - (float)(int)at;
    sum->weight += weight;
    sum->l += weight * colour->l;
    sum->a += weight * colour->a;
    sum->b += weight * colour->b;
    sum->hues[bin] += vivid * (1 - part);
    sum->hues[(bin + 1) % KIT_HUES] += vivid * part;
}

static void finish(struct kit *kit, const struct sum *sum)
{
    float by = sum->weight > 0 ? 1 / sum->weight : 0;
    kit->values[0] = sum->a * by;
    kit->values[1] = sum->b * by;
    kit->values[2] = L_WEIGHT * sum->l * by;
    for (int i = 0; i < KIT_HUES; i++)
        kit->values[3 + i] = HUE_UNITS * sum->hues[i] * by;
}

static void join(struct sum *all, const struct sum *part)
{
    all->weight += part->weight;
    all->l += part->l;
    all->a += part->a;
    all->b += part->b;
    for (int i = 0; i < KIT_HUES; i++)
        all->hues[i] += part->hues[i];
}

bool kit_of(struct kit *kit, const struct lab_tables *tables, const fov_image *image,
            const struct turf_box *box, const struct turf *turf, float daylight)
{
    struct crop crop;
    struct sum shirt = {0}, grass = {0};
    memset(kit, 0, sizeof *kit);
    if (!crop_of(&crop, box, image))
        return false;
    float light = light_at_feet(tables, image, box, turf), gain = gain_of(light, daylight);
    int across = crop.width < ACROSS ? crop.width : ACROSS,
        down = crop.height < DOWN ? crop.height : DOWN;
    for (int i = 0; i < across * down; i++) {
        int column = i % across, row = i / across;
        int x = crop.x + (2 * column + 1) * crop.width / (2 * across),
            y = crop.y + (2 * row + 1) * crop.height / (2 * down);
        float aside = 2 * ((float)column + 0.5f) / (float)across - 1;
        uint8_t rgb[3];
        lab_pixel(image, x, y, rgb);
        struct lab seen = lab_of(tables, rgb, gain);
        add(turf_is(turf, &seen) ? &grass : &shirt, &seen, 1 - 0.6f * aside * aside);
    }
    float share = shirt.weight / (shirt.weight + grass.weight);
    if (share < SHIRT_LEAST)
        join(&shirt, &grass);
    finish(kit, &shirt);
    kit->clear = (share < SHIRT_LEAST ? 0.5f : fminf(share + 0.3f, 1)) * (light > 0 ? 1 : 0.7f);
    return true;
}

void kit_of_colour(struct kit *kit, const struct lab_tables *tables, uint32_t colour)
{
    const uint8_t rgb[3] = {(uint8_t)(colour >> 16), (uint8_t)(colour >> 8), (uint8_t)colour};
    struct lab seen = lab_of(tables, rgb, 1);
    struct sum sum = {0};
    add(&sum, &seen, 1);
    finish(kit, &sum);
    kit->clear = 1;
}

uint32_t kit_colour(const float values[KIT_SIZE])
{
    return lab_to_rgb(values[2] / L_WEIGHT, values[0], values[1]);
}
