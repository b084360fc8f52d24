/* What decoding a picture whole and encoding it again costs: the part of the bound of drawn
 * pictures that inference does not have. Prints one line of JSON.
 *
 *     bench_codec WIDTHxHEIGHT [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include <fovea/picture.h>

#include "base/clock.h"
#include "quantile.h"
#include "texture.h"

enum { ROUNDS_MAX = 1000 };

int main(int argc, char **argv)
{
    int width = 0, height = 0, rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 40;
    if (argc < 2 || sscanf(argv[1], "%dx%d", &width, &height) != 2 || rounds < 1 ||
        rounds > ROUNDS_MAX)
        return 2;
    static double decode_ms[ROUNDS_MAX], encode_ms[ROUNDS_MAX];
    uint8_t *picture = NULL;
    size_t size = texture_jpeg(width, height, 85, 1, &picture);
    fov_decoder *decoder = NULL;
    fov_encoder *encoder = NULL;
    fov_error error;
    int rc = 1;
    if (!size || fov_decoder_create(&decoder, &error) || fov_encoder_create(&encoder, &error))
        goto end;
    for (int i = -3; i < rounds; i++) { /* the first three warm up */
        fov_image image;
        const uint8_t *bytes;
        size_t length;
        int64_t start = clock_now_ns();
        if (fov_decode(decoder, picture, size, FOV_YUV, 1, &image, NULL, &error))
            goto end;
        int64_t middle = clock_now_ns();
        if (fov_encode_jpeg(encoder, &image, 80, &bytes, &length, &error))
            goto end;
        decode_ms[i < 0 ? 0 : i] = ns_to_ms(middle - start);
        encode_ms[i < 0 ? 0 : i] = ns_to_ms(clock_now_ns() - middle);
    }
    printf("{\"size\":\"%s\",\"decode_ms\":%.3f,\"encode_ms\":%.3f}\n", argv[1],
           quantile(decode_ms, (size_t)rounds, 0.5), quantile(encode_ms, (size_t)rounds, 0.5));
    rc = 0;
end:
    fov_encoder_destroy(&encoder);
    fov_decoder_destroy(&decoder);
    free(picture);
    return rc;
}
