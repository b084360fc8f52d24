#include "net/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct address *address)
{
    return memcmp(address->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool address_parse(struct address *address, const char *text, size_t len)
{
    char copy[INET6_ADDRSTRLEN + 1];
    if (len == 0 || len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    if (inet_pton(AF_INET6, copy, address->bytes) == 1)
        return true;
    memcpy(address->bytes, v4_prefix, sizeof(v4_prefix));
    return inet_pton(AF_INET, copy, address->bytes + sizeof(v4_prefix)) == 1;
}

bool cidr_parse(struct cidr *cidr, const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (!address_parse(&cidr->net, text, len))
        return false;
    bool v4 = memchr(text, ':', len) == NULL;
    long long bits = v4 ? 32 : 128;
    if (slash && !text_to_int(slash + 1, 0, bits, &bits))
        return false;
    cidr->bits = (int)bits + (v4 ? 96 : 0);
    return true;
}

bool cidr_holds(const struct cidr *cidr, const struct address *address)
{
    size_t whole = (size_t)cidr->bits / 8;
    int rest = cidr->bits % 8;
    if (memcmp(cidr->net.bytes, address->bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned mask = 0xff00U >> rest & 0xffU;
    return ((cidr->net.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

void address_from_sockaddr(struct address *address, const struct sockaddr *from)
{
    memset(address, 0, sizeof(*address));
    if (from->sa_family == AF_INET6) {
        memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    } else if (from->sa_family == AF_INET) {
        memcpy(address->bytes, v4_prefix, sizeof(v4_prefix));
        memcpy(address->bytes + sizeof(v4_prefix),
               &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    }
}

void address_format(const struct address *address, char text[ADDRESS_TEXT])
{
    const void *at = address->bytes;
    int family = AF_INET6;
    if (is_v4(address)) {
        at = address->bytes + sizeof(v4_prefix);
        family = AF_INET;
    }
    if (!inet_ntop(family, at, text, ADDRESS_TEXT))
        text[0] = 0;
}

/* ---- counts ---- */

struct address_count {
    struct address_count *next;
    struct address address;
    unsigned count;
};

static struct address customer(const struct address *address)
{
    struct address key = *address;
    if (!is_v4(address))
        memset(key.bytes + 8, 0, 8);
    return key;
}

static struct address_count **find(struct address_count **buckets, const struct address *key)
{
    unsigned hash = 2166136261U;
    for (size_t i = 0; i < 16; i++)
        hash = (hash ^ key->bytes[i]) * 16777619U;
    struct address_count **at = &buckets[hash >> 24];
    while (*at && memcmp((*at)->address.bytes, key->bytes, 16) != 0)
        at = &(*at)->next;
    return at;
}

unsigned address_count(const struct address_counts *counts, const struct address *address)
{
    struct address key = customer(address);
    struct address_count **at = find((struct address_count **)(uintptr_t)counts->buckets, &key);
    return *at ? (*at)->count : 0;
}

bool address_count_up(struct address_counts *counts, const struct address *address)
{
    struct address key = customer(address);
    struct address_count **at = find(counts->buckets, &key);
    if (!*at) {
        *at = calloc(1, sizeof(**at));
        if (!*at)
            return false;
        (*at)->address = key;
    }
    (*at)->count++;
    return true;
}

void address_count_down(struct address_counts *counts, const struct address *address)
{
    struct address key = customer(address);
    struct address_count **at = find(counts->buckets, &key), *entry = *at;
    if (entry && --entry->count == 0) {
        *at = entry->next;
        free(entry);
    }
}

void address_counts_free(struct address_counts *counts)
{
    for (size_t i = 0; i < sizeof(counts->buckets) / sizeof(counts->buckets[0]); i++) {
        while (counts->buckets[i]) {
            struct address_count *next = counts->buckets[i]->next;
            free(counts->buckets[i]);
            counts->buckets[i] = next;
        }
    }
}
