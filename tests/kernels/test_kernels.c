/* Kernels: every override gives the reference's bits and stays inside its memory; the reference
 * gives cv2.resize's bits (resize_fixture.h) and, for YCbCr, what doubles give. Needs nothing but
 * the kernels, so that it also runs cross-built under an emulator. */
#include "kernel_bed.h"
#include "resize_fixture.h"

/* ---- single kernels ---- */

enum { LONGEST = 83, ROOM = LONGEST + KERNEL_SLACK, GUARD = 0x5A5A };

struct rows {
    int16_t row[3][ROOM + 1];
};

static void fill(struct rows *r, int least, int most)
{
    for (int c = 0; c < 3; c++)
        for (int i = 0; i <= ROOM; i++)
            r->row[c][i] = (int16_t)(least + (int)(random_bits() % (uint32_t)(most - least + 1)));
}

static bool same(const struct rows *a, const struct rows *b, int n)
{
    for (int c = 0; c < 3; c++)
        if (memcmp(a->row[c], b->row[c], (size_t)n * 2) || a->row[c][ROOM] != b->row[c][ROOM])
            return false;
    return true;
}

static void test_rows(const struct infer_kernels *k)
{
    for (int n = 1; n <= LONGEST; n++) {
        struct rows in, want, got;
        int16_t share = (int16_t)(random_bits() % (KERNEL_ONE + 1));
        fill(&in, 0, 255 * 128);
        fill(&want, GUARD, GUARD);
        got = want;
        kernels_c.vertical(in.row[0], in.row[1], (int16_t)(KERNEL_ONE - share), share, want.row[0],
                           n);
        k->vertical(in.row[0], in.row[1], (int16_t)(KERNEL_ONE - share), share, got.row[0], n);
        CHECK(same(&want, &got, n), "%s vertical %d", k->name, n);
        fill(&in, 0, 255);
        want = got = in;
        kernels_c.yuv_to_rgb(want.row[0], want.row[1], want.row[2], n);
        k->yuv_to_rgb(got.row[0], got.row[1], got.row[2], n);
        CHECK(same(&want, &got, n), "%s yuv_to_rgb %d", k->name, n);
    }
}

/* Every corner of the colour cube against doubles. */
static void test_colours(void)
{
    int worst = 0;
    for (int y = 0; y < 256; y += 5)
        for (int u = 0; u < 256; u += 5)
            for (int v = 0; v < 256; v += 5) {
                int16_t c[3][1 + KERNEL_SLACK] = {{(int16_t)y}, {(int16_t)u}, {(int16_t)v}};
                double want[3] = {y + 1.402 * (v - 128),
                                  y - 0.344136 * (u - 128) - 0.714136 * (v - 128),
                                  y + 1.772 * (u - 128)};
                infer_kernels()->yuv_to_rgb(c[0], c[1], c[2], 1);
                for (int i = 0; i < 3; i++) {
                    double clipped = want[i] < 0 ? 0 : want[i] > 255 ? 255 : want[i];
                    int off = abs(c[i][0] - (int)lrint(clipped));
                    worst = off > worst ? off : worst;
                }
            }
    CHECK(worst <= 1, "colour off by %d", worst);
}

static void test_stores(const struct infer_kernels *k)
{
    for (int n = 1; n <= LONGEST; n++) {
        struct rows in;
        uint8_t bytes[2][3 * LONGEST + 1];
        float floats[2][LONGEST + 1];
        fill(&in, 0, 255);
        memset(bytes, 0xA5, sizeof bytes);
        memset(floats, 0xA5, sizeof floats);
        const int16_t *const c[3] = {in.row[0], in.row[1], in.row[2]};
        kernels_c.store_u8x3(c, bytes[0], n);
        k->store_u8x3(c, bytes[1], n);
        CHECK(!memcmp(bytes[0], bytes[1], sizeof bytes[0]), "%s store_u8x3 %d", k->name, n);
        kernels_c.store_f32(in.row[0], 1 / 57.375f, -1.8f, floats[0], n);
        k->store_f32(in.row[0], 1 / 57.375f, -1.8f, floats[1], n);
        CHECK(!memcmp(floats[0], floats[1], sizeof floats[0]), "%s store_f32 %d", k->name, n);
    }
}

