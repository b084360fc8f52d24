/* fovea token create | list | revoke */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "commands.h"
#include "options.h"
#include "serve/settings.h"
#include "serve/tokens.h"

extern char **environ;

struct request {
    const char *role, *camera, *ttl, *label, *state, *config;
    bool json;
};

static int fail(const fov_error *error)
{
    fprintf(stderr, "fovea: %s\n", error->message);
    return fov_status_exit(error->status);
}

/* Where the store is: --state-dir, else as the settings say. */
static fov_status find_folder(const struct request *request, char *folder, size_t size,
                              fov_error *error)
{
    struct settings *settings = NULL;
    const char *set = request->state;
    if (!set) {
        fov_status status = settings_load(&settings, request->config, environ, NULL, 0, NULL, NULL,
                                          error);
        if (status != FOV_OK)
            return status;
        set = settings->server.state_dir;
    }
    fov_status status = tokens_folder(set, folder, size, error);
    settings_free(&settings);
    return status;
}

static const char *date_of(int64_t seconds, char *text, size_t size)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    if (seconds == 0 || !gmtime_r(&when, &parts) ||
        strftime(text, size, "%Y-%m-%d %H:%M UTC", &parts) == 0)
        return "never";
    return text;
}

static void print_json(const struct token *token, const char *text)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "id", token->id);
    if (text)
        json_add_string(&w, "token", text);
    json_add_string(&w, "role", token_role_name(token->role));
    json_add_string(&w, "camera", token->camera[0] ? token->camera : NULL);
    json_add_int(&w, "created", token->created_s);
    json_name(&w, "expires");
    if (token->expires_s)
        json_put_int(&w, token->expires_s);
    else
        json_put_null(&w);
    json_add_string(&w, "label", token->label);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static int create(const struct request *request, const char *folder)
{
    unsigned role = token_role(request->role);
    int64_t ttl_s = 0;
    char text[TOKEN_TEXT_MAX], until[40];
    struct token made;
    fov_error error = {0};
    if (!role || (request->ttl && !token_ttl(request->ttl, &ttl_s))) {
        fprintf(stderr, role ? "fovea token: --ttl takes 90s, 30m, 12h, 1d or 2w\n"
                             : "fovea token: --role is one of admin, push, view\n");
        return 2;
    }
    if (role == 4 && request->camera[0]) {
        fprintf(stderr,
                "fovea token: an admin token opens all cameras; take --role push or view\n");
        return 2;
    }
    if (tokens_create(folder, role, request->camera, ttl_s, request->label, &made, text, &error) !=
        FOV_OK)
        return fail(&error);
    if (request->json)
        print_json(&made, text);
    else {
        printf("%s\n", text);
        fprintf(stderr, "%s token %s%s%s, ends: %s. It is not shown again.\n", request->role,
                made.id, made.camera[0] ? " of camera " : "", made.camera,
                date_of(made.expires_s, until, sizeof until));
    }
    return 0;
}

static int list(const struct request *request, const char *folder)
{
    struct token_list tokens;
    fov_error error = {0};
    char created[40], until[40];
    if (tokens_load(&tokens, folder, &error) != FOV_OK)
        return fail(&error);
    if (!request->json)
        printf("%-10s %-6s %-16s %-21s %-21s %s\n", "id", "role", "camera", "created", "ends",
               "for");
    for (size_t i = 0; i < tokens.count; i++) {
        const struct token *t = &tokens.items[i];
        if (request->json)
            print_json(t, NULL);
        else
            printf("%-10s %-6s %-16s %-21s %-21s %s\n", t->id, token_role_name(t->role),
                   t->camera[0] ? t->camera : "all", date_of(t->created_s, created, sizeof created),
                   date_of(t->expires_s, until, sizeof until), t->label);
    }
    tokens_free(&tokens);
    return 0;
}

static int revoke(const char *folder, const char *id)
{
    fov_error error = {0};
    if (tokens_revoke(folder, id, &error) != FOV_OK) {
        fail(&error);
        return 1; /* also for an unknown id: nothing could be opened here in the sense of exit 3 */
    }
    printf("revoked; what it had opened is closed within a second\n");
    return 0;
}

int cmd_token(int argc, char **argv)
{
    static const struct usage usage = {"token", "create | list | revoke ID",
                                       "Access tokens; a running server notices at once.",
                                       "  fovea token create --role push --camera hall --ttl 1d"};
    struct request request = {.role = "view", .camera = "", .label = ""};
    const char *words[2];
    char folder[448];
    fov_error error = {0};
    const struct option_spec options[] = {
        {"role", OPTION_TEXT, &request.role, 0, 0, "R",
         "admin, push (sends) or view (watches; default)"},
        {"camera", OPTION_TEXT, &request.camera, 0, 0, "NAME", "the only camera it opens"},
        {"ttl", OPTION_TEXT, &request.ttl, 0, 0, "T",
         "how long it is good: 30m, 12h, 1d; default for ever"},
        {"label", OPTION_TEXT, &request.label, 0, 0, "TEXT", "what it is for"},
        {"state-dir", OPTION_TEXT, &request.state, 0, 0, "DIR", "where tokens are kept"},
        {"config", OPTION_TEXT, &request.config, 0, 0, "FILE", "settings of the server"},
        {"json", OPTION_FLAG, &request.json, 0, 0, NULL, "JSON lines"},
        {0}};
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    bool creates = count == 1 && strcmp(words[0], "create") == 0;
    bool lists = count == 1 && strcmp(words[0], "list") == 0;
    bool revokes = count == 2 && strcmp(words[0], "revoke") == 0;
    if (!creates && !lists && !revokes) {
        fprintf(stderr, "usage: fovea token %s\n", usage.arguments);
        return 2;
    }
    if (find_folder(&request, folder, sizeof folder, &error) != FOV_OK)
        return fail(&error);
    return creates ? create(&request, folder)
           : lists ? list(&request, folder)
                   : revoke(folder, words[1]);
}
