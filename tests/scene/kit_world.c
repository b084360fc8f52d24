#include "kit_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../random_numbers.h"

enum { WIDTH = KIT_WORLD_WIDTH, HEIGHT = KIT_WORLD_HEIGHT, PLAYERS = KIT_WORLD_PLAYERS };
enum { NOISE = 1 << 16, SAMPLES = 4 };

#define SKIN 0xc68e6cu
#define HAIR 0x3a2a1eu

// clang-format off
/* Team A, team B, keeper A, keeper B, referee: shirt, second colour, shorts, socks. */
#define RED    {0xc8202a, 0xc8202a, 0xffffff, 0xc8202a}
#define BLUE   {0x1e46b4, 0x1e46b4, 0x1e46b4, 0xffffff}
#define ORANGE {0xe8701e, 0xe8701e, 0x202020, 0xe8701e}
#define WHITE  {0xf4f4f4, 0xf4f4f4, 0xf4f4f4, 0xf4f4f4}
#define GREY   {0xb4b8bc, 0xb4b8bc, 0xb4b8bc, 0xb4b8bc}
#define NAVY   {0x141e50, 0x141e50, 0x141e50, 0x141e50}
#define BLACK  {0x161616, 0x161616, 0x161616, 0x161616}
#define YELLOW {0xf0dc28, 0xf0dc28, 0x1e46b4, 0xf0dc28}
#define GREEN  {0x0f7a3c, 0x0f7a3c, 0xffffff, 0x0f7a3c}
#define REDBAR {0xc8202a, 0xf4f4f4, 0x202020, 0xc8202a}
#define BLUBAR {0x2864c8, 0xf4f4f4, 0x2864c8, 0x2864c8}
#define PINK   {0xe664a0, 0xe664a0, 0xe664a0, 0xe664a0}
#define CYAN   {0x32c8c8, 0x32c8c8, 0x32c8c8, 0x32c8c8}
#define VIOLET {0x7832b4, 0x7832b4, 0x7832b4, 0x7832b4}

const struct kit_level kit_levels[] = {
    {"red, blue; clear",            {RED, BLUE, YELLOW, CYAN, BLACK},        4, 1.0, 0.0, 1,  0, 1.0, 0.0},
    {"red, blue; hard light",       {RED, BLUE, YELLOW, CYAN, BLACK},       12, 0.45, 0.3, 5, 70, 1.0, 0.0},
    {"white, red; small",           {WHITE, RED, YELLOW, VIOLET, BLACK},     8, 0.5, 0.2, 3, 75, 0.6, 0.0},
    {"green on grass, yellow",      {GREEN, YELLOW, PINK, VIOLET, BLACK},    8, 0.5, 0.2, 3, 75, 1.0, 0.0},
    {"stripes red, stripes blue",   {REDBAR, BLUBAR, YELLOW, VIOLET, BLACK}, 8, 0.5, 0.2, 3, 75, 1.0, 0.0},
    {"red, orange",                 {RED, ORANGE, CYAN, VIOLET, BLACK},      8, 0.5, 0.2, 3, 75, 1.0, 0.0},
    {"navy, black",                 {NAVY, BLACK, ORANGE, PINK, YELLOW},     8, 0.5, 0.2, 3, 75, 1.0, 0.0},
    {"white, light grey",           {WHITE, GREY, ORANGE, VIOLET, BLACK},    8, 0.5, 0.2, 3, 75, 1.0, 0.0},
    {"red, blue; light drifts",     {RED, BLUE, YELLOW, CYAN, BLACK},        8, 0.5, 0.2, 3, 75, 1.0, 0.5},
};
// clang-format on
const size_t kit_level_count = sizeof kit_levels / sizeof *kit_levels;

struct player {
    double at[2], speed[2], target[2], height_m, phase;
    bool number; /* on the back, shown */
};

struct kit_world {
    struct kit_level level;
    double fps;
    uint64_t random;
    size_t frame;
    struct player players[PLAYERS];
    double camera[12]; /* metres to px, 3x4 */
    uint8_t *grass, *pixels, *noise;
    float *light; /* of each pixel: what comes through shade and falloff */
    fov_track tracks[PLAYERS];
    fov_encoder *encoder;
    fov_decoder *decoder;
};

enum kit_role kit_world_role(int id)
{
    return id == 1    ? KIT_KEEPER_A
           : id == 12 ? KIT_KEEPER_B
           : id == 23 ? KIT_REFEREE
           : id < 12  ? KIT_TEAM_A
                      : KIT_TEAM_B;
}

/* ---- where they are -------------------------------------------------------------------------- */