static void test_numbers(const struct infer_kernels *k)
{
    enum { ROWS = 7, STRIDE = 100 };
    static const uint32_t bad[] = {0x7F800000u, 0xFF800000u, 0x7FC00000u, 0x7F800001u};
    for (int n = 1; n <= LONGEST; n++) {
        struct guarded g = guard(STRIDE * ROWS * sizeof(float));
        float *in = (float *)(void *)g.end - STRIDE * (ROWS - 1) - n, best[2][LONGEST];
        int32_t row[2][LONGEST];
        for (int i = 0; i < STRIDE * (ROWS - 1) + n; i++) /* few values: ties are common */
            in[i] = (float)(random_bits() % 9) / 8;
        kernels_c.column_max(in, STRIDE, ROWS, n, best[0], row[0]);
        k->column_max(in, STRIDE, ROWS, n, best[1], row[1]);
        CHECK(!memcmp(best[0], best[1], (size_t)n * 4) && !memcmp(row[0], row[1], (size_t)n * 4),
              "%s column_max %d", k->name, n);
        float *tail = (float *)(void *)g.end - n;
        CHECK(k->all_finite(tail, (size_t)n), "%s all_finite %d", k->name, n);
        CHECK(!k->any_at_least(tail, (size_t)n, 2), "%s any_at_least %d", k->name, n);
        for (int at = 0; at < n; at++) {
            float keep = tail[at];
            memcpy(tail + at, &bad[at % 4], 4);
            CHECK(!k->all_finite(tail, (size_t)n), "%s all_finite %d at %d", k->name, n, at);
            tail[at] = 2;
            CHECK(k->any_at_least(tail, (size_t)n, 2) && !k->any_at_least(tail, (size_t)n, 2.5f),
                  "%s any_at_least %d at %d", k->name, n, at);
            tail[at] = keep;
        }
        release(&g);
    }
}

/* ---- whole pictures ---- */

static void compare(const struct infer_kernels *k, const struct letterbox_spec *spec,
                    const struct picture *p)
{
    size_t size = bytes_of(spec);
    int width = p->image.width, height = p->image.height;
    struct guarded a = run(&kernels_c, spec, &p->image, width, height);
    struct guarded b = run(k, spec, &p->image, width, height);
    CHECK(!memcmp(a.end - size, b.end - size, size), "%s %dx%d format %d -> %dx%d type %d", k->name,
          width, height, p->image.pixels, spec->width, spec->height, spec->dtype);
    release(&a);
    release(&b);
}

static void test_pictures(const struct infer_kernels *k)
{
    static const int sizes[][2] = {{1, 1},   {2, 2},   {3, 5},     {7, 3},    {16, 9},
                                   {31, 33}, {97, 61}, {160, 121}, {333, 77}, {640, 357}};
    static const fov_pixels formats[] = {FOV_RGB24, FOV_BGR24, FOV_GRAY8, FOV_YUV};
    static const int targets[][2] = {{1, 1}, {30, 30}, {65, 33}, {96, 128}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t f = 0; f < 6; f++) { /* YUV as 4:2:0, 4:2:2 and 4:4:4 */
            fov_pixels format = formats[f < 3 ? f : 3];
            struct picture p = draw(format, sizes[s][0], sizes[s][1], f == 3 || f == 4, f == 3,
                                    (int)(s % 3) * 5);
            for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
                for (int kind = 0; kind < 6; kind++) {
                    struct letterbox_spec spec = {.width = targets[t][0],
                                                  .height = targets[t][1],
                                                  .planar = kind & 1,
                                                  .bgr = (s + t) & 1,
                                                  .fit = (enum letterbox_fit)((s + t) % 3),
                                                  .dtype = kind < 2   ? FOV_F32
                                                           : kind < 4 ? FOV_U8
                                                                      : FOV_I8,
                                                  .pad = 114,
                                                  .mean = {103.53f, 116.28f, 123.675f},
                                                  .scale = {57.375f, 57.12f, 58.395f}};
                    compare(k, &spec, &p);
                }
            erase(&p);
        }
}

