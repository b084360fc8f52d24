/* Own certificate authority for a home network: made once, trusted by the phones that want to. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "net/net.h"

#define DAY ((long)24 * 60 * 60)
#define CA_DAYS 3650
#define LEAF_DAYS 397 /* the longest that browsers accept */
#define RENEW_DAYS 30
#define NAMES_MAX 64

/* ---- files ---- */

static fov_status fail_file(fov_error *error, const char *path)
{
    return fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
}

static fov_status save(const char *path, X509 *cert, EVP_PKEY *key, fov_error *error)
{
    BIO *pem = BIO_new(BIO_s_mem());
    fov_status status = FOV_ENOMEM;
    char *data;
    bool done = pem && (cert ? PEM_write_bio_X509(pem, cert)
                             : PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL)) == 1;
    if (done) {
        long size = BIO_get_mem_data(pem, &data);
        status = file_replace(path, data, (size_t)size, cert ? 0644 : 0600, error);
    }
    BIO_free(pem);
    return status;
}

static X509 *read_cert(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return cert;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return key;
}

/* ---- certificates ---- */

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return done;
}

/* A certificate with everything but extensions and signature. */
static X509 *begin_cert(const char *common_name, EVP_PKEY *key, long days)
{
    X509 *cert = X509_new();
    if (!cert)
        return NULL;
    X509_NAME *name = X509_get_subject_name(cert);
    /* a clock that is a day off on the phone must not matter */
    if (X509_set_version(cert, 2) == 1 && set_serial(cert) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) &&
        X509_gmtime_adj(X509_getm_notAfter(cert), (days - 1) * DAY) &&
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"fovea", -1, -1,
                                   0) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                   -1, -1, 0) == 1 &&
        X509_set_pubkey(cert, key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

static X509 *make_ca(EVP_PKEY *key)
{
    char host[64] = "", name[96];
    gethostname(host, sizeof(host) - 1);
    snprintf(name, sizeof(name), "fovea local CA (%s)", host);
    name[64] = 0; /* the longest a common name may be */
    X509 *cert = begin_cert(name, key, CA_DAYS);
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
        add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static X509 *make_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *alt_names)
{
    X509 *cert = begin_cert("fovea server", key, LEAF_DAYS);
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(ca)) == 1 &&
        add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, ca, NID_ext_key_usage, "serverAuth") &&
        add_extension(cert, ca, NID_subject_key_identifier, "hash") &&
        add_extension(cert, ca, NID_authority_key_identifier, "keyid") &&
        add_extension(cert, ca, NID_subject_alt_name, alt_names) &&
        X509_sign(cert, ca_key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool ends_within(X509 *cert, long days)
{
    time_t limit = time(NULL) + days * DAY;
    return X509_cmp_time(X509_get0_notAfter(cert), &limit) <= 0;
}

static bool holds_name(X509 *cert, const char *name)
{
    return is_address(name) ? X509_check_ip_asc(cert, name, 0) == 1
                            : X509_check_host(cert, name, 0, 0, NULL) == 1;
}

/* ---- names ---- */

/* Letters, digits, hyphens and dots only: the text goes into OpenSSL's own little language. */
static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (is_address(name))
        return true;
    return len > 0 && len <= 253 && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len;
}

static fov_status join_names(char *out, size_t size, const char *const *names, size_t count,
                             fov_error *error)
{
    size_t used = 0;
    if (count == 0 || count > NAMES_MAX)
        return fov_fail(error, FOV_EINVAL, "a certificate needs 1 to %d names", NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!name_is_valid(names[i]))
            return fov_fail(error, FOV_EINVAL, "%s: neither a host name nor an address", names[i]);
        int n = snprintf(out + used, size - used, "%s%s:%s", i ? "," : "",
                         is_address(names[i]) ? "IP" : "DNS", names[i]);
        if (n < 0 || (size_t)n >= size - used)
            return fov_fail(error, FOV_EINVAL, "the certificate's names are too long");
        used += (size_t)n;
    }
    return FOV_OK;
}

/* ---- ensuring ---- */

struct authority {
    X509 *cert;
    EVP_PKEY *key;
    bool fresh;
};

static bool load_authority(struct authority *a, const char *cert_file, const char *key_file)
{
    a->cert = read_cert(cert_file);
    a->key = read_key(key_file);
    ERR_clear_error();
    return a->cert && a->key && X509_check_private_key(a->cert, a->key) == 1 &&
           !ends_within(a->cert, LEAF_DAYS);
}

static void free_authority(struct authority *a)
{
    X509_free(a->cert);
    EVP_PKEY_free(a->key);
    *a = (struct authority){0};
}

static fov_status ensure_authority(struct authority *a, const char *cert_file, const char *key_file,
                                   fov_error *error)
{
    if (load_authority(a, cert_file, key_file))
        return FOV_OK;
    free_authority(a);
    a->fresh = true;
    a->key = EVP_EC_gen("P-256");
    a->cert = a->key ? make_ca(a->key) : NULL;
    if (!a->cert)
        return fov_fail(error, FOV_EINTERNAL, "cannot make the local CA");
    fov_status status = save(key_file, NULL, a->key, error);
    return status == FOV_OK ? save(cert_file, a->cert, NULL, error) : status;
}

static bool leaf_is_good(const char *cert_file, const char *key_file, const struct authority *ca,
                         const char *const *names, size_t count)
{
    struct authority leaf = {read_cert(cert_file), read_key(key_file), false};
    EVP_PKEY *ca_public = X509_get0_pubkey(ca->cert);
    bool good = !ca->fresh && leaf.cert && leaf.key &&
                X509_check_private_key(leaf.cert, leaf.key) == 1 &&
                X509_verify(leaf.cert, ca_public) == 1 && !ends_within(leaf.cert, RENEW_DAYS);
    for (size_t i = 0; good && i < count; i++)
        good = holds_name(leaf.cert, names[i]);
    free_authority(&leaf);
    ERR_clear_error();
    return good;
}

static fov_status make_server(const struct net_local_ca *files, const struct authority *ca,
                              const char *alt_names, fov_error *error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? make_leaf(key, ca->cert, ca->key, alt_names) : NULL;
    fov_status status = FOV_EINTERNAL;
    if (cert)
        status = save(files->key_file, NULL, key, error);
    else
        fov_fail(error, status, "cannot make the server's certificate");
    if (status == FOV_OK)
        status = save(files->cert_file, cert, NULL, error);
    X509_free(cert);
    EVP_PKEY_free(key);
    return status;
}

fov_status net_local_ca_ensure(struct net_local_ca *files, const char *dir,
                               const char *const *names, size_t count, fov_error *error)
{
    char alt_names[8192], ca_key[512];
    struct authority ca = {0};
    fov_status status = join_names(alt_names, sizeof(alt_names), names, count, error);
    if (status != FOV_OK)
        return status;
    if (strlen(dir) + 16 > sizeof(ca_key))
        return fov_fail(error, FOV_EINVAL, "%s: the path is too long", dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail_file(error, dir);
    snprintf(files->ca_file, sizeof(files->ca_file), "%s/ca.crt", dir);
    snprintf(files->cert_file, sizeof(files->cert_file), "%s/server.crt", dir);
    snprintf(files->key_file, sizeof(files->key_file), "%s/server.key", dir);
    snprintf(ca_key, sizeof(ca_key), "%s/ca.key", dir);
    status = ensure_authority(&ca, files->ca_file, ca_key, error);
    if (status == FOV_OK && !leaf_is_good(files->cert_file, files->key_file, &ca, names, count))
        status = make_server(files, &ca, alt_names, error);
    free_authority(&ca);
    return status;
}
