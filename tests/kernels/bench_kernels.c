/* Times of every kernel set, and of the plain way beside them: the best of many turns. */
#include "kernel_bed.h"

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void bench(const struct infer_kernels *k, fov_pixels pixels, int width, int height,
                  struct letterbox_spec spec, const char *name)
{
    enum { RUNS = 60 };
    struct picture p = draw(pixels, width, height, 1, 1, 0);
    struct letterbox box;
    void *out = aligned_alloc(64, (bytes_of(&spec) + 63) & ~(size_t)63);
    double best = 1e9;
    if (!out || letterbox_init(&box, &spec) != FOV_OK)
        exit(2);
    box.kernels = k;
    for (int i = 0; i < RUNS; i++) {
        double start = now_ms();
        letterbox_run(&box, &p.image, width, height, out);
        best = fmin(best, now_ms() - start);
    }
    printf("%-5s %-40s %.3f ms\n", k->name, name, best);
    letterbox_release(&box);
    free(out);
    erase(&p);
}

static void bench_plain(void)
{
    struct picture p = draw(FOV_RGB24, 1920, 1080, 0, 0, 0);
    float *out = malloc(bytes_of(&yolo_input));
    double best = 1e9;
    for (int i = 0; out && i < 15; i++) {
        double start = now_ms();
        plain_letterbox(&p.image, &yolo_input, out);
        best = fmin(best, now_ms() - start);
    }
    printf("%-5s %-40s %.3f ms\n", "plain", "1080p RGB -> 640 NCHW f32", best);
    free(out);
    erase(&p);
}

static void bench_all(const struct infer_kernels *k)
{
    struct letterbox_spec yolo = yolo_input;
    struct letterbox_spec ssd = {.width = 300, .height = 300, .dtype = FOV_U8, .scale = {1, 1, 1}};
    bench(k, FOV_RGB24, 1920, 1080, yolo, "1080p RGB -> 640 NCHW f32");
    bench(k, FOV_YUV, 1920, 1080, yolo, "1080p 4:2:0 -> 640 NCHW f32");
    bench(k, FOV_YUV, 960, 540, yolo, "540p 4:2:0 -> 640 NCHW f32");
    bench(k, FOV_RGB24, 1280, 720, ssd, "720p RGB -> 300 NHWC u8");
    bench(k, FOV_YUV, 1280, 720, ssd, "720p 4:2:0 -> 300 NHWC u8");
    bench(k, FOV_YUV, 640, 360, ssd, "360p 4:2:0 -> 300 NHWC u8");
}

int main(void)
{
    bench_plain();
    for (size_t i = 0; infer_kernels_at(i); i++)
        bench_all(infer_kernels_at(i));
    return 0;
}
