/* Around the pitch: stands with their crowd, boards, goals and corner flags. Only as real as an eye
 * on the game will notice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "media/football_scene.h"
#include "media/overlay.h"

enum { RUN = 16 }; /* px between two exact points of a texture */

/* ---- textures --------------------------------------------------------------------------------
 */

static fov_image texture_image(const struct texture *t)
{
    int width = 1 << t->bits_u, height = 1 << t->bits_v;
    return (fov_image){.pixels = FOV_YUV,
                       .width = width,
                       .height = height,
                       .plane = {t->plane[0], t->plane[1], t->plane[2]},
                       .stride = {width, width, width}};
}

static bool texture_make(struct texture *t, int bits_u, int bits_v, double texels)
{
    size_t size = (size_t)1 << (bits_u + bits_v);
    uint8_t *memory = calloc(3, size);
    *t = (struct texture){{memory, memory + size, memory + 2 * size}, bits_u, bits_v, texels};
    return memory != NULL;
}

static void put_block(const struct texture *t, int x, int y, int width, int height, uint32_t rgb)
{
    fov_image image = texture_image(t);
    overlay_fill(&image, (struct overlay_rect){x, y, x + width, y + height}, rgb);
}

/* The lens is sharp on the pitch and not on the stands. */
static void soften(const struct texture *t, uint8_t *plane, uint8_t *copy)
{
    int width = 1 << t->bits_u, height = 1 << t->bits_v;
    memcpy(copy, plane, (size_t)width * (size_t)height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int sum = 0;
            for (int k = 0; k < 9; k++)
                sum += copy[((y + k / 3 - 1) & (height - 1)) * width +
                            ((x + k % 3 - 1) & (width - 1))] *
                       (1 + (k % 2 == 1) + 3 * (k == 4));
            plane[y * width + x] = (uint8_t)((sum + 8) / 16);
        }
}

static fov_status soften_all(const struct texture *t)
{
    uint8_t *copy = malloc((size_t)1 << (t->bits_u + t->bits_v));
    for (int i = 0; i < 3 && copy; i++)
        soften(t, t->plane[i], copy);
    free(copy);
    return copy ? FOV_OK : FOV_ENOMEM;
}

enum { SEAT_WIDTH = 8, SEAT_HEIGHT = 16 };

static void put_fan(const struct texture *t, int column, int row, uint32_t seed)
{
    static const uint32_t clothes[] = {0x8A2B2B, 0x9A3A34, 0x2C3E63, 0x34507E, 0x5B5F66,
                                       0x777B80, 0x2A2C30, 0x3B3A38, 0x8B8671, 0x4D3B2E,
                                       0xA9ADB0, 0x6E2530, 0x243028, 0x8F6A3C};
    static const uint32_t faces[] = {0xA87C62, 0x8F6650, 0x6B4A38, 0xB58B72};
    uint32_t chance = scene_noise((uint32_t)column, (uint32_t)row, seed);
    int x = column * SEAT_WIDTH, y = row * SEAT_HEIGHT + (int)(chance % 3);
    if (chance % 100 < 8) { /* an empty seat */
        put_block(t, x + 1, y + 8, 6, 6, 0x2F4468);
        return;
    }
    put_block(t, x, y + 5, 7, 10, clothes[(chance >> 8) % (sizeof clothes / sizeof *clothes)]);
    put_block(t, x + 2, y + 1, 4, 4, faces[(chance >> 16) % 4]);
    if (chance >> 24 & 1) /* hair */
        put_block(t, x + 2, y, 4, 2, 0x2B211B);
}

static fov_status build_crowd(struct texture *t, uint32_t seed)
{
    if (!texture_make(t, 9, 8, 16))
        return FOV_ENOMEM;
    put_block(t, 0, 0, 512, 256, 0x24272B);
    for (int row = 0; row < 256 / SEAT_HEIGHT; row++)
        for (int column = 0; column < 512 / SEAT_WIDTH; column++)
            if (column % 32 != 31)
                put_fan(t, column, row, seed);
    for (int x = 31 * SEAT_WIDTH; x < 512; x += 256)
        for (int y = 0; y < 256; y += 4)
            put_block(t, x - 1, y, 9, 3, 0x54565A); /* stairs */
    return soften_all(t);
}