/* Half of the pitch, the goal of team A on the left; its keeper stays near it. */
static void choose_target(struct kit_world *w, int i)
{
    enum kit_role role = kit_world_role(i + 1);
    double *to = w->players[i].target;
    to[0] = role == KIT_KEEPER_A   ? random_between(&w->random, 1, 9)
            : role == KIT_KEEPER_B ? random_between(&w->random, 44, 50)
            : role == KIT_TEAM_A   ? random_between(&w->random, 5, 38)
                                   : random_between(&w->random, 14, 48);
    to[1] = role == KIT_KEEPER_A ? random_between(&w->random, 26, 42)
                                 : random_between(&w->random, 6, 60);
}

static void walk(struct kit_world *w, double dt)
{
    for (int i = 0; i < PLAYERS; i++) {
        struct player *p = &w->players[i];
        double x = p->target[0] - p->at[0], y = p->target[1] - p->at[1], far = hypot(x, y);
        if (far < 1.5 || random_share(&w->random) < 0.2 * dt)
            choose_target(w, i);
        double speed = fmin(far, 5);
        p->speed[0] += 2 * dt * (x / (far + 0.1) * speed - p->speed[0]);
        p->speed[1] += 2 * dt * (y / (far + 0.1) * speed - p->speed[1]);
        p->at[0] += p->speed[0] * dt;
        p->at[1] += p->speed[1] * dt;
        p->phase += dt * 8;
        if (random_share(&w->random) < 0.3 * dt)
            p->number = !p->number;
    }
}

/* A camera above the side line that looks at the middle of the half. */
static void set_camera(struct kit_world *w)
{
    const double stand[3] = {26, -30, 18}, look[2] = {26, 26};
    double tilt = atan2(stand[2], look[1] - stand[1]), focal = 1500 * w->level.zoom;
    const double rows[3][3] = {{1, 0, 0}, {0, -sin(tilt), -cos(tilt)}, {0, cos(tilt), -sin(tilt)}};
    for (int k = 0; k < 4; k++) {
        double r[3];
        for (int i = 0; i < 3; i++)
            r[i] = k < 3 ? rows[i][k]
                         : -(rows[i][0] * stand[0] + rows[i][1] * stand[1] + rows[i][2] * stand[2]);
        w->camera[k] = focal * r[0] + WIDTH / 2.0 * r[2];
        w->camera[4 + k] = focal * r[1] + HEIGHT / 2.0 * r[2];
        w->camera[8 + k] = r[2];
    }
}

static void project(const struct kit_world *w, double x, double y, double z, double px[2])
{
    double q[3];
    for (int r = 0; r < 3; r++)
        q[r] = w->camera[4 * r] * x + w->camera[4 * r + 1] * y + w->camera[4 * r + 2] * z +
               w->camera[4 * r + 3];
    px[0] = q[0] / q[2];
    px[1] = q[1] / q[2];
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void split(uint32_t colour, double rgb[3])
{
    rgb[0] = colour >> 16;
    rgb[1] = colour >> 8 & 255;
    rgb[2] = colour & 255;
}

static uint8_t byte_of(double value)
{
    return (uint8_t)fmin(fmax(value + 0.5, 0), 255);
}

/* Light to what an sRGB value is multiplied with, nearly. */
static double gain_of(double light)
{
    return pow(light, 1 / 2.2);
}

/* Grass in mown stripes with lines; a shadow from the upper left, less light to the right. */
static void draw_ground(struct kit_world *w)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            bool shadow = x + 2 * y < WIDTH * 0.9;
            double light = (shadow ? w->level.shade : 1) * (1 - w->level.falloff * x / WIDTH);
            double mown = ((x + y / 4) / 90) % 2 ? 1.06 : 0.94, gain = gain_of(light) * mown;
            bool line = abs(x - 700 - y / 5) < 2 || abs(y - 520) < 2;
            const double grass[3] = {74, 128, 56}, white[3] = {225, 228, 220};
            size_t at = (size_t)y * WIDTH + (size_t)x;
            w->light[at] = (float)light;
            for (int k = 0; k < 3; k++)
                w->grass[3 * at + (size_t)k] = byte_of(gain * (line ? white[k] : grass[k]));
        }
}

