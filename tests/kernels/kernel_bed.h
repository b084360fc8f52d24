/* What the tests and the times of the kernels share: checks, memory that ends where a page that may
 * not be touched begins, pictures in it, and the plain way to a letterbox. */
#ifndef TESTS_KERNEL_BED_H
#define TESTS_KERNEL_BED_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "infer/letterbox.h"
#include "infer/tensor.h"

static int failures, checks;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);                                 \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

static uint32_t seed = 1;

static inline uint32_t random_bits(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* ---- memory that ends where a page that may not be touched begins ---- */

struct guarded {
    uint8_t *map, *end;
    size_t size;
};

static inline struct guarded guard(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page + page;
    struct guarded g = {.size = whole};
    g.map = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED || mprotect(g.map + whole - page, page, PROT_NONE)) {
        perror("mmap");
        exit(2);
    }
    g.end = g.map + whole - page;
    return g;
}

static inline void release(struct guarded *g)
{
    munmap(g->map, g->size);
}

/* ---- whole pictures ---- */

struct picture {
    fov_image image;
    struct guarded memory[3];
};

static inline struct picture draw(fov_pixels pixels, int width, int height, int shift_x,
                                  int shift_y, int extra)
{
    struct picture p = {.image = {pixels, width, height, {NULL}, {0}, shift_x, shift_y}};
    int planes = pixels == FOV_YUV ? 3 : 1,
        bytes = pixels == FOV_RGB24 || pixels == FOV_BGR24 ? 3 : 1;
    for (int i = 0; i < planes; i++) {
        int w = i ? (width + (1 << shift_x) - 1) >> shift_x : width;
        int h = i ? (height + (1 << shift_y) - 1) >> shift_y : height;
        int stride = w * bytes + extra;
        size_t size = (size_t)stride * (size_t)(h - 1) + (size_t)(w * bytes);
        p.memory[i] = guard(size);
        p.image.plane[i] = p.memory[i].end - size; /* the last pixel ends where the guard begins */
        p.image.stride[i] = stride;
        for (size_t k = 0; k < size; k++)
            p.image.plane[i][k] = (uint8_t)random_bits();
    }
    return p;
}

static inline void erase(struct picture *p)
{
    for (int i = 0; i < 3; i++)
        if (p->memory[i].map)
            release(&p->memory[i]);
}

static inline size_t bytes_of(const struct letterbox_spec *spec)
{
    return (size_t)spec->width * (size_t)spec->height * (spec->gray ? 1 : 3) *
           fov_dtype_size(spec->dtype);
}

/* Runs one kernel set into memory that ends at a guard page. */
static inline struct guarded run(const struct infer_kernels *k, const struct letterbox_spec *spec,
                                 const fov_image *image, int src_width, int src_height)
{
    struct letterbox box;
    struct guarded out = guard(bytes_of(spec));
    if (letterbox_init(&box, spec) != FOV_OK)
        exit(2);
    box.kernels = k;
    CHECK(letterbox_run(&box, image, src_width, src_height, out.end - bytes_of(spec)) == FOV_OK,
          "%s", k->name);
    letterbox_release(&box);
    return out;
}

/* ---- against the plain way: a pixel at a time, in floats, straight from the definition ---- */

static inline float mix(const fov_image *image, int c, float x, float y)
{
    int w = image->width - 1, h = image->height - 1;
    x = x < 0 ? 0 : x > (float)w ? (float)w : x;
    y = y < 0 ? 0 : y > (float)h ? (float)h : y;
    int x0 = (int)x, y0 = (int)y, x1 = x0 < w ? x0 + 1 : w, y1 = y0 < h ? y0 + 1 : h;
    const uint8_t *a = image->plane[0] + (ptrdiff_t)y0 * image->stride[0];
    const uint8_t *b = image->plane[0] + (ptrdiff_t)y1 * image->stride[0];
    float fx = x - (float)x0, fy = y - (float)y0;
    float top = (float)a[3 * x0 + c] * (1 - fx) + (float)a[3 * x1 + c] * fx;
    float low = (float)b[3 * x0 + c] * (1 - fx) + (float)b[3 * x1 + c] * fx;
    return top * (1 - fy) + low * fy;
}

/* RGB picture to a planar letterbox of 0..1, padded with 114. */
static inline void plain_letterbox(const fov_image *image, const struct letterbox_spec *spec,
                                   float *out)
{
    struct letterbox_place place = letterbox_place_of(spec, image->width, image->height);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < spec->height; y++)
            for (int x = 0; x < spec->width; x++) {
                int px = x - place.left, py = y - place.top;
                bool inside = px >= 0 && py >= 0 && px < place.width && py < place.height;
                float level = inside ? mix(image, c, ((float)px + 0.5f) * place.step_x - 0.5f,
                                           ((float)py + 0.5f) * place.step_y - 0.5f)
                                     : (float)spec->pad;
                out[(c * spec->height + y) * spec->width + x] = level / 255;
            }
}

static const struct letterbox_spec yolo_input = {.width = 640,
                                                 .height = 640,
                                                 .planar = true,
                                                 .fit = FIT_CENTRE,
                                                 .dtype = FOV_F32,
                                                 .pad = 114,
                                                 .scale = {255, 255, 255}};

#endif