static fov_status build_boards(struct texture *t)
{
    static const struct {
        uint32_t rgb;
        const char *text;
    } panels[8] = {{0xF2E55C, "fovea"},        {0xF4F6F8, "every millisecond"},
                   {0x56B4E9, "fovea"},        {0xF0A30A, "boxes on their frame"},
                   {0xF4F6F8, "fovea"},        {0x1FC99A, "newest frame wins"},
                   {0xF2E55C, "under 200 ms"}, {0xFF8560, "fovea"}};
    if (!texture_make(t, 11, 5, 32))
        return FOV_ENOMEM;
    fov_image image = texture_image(t);
    struct overlay_style style = {.font = &glyph_fonts[1]};
    int height = glyph_fonts[1].ascent + glyph_fonts[1].descent;
    for (int i = 0; i < 8; i++) {
        int letters = (int)strlen(panels[i].text), x = i * 256 + 128 - 6 * letters;
        put_block(t, i * 256, 0, 256, 32, panels[i].rgb);
        overlay_label(&image, &style, (struct overlay_rect){x, height + 2, x, height},
                      panels[i].rgb, panels[i].text);
        put_block(t, i * 256, 0, 2, 32, 0x30343A);
    }
    return FOV_OK;
}

fov_status stands_build(struct scene *scene)
{
    fov_status status = build_crowd(&scene->crowd, scene->seed);
    return status ? status : build_boards(&scene->boards);
}

void stands_free(struct scene *scene)
{
    free(scene->crowd.plane[0]);
    free(scene->boards.plane[0]);
}

/* ---- planes ----------------------------------------------------------------------------------
 */

struct wall {
    double origin[3], along[3], up[3]; /* `up`: the way of the texture's rows */
    double length, height;             /* m */
};

static void wall_corners(const struct wall *w, double corners[4][3])
{
    for (int k = 0; k < 3; k++) {
        corners[0][k] = w->origin[k];
        corners[1][k] = w->origin[k] + w->length * w->along[k];
        corners[2][k] = corners[1][k] + w->height * w->up[k];
        corners[3][k] = w->origin[k] + w->height * w->up[k];
    }
}

static uint32_t fixed(double texels)
{
    return (uint32_t)(int64_t)(texels * 65536);
}

/* Samples first..end of one row of a plane of the picture; `px` the source px of sample 0, `step`
 * px from one to the next. `back` maps px to metres on the wall. */
static void sample_row(const struct texture *t, const uint8_t *from, uint8_t *to, int first,
                       int end, const double back[9], double px, double step, double y)
{
    uint32_t mask_u = (1u << t->bits_u) - 1, mask_v = (1u << t->bits_v) - 1;
    double u[2], v[2];
    for (int i = first; i < end; i += RUN) {
        int count = end - i < RUN ? end - i : RUN;
        for (int k = 0; k < 2; k++) {
            double x = px + step * (i + k * RUN), w = back[6] * x + back[7] * y + back[8];
            u[k] = (back[0] * x + back[1] * y + back[2]) / w * t->texels;
            v[k] = (back[3] * x + back[4] * y + back[5]) / w * t->texels;
        }
        uint32_t at_u = fixed(u[0]), at_v = fixed(v[0]);
        uint32_t step_u = fixed((u[1] - u[0]) / RUN), step_v = fixed((v[1] - v[0]) / RUN);
        for (int k = 0; k < count; k++) {
            to[i + k] = from[(at_v >> 16 & mask_v) << t->bits_u | (at_u >> 16 & mask_u)];
            at_u += step_u;
            at_v += step_v;
        }
    }
}

static void wall_row(const struct texture *t, const fov_image *image, const double back[9], int y,
                     int first, int end)
{
    sample_row(t, t->plane[0], image->plane[0] + (ptrdiff_t)y * image->stride[0], first, end, back,
               0.5, 1, y + 0.5);
    for (int p = 1; p < 3 && (y & 1) == 0; p++)
        sample_row(t, t->plane[p], image->plane[p] + (ptrdiff_t)(y / 2) * image->stride[p],
                   (first + 1) / 2, (end + 1) / 2, back, 0.5, 2, y + 0.5);
}