/* ---- against OpenCV and against doubles ---- */

static uint64_t fnv1a(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0xCBF29CE484222325u;
    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * 0x100000001B3u;
    return value;
}

static void test_against_opencv(const struct infer_kernels *k)
{
    for (size_t i = 0; i < sizeof resize_cases / sizeof *resize_cases; i++) {
        const struct resize_case *c = &resize_cases[i];
        struct picture p = draw(FOV_RGB24, c->width, c->height, 0, 0, 0);
        uint32_t state = 12345;
        for (int n = 0; n < c->width * c->height * 3; n++) {
            state = state * 1664525u + 1013904223u;
            p.image.plane[0][n] = (uint8_t)(state >> 24);
        }
        struct letterbox_spec spec = {
            .width = c->to_width, .height = c->to_height, .dtype = FOV_U8, .scale = {1, 1, 1}};
        struct guarded out = run(k, &spec, &p.image, c->width, c->height);
        CHECK(fnv1a(out.end - bytes_of(&spec), bytes_of(&spec)) == c->fnv1a,
              "%s %dx%d -> %dx%d is not what OpenCV makes", k->name, c->width, c->height,
              c->to_width, c->to_height);
        release(&out);
        erase(&p);
    }
}

static double sample(const fov_image *image, int plane, double x, double y)
{
    int w = plane ? (image->width + (1 << image->shift_x) - 1) >> image->shift_x : image->width;
    int h = plane ? (image->height + (1 << image->shift_y) - 1) >> image->shift_y : image->height;
    x = x < 0 ? 0 : x > w - 1 ? w - 1 : x;
    y = y < 0 ? 0 : y > h - 1 ? h - 1 : y;
    int x0 = (int)x, y0 = (int)y, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
    const uint8_t *a = image->plane[plane] + (ptrdiff_t)y0 * image->stride[plane];
    const uint8_t *b = image->plane[plane] + (ptrdiff_t)y1 * image->stride[plane];
    double top = a[x0] + (a[x1] - a[x0]) * (x - x0), low = b[x0] + (b[x1] - b[x0]) * (x - x0);
    return top + (low - top) * (y - y0);
}

/* A half-size decode of a 187×133 picture: chroma lies between the luma samples. */
static void test_planes_against_doubles(void)
{
    static const int shifts[][2] = {{1, 1}, {1, 0}, {0, 0}};
    for (int s = 0; s < 3; s++) {
        struct picture p = draw(FOV_YUV, 94, 67, shifts[s][0], shifts[s][1], 3);
        struct letterbox_spec spec = {
            .width = 80, .height = 80, .dtype = FOV_U8, .scale = {1, 1, 1}};
        struct guarded out = run(infer_kernels(), &spec, &p.image, 187, 133);
        const uint8_t *got = out.end - bytes_of(&spec);
        double worst = 0;
        for (int y = 0; y < 80; y++)
            for (int x = 0; x < 80; x++) {
                double fx = (x + 0.5) * (187 / 2.0) / 80, fy = (y + 0.5) * (133 / 2.0) / 80;
                double cx = fx / (1 << shifts[s][0]), cy = fy / (1 << shifts[s][1]);
                double luma = sample(&p.image, 0, fx - 0.5, fy - 0.5);
                double cb = sample(&p.image, 1, cx - 0.5, cy - 0.5) - 128;
                double cr = sample(&p.image, 2, cx - 0.5, cy - 0.5) - 128;
                double want[3] = {luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr,
                                  luma + 1.772 * cb};
                for (int c = 0; c < 3; c++) {
                    double clipped = want[c] < 0 ? 0 : want[c] > 255 ? 255 : want[c];
                    worst = fmax(worst, fabs(clipped - got[3 * (80 * y + x) + c]));
                }
            }
        CHECK(worst < 3.5, "chroma shift %d %d: off by %.2f", shifts[s][0], shifts[s][1], worst);
        release(&out);
        erase(&p);
    }
}

