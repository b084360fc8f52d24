/* permessage-deflate (RFC 7692). Without context takeover a message can be inflated by any thread
 * with any state; we never compress what we send (JPEG does not get smaller, results are short). */
#include "net/deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/text.h"
#include "net/field.h"
#include "net/net.h"

/* ---- the offer ---- */

struct offer {
    bool server_no_takeover, client_no_takeover, client_bits;
    int server_bits; /* 0: not asked for */
};

static bool is(const char *name, size_t len, const char *what)
{
    return len == strlen(what) && strncasecmp(name, what, len) == 0;
}

static bool once(bool *flag)
{
    bool first = !*flag;
    *flag = true;
    return first;
}

/* One "name" or "name=value"; false: an offer that we must not accept. */
static bool read_param(struct offer *offer, const char *param, size_t len)
{
    char value[16] = "";
    long long bits = 0;
    const char *equals = memchr(param, '=', len);
    size_t name_len = equals ? (size_t)(equals - param) : len;
    if (equals && !field_unquote(equals + 1, len - name_len - 1, value, sizeof(value)))
        return false;
    bool has_bits = equals && text_to_int(value, 8, 15, &bits) && value[0] != '0';
    if (is(param, name_len, "server_no_context_takeover"))
        return !equals && once(&offer->server_no_takeover);
    if (is(param, name_len, "client_no_context_takeover"))
        return !equals && once(&offer->client_no_takeover);
    if (is(param, name_len, "client_max_window_bits"))
        return (!equals || has_bits) && once(&offer->client_bits);
    if (is(param, name_len, "server_max_window_bits")) {
        bool first = offer->server_bits == 0;
        offer->server_bits = (int)bits;
        return has_bits && first;
    }
    return false;
}

static bool read_offer(struct offer *offer, const char *text, size_t len)
{
    char copy[512];
    const char *rest = copy, *element;
    size_t n;
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *offer = (struct offer){0};
    if (!field_next(&rest, ';', &element, &n) || !is(element, n, "permessage-deflate"))
        return false;
    while (field_next(&rest, ';', &element, &n)) {
        if (!read_param(offer, element, n))
            return false;
    }
    return true;
}

bool deflate_accept(const char *offers, char answer[DEFLATE_ANSWER_MAX])
{
    const char *element;
    size_t len;
    struct offer offer;
    while (field_next(&offers, ',', &element, &len)) {
        if (!read_offer(&offer, element, len))
            continue;
        int n = snprintf(answer, DEFLATE_ANSWER_MAX,
                         "permessage-deflate; server_no_context_takeover; "
                         "client_no_context_takeover");
        if (offer.server_bits) /* kept trivially */
            snprintf(answer + n, DEFLATE_ANSWER_MAX - (size_t)n, "; server_max_window_bits=%d",
                     offer.server_bits);
        return true;
    }
    return false;
}

/* ---- inflating ---- */

struct net_inflate {
    z_stream z;
    uint8_t *out;
    size_t len, cap;
};

struct net_inflate *net_inflate_create(void)
{
    struct net_inflate *inflate = calloc(1, sizeof(*inflate));
    if (inflate && inflateInit2(&inflate->z, -15) != Z_OK) {
        free(inflate);
        return NULL;
    }
    return inflate;
}

void net_inflate_destroy(struct net_inflate **ref)
{
    struct net_inflate *inflate = *ref;
    *ref = NULL;
    if (!inflate)
        return;
    inflateEnd(&inflate->z);
    free(inflate->out);
    free(inflate);
}

/* Room for more, at most max + 1 bytes of data and the NUL. */
static fov_status grow(struct net_inflate *f, size_t max)
{
    size_t cap = f->cap ? f->cap * 2 : 4096;
    if (cap > max + 2)
        cap = max + 2;
    if (cap <= f->cap)
        return FOV_ELIMIT;
    uint8_t *out = realloc(f->out, cap);
    if (!out)
        return FOV_ENOMEM;
    f->out = out;
    f->cap = cap;
    return FOV_OK;
}

static fov_status feed(struct net_inflate *f, const uint8_t *data, size_t len, size_t max)
{
    f->z.next_in = (Bytef *)(uintptr_t)data;
    f->z.avail_in = (uInt)len;
    for (;;) {
        if (f->len + 1 >= f->cap) {
            fov_status status = grow(f, max);
            if (status != FOV_OK)
                return status;
        }
        size_t room = f->cap - 1 - f->len;
        f->z.next_out = f->out + f->len;
        f->z.avail_out = (uInt)room;
        int result = inflate(&f->z, Z_SYNC_FLUSH);
        f->len += room - f->z.avail_out;
        if (f->len > max)
            return FOV_ELIMIT;
        if (result == Z_STREAM_END && f->z.avail_in > 0)
            result = inflateReset(&f->z); /* a final block inside the message is allowed */
        else if (result == Z_STREAM_END || (f->z.avail_in == 0 && f->z.avail_out > 0))
            return FOV_OK;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return FOV_EFORMAT;
    }
}

fov_status net_inflate_message(struct net_inflate *f, const uint8_t *data, size_t len, size_t max,
                               const uint8_t **out, size_t *out_len)
{
    static const uint8_t tail[4] = {0, 0, 0xff, 0xff}; /* the sender cuts it off */
    if (len > UINT32_MAX || max > UINT32_MAX - 2)
        return FOV_ELIMIT;
    f->len = 0;
    inflateReset(&f->z);
    fov_status status = feed(f, data, len, max);
    if (status == FOV_OK)
        status = feed(f, tail, sizeof(tail), max);
    if (status != FOV_OK)
        return status;
    f->out[f->len] = 0;
    *out = f->out;
    *out_len = f->len;
    return FOV_OK;
}
