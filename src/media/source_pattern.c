/* `pattern:`: shapes that move over a still background, drawn in YUV, with their boxes as truth.
 * A frame is a function of its number and the seed alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include <fovea/picture.h>
#include "media/image.h"
#include "media/pattern.h"
#include "media/source.h"

#define SHAPES 5

struct shape {
    int class_id; /* 0 upright box, 1 ellipse, 2 wide box */
    int width, height;
    int x0, y0, step_x, step_y; /* px, px a frame */
    uint8_t colour[3];          /* Y, Cb, Cr */
};

struct pattern {
    long long width, height, frames, seed, barcode;
    double fps;
    struct shape shapes[SHAPES];
    struct buffer background, scratch;
    fov_image ground, drawing; /* drawing: used when the frame is not to be YUV */
    int64_t next;
};

/* ---- url ------------------------------------------------------------------------------------- */

static bool set_option(struct pattern *p, const char *key, const char *value)
{
    if (strcmp(key, "width") == 0)
        return text_to_int(value, 64, IMAGE_MAX_SIDE, &p->width);
    if (strcmp(key, "height") == 0)
        return text_to_int(value, 64, IMAGE_MAX_SIDE, &p->height);
    if (strcmp(key, "fps") == 0)
        return text_to_double(value, 0.1, 1000, &p->fps);
    if (strcmp(key, "frames") == 0)
        return text_to_int(value, 1, INT64_MAX, &p->frames);
    if (strcmp(key, "seed") == 0)
        return text_to_int(value, 0, INT32_MAX, &p->seed);
    if (strcmp(key, "barcode") == 0)
        return text_to_int(value, 0, 1, &p->barcode);
    return false;
}

static fov_status parse(struct pattern *p, const char *url, fov_error *error)
{
    char text[256], *rest = text;
    *p = (struct pattern){.width = 1280, .height = 720, .frames = -1, .fps = 30};
    if (text_copy(text, sizeof text, url + strlen("pattern:")) != strlen(url) - strlen("pattern:"))
        return fov_fail(error, FOV_EINVAL, "pattern: too many options");
    for (char *part; (part = strsep(&rest, ","));) {
        char *value = strchr(part, '=');
        if (!*part)
            continue;
        if (value)
            *value++ = '\0';
        if (!value || !set_option(p, part, value))
            return fov_fail(error, FOV_EINVAL,
                            "pattern: cannot use %.40s=%.40s; options are width, height (64 to "
                            "%d), fps, frames, seed, barcode=1",
                            part, value ? value : "", IMAGE_MAX_SIDE);
    }
    return image_check_size(p->width, p->height, error);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static int between(uint32_t *state, int least, int most)
{
    return most <= least ? least : least + (int)(next_random(state) % (uint32_t)(most - least + 1));
}

static void set_colour(struct shape *s, uint32_t rgb)
{
    uint8_t pixel[3] = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb};
    fov_image from = {FOV_RGB24, 1, 1, {pixel}, {3}, 0, 0};
    fov_image to = {FOV_YUV, 1, 1, {&s->colour[0], &s->colour[1], &s->colour[2]}, {1, 1, 1}, 0, 0};
    image_convert(&to, &from);
}

static void make_shapes(struct pattern *p)
{
    uint32_t state = (uint32_t)p->seed * 2654435761u + 0x9E3779B9u;
    int width = (int)p->width, height = (int)p->height;
    int unit = (width < height ? width : height) / 4;
    for (int i = 0; i < SHAPES; i++) {
        struct shape *s = &p->shapes[i];
        int size = between(&state, unit / 2, unit);
        s->class_id = i % 3;
        s->width = s->class_id == 0 ? size / 2 : s->class_id == 2 ? size * 3 / 2 : size;
        s->height = s->class_id == 2 ? size * 3 / 4 : size;
        s->x0 = between(&state, 0, 2 * width);
        s->y0 = between(&state, 0, 2 * height);
        s->step_x = between(&state, 1, 2 + width / 160);
        s->step_y = between(&state, 1, 2 + height / 240);
        set_colour(s, fov_class_color(s->class_id));
    }
}

