/* Certificates for listeners; the pump itself is in conn.c. */
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct net_tls {
    atomic_uint refs;
    pthread_mutex_t lock; /* context */
    SSL_CTX *context;
    char *cert_file, *key_file;
};

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char protocols[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, protocols, sizeof(protocols) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static fov_status fail_openssl(fov_error *error, fov_status status, const char *file)
{
    char reason[128];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
    ERR_clear_error();
    return fov_fail(error, status, "%s: %s", file, reason);
}

static fov_status load(const char *cert_file, const char *key_file, SSL_CTX **out, fov_error *error)
{
    const char *files[] = {cert_file, key_file};
    for (int i = 0; i < 2; i++) {
        if (access(files[i], R_OK) != 0)
            return fov_fail(error, FOV_ENOTFOUND, "%s: %s", files[i], strerror(errno));
    }
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return fov_fail(error, FOV_ENOMEM, "no memory for TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    fov_status status = FOV_OK;
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1)
        status = fail_openssl(error, FOV_EFORMAT, cert_file);
    else if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context) != 1)
        status = fail_openssl(error, FOV_EFORMAT, key_file);
    if (status == FOV_OK)
        *out = context;
    else
        SSL_CTX_free(context);
    return status;
}

fov_status net_tls_create(struct net_tls **out, const char *cert_file, const char *key_file,
                          fov_error *error)
{
    SSL_CTX *context = NULL;
    *out = NULL;
    fov_status status = load(cert_file, key_file, &context, error);
    if (status != FOV_OK)
        return status;
    struct net_tls *tls = calloc(1, sizeof(*tls));
    if (tls) {
        tls->cert_file = strdup(cert_file);
        tls->key_file = strdup(key_file);
    }
    if (!tls || !tls->cert_file || !tls->key_file || pthread_mutex_init(&tls->lock, NULL) != 0) {
        if (tls) {
            free(tls->cert_file);
            free(tls->key_file);
        }
        free(tls);
        SSL_CTX_free(context);
        return fov_fail(error, FOV_ENOMEM, "no memory for TLS");
    }
    tls->context = context;
    atomic_init(&tls->refs, 1);
    *out = tls;
    return FOV_OK;
}

fov_status net_tls_reload(struct net_tls *tls, fov_error *error)
{
    SSL_CTX *context = NULL;
    fov_status status = load(tls->cert_file, tls->key_file, &context, error);
    if (status != FOV_OK)
        return status;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old);
    return FOV_OK;
}

struct net_tls *tls_ref(struct net_tls *tls)
{
    if (tls)
        atomic_fetch_add(&tls->refs, 1);
    return tls;
}

SSL *tls_session(struct net_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    return ssl;
}

void net_tls_destroy(struct net_tls **ref)
{
    struct net_tls *tls = *ref;
    *ref = NULL;
    if (!tls || atomic_fetch_sub(&tls->refs, 1) != 1)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    free(tls->cert_file);
    free(tls->key_file);
    free(tls);
}