/* Places as Ultralytics and YOLOX compute them, and back. */
static void test_places(void)
{
    static const struct {
        enum letterbox_fit fit;
        int src_width, src_height, side, left, top, width, height;
    } cases[] = {{FIT_STRETCH, 810, 1080, 300, 0, 0, 300, 300},
                 {FIT_CENTRE, 810, 1080, 640, 80, 0, 480, 640},
                 {FIT_CENTRE, 1280, 720, 640, 0, 140, 640, 360},
                 {FIT_CENTRE, 1, 3000, 640, 319, 0, 1, 640},
                 {FIT_TOP_LEFT, 768, 576, 416, 0, 0, 416, 312},
                 {FIT_TOP_LEFT, 640, 427, 416, 0, 0, 416, 277}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct letterbox_spec spec = {
            .width = cases[i].side, .height = cases[i].side, .fit = cases[i].fit};
        struct letterbox_place p = letterbox_place_of(&spec, cases[i].src_width,
                                                      cases[i].src_height);
        CHECK(p.left == cases[i].left && p.top == cases[i].top && p.width == cases[i].width &&
                  p.height == cases[i].height,
              "case %zu: %d %d %d %d", i, p.left, p.top, p.width, p.height);
        struct letterbox box = {
            .place = p, .src_width = cases[i].src_width, .src_height = cases[i].src_height};
        float x = (float)(p.left + p.width), y = (float)(p.top + p.height);
        letterbox_undo(&box, &x, &y);
        CHECK(fabsf(x - (float)cases[i].src_width) < 0.01f &&
                  fabsf(y - (float)cases[i].src_height) < 0.01f,
              "case %zu: the corner comes back as %g %g", i, (double)x, (double)y);
    }
}

/* Pixels of one picture never show in the next one's padding. */
static void test_padding_is_renewed(void)
{
    struct letterbox_spec spec = {.width = 64,
                                  .height = 64,
                                  .fit = FIT_CENTRE,
                                  .dtype = FOV_U8,
                                  .pad = 114,
                                  .scale = {1, 1, 1}};
    struct letterbox box;
    static uint8_t out[64 * 64 * 3], fresh[64 * 64 * 3];
    struct picture tall = draw(FOV_RGB24, 20, 80, 0, 0, 0), wide = draw(FOV_RGB24, 80, 20, 0, 0, 0);
    CHECK(letterbox_init(&box, &spec) == FOV_OK, "init");
    letterbox_run(&box, &tall.image, 20, 80, out);
    letterbox_run(&box, &wide.image, 80, 20, out);
    letterbox_release(&box);
    CHECK(letterbox_init(&box, &spec) == FOV_OK, "init");
    letterbox_run(&box, &wide.image, 80, 20, fresh);
    letterbox_release(&box);
    CHECK(!memcmp(out, fresh, sizeof out), "padding holds an older picture");
    erase(&tall);
    erase(&wide);
}

/* ---- against the plain way ---- */

/* Ratios that are no whole numbers, up and down. */
static void test_against_plain(const struct infer_kernels *k)
{
    static const int sizes[][2] = {{1920, 1080}, {1366, 768}, {1281, 721}, {853, 1279},
                                   {1000, 37},   {333, 517},  {641, 639},  {2, 3}};
    float *plain = malloc(bytes_of(&yolo_input));
    if (!plain)
        exit(2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture p = draw(FOV_RGB24, sizes[i][0], sizes[i][1], 0, 0, 0);
        struct guarded out = run(k, &yolo_input, &p.image, sizes[i][0], sizes[i][1]);
        const float *got = (const float *)(const void *)(out.end - bytes_of(&yolo_input));
        plain_letterbox(&p.image, &yolo_input, plain);
        float worst = 0;
        for (size_t n = 0; n < bytes_of(&yolo_input) / sizeof *got; n++)
            worst = fmaxf(worst, fabsf(got[n] - plain[n]));
        CHECK(worst <= 1.001f / 255, "%s %dx%d: off by %.4f of a level", k->name, sizes[i][0],
              sizes[i][1], (double)worst * 255);
        release(&out);
        erase(&p);
    }
    free(plain);
}

/* ---- the same pixels in every layout ---- */

