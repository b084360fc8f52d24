/* Addresses of models on other machines. */
#include "infer/oip.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char wanted[] = "oip://host:port/model or oip://host:port/model/version";

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_host(const char *text, size_t size)
{
    bool brackets = size > 2 && text[0] == '[' && text[size - 1] == ']';
    for (size_t i = brackets; i < size - brackets; i++)
        if (!is_letter_or_digit(text[i]) && !strchr(brackets ? ":." : ".-_", text[i]))
            return false;
    return size > 0;
}

/* A model or a version: what needs no escape in a path, and no dot-dot. */
static bool is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!is_letter_or_digit(*c) && !strchr("._-~", *c))
            return false;
    return *text && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static bool read_host(const char *text, size_t size, struct oip_address *address)
{
    const char *colon = memrchr(text, ':', size);
    size_t host = colon ? (size_t)(colon - text) : 0, digits = colon ? size - host - 1 : 0;
    char port[8];
    long long number;
    if (!host || host >= sizeof address->host || digits >= sizeof port || !is_host(text, host))
        return false;
    memcpy(address->host, text, host);
    address->host[host] = '\0';
    memcpy(port, colon + 1, digits);
    port[digits] = '\0';
    if (strspn(port, "0123456789") != digits || !text_to_int(port, 1, 65535, &number))
        return false;
    address->port = (int)number;
    return true;
}

static bool read_names(const char *text, struct oip_address *address)
{
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    if (size >= sizeof address->model || (slash && strlen(slash + 1) >= sizeof address->version))
        return false;
    memcpy(address->model, text, size);
    address->model[size] = '\0';
    text_copy(address->version, sizeof address->version, slash ? slash + 1 : "");
    return is_name(address->model) && (!slash || is_name(address->version));
}

fov_status oip_read_address(const char *text, struct oip_address *address, fov_error *error)
{
    *address = (struct oip_address){.tls = !strncmp(text, "oips://", 7)};
    const char *host = text + (address->tls ? 7 : 6);
    if (!address->tls && strncmp(text, "oip://", 6) != 0)
        return fov_fail(error, FOV_EMODEL, "an address is %s", wanted);
    if (strchr(host, '@'))
        return fov_fail(error, FOV_EMODEL,
                        "an address takes no user and no password: %s (not shown here)", wanted);
    const char *slash = strchr(host, '/');
    if (!slash || !read_host(host, (size_t)(slash - host), address) ||
        !read_names(slash + 1, address))
        return fov_fail(error, FOV_EMODEL, "%.100s: an address is %s", text, wanted);
    return FOV_OK;
}

void oip_url(const struct oip_address *address, const char *what, char url[OIP_URL])
{
    const char *scheme = address->tls ? "https" : "http";
    int used = snprintf(url, OIP_URL, "%s://%s:%d/v2", scheme, address->host, address->port);
    if (!what || used < 0 || used >= OIP_URL)
        return;
    snprintf(url + used, OIP_URL - (size_t)used, "/models/%s%s%s%s", address->model,
             address->version[0] ? "/versions/" : "", address->version, what);
}
