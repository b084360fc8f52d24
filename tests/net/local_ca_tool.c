/* local_ca_tool DIR NAME...: what `--lan` does before it listens, for the tests. */
#include <stdio.h>

#include "net/net.h"

int main(int argc, char **argv)
{
    struct net_local_ca ca;
    struct net_tls *tls = NULL;
    fov_error error = {0};
    if (argc < 2)
        return 2;
    if (net_local_ca_ensure(&ca, argv[1], (const char *const *)argv + 2, (size_t)argc - 2,
                            &error) != FOV_OK ||
        net_tls_create(&tls, ca.cert_file, ca.key_file, &error) != FOV_OK ||
        net_tls_reload(tls, &error) != FOV_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    net_tls_destroy(&tls);
    return 0;
}
