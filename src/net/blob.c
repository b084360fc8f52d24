/* Refcounted bytes, shared by any number of connections and threads. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

struct net_blob {
    atomic_uint refs;
    const uint8_t *data;
    size_t len;
    void (*release)(void *arg);
    void *arg;
    uint8_t own[];
};

static struct net_blob *blob_new(size_t own)
{
    struct net_blob *blob = malloc(sizeof(*blob) + own);
    if (blob) {
        *blob = (struct net_blob){0};
        atomic_init(&blob->refs, 1);
        blob->data = blob->own;
    }
    return blob;
}

struct net_blob *net_blob_copy(const void *data, size_t len)
{
    struct net_blob *blob = blob_new(len);
    if (!blob)
        return NULL;
    if (len)
        memcpy(blob->own, data, len);
    blob->len = len;
    return blob;
}

struct net_blob *net_blob_wrap(const void *data, size_t len, void (*release)(void *arg), void *arg)
{
    struct net_blob *blob = blob_new(0);
    if (!blob) {
        if (release)
            release(arg);
        return NULL;
    }
    blob->data = data;
    blob->len = len;
    blob->release = release;
    blob->arg = arg;
    return blob;
}

struct net_blob *net_blob_ref(struct net_blob *blob)
{
    atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

void net_blob_unref(struct net_blob **ref)
{
    struct net_blob *blob = *ref;
    *ref = NULL;
    if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (blob->release)
        blob->release(blob->arg);
    free(blob);
}

const uint8_t *net_blob_data(const struct net_blob *blob)
{
    return blob->data;
}

size_t net_blob_len(const struct net_blob *blob)
{
    return blob->len;
}
