/* The colours of a torso; see kit.h. */
#include "scene/kit.h"

#include <math.h>
#include <string.h>

enum { ACROSS = 8, DOWN = 10, CROP_LEAST_X = 3, CROP_LEAST_Y = 4 };
enum { FEET_STEPS = 6, FEET_NEAR = 2, FEET_EACH = 4 }; /* beside the feet */

#define L_WEIGHT 0.5f   /* light differs between players of one kit more than hue does */
#define HUE_UNITS 12.0f /* a torso wholly of one hue is so far from one without any */
#define FAR 20.0f       /* units from the mean at which a pixel counts half */
#define VIVID 30.0f     /* chroma at which a hue counts in full */
#define SHIRT_LEAST                                                                                \
    0.5f /* when less of a torso than this is not ground, the shirt has its colour */
#define LIGHT_LEAST 0.4f
#define LIGHT_MOST 2.5f
#define LIGHT_DEAD 1.03f /* so small a difference is not worth a correction */
#define SAME_LIGHT 1.4f  /* ground in one light differs by no more: stripes, noise */

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

/* Light of the ground beside the feet, at steps to both sides; 0 where there is none to be seen. */
static void lights_at_feet(const struct lab_tables *tables, const fov_image *image,
                           const struct turf_box *box, const struct turf *turf,
                           float lights[FEET_STEPS][FEET_EACH], int *inside)
{
    float width = box->x2 - box->x1, height = box->y2 - box->y1;
    *inside = 0;
    for (int step = 0; step < FEET_STEPS; step++)
        for (int i = 0; i < FEET_EACH; i++) {
            float out = width * (0.15f + 0.6f * (float)step), up = i / 2 ? 0.15f : 0;
            int x = (int)(i % 2 ? box->x2 + out : box->x1 - out), y = (int)(box->y2 - up * height);
            uint8_t rgb[3];
            lights[step][i] = 0;
            if (x < 0 || y < 0 || x >= image->width || y >= image->height)
                continue;
            *inside += step < FEET_NEAR;
            lab_pixel(image, x, y, rgb);
            struct lab colour = lab_of(tables, rgb, 1);
            if (turf_is(turf, &colour))
                lights[step][i] = colour.light;
        }
}

/* Mean of the first `steps` steps' lights between two bounds; `found` of them. */
static float mean_light(float lights[FEET_STEPS][FEET_EACH], int steps, float least, float most,
                        int *found)
{
    float sum = 0;
    *found = 0;
    for (int i = 0; i < steps * FEET_EACH; i++) {
        float light = lights[i / FEET_EACH][i % FEET_EACH];
        if (light > 0 && light >= least && light <= most) {
            sum += light;
            ++*found;
        }
    }
    return *found > 0 ? sum / (float)*found : 0;
}

/* Light of the ground where a player stands, 0: too little of it to be seen; and where that is. Far
 * enough to both sides that mown stripes even out, but not beyond the edge of a shadow. */
static float light_at_feet(const struct lab_tables *tables, const fov_image *image,
                           const struct turf_box *box, const struct turf *turf,
                           enum kit_stand *stand)
{
    float lights[FEET_STEPS][FEET_EACH];
    int found, inside;
    lights_at_feet(tables, image, box, turf, lights, &inside);
    float near = mean_light(lights, FEET_NEAR, 0, 2, &found);
    if (found < FEET_NEAR * FEET_EACH / 2) {
        *stand = inside < FEET_NEAR * FEET_EACH / 2 ? KIT_FEET_UNSEEN : KIT_OFF_TURF;
        return 0;
    }
    *stand = KIT_ON_TURF;
    return mean_light(lights, FEET_STEPS, near / SAME_LIGHT, near * SAME_LIGHT, &found);
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
    float chroma = sqrtf(colour->a * colour->a + colour->b * colour->b);
    float vivid = chroma < VIVID ? chroma / VIVID * weight : weight;
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

/* The pixels of a torso, with what each counts. */
struct torso {
    size_t count;
    struct lab pixels[ACROSS * DOWN];
    float weights[ACROSS * DOWN];
    float shirt, all; /* sums of weights: without the ground, and with it */
};

/* Pixels near the middle count more; those of the ground do not, unless there is little else. */
static void look(struct torso *torso, const struct lab_tables *tables, const fov_image *image,
                 const struct crop *crop, const struct turf *turf, float gain)
{
    int across = crop->width < ACROSS ? crop->width : ACROSS,
        down = crop->height < DOWN ? crop->height : DOWN;
    bool ground[ACROSS * DOWN];
    torso->count = (size_t)(across * down);
    torso->shirt = torso->all = 0;
    for (int i = 0; i < across * down; i++) {
        int column = i % across, row = i / across;
        int x = crop->x + (2 * column + 1) * crop->width / (2 * across),
            y = crop->y + (2 * row + 1) * crop->height / (2 * down);
        float aside = 2 * ((float)column + 0.5f) / (float)across - 1;
        uint8_t rgb[3];
        lab_pixel(image, x, y, rgb);
        torso->pixels[i] = lab_of(tables, rgb, gain);
        torso->weights[i] = 1 - 0.6f * aside * aside;
        ground[i] = turf_is(turf, &torso->pixels[i]);
        torso->all += torso->weights[i];
        torso->shirt += ground[i] ? 0 : torso->weights[i];
    }
    for (size_t i = 0; i < torso->count && torso->shirt >= SHIRT_LEAST * torso->all; i++)
        torso->weights[i] = ground[i] ? 0 : torso->weights[i];
}

/* The mean of the pixels, twice: what is far from the first mean, as a number on a back, counts
 * little in the second. */
static void average(const struct torso *torso, struct kit *kit)
{
    struct sum first = {0}, second = {0};
    for (size_t i = 0; i < torso->count; i++)
        add(&first, &torso->pixels[i], torso->weights[i]);
    float by = 1 / first.weight;
    for (size_t i = 0; i < torso->count; i++) {
        const struct lab *p = &torso->pixels[i];
        float l = p->l - first.l * by, a = p->a - first.a * by, b = p->b - first.b * by;
        float far = (l * l + a * a + b * b) / (FAR * FAR);
        add(&second, p, torso->weights[i] / (1 + far * far));
    }
    finish(kit, &second);
}

bool kit_of(struct kit *kit, const struct lab_tables *tables, const fov_image *image,
            const struct turf_box *box, const struct turf *turf, float daylight)
{
    struct crop crop;
    struct torso torso;
    memset(kit, 0, sizeof *kit);
    if (!crop_of(&crop, box, image))
        return false;
    float light = light_at_feet(tables, image, box, turf, &kit->stand);
    look(&torso, tables, image, &crop, turf, gain_of(light, daylight));
    average(&torso, kit);
    float share = torso.shirt / torso.all;
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
