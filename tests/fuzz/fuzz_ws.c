/* WebSocket frames, whatever way they are cut; the result must not depend on the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/deflate.h"
#include "net/net.h"
#include "net/ws_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
    uint64_t sum;
    unsigned items;
    bool failed;
};

static void add(struct digest *d, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        d->sum = (d->sum ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
}

static struct digest run(const uint8_t *bytes, size_t total, size_t step, bool deflate)
{
    struct ws_codec c = {.max_text = 300, .max_binary = 5000, .deflate = deflate};
    struct digest d = {0};
    uint8_t *data = malloc(total + 1);
    size_t len = 0;
    for (size_t at = 0; data && at < total && !d.failed;) {
        size_t n = total - at < step ? total - at : step;
        memcpy(data + len, bytes + at, n);
        at += n;
        len += n;
        struct ws_item item = {.event = WS_PONG};
        while (item.event != WS_MORE && !d.failed) {
            ws_next(&c, data, len, &item);
            d.failed = item.event == WS_FAIL;
            if (item.event == WS_MORE)
                break;
            d.items++;
            add(&d, &item.event, sizeof(item.event));
            add(&d, &item.code, sizeof(item.code));
            if (!d.failed)
                add(&d, item.data, item.len);
        }
        if (!d.failed)
            len = ws_compact(&c, data, len);
        if (c.message > 5000 || c.raw > len)
            abort();
    }
    free(data);
    return d;
}

static void check_inflate(const uint8_t *data, size_t size)
{
    static struct net_inflate *inflate;
    const uint8_t *out;
    size_t out_len;
    if (!inflate)
        inflate = net_inflate_create();
    if (inflate && net_inflate_message(inflate, data, size, 20000, &out, &out_len) == FOV_OK &&
        (out_len > 20000 || out[out_len] != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[DEFLATE_ANSWER_MAX];
    if (size < 2 || size > 65536)
        return 0;
    bool deflate = data[0] & 1;
    size_t step = 1 + data[1];
    struct digest whole = run(data + 2, size - 2, size, deflate);
    struct digest cut = run(data + 2, size - 2, step, deflate);
    if (whole.sum != cut.sum || whole.items != cut.items || whole.failed != cut.failed)
        abort();
    check_inflate(data + 2, size - 2);
    char *text = malloc(size + 1);
    if (text) {
        memcpy(text, data, size);
        text[size] = 0;
        deflate_accept(text, answer);
    }
    free(text);
    return 0;
}