/* The colour at (u, v) of a player, in heights from the middle of the top; false: beside him. */
static bool paint(const struct player *p, const struct kit_design *kit, double u, double v,
                  double rgb[3])
{
    double side = fabs(u), step = 0.05 * sin(p->phase), leg = fabs(side - 0.06 - step * (u > 0));
    if (hypot(u, v - 0.07) < 0.065)
        split(v < 0.05 ? HAIR : SKIN, rgb);
    else if (v >= 0.14 && v < 0.5 && side < 0.165 - 0.06 * (v - 0.14)) {
        bool stripe = (int)floor((u + 1) / 0.055) % 2;
        split(stripe ? kit->second : kit->shirt, rgb);
        if (p->number && side < 0.05 && v > 0.22 && v < 0.33)
            split(0xf0f0f0, rgb);
    } else if (v >= 0.15 && v < 0.44 && side < 0.215)
        split(v < 0.28 ? kit->shirt : SKIN, rgb);
    else if (v >= 0.48 && v < 0.66 && side < 0.14)
        split(kit->shorts, rgb);
    else if (v >= 0.64 && v < 1 && leg < 0.04)
        split(v < 0.78 ? SKIN : v < 0.95 ? kit->socks : 0x101010, rgb);
    else
        return false;
    double round = 1 - 0.25 * (side / 0.2) * (side / 0.2) - 0.3 * u;
    for (int k = 0; k < 3; k++)
        rgb[k] *= round;
    return true;
}

/* One pixel of a player: several looks along the way of the blur. */
static void blend(struct kit_world *w, const struct player *p, const struct kit_design *kit, int x,
                  int y, const double top[2], double height, double light)
{
    double sum[3] = {0, 0, 0};
    int hit = 0;
    for (int s = 0; s < SAMPLES; s++) {
        double rgb[3], off = w->level.blur * ((s + 0.5) / SAMPLES - 0.5);
        if (!paint(p, kit, (x + 0.5 + off - top[0]) / height, (y + 0.5 - top[1]) / height, rgb))
            continue;
        hit++;
        for (int k = 0; k < 3; k++)
            sum[k] += rgb[k];
    }
    uint8_t *at = w->pixels + 3 * ((size_t)y * WIDTH + (size_t)x);
    for (int k = 0; k < 3 && hit; k++)
        at[k] = byte_of((sum[k] * gain_of(light) + at[k] * (SAMPLES - hit)) / SAMPLES);
}

static void draw_player(struct kit_world *w, int i)
{
    const struct player *p = &w->players[i];
    const struct kit_design *kit = &w->level.designs[kit_world_role(i + 1)];
    double top[2], foot[2];
    project(w, p->at[0], p->at[1], p->height_m, top);
    project(w, p->at[0], p->at[1], 0, foot);
    double height = foot[1] - top[1];
    int fx = (int)fmin(fmax(foot[0], 0), WIDTH - 1), fy = (int)fmin(fmax(foot[1], 0), HEIGHT - 1);
    double light = w->light[fy * WIDTH + fx];
    for (int y = (int)fmax(top[1], 0); y < fmin(foot[1], HEIGHT); y++)
        for (int x = (int)fmax(top[0] - 0.3 * height - w->level.blur, 0);
             x < fmin(top[0] + 0.3 * height + w->level.blur, WIDTH); x++)
            blend(w, p, kit, x, y, top, height, light);
}