static void wall_draw(const struct texture *t, struct paint *p, const struct camera *c,
                      const struct wall *w)
{
    double corners[4][3], map[9], back[9];
    struct paint_point points[16];
    wall_corners(w, corners);
    int count = camera_polygon(c, (const double(*)[3])corners, 4, points);
    camera_plane(c, w->origin, w->along, w->up, map);
    if (count < 3 || !plane_invert(map, back))
        return;
    struct paint_box box = PAINT_NOWHERE;
    paint_box_add(&box, points, count);
    int top = (int)fmaxf(floorf(box.y1), 0);
    int bottom = (int)fminf(ceilf(box.y2), (float)p->image.height);
    for (int y = top; y < bottom; y++) {
        float left, right;
        if (!paint_slice(points, count, (float)y + 0.5f, &left, &right))
            continue;
        int first = (int)fmaxf(ceilf(left - 0.5f), 0);
        int end = (int)fminf(ceilf(right - 0.5f), (float)p->image.width);
        if (first < end)
            wall_row(t, &p->image, back, y, first, end);
    }
}

/* ---- what stands there -----------------------------------------------------------------------
 */

static void flat(struct paint *p, const struct camera *c, const double (*corners)[3], uint32_t rgb,
                 float opacity)
{
    struct paint_point points[16];
    int count = camera_polygon(c, corners, 4, points);
    paint_convex(p, points, count, paint_rgb(rgb), opacity);
}

/* A strip that follows the top of a wall, which smooths its edge. */
static void rail(struct paint *p, const struct camera *c, const struct wall *w, double high,
                 uint32_t rgb)
{
    double corners[4][3];
    struct wall strip = *w;
    strip.height = high;
    wall_corners(&strip, corners);
    flat(p, c, (const double(*)[3])corners, rgb, 1);
}

static void stands_and_walls(const struct scene *scene, struct paint *p, const struct camera *c)
{
    const double l = FOOTBALL_LENGTH, far = FOOTBALL_WIDTH + STANDS_FAR, down[3] = {0, 0, -1};
    /* A slope of 36 m up and out to 24.4 m; along it, from the top, 43.5 m. */
    const double s = 36 / 43.5, z = 24.4 / 43.5;
    const struct wall stands[3] = {
        {{-70, far + 36, 26}, {1, 0, 0}, {0, -s, -z}, l + 140, 43.5},
        {{-STANDS_SIDE - 36, -70, 26}, {0, 1, 0}, {s, 0, -z}, far + 70, 43.5},
        {{l + STANDS_SIDE + 36, far, 26}, {0, -1, 0}, {-s, 0, -z}, far + 70, 43.5}};
    const struct wall walls[3] = {
        {{-STANDS_SIDE, far, 1.6}, {1, 0, 0}, {0}, l + 2 * STANDS_SIDE, 1.6},
        {{-STANDS_SIDE, -70, 1.6}, {0, 1, 0}, {0}, far + 70, 1.6},
        {{l + STANDS_SIDE, far, 1.6}, {0, -1, 0}, {0}, far + 70, 1.6}};
    for (int i = 0; i < 3; i++) {
        struct wall wall = walls[i];
        memcpy(wall.up, down, sizeof down);
        wall_draw(&scene->crowd, p, c, &stands[i]);
        rail(p, c, &wall, 1.6, 0x5C6268);
        rail(p, c, &wall, 0.25, 0x8E959C);
    }
}

static void boards(const struct scene *scene, struct paint *p, const struct camera *c)
{
    const double l = FOOTBALL_LENGTH, far = FOOTBALL_WIDTH + 4.5, high = 1;
    const struct wall walls[3] = {{{-6.5, far, high}, {1, 0, 0}, {0, 0, -1}, l + 13, high},
                                  {{-6.5, -70, high}, {0, 1, 0}, {0, 0, -1}, far + 70, high},
                                  {{l + 6.5, far, high}, {0, -1, 0}, {0, 0, -1}, far + 70, high}};
    for (int i = 0; i < 3; i++) {
        double corners[4][3];
        wall_corners(&walls[i], corners);
        for (int k = 0; k < 2; k++) { /* its shadow on the grass before it */
            memcpy(corners[k], corners[3 - k], sizeof corners[k]);
            corners[k][0] += i == 0 ? 0 : i == 1 ? 0.8 : -0.8;
            corners[k][1] -= i == 0 ? 0.8 : 0;
        }
        flat(p, c, (const double(*)[3])corners, 0, 0.25f);
        wall_draw(&scene->boards, p, c, &walls[i]);
        rail(p, c, &walls[i], 0.09, 0x2B3036);
    }
}