/* Position after `steps` of a point that runs to and fro between 0 and `room`. */
static int bounce(int64_t start, int64_t steps, int room)
{
    if (room <= 0)
        return 0;
    int64_t at = (start + steps) % (2 * (int64_t)room);
    return (int)(at < room ? at : 2 * (int64_t)room - at);
}

static void place(const struct pattern *p, const struct shape *s, int64_t number, int *x, int *y)
{
    *x = bounce(s->x0, number * s->step_x, (int)p->width - s->width);
    *y = bounce(s->y0, number * s->step_y, (int)p->height - s->height);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* First and one-past-last column of a shape in row y of it. */
static void span(const struct shape *s, int y, int *first, int *end)
{
    *first = 0;
    *end = s->width;
    if (s->class_id != 1)
        return;
    double v = (2.0 * y + 1) / s->height - 1; /* the ellipse touches all four sides of its box */
    int half = (int)lround(s->width / 2.0 * sqrt(1 - v * v));
    *first = half < s->width / 2 ? s->width / 2 - half : 0;
    *end = s->width - *first;
}

static void draw_shape(const fov_image *image, const struct shape *s, int x, int y)
{
    for (int row = 0; row < s->height; row++) {
        int first, end;
        span(s, row, &first, &end);
        first += x;
        end += x;
        memset(image->plane[0] + (ptrdiff_t)(y + row) * image->stride[0] + first, s->colour[0],
               (size_t)(end - first));
        if ((y + row) & 1)
            continue;
        for (int p = 1; p < 3; p++)
            memset(image->plane[p] + (ptrdiff_t)((y + row) / 2) * image->stride[p] + first / 2,
                   s->colour[p], (size_t)((end + 1) / 2 - first / 2));
    }
}

static void fill_block(const fov_image *image, int x, int y, uint8_t luma)
{
    for (int row = y; row < y + PATTERN_BLOCK && row < image->height; row++)
        memset(image->plane[0] + (ptrdiff_t)row * image->stride[0] + x, luma, PATTERN_BLOCK);
    for (int row = y / 2; row < (y + PATTERN_BLOCK) / 2; row++)
        for (int p = 1; p < 3; p++)
            memset(image->plane[p] + (ptrdiff_t)row * image->stride[p] + x / 2, 128,
                   PATTERN_BLOCK / 2);
}

static uint32_t check_byte(uint32_t number)
{
    return ((number >> 16) ^ (number >> 8) ^ number ^ 0x5A) & 0xFF;
}

void pattern_draw_number(const fov_image *image, int64_t number)
{
    uint32_t low = (uint32_t)number & 0xFFFFFF, bits = low << 8 | check_byte(low);
    if (image->width < PATTERN_COLUMNS * PATTERN_BLOCK)
        return;
    for (int i = 0; i < PATTERN_COLUMNS * PATTERN_ROWS; i++)
        fill_block(image, i % PATTERN_COLUMNS * PATTERN_BLOCK, i / PATTERN_COLUMNS * PATTERN_BLOCK,
                   bits >> (31 - i) & 1 ? 235 : 16);
}

int64_t pattern_read_number(const fov_image *image)
{
    uint32_t bits = 0;
    int step = image_pixel_bytes(image);
    if (image->width < PATTERN_COLUMNS * PATTERN_BLOCK ||
        image->height < PATTERN_ROWS * PATTERN_BLOCK)
        return -1;
    for (int i = 0; i < PATTERN_COLUMNS * PATTERN_ROWS; i++) {
        int x = i % PATTERN_COLUMNS * PATTERN_BLOCK + PATTERN_BLOCK / 2;
        int y = i / PATTERN_COLUMNS * PATTERN_BLOCK + PATTERN_BLOCK / 2;
        const uint8_t *pixel = image->plane[0] + (ptrdiff_t)y * image->stride[0] + x * step;
        bits = bits << 1 | (pixel[0] > 127);
    }
    return check_byte(bits >> 8) == (bits & 0xFF) ? (int64_t)(bits >> 8) : -1;
}

/* A slope with a weave: something for scalers and encoders to do. */
static void draw_ground(const fov_image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->stride[0];
        for (int x = 0; x < image->width; x++)
            row[x] = (uint8_t)(40 + 60 * x / image->width + 40 * y / image->height +
                               (((x >> 5) ^ (y >> 5)) & 1) * 12);
    }
    for (int p = 1; p < 3; p++)
        for (int y = 0; y < image_plane_height(image, p); y++)
            memset(image->plane[p] + (ptrdiff_t)y * image->stride[p], p == 1 ? 132 : 124,
                   (size_t)image_plane_width(image, p));
}

