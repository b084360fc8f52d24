/* sRGB (IEC 61966-2-1) to CIE L*a*b* 1976 under D65 and back; see lab.h. */
#include "scene/lab.h"

#include <math.h>

/* Rows: X, Y, Z over those of white. */
#define X_WHITE 0.95047F
#define Z_WHITE 1.08883F
static const float FROM_RGB[3][3] = {
    {0.4124564F / X_WHITE, 0.3575761F / X_WHITE, 0.1804375F / X_WHITE},
    {0.2126729F, 0.7151522F, 0.0721750F},
    {0.0193339F / Z_WHITE, 0.1191920F / Z_WHITE, 0.9503041F / Z_WHITE}};
static const double TO_RGB[3][3] = {{3.2404542, -1.5371385, -0.4985314},
                                    {-0.9692660, 1.8760108, 0.0415560},
                                    {0.0556434, -0.2040259, 1.0572252}};
static const double WHITE[3] = {(double)X_WHITE, 1, (double)Z_WHITE};
static const double KNEE = 6.0 / 29;

static double root(double t)
{
    return t > KNEE * KNEE * KNEE ? cbrt(t) : t / (3 * KNEE * KNEE) + 4.0 / 29;
}

static double unroot(double f)
{
    return f > KNEE ? f * f * f : 3 * KNEE * KNEE * (f - 4.0 / 29);
}

void lab_fill_tables(struct lab_tables *tables)
{
    for (int i = 0; i < 256; i++) {
        double c = i / 255.0;
        tables->linear[i] = (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    for (int i = 0; i < LAB_STEPS + 2; i++)
        tables->root[i] = (float)root(i * (double)LAB_LIGHT_MAX / LAB_STEPS);
}

static float look_up(const struct lab_tables *tables, float light)
{
    /* fminf would be a call. */
    float at = (light < LAB_LIGHT_MAX ? light : LAB_LIGHT_MAX) * (LAB_STEPS / LAB_LIGHT_MAX);
    int i = (int)at;
    return tables->root[i] + (at - (float)i) * (tables->root[i + 1] - tables->root[i]);
}

struct lab lab_of(const struct lab_tables *tables, const uint8_t rgb[3], float gain)
{
    float xyz[3], f[3];
    float r = tables->linear[rgb[0]] * gain, g = tables->linear[rgb[1]] * gain,
          b = tables->linear[rgb[2]] * gain;
    for (int i = 0; i < 3; i++) {
        xyz[i] = FROM_RGB[i][0] * r + FROM_RGB[i][1] * g + FROM_RGB[i][2] * b;
        f[i] = look_up(tables, xyz[i]);
    }
    return (struct lab){116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2]), xyz[1]};
}

uint32_t lab_to_rgb(float l, float a, float b)
{
    double y = ((double)l + 16) / 116, f[3] = {y + (double)a / 500, y, y - (double)b / 200};
    uint32_t rgb = 0;
    for (int k = 0; k < 3; k++) {
        double c = 0;
        for (int i = 0; i < 3; i++)
            c += TO_RGB[k][i] * WHITE[i] * unroot(f[i]);
        c = fmin(fmax(c, 0), 1);
        c = c <= 0.0031308 ? 12.92 * c : 1.055 * pow(c, 1 / 2.4) - 0.055;
        rgb = rgb << 8 | (uint32_t)lround(255 * c);
    }
    return rgb;
}

bool lab_image_has_colour(const fov_image *image)
{
    return image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24 ||
           (image->pixels == FOV_YUV && image->plane[1] && image->plane[2]);
}

static uint8_t to_byte(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* BT.601, full range, as JPEG has it; 16 bits behind the point. */
static void pixel_of_yuv(const fov_image *image, int x, int y, uint8_t rgb[3])
{
    int luma = image->plane[0][(size_t)y * image->stride[0] + x], u = 0, v = 0;
    if (image->plane[1] && image->plane[2]) {
        int cx = x >> image->shift_x, cy = y >> image->shift_y;
        u = image->plane[1][(size_t)cy * image->stride[1] + cx] - 128;
        v = image->plane[2][(size_t)cy * image->stride[2] + cx] - 128;
    }
    int middle = (luma << 16) + (1 << 15);
    rgb[0] = to_byte((middle + 91881 * v) >> 16);
    rgb[1] = to_byte((middle - 22554 * u - 46802 * v) >> 16);
    rgb[2] = to_byte((middle + 116130 * u) >> 16);
}

void lab_pixel(const fov_image *image, int x, int y, uint8_t rgb[3])
{
    if (image->pixels == FOV_YUV) {
        pixel_of_yuv(image, x, y, rgb);
        return;
    }
    int bytes = image->pixels == FOV_GRAY8 ? 1 : 3;
    const uint8_t *at = image->plane[0] + (size_t)y * image->stride[0] + (size_t)x * bytes;
    bool blue_first = image->pixels == FOV_BGR24;
    rgb[0] = at[bytes == 1 ? 0 : blue_first ? 2 : 0];
    rgb[1] = at[bytes == 1 ? 0 : 1];
    rgb[2] = at[bytes == 1 ? 0 : blue_first ? 0 : 2];
}

float lab_hue8(float a, float b)
{
    float x = fabsf(a), y = fabsf(b);
    if (x + y < 1e-6f)
        return 0;
    float part = x > y ? y / x : 2 - x / y; /* 0..2 within the quarter */
    if (a < 0)
        part = 4 - part;
    if (b < 0)
        part = 8 - part;
    return part >= 8 ? 0 : part;
}