void stands_draw(const struct scene *scene, struct paint *p, const struct camera *c)
{
    stands_and_walls(scene, p, c);
    boards(scene, p, c);
}

/* ---- goals -----------------------------------------------------------------------------------
 */

static void bar(struct paint *p, const struct camera *c, const double a[3], const double b[3],
                double radius, uint32_t rgb, float opacity)
{
    double da = camera_depth(c, a), db = camera_depth(c, b), f = c->view.focal_px;
    if (da < 1 || db < 1)
        return;
    paint_capsule(p, camera_project(c, a), (float)(radius * f / da), camera_project(c, b),
                  (float)(radius * f / db), paint_rgb(rgb), opacity, NULL);
}

/* Threads of a net between two edges that are given by their ends. */
static void net(struct paint *p, const struct camera *c, const double edges[4][3], int threads)
{
    flat(p, c, edges, 0xFFFFFF, 0.07f);
    for (int i = 0; i <= threads; i++) {
        double t = (double)i / threads, a[3], b[3];
        for (int k = 0; k < 3; k++) {
            a[k] = edges[0][k] + t * (edges[1][k] - edges[0][k]);
            b[k] = edges[3][k] + t * (edges[2][k] - edges[3][k]);
        }
        bar(p, c, a, b, 0.012, 0xFFFFFF, 0.55f);
    }
}

static void goal(struct paint *p, const struct camera *c, double x, double out)
{
    const double y1 = FOOTBALL_WIDTH / 2 - 3.72, y2 = FOOTBALL_WIDTH / 2 + 3.72, h = 2.5;
    const double deep = x + out * 2.1, top = x + out * 0.9;
    const double back[4][3] = {{top, y1, h}, {top, y2, h}, {deep, y2, 0}, {deep, y1, 0}};
    const double across[4][3] = {{top, y2, h}, {deep, y2, 0}, {deep, y1, 0}, {top, y1, h}};
    const double roof[4][3] = {{x, y1, h}, {x, y2, h}, {top, y2, h}, {top, y1, h}};
    net(p, c, back, 24);
    net(p, c, across, 9);
    net(p, c, roof, 24);
    for (int k = 0; k < 2; k++) {
        double y = k ? y1 : y2;
        const double side[4][3] = {{x, y, h}, {x, y, 0}, {deep, y, 0}, {top, y, h}};
        net(p, c, side, 9);
        bar(p, c, (double[3]){x, y, 0}, (double[3]){x, y, h}, 0.06, 0xF7F8F8, 1);
    }
    bar(p, c, (double[3]){x, y1, h}, (double[3]){x, y2, h}, 0.06, 0xF7F8F8, 1);
}

static void corner_flag(struct paint *p, const struct camera *c, double x, double y)
{
    const double cloth[4][3] = {{x, y, 1.5}, {x + 0.42, y, 1.42}, {x + 0.4, y, 1.16}, {x, y, 1.12}};
    bar(p, c, (double[3]){x, y, 0}, (double[3]){x, y, 1.5}, 0.02, 0xF0E9D0, 1);
    flat(p, c, cloth, 0xE23B2E, 1);
}

void goals_draw(struct paint *p, const struct camera *c)
{
    for (int i = 0; i < 4; i++)
        corner_flag(p, c, i % 2 ? FOOTBALL_LENGTH : 0, i < 2 ? FOOTBALL_WIDTH : 0);
    goal(p, c, 0, -1);
    goal(p, c, FOOTBALL_LENGTH, 1);
}

/* ---- the whole -------------------------------------------------------------------------------
 */

struct scene *scene_create(uint32_t seed)
{
    struct scene *scene = calloc(1, sizeof *scene);
    if (!scene)
        return NULL;
    scene->seed = seed;
    grass_grow(&scene->grass, seed);
    if (stands_build(scene))
        scene_destroy(&scene);
    return scene;
}

void scene_destroy(struct scene **scene)
{
    if (*scene) {
        stands_free(*scene);
        free(*scene);
    }
    *scene = NULL;
}