/* Element of channel c at pixel i as a real number. */
static double element(const struct letterbox_spec *spec, const uint8_t *out, int c, int i)
{
    int pixels = spec->width * spec->height, channels = spec->gray ? 1 : 3;
    fov_tensor one = {.dtype = spec->dtype, .rank = 0};
    size_t at = (size_t)(spec->planar ? c * pixels + i : i * channels + c);
    float value;
    one.data = (uint8_t *)(uintptr_t)out + at * fov_dtype_size(spec->dtype);
    tensor_to_floats(&one, &value);
    return (double)value;
}

/* What the layout must hold for a pixel value. */
static double wanted(const struct letterbox_spec *spec, int c, double pixel)
{
    double real = (pixel - (double)spec->mean[c]) / (double)spec->scale[c];
    if (spec->dtype == FOV_F32 || spec->dtype == FOV_F16)
        return real;
    double byte = spec->dtype == FOV_I8 ? pixel - 128 : pixel;
    if (spec->quant_scale > 0)
        byte = rint(real / (double)spec->quant_scale) + spec->quant_zero;
    double least = spec->dtype == FOV_I8 ? -128 : 0;
    return byte < least ? least : byte > least + 255 ? least + 255 : byte;
}

static void test_layouts(const struct infer_kernels *k)
{
    static const fov_dtype types[] = {FOV_U8, FOV_I8, FOV_F16, FOV_F32};
    enum { WIDTH = 33, HEIGHT = 21, PIXELS = WIDTH * HEIGHT };
    struct picture p = draw(FOV_RGB24, 97, 61, 0, 0, 4);
    struct letterbox_spec plain = {.width = WIDTH, .height = HEIGHT, .dtype = FOV_U8};
    struct guarded bytes = run(k, &plain, &p.image, 97, 61);
    const uint8_t *rgb = bytes.end - bytes_of(&plain);
    for (int kind = 0; kind < 32; kind++) {
        struct letterbox_spec spec = {.width = WIDTH,
                                      .height = HEIGHT,
                                      .planar = kind & 1,
                                      .bgr = kind >> 1 & 1,
                                      .gray = kind >> 2 & 1,
                                      .dtype = types[kind >> 3],
                                      .mean = {103.53f, 116.28f, 123.675f},
                                      .scale = {57.375f, 57.12f, 58.395f}};
        spec.quant_scale = spec.bgr ? 0.02f : 0;
        spec.quant_zero = spec.dtype == FOV_I8 ? -3 : 125;
        struct guarded out = run(k, &spec, &p.image, 97, 61);
        const uint8_t *got = out.end - bytes_of(&spec);
        int wrong = 0;
        for (int i = 0; i < PIXELS; i++)
            for (int c = 0; c < (spec.gray ? 1 : 3); c++) {
                const uint8_t *at = rgb + 3 * i;
                double pixel = at[spec.bgr ? 2 - c : c];
                if (spec.gray)
                    pixel = (77 * at[0] + 150 * at[1] + 29 * at[2] + 128) >> 8;
                double want = wanted(&spec, c, pixel), have = element(&spec, got, c, i);
                wrong += fabs(want - have) > (spec.dtype == FOV_F16 ? 2e-3 : 1e-5);
            }
        CHECK(wrong == 0, "%s layout %d: %d of %d wrong", k->name, kind, wrong, 3 * PIXELS);
        release(&out);
    }
    release(&bytes);
    erase(&p);
}

/* The middle of the picture at the size at which it just covers the input: bit for bit the middle
 * of a stretch to that size. */
