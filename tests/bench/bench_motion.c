/* Camera motion. Without words: what it costs a frame, as Markdown. Times are the thread's own, so
 * that a busy machine does not count. With `stream WIDTH HEIGHT
 * similarity|homography`: reads gray pictures from stdin (how many boxes, 32 bits; their corners,
 * four floats each; the pixels) and prints a line a picture: kind, points, inliers, the map, ms;
 * for bench_motion.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/motion.h>
#include "../track/scenery.h"
#include "base/clock.h"
#include "base/plane.h"
#include "quantile.h"

enum { FRAMES = 6, RUNS = 240, BOXES_MAX = 1000 };

struct row {
    const char *name;
    fov_pixels pixels;
    int width, height;
    bool homography;
};

static const struct row rows[] = {
    {"1080p gray or YUV, similarity (goal: 1.5)", FOV_GRAY8, 1920, 1080, false},
    {"1080p gray or YUV, homography (goal: 1.5)", FOV_GRAY8, 1920, 1080, true},
    {"1080p RGB, similarity (goal: 1.5)", FOV_RGB24, 1920, 1080, false},
    {"720p gray or YUV, similarity", FOV_GRAY8, 1280, 720, false},
    {"768 x 576 gray or YUV, similarity", FOV_GRAY8, 768, 576, false},
    {"2160p gray or YUV, similarity", FOV_GRAY8, 3840, 2160, false},
};

static void draw(fov_image *images, const struct row *row)
{
    static const double bend[9] = {1, 0, 0, 0, 1, 0, 2e-5, 1e-5, 1};
    for (int i = 0; i < FRAMES; i++) {
        double map[9];
        images[i] = scenery_make(row->pixels, row->width, row->height, 0);
        scenery_motion(&images[i], 15 * sin(i), 9 * cos(i), 0.005 * i, 1 + 0.004 * i, map);
        if (row->homography && i % 2)
            plane_multiply(bend, map, map);
        map[0] /= 3, map[1] /= 3, map[3] /= 3, map[4] /= 3; /* larger than of a small picture */
        scenery_draw(&images[i], map, 5);
        scenery_noise(&images[i], 4, (unsigned)i);
    }
}

static void measure(const struct row *row)
{
    fov_camera_motion_params params = {.homography = row->homography};
    fov_camera_motion *motion;
    fov_image images[FRAMES];
    double ms[RUNS], points = 0, sure = 0;
    if (fov_camera_motion_create(&motion, &params, NULL) != FOV_OK)
        exit(2);
    draw(images, row);
    for (int i = -FRAMES; i < RUNS; i++) {
        fov_motion out;
        int64_t begun = clock_thread_ns();
        fov_camera_motion_update(motion, &images[(i + FRAMES) % FRAMES], NULL, 0, &out, NULL);
        if (i < 0)
            continue;
        ms[i] = ns_to_ms(clock_thread_ns() - begun);
        points += out.points;
        sure += out.kind != FOV_MOTION_NONE;
    }
    printf("| %s | %.2f | %.2f | %.0f | %.0f %% |\n", row->name, quantile(ms, RUNS, 0.5),
           quantile(ms, RUNS, 0.99), points / RUNS, 100 * sure / RUNS);
    fflush(stdout);
    fov_camera_motion_destroy(&motion);
    for (int i = 0; i < FRAMES; i++)
        scenery_release(&images[i]);
}

/* ---- pictures from stdin --------------------------------------------------------------------- */

static bool read_frame(fov_image *image, fov_detection *boxes, uint32_t *count)
{
    if (fread(count, sizeof *count, 1, stdin) != 1 || *count > BOXES_MAX)
        return false;
    for (uint32_t i = 0; i < *count; i++)
        if (fread(&boxes[i].x1, sizeof(float), 4, stdin) != 4)
            return false;
    size_t size = (size_t)image->width * (size_t)image->height;
    return fread(image->plane[0], 1, size, stdin) == size;
}

static int stream(int width, int height, bool homography)
{
    static fov_detection boxes[BOXES_MAX];
    fov_camera_motion_params params = {.homography = homography};
    fov_image image = scenery_make(FOV_GRAY8, width, height, 0);
    fov_camera_motion *motion;
    fov_motion out;
    uint32_t count;
    if (fov_camera_motion_create(&motion, &params, NULL) != FOV_OK)
        return 2;
    while (read_frame(&image, boxes, &count)) {
        int64_t begun = clock_thread_ns();
        fov_camera_motion_update(motion, &image, boxes, count, &out, NULL);
        double ms = ns_to_ms(clock_thread_ns() - begun);
        printf("%d %d %d", (int)out.kind, out.points, out.inliers);
        for (int i = 0; i < 9; i++)
            printf(" %.12g", out.map[i]);
        printf(" %.4f\n", ms);
        fflush(stdout); /* the other side waits for it */
    }
    fov_camera_motion_destroy(&motion);
    scenery_release(&image);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "stream") == 0)
        return stream((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
                      strcmp(argv[4], "homography") == 0);
    printf("| picture | ms, p50 | p99 | points | sure |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        measure(&rows[i]);
    return 0;
}
