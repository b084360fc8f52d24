#include "serve/lan.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "serve/auth.h"
#include "serve/qr.h"
#include "serve/server.h"

enum { NAMES_MAX = 24, NAME_SIZE = 280 };

/* Addresses of this machine that others can reach, IPv4 first. */
static size_t own_addresses(char addresses[][NAME_SIZE], size_t max)
{
    struct ifaddrs *list = NULL;
    size_t count = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (int family = 0; family < 2; family++)
        for (struct ifaddrs *at = list; at && count < max; at = at->ifa_next) {
            int wanted = family == 0 ? AF_INET : AF_INET6;
            if (!at->ifa_addr || at->ifa_addr->sa_family != wanted || !(at->ifa_flags & IFF_UP) ||
                (at->ifa_flags & IFF_LOOPBACK))
                continue;
            const struct in6_addr *v6 = &((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr;
            const void *from = wanted == AF_INET
                                   ? (void *)&((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr
                                   : (const void *)v6;
            if (wanted == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(v6))
                continue;
            if (inet_ntop(wanted, from, addresses[count], NAME_SIZE))
                count++;
        }
    freeifaddrs(list);
    return count;
}

fov_status lan_make_tls(struct server *server, const char *folder, struct net_tls **tls,
                        fov_error *error)
{
    char names[NAMES_MAX][NAME_SIZE], dir[512], host[256] = "";
    const char *list[NAMES_MAX];
    struct net_local_ca ca;
    size_t count = own_addresses(names, NAMES_MAX - 5);
    text_copy(names[count++], NAME_SIZE, "localhost");
    text_copy(names[count++], NAME_SIZE, "127.0.0.1");
    text_copy(names[count++], NAME_SIZE, "::1");
    if (gethostname(host, sizeof host - 1) == 0 && host[0]) {
        text_copy(names[count++], NAME_SIZE, host);
        snprintf(names[count++], NAME_SIZE, "%s.local", host);
    }
    for (size_t i = 0; i < count; i++)
        list[i] = names[i];
    snprintf(dir, sizeof dir, "%s/tls", folder);
    fov_status status = net_local_ca_ensure(&ca, dir, list, count, error);
    if (status == FOV_OK)
        status = net_tls_create(tls, ca.cert_file, ca.key_file, error);
    if (status == FOV_OK)
        text_copy(server->ca_file, sizeof server->ca_file, ca.ca_file);
    return status;
}

void lan_url(const struct server *server, char *url, size_t size)
{
    char addresses[NAMES_MAX][NAME_SIZE];
    size_t count = own_addresses(addresses, NAMES_MAX);
    bool v6 = count > 0 && strchr(addresses[0], ':');
    snprintf(url, size, "http%s://%s%.60s%s:%u", server->tls ? "s" : "", v6 ? "[" : "",
             count > 0 ? addresses[0] : "127.0.0.1", v6 ? "]" : "", server->port);
}

void lan_announce(struct server *server)
{
    char text[TOKEN_TEXT_MAX], url[256];
    struct token made;
    fov_error error = {0};
    if (!isatty(STDERR_FILENO)) { /* a log keeps no tokens */
        fov_log(FOV_LOG_INFO, "serve", "the start page shows a QR code for phones");
        return;
    }
    if (tokens_create(auth_folder(server->auth), ROLE_PUSH, "phone", 86400, "QR code of --lan",
                      &made, text, &error) != FOV_OK) {
        fov_log(FOV_LOG_WARN, "serve", "no QR code: %s", error.message);
        return;
    }
    auth_refresh(server->auth, true);
    snprintf(url, sizeof url, "%s/camera/%s", server->lan_url, text);
    fprintf(stderr,
            "\nA phone becomes the camera \"phone\" with this code (it ends in a day):\n\n");
    qr_terminal(url, stderr);
    if (server->ca_file[0])
        fprintf(stderr,
                "\nThe phone warns once about the certificate, which this machine made itself.\n"
                "To trust it for good, open %s/ca.crt on the phone and install it.\n\n",
                server->lan_url);
}