static void test_crop(const struct infer_kernels *k)
{
    static const int sizes[][4] = {{97, 61, 32, 20}, {61, 97, 24, 38}, {640, 357, 43, 24}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int w = sizes[i][0], h = sizes[i][1], side = 24;
        struct letterbox_spec crop = {
            .width = side, .height = side, .dtype = FOV_U8, .fit = FIT_CROP};
        struct letterbox_place place = letterbox_place_of(&crop, w, h);
        struct letterbox_spec whole = {
            .width = place.width, .height = place.height, .dtype = FOV_U8};
        struct picture p = draw(FOV_RGB24, w, h, 0, 0, 0);
        struct guarded a = run(k, &crop, &p.image, w, h), b = run(k, &whole, &p.image, w, h);
        const uint8_t *small = a.end - bytes_of(&crop), *large = b.end - bytes_of(&whole);
        int wrong = 0;
        for (int y = 0; y < side; y++)
            wrong += memcmp(small + 3 * side * y,
                            large + 3 * ((y - place.top) * place.width - place.left),
                            (size_t)(3 * side)) != 0;
        CHECK(place.width == side || place.height == side, "the crop covers the input");
        CHECK(wrong == 0, "%s crop of %dx%d: %d rows wrong", k->name, w, h, wrong);
        release(&a);
        release(&b);
        erase(&p);
    }
}

static void test_halves(void)
{
    static const struct {
        float value;
        uint16_t half;
    } cases[] = {{0, 0},
                 {-0.0f, 0x8000},
                 {1, 0x3C00},
                 {-2, 0xC000},
                 {65504, 0x7BFF},
                 {65519, 0x7BFF},
                 {65520, 0x7C00},
                 {1e9f, 0x7C00},
                 {5.9604645e-8f, 1},
                 {2.9e-8f, 0},
                 {6.1035156e-5f, 0x400},
                 {0.33325195f, 0x3555},
                 {1.00048828125f, 0x3C00},
                 {1.00146484375f, 0x3C02},
                 {-INFINITY, 0xFC00}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(tensor_half(cases[i].value) == cases[i].half, "half of %g is %04x",
              (double)cases[i].value, (unsigned)tensor_half(cases[i].value));
}

/* Every type holds what was put there, cut to what it can hold; noise is finite in all of them. */
static void test_elements(void)
{
    static const struct {
        fov_dtype dtype;
        float put, held;
    } cases[] = {{FOV_U8, 200, 200},   {FOV_U8, 300, 255},        {FOV_U8, -1, 0},
                 {FOV_I8, -100, -100}, {FOV_I8, 200, 127},        {FOV_I8, -300, -128},
                 {FOV_F16, 0.5f, .5f}, {FOV_BF16, 1.25f, 1.25f},  {FOV_BF16, 1.00390625f, 1},
                 {FOV_F32, 0.1f, .1f}, {FOV_I32, -70000, -70000}, {FOV_I64, 5e9f, 5e9f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t memory[2] = {0, 0};
        fov_tensor t = {.data = memory, .dtype = cases[i].dtype, .rank = 1, .shape = {2}};
        float values[2];
        tensor_put(&t, 1, cases[i].put);
        tensor_to_floats(&t, values);
        CHECK(values[0] == 0 && values[1] == cases[i].held, "%g in %s is %g and %g",
              (double)cases[i].put, fov_dtype_name(t.dtype), (double)values[0], (double)values[1]);
    }
    for (fov_dtype dtype = FOV_U8; dtype <= FOV_I64; dtype++) {
        int64_t memory[64] = {0};
        float values[64];
        bool same = true;
        fov_tensor t = {.data = memory, .dtype = dtype, .rank = 1, .shape = {64}};
        tensor_fill_noise(&t);
        tensor_to_floats(&t, values);
        for (int i = 0; i < 64; i++) {
            CHECK(isfinite(values[i]), "noise in %s", fov_dtype_name(dtype));
            same = same && values[i] == 0;
        }
        CHECK(!same, "no noise in %s", fov_dtype_name(dtype));
    }
}

int main(void)
{
    for (size_t i = 0; infer_kernels_at(i); i++) {
        const struct infer_kernels *k = infer_kernels_at(i);
        test_rows(k);
        test_stores(k);
        test_numbers(k);
        test_pictures(k);
        test_layouts(k);
        test_against_plain(k);
        test_crop(k);
        test_against_opencv(k);
        printf("%s: %d checks, %d failed\n", k->name, checks, failures);
    }
    test_colours();
    test_planes_against_doubles();
    test_places();
    test_halves();
    test_elements();
    test_padding_is_renewed();
    printf("%d checks, %d failed\n", checks, failures);
    return failures ? 1 : 0;
}
