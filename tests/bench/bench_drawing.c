/* Boxes into a watched picture: drawn and encoded anew, beside put into the camera's own JPEG.
 * Prints Markdown.
 *
 *     bench_drawing [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include <fovea/picture.h>

#include "base/clock.h"
#include "quantile.h"
#include "texture.h"

enum { ROUNDS_MAX = 1000, BOXES_MAX = 20 };

static fov_decoder *decoder;
static fov_encoder *encoder;
static fov_frame_pool *pool;

/* Boxes of a tenth to a fifth of the width, spread by a fixed rule. */
static void make_boxes(fov_detection *boxes, int count, int width, int height)
{
    for (int i = 0; i < count; i++) {
        float x = (float)((i * 37 + 11) % 80) / 100 * (float)width;
        float y = (float)((i * 53 + 17) % 60) / 100 * (float)height;
        float w = (float)(10 + i * 7 % 10) / 100 * (float)width;
        boxes[i] = (fov_detection){.x1 = x,
                                   .y1 = y,
                                   .x2 = x + w,
                                   .y2 = y + 1.5f * w,
                                   .score = 0.9f,
                                   .class_id = i % 10,
                                   .track_id = -1};
    }
}

/* Milliseconds of one picture; `into` the file's own bits, or anew. False: no picture. */
static bool one(const uint8_t *bytes, size_t size, const fov_detections *boxes, bool into,
                double *ms, size_t *length, bool *kept)
{
    const uint8_t *out;
    fov_frame *frame = NULL;
    *kept = false;
    if (fov_frame_get(pool, 0, &frame) || fov_decode_into(decoder, bytes, size, frame, NULL))
        return false;
    int64_t start = clock_now_ns();
    fov_status status;
    if (into) {
        status = fov_draw_into_jpeg(encoder, bytes, size, &frame->image, boxes, NULL, NULL, 80,
                                    &out, length, kept, NULL);
    } else {
        fov_draw_detections(&frame->image, boxes, NULL, NULL);
        status = fov_encode_jpeg(encoder, &frame->image, 80, &out, length, NULL);
    }
    *ms = ns_to_ms(clock_now_ns() - start);
    fov_frame_unref(&frame);
    return status == FOV_OK;
}

static bool row(int width, int height, int count, int rounds)
{
    static double ms[2][ROUNDS_MAX];
    fov_detection items[BOXES_MAX];
    fov_detections boxes = {.items = items, .count = (size_t)count, .capacity = BOXES_MAX};
    size_t length[2] = {0};
    bool kept[2];
    uint8_t *bytes = NULL;
    size_t size = texture_jpeg(width, height, 85, 1, &bytes);
    make_boxes(items, count, width, height);
    for (int i = -3; i < rounds; i++) /* by turns; the first three warm up */
        for (int into = 0; into < 2; into++)
            if (!one(bytes, size, &boxes, into, &ms[into][i < 0 ? 0 : i], &length[into],
                     &kept[into])) {
                free(bytes);
                return false;
            }
    free(bytes);
    printf("| %dp, %d box%s | %.2f ms, %zu KB | %.2f ms, %zu KB | %s |\n", height, count,
           count == 1 ? "" : "es", quantile(ms[0], (size_t)rounds, 0.5), length[0] / 1000,
           quantile(ms[1], (size_t)rounds, 0.5), length[1] / 1000,
           kept[1] ? "yes" : "no: too much is drawn over");
    return true;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 60, rc = 1;
    fov_frame_pool_params params = {.slots = 2, .keep_bytes = (size_t)8 << 20};
    static const int counts[] = {0, 1, 5, 20};
    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    if (fov_decoder_create(&decoder, NULL) || fov_encoder_create(&encoder, NULL) ||
        fov_frame_pool_create(&pool, &params, NULL))
        goto end;
    printf("| picture | drawn and encoded anew | drawn into the camera's own | bits kept |\n"
           "|---|---|---|---|\n");
    for (int i = 0; i < 8; i++)
        if (!row(i < 4 ? 1280 : 1920, i < 4 ? 720 : 1080, counts[i % 4], rounds))
            goto end;
    rc = 0;
end:
    fov_encoder_destroy(&encoder);
    fov_decoder_destroy(&decoder);
    fov_frame_pool_destroy(&pool);
    return rc;
}