/* Noise of the camera, and the light of this minute. */
static void finish(struct kit_world *w, double time_s)
{
    double lost = w->level.drift * fmin(time_s / 60, 1);
    double gain[3] = {gain_of(1 - lost), gain_of(1 - lost), gain_of((1 - lost) * (1 - 0.3 * lost))};
    uint8_t table[3][256];
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = byte_of(gain[k] * i);
    for (int y = 0; y < HEIGHT; y++) {
        uint8_t *row = w->pixels + (size_t)y * WIDTH * 3;
        const uint8_t *noise = w->noise + (size_t)(random_share(&w->random) * (NOISE - 3 * WIDTH));
        for (int x = 0; x < 3 * WIDTH; x++) {
            int value = table[x % 3][row[x]] + noise[x] - 128;
            row[x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
}

/* ---- what a tracker says --------------------------------------------------------------------- */

static fov_detection box_of(const struct kit_world *w, int i)
{
    const struct player *p = &w->players[i];
    double top[2], foot[2];
    project(w, p->at[0], p->at[1], p->height_m, top);
    project(w, p->at[0], p->at[1], 0, foot);
    double half = 0.2 * (foot[1] - top[1]);
    return (fov_detection){.x1 = (float)(foot[0] - half),
                           .y1 = (float)top[1],
                           .x2 = (float)(foot[0] + half),
                           .y2 = (float)foot[1],
                           .score = 0.9f};
}

/* Part of the box of player i that those in front cover. */
static double covered(const fov_detection *boxes, int i)
{
    double most = 0;
    const fov_detection *a = &boxes[i];
    for (int k = 0; k < PLAYERS; k++) {
        const fov_detection *b = &boxes[k];
        float wide = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1),
              high = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
        if (k != i && b->y2 > a->y2 && wide > 0 && high > 0)
            most = fmax(most, (double)(wide * high / ((a->x2 - a->x1) * (a->y2 - a->y1))));
    }
    return most;
}

static void set_tracks(struct kit_world *w, struct kit_shot *shot)
{
    for (int i = 0; i < PLAYERS; i++)
        shot->truth[i] = box_of(w, i);
    for (int i = 0; i < PLAYERS; i++) {
        const fov_detection *t = &shot->truth[i];
        float wide = t->x2 - t->x1, high = t->y2 - t->y1, by[4];
        for (int k = 0; k < 4; k++)
            by[k] = (float)random_normal(&w->random) * (k % 2 ? 0.018f * high : 0.035f * wide);
        bool seen = covered(shot->truth, i) < 0.7 && random_share(&w->random) > 0.025;
        w->tracks[i] = (fov_track){.id = i + 1,
                                   .state = seen ? FOV_TRACK_ACTIVE : FOV_TRACK_LOST,
                                   .detection = seen ? i : -1,
                                   .x1 = t->x1 + by[0],
                                   .y1 = t->y1 + by[1],
                                   .x2 = t->x2 + by[2],
                                   .y2 = t->y2 + by[3],
                                   .score = 0.9f};
    }
    shot->tracks = (fov_tracks){w->tracks, PLAYERS};
}

/* ---- frames ---------------------------------------------------------------------------------- */

struct kit_world *kit_world_create(const struct kit_level *level, unsigned seed, double fps)
{
    struct kit_world *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->level = *level;
    w->fps = fps;
    w->random = seed;
    w->grass = malloc((size_t)WIDTH * HEIGHT * 3);
    w->pixels = malloc((size_t)WIDTH * HEIGHT * 3);
    w->light = malloc((size_t)WIDTH * HEIGHT * sizeof *w->light);
    w->noise = malloc(NOISE);
    if (!w->grass || !w->pixels || !w->light || !w->noise ||
        fov_encoder_create(&w->encoder, NULL) || fov_decoder_create(&w->decoder, NULL)) {
        kit_world_destroy(&w);
        return NULL;
    }
    for (int i = 0; i < NOISE; i++)
        w->noise[i] = byte_of(128 + level->noise * random_normal(&w->random));
    for (int i = 0; i < PLAYERS; i++) {
        choose_target(w, i);
        memcpy(w->players[i].at, w->players[i].target, sizeof w->players[i].at);
        choose_target(w, i);
        w->players[i].height_m = random_between(&w->random, 1.7, 1.92);
        w->players[i].number = random_share(&w->random) < 0.5;
    }
    set_camera(w);
    draw_ground(w);
    return w;
}

void kit_world_destroy(struct kit_world **world)
{
    struct kit_world *w = *world;
    if (!w)
        return;
    free(w->grass);
    free(w->pixels);
    free(w->light);
    free(w->noise);
    fov_encoder_destroy(&w->encoder);
    fov_decoder_destroy(&w->decoder);
    free(w);
    *world = NULL;
}

static void draw(struct kit_world *w, double time_s)
{
    bool drawn[PLAYERS] = {false};
    memcpy(w->pixels, w->grass, (size_t)WIDTH * HEIGHT * 3);
    for (int n = 0; n < PLAYERS; n++) { /* those far away first */
        int next = -1;
        for (int i = 0; i < PLAYERS; i++)
            if (!drawn[i] && (next < 0 || w->players[i].at[1] > w->players[next].at[1]))
                next = i;
        drawn[next] = true;
        draw_player(w, next);
    }
    finish(w, time_s);
}

bool kit_world_next(struct kit_world *w, struct kit_shot *shot)
{
    const uint8_t *bytes;
    size_t size;
    fov_picture_info info;
    shot->time_s = (double)w->frame / w->fps;
    walk(w, w->frame++ ? 1 / w->fps : 0);
    draw(w, shot->time_s);
    set_tracks(w, shot);
    shot->image = (fov_image){.pixels = FOV_RGB24,
                              .width = WIDTH,
                              .height = HEIGHT,
                              .plane = {w->pixels},
                              .stride = {3 * WIDTH}};
    shot->view = (fov_pitch_view){.width = WIDTH, .height = HEIGHT};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            shot->view.map[3 * r + c] = w->camera[4 * r + (c < 2 ? c : 3)];
    if (w->level.quality == 0)
        return true;
    fov_image drawn = shot->image;
    return !fov_encode_jpeg(w->encoder, &drawn, w->level.quality, &bytes, &size, NULL) &&
           !fov_decode(w->decoder, bytes, size, FOV_YUV, 1, &shot->image, &info, NULL);
}