static void draw(void *pattern, const fov_image *image)
{
    const struct pattern *p = pattern;
    image_convert(image, &p->ground);
    for (int i = 0; i < SHAPES; i++) {
        int x, y;
        place(p, &p->shapes[i], p->next, &x, &y);
        draw_shape(image, &p->shapes[i], x, y);
    }
    if (p->barcode)
        pattern_draw_number(image, p->next);
}

/* ---- the source ------------------------------------------------------------------------------ */

static bool takes(const char *url, const struct stat *st)
{
    (void)st;
    return strncmp(url, "pattern:", strlen("pattern:")) == 0;
}

static fov_status open_pattern(fov_source *source, const char *url, fov_error *error)
{
    struct pattern *p = calloc(1, sizeof *p);
    source->state = p;
    if (!p)
        return fov_fail(error, FOV_ENOMEM, "no memory for a pattern");
    fov_status status = parse(p, url, error);
    if (status)
        return status;
    int width = (int)p->width, height = (int)p->height;
    if (image_in_buffer(&p->ground, &p->background, FOV_YUV, width, height, 1, 1) ||
        (source->params.pixels != FOV_YUV &&
         image_in_buffer(&p->drawing, &p->scratch, FOV_YUV, width, height, 1, 1)))
        return fov_fail(error, FOV_ENOMEM, "no memory for a pattern");
    draw_ground(&p->ground);
    make_shapes(p);
    source->info = (fov_source_info){
        .kind = "pattern", .width = width, .height = height, .fps = p->fps, .frames = p->frames};
    return FOV_OK;
}

static fov_status read_pattern(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                               const char **name, fov_error *error)
{
    struct pattern *p = source->state;
    (void)name;
    if (p->frames > 0 && p->next >= p->frames && source->params.loop)
        p->next = 0;
    if (p->frames > 0 && p->next >= p->frames)
        return FOV_EOS;
    fov_status status = source_draw(source, pool, &p->drawing, draw, "pattern", frame, error);
    if (status)
        return status;
    (*frame)->pts_ms = (double)p->next * 1000 / p->fps;
    p->next++;
    return FOV_OK;
}

static fov_status truth(fov_source *source, fov_detections *out)
{
    const struct pattern *p = source->state;
    for (int i = 0; p->next > 0 && i < SHAPES && out->count < out->capacity; i++) {
        const struct shape *s = &p->shapes[i];
        int x, y;
        place(p, s, p->next - 1, &x, &y);
        out->items[out->count++] = (fov_detection){.x1 = (float)x,
                                                   .y1 = (float)y,
                                                   .x2 = (float)(x + s->width),
                                                   .y2 = (float)(y + s->height),
                                                   .score = 1,
                                                   .class_id = s->class_id,
                                                   .class_id_raw = s->class_id,
                                                   .track_id = i};
    }
    return FOV_OK;
}

static void close_pattern(fov_source *source)
{
    struct pattern *p = source->state;
    if (!p)
        return;
    buffer_release(&p->background);
    buffer_release(&p->scratch);
    free(p);
}

const struct source_kind source_pattern = {.takes = takes,
                                           .open = open_pattern,
                                           .read = read_pattern,
                                           .truth = truth,
                                           .close = close_pattern};
