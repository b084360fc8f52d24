/* What taking in one base64 frame costs, step by step, on one core: the least of many runs. Prints
 * Markdown. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/net.h"
#include "serve/hazard_message.h"
#include "texture.h"

enum { ROUNDS = 300 };

static struct {
    char *text;
    size_t size;
    uint8_t *packed, *out;
    size_t packed_size;
    struct net_inflate *inflate;
} it;

static bool check_utf8(void)
{
    return text_is_utf8((const uint8_t *)it.text, it.size);
}

static bool read_message(void)
{
    struct hazard_message m;
    struct hazard_error error;
    bool good = hazard_message_read(&m, it.text, it.size, &error);
    hazard_message_free(&m);
    return good;
}

static bool decode(void)
{
    struct hazard_message m;
    struct hazard_error error;
    size_t size = 0;
    bool good = hazard_message_read(&m, it.text, it.size, &error) &&
                hazard_base64_decode(m.image, m.image_size, it.out, &size, &error);
    hazard_message_free(&m);
    return good && it.out[0] == 0xff && it.out[1] == 0xd8;
}

static bool parse_all(void)
{
    cJSON *json = cJSON_ParseWithLength(it.text, it.size);
    bool good = json != NULL;
    cJSON_Delete(json);
    return good;
}

static bool inflate_it(void)
{
    const uint8_t *out;
    size_t size;
    return net_inflate_message(it.inflate, it.packed, it.packed_size, 1 << 20, &out, &size) ==
               FOV_OK &&
           size == it.size;
}

static void pack(void)
{
    z_stream z = {0};
    size_t room = it.size + 1024;
    it.packed = malloc(room);
    if (!it.packed || deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        exit(1);
    z.next_in = (Bytef *)it.text;
    z.avail_in = (uInt)it.size;
    z.next_out = it.packed;
    z.avail_out = (uInt)room;
    deflate(&z, Z_SYNC_FLUSH);
    it.packed_size = room - z.avail_out - 4;
    deflateEnd(&z);
}

static void make(int width, int height)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char head[] = "{\"type\":\"frame\",\"frame_id\":7,\"image_data\":\"";
    uint8_t *jpeg = NULL;
    size_t size = texture_jpeg(width, height, 85, 1, &jpeg) / 3 * 3; /* whole groups will do */
    it.text = malloc(sizeof head + size / 3 * 4 + 2);
    if (!size || !it.text)
        exit(1);
    char *to = it.text + sprintf(it.text, "%s", head);
    for (size_t i = 0; i < size; i += 3) {
        unsigned bits = (unsigned)jpeg[i] << 16 | (unsigned)jpeg[i + 1] << 8 | jpeg[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *to++ = digits[bits >> shift & 63];
    }
    memcpy(to, "\"}", 2);
    it.size = (size_t)(to + 2 - it.text);
    it.out = malloc(hazard_base64_room(it.size));
    it.inflate = net_inflate_create();
    free(jpeg);
    if (!it.out || !it.inflate)
        exit(1);
    pack();
}

static double least_us(bool (*step)(void))
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t start = clock_now_ns();
        if (!step())
            exit(1);
        int64_t took = clock_now_ns() - start;
        least = took < least ? took : least;
    }
    return (double)least / 1e3;
}

int main(void)
{
    static const int sizes[][2] = {{1280, 720}, {1920, 1080}};
    printf("| picture | message | UTF-8 | find the picture, parse the rest | and decode base64 | "
           "inflate | (cJSON on the whole) |\n|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make(sizes[i][0], sizes[i][1]);
        printf(
            "| %dx%d | %zu KiB, deflated %zu | %.0f us | %.0f us | %.0f us | %.0f us | %.0f us |\n",
            sizes[i][0], sizes[i][1], it.size >> 10, it.packed_size >> 10, least_us(check_utf8),
            least_us(read_message), least_us(decode), least_us(inflate_it), least_us(parse_all));
        free(it.text);
        free(it.packed);
        free(it.out);
        net_inflate_destroy(&it.inflate);
    }
    return 0;
}
