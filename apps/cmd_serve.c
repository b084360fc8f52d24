/* fovea serve */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "commands.h"
#include "options.h"
#include "serve/server.h"

enum { SETTINGS_MAX = 64, LARGE_BYTES = 1 << 20 };

static const char details[] =
    "Any setting can be given as KEY=VALUE, such as realtime.target_fps=15 (docs/settings.md "
    "lists\n"
    "them; `fovea config show` prints their values). The order is command line, environment, "
    "file,\n"
    "default. Listens on loopback without access control; on other addresses a token is needed,\n"
    "which is made at the first start and shown once in the address.\n\n"
    "  fovea serve --demo                  boxes on a clip, in the browser\n"
    "  fovea serve --lan                   a phone as the camera: HTTPS, tokens, QR code\n"
    "  fovea serve --config fovea.yaml";

/* Splits KEY=VALUE in place; false when there is no `=`. */
static bool split(char *argument, struct settings_override *override)
{
    char *equals = strchr(argument, '=');
    if (!equals)
        return false;
    *equals = '\0';
    *override = (struct settings_override){argument, equals + 1};
    return true;
}

static void add(struct settings_override *overrides, size_t *count, const char *key,
                const char *value)
{
    if (value)
        overrides[(*count)++] = (struct settings_override){key, value};
}

/* Memory of pictures goes back to the system with their streams. By itself glibc stops giving large
 * blocks back as soon as the first one was freed: then each of its arenas, eight for every
 * processor, keeps what its busiest moment took. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
#endif
}

int cmd_serve(int argc, char **argv)
{
    static const struct usage usage = {"serve", "[KEY=VALUE...]",
                                       "Serves cameras, viewers and the API over HTTP.", details};
    struct serve_options serve = {0};
    struct settings_override overrides[SETTINGS_MAX + 6];
    const char *host = NULL, *port = NULL, *model = NULL, *auth = NULL, *state = NULL;
    const char *pairs[SETTINGS_MAX];
    bool routes = false;
    const struct option_spec options[] = {
        {"config", OPTION_TEXT, &serve.config, 0, 0, "FILE", "settings, YAML"},
        {"host", OPTION_TEXT, &host, 0, 0, "ADDRESS", "where to listen (127.0.0.1)"},
        {"port", OPTION_TEXT, &port, 0, 0, "N", "port (8440), 0: a free one"},
        {"model", OPTION_TEXT, &model, 0, 0, "M", "default model: a name or a file"},
        {"demo", OPTION_FLAG, &serve.demo, 0, 0, NULL, "plays a clip as a camera"},
        {"lan", OPTION_FLAG, &serve.lan, 0, 0, NULL,
         "all addresses, HTTPS, tokens, a QR code for a phone"},
        {"no-auth", OPTION_FLAG, &serve.no_auth, 0, 0, NULL, "no access control (loopback only)"},
        {"auth", OPTION_TEXT, &auth, 0, 0, "on|off|auto", "access control"},
        {"state-dir", OPTION_TEXT, &state, 0, 0, "DIR", "where tokens are kept"},
        {"routes", OPTION_FLAG, &routes, 0, 0, NULL, "prints the addresses it serves and ends"},
        {0}};
    int given = options_parse(&usage, options, argc, argv, pairs, SETTINGS_MAX);
    size_t count = 0;
    if (given < 0)
        return given == OPTIONS_HELP ? 0 : 2;
    if (routes) {
        serve_print_routes();
        return 0;
    }
    for (int i = 0; i < given; i++)
        if (!split((char *)(size_t)pairs[i], &overrides[count++])) {
            fprintf(stderr, "fovea serve: '%s' is no KEY=VALUE\nsee: fovea serve --help\n",
                    pairs[i]);
            return 2;
        }
    add(overrides, &count, "server.host", host);
    add(overrides, &count, "server.port", port);
    add(overrides, &count, "models.default", model);
    add(overrides, &count, "server.auth", auth);
    add(overrides, &count, "server.state_dir", state);
    serve.overrides = overrides;
    serve.override_count = count;
    give_memory_back();
    return serve_run(&serve);
}
