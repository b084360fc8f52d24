/* Parts of RTP packets of any bytes, put together into units and pictures: nothing is read or
 * written outside, nothing is given out twice, and taking ends.
 *
 * Each part is a length byte, a byte of flags (1: it begins a unit, with a start code) and that
 * many bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/ffmpeg_au.h"
#include "media/ffmpeg_nal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A part as FFmpeg gives it; how many bytes of the input it took. */
static size_t make_part(AVPacket *packet, const uint8_t *data, size_t size)
{
    static const uint8_t code[4] = {0, 0, 0, 1};
    size_t wanted = data[0], most = size - 2;
    int n = (int)(wanted < most ? wanted : most), begins = data[1] & 1 ? 4 : 0;
    if (av_new_packet(packet, n + begins) < 0)
        abort();
    memcpy(packet->data, code, (size_t)begins);
    memcpy(packet->data + begins, data + 2, (size_t)n);
    packet->pts = data[1] >> 1;
    return 2 + (size_t)n;
}

static void run(bool h265, const uint8_t *data, size_t size)
{
    struct ffmpeg_nal *nal = ffmpeg_nal_new(h265);
    struct ffmpeg_au *au = ffmpeg_au_new(h265);
    AVPacket *packet = av_packet_alloc();
    int64_t in = 0, out = 0;
    while (size > 2) {
        size_t took = make_part(packet, data, size);
        data += took;
        size -= took;
        in += packet->size;
        ffmpeg_nal_add(nal, packet);
        for (int n = 0; ffmpeg_nal_ready(nal); n++) {
            if (n > 2)
                abort();
            ffmpeg_nal_take(nal, packet);
            ffmpeg_au_add(au, packet);
            for (int k = 0; ffmpeg_au_ready(au); k++) {
                ffmpeg_au_take(au, packet);
                out += packet->size;
                av_packet_unref(packet);
                if (k > 2 || out > in)
                    abort();
            }
        }
    }
    av_packet_free(&packet);
    ffmpeg_au_free(&au);
    ffmpeg_nal_free(&nal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(false, data, size);
    run(true, data, size);
    return 0;
}
