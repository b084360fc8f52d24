/* Loading settings: defaults, file, environment, command line, in this order. */
#include "serve/settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/settings_load.h"

/* ---- environment and command line --------------------------------------------------------------
 */

void settings_env_name(const struct settings_row *row, char *name, size_t size)
{
    int length = snprintf(name, size, "FOVEA_%s", row->key);
    for (int i = 0; i < length && i < (int)size - 1; i++)
        name[i] = name[i] == '.' ? '_' : (char)toupper((unsigned char)name[i]);
}

static void apply_env_row(struct settings_load *load, size_t index, char *const *env)
{
    const struct settings_row *row = &settings_rows[index];
    char names[320], *rest = NULL;
    settings_env_name(row, names, sizeof names);
    if (row->env) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, " %s", row->env);
    }
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        const char *value = settings_env(env, name, strlen(name));
        if (!value)
            continue;
        struct settings_place place = {.name = settings_keep_text(load, name)};
        settings_set_text(load, row, row->key, value, (char *)load->settings + row->offset, &place);
        load->settings->store->origins[index] = place.name;
        return;
    }
}

/* Names that look like ours or like the documents' but mean nothing here. */
static void note_ignored(struct settings_load *load, char *const *env)
{
    static const char *const sections[] = {"SERVER_", "MODELS_",    "SOURCES_",  "REALTIME_",
                                           "EVENTS_", "STREAMING_", "OPENVINO_", "FOOTBALL_"};
    for (; env && *env; env++) {
        size_t length = strcspn(*env, "=");
        char name[80], known[80];
        if (length >= sizeof name)
            continue;
        memcpy(name, *env, length);
        name[length] = '\0';
        if (strncmp(name, "UVICORN_", 8) == 0)
            settings_note(&load->report, false,
                          "%s: ignored: this server has one process and needs no workers", name);
        bool ours = false;
        for (size_t i = 0; strncmp(name, "FOVEA_", 6) == 0 && i < 8; i++)
            ours |= strncmp(name + 6, sections[i], strlen(sections[i])) == 0;
        for (size_t i = 0; ours && i < settings_row_count; i++) {
            settings_env_name(&settings_rows[i], known, sizeof known);
            ours = strcmp(known, name) != 0;
        }
        if (ours)
            settings_note(&load->report, false, "%s: ignored: no such setting", name);
    }
}

static void apply_override(struct settings_load *load, const struct settings_override *override)
{
    struct settings_place place = {.name = "command line"};
    for (size_t i = 0; i < settings_row_count; i++)
        if (strcmp(settings_rows[i].key, override->key) == 0) {
            settings_set_text(load, &settings_rows[i], override->key, override->value,
                              (char *)load->settings + settings_rows[i].offset, &place);
            load->settings->store->origins[i] = "command line";
            return;
        }
    settings_wrong(load, &place, override->key, "no such setting");
}

/* ---- what values must fulfil together
 * ------------------------------------------------------------ */

static bool is_network(const char *text)
{
    char address[80];
    uint8_t bytes[16];
    long long bits;
    size_t length = strcspn(text, "/");
    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    bool v4 = inet_pton(AF_INET, address, bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    return text[length] == '\0' || text_to_int(text + length + 1, 0, v4 ? 32 : 128, &bits);
}

const char *settings_origin(const struct settings *settings, const char *key)
{
    for (size_t i = 0; i < settings_row_count; i++)
        if (strcmp(settings_rows[i].key, key) == 0)
            return settings->store->origins[i];
    return "settings";
}

static void together(struct settings_load *load)
{
    const struct settings *s = load->settings;
    struct settings_report *report = &load->report;
    const char *url = s->server.public_url;
    if (!s->server.tls_cert != !s->server.tls_key)
        settings_note(report, true, "%s: server.tls: cert and key belong together, %s is missing",
                      settings_origin(s, s->server.tls_cert ? "server.tls.cert" : "server.tls.key"),
                      s->server.tls_cert ? "key" : "cert");
    if (url && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        settings_note(report, true, "%s: server.public_url: must begin with http:// or https://",
                      settings_origin(s, "server.public_url"));
    for (size_t i = 0; i < s->server.trusted_proxies.count; i++)
        if (!is_network(s->server.trusted_proxies.items[i]))
            settings_note(report, true,
                          "%s: server.trusted_proxies: '%.80s' is neither an address nor a network",
                          settings_origin(s, "server.trusted_proxies"),
                          s->server.trusted_proxies.items[i]);
}

/* ---- loading ----------------------------------------------------------------------------------
 */

static fov_status load_begin(struct settings_load *load, const char *file,
                             settings_report_fn report, void *user, fov_error *error)
{
    struct settings *s = calloc(1, sizeof *s);
    struct settings_store *store = calloc(1, sizeof *store);
    const char **origins = malloc(settings_row_count * sizeof *origins);
    *load = (struct settings_load){.settings = s,
                                   .report = {report, user, 0, file ? file : "settings"}};
    if (!s || !store || !origins) {
        free(origins);
        free(store);
        free(s);
        return fov_fail(error, FOV_ENOMEM, "not enough memory for the settings");
    }
    s->store = store;
    store->origins = origins;
    for (size_t i = 0; i < settings_row_count; i++)
        origins[i] = "default";
    struct settings_group main = {settings_rows, settings_row_count, s, "", true};
    settings_init_rows(load, &main);
    return FOV_OK;
}

static fov_status load_end(struct settings_load *load, struct settings **settings, fov_error *error)
{
    together(load);
    if (!load->no_memory && load->report.fatal == 0) {
        *settings = load->settings;
        return FOV_OK;
    }
    settings_free(&load->settings);
    if (load->no_memory)
        return fov_fail(error, FOV_ENOMEM, "not enough memory for the settings");
    return fov_fail(error, FOV_EINVAL, "%s: %d mistake%s", load->report.file, load->report.fatal,
                    load->report.fatal == 1 ? "" : "s");
}

static void apply_text(struct settings_load *load, const char *text, size_t size, char *const *env)
{
    struct yaml_node *root = settings_yaml_parse(text, size, env, &load->report);
    if (root)
        settings_apply_file(load, root);
    settings_yaml_free(&root);
}

static void apply_env(struct settings_load *load, char *const *env)
{
    for (size_t i = 0; env && i < settings_row_count; i++)
        if (settings_rows[i].kind != SET_ANY)
            apply_env_row(load, i, env);
    note_ignored(load, env);
}

fov_status settings_parse(struct settings **settings, const char *text, size_t size,
                          const char *file, char *const *env, settings_report_fn report, void *user,
                          fov_error *error)
{
    struct settings_load load;
    *settings = NULL;
    fov_status status = load_begin(&load, file, report, user, error);
    if (status != FOV_OK)
        return status;
    apply_text(&load, text, size, env);
    apply_env(&load, env);
    return load_end(&load, settings, error);
}

static char *read_whole(const char *path, size_t *size, fov_error *error)
{
    FILE *from = fopen(path, "rb");
    size_t room = ((size_t)1 << 20) + 2;
    char *text = from ? malloc(room) : NULL;
    if (!text)
        fov_fail(error, FOV_ENOTFOUND, "%s: %s", path, strerror(errno));
    else
        *size = fread(text, 1, room, from);
    if (text && ferror(from)) {
        fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (from)
        fclose(from);
    return text;
}

fov_status settings_load(struct settings **settings, const char *file, char *const *env,
                         const struct settings_override *overrides, size_t count,
                         settings_report_fn report, void *user, fov_error *error)
{
    struct settings_load load;
    size_t size = 0;
    fov_error reason = {0};
    *settings = NULL;
    char *text = file ? read_whole(file, &size, &reason) : NULL;
    if (file && !text)
        return fov_fail(error, reason.status, "%s", reason.message);
    fov_status status = load_begin(&load, file, report, user, error);
    if (status == FOV_OK) {
        if (text)
            apply_text(&load, text, size, env);
        apply_env(&load, env);
        for (size_t i = 0; i < count; i++)
            apply_override(&load, &overrides[i]);
        status = load_end(&load, settings, error);
    }
    free(text);
    return status;
}

void settings_free(struct settings **settings)
{
    if (!*settings)
        return;
    struct settings_store *store = (*settings)->store;
    if (store) {
        for (size_t i = 0; i < store->chunk_count; i++)
            free(store->chunks[i]);
        free(store->chunks);
        free(store->origins);
        free(store);
    }
    free(*settings);
    *settings = NULL;
}

/* ---- use --------------------------------------------------------------------------------------
 */

static size_t row_size(const struct settings_row *row)
{
    switch (row->kind) {
    case SET_BOOL:
        return sizeof(bool);
    case SET_INT:
    case SET_CHOICE:
        return sizeof(int);
    case SET_NUMBER:
        return sizeof(double);
    case SET_TEXT:
        return sizeof(const char *);
    case SET_LIST:
        return sizeof(struct settings_list);
    case SET_TEAMS:
        return sizeof(struct settings_teams);
    case SET_ANY:
    case SET_ZONES:
    case SET_HOOKS:
        break;
    }
    return 0;
}

static bool row_equal(const struct settings_row *row, const void *a, const void *b)
{
    if (row->kind == SET_TEXT) {
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        return x && y ? strcmp(x, y) == 0 : x == y;
    }
    if (row->kind == SET_LIST) {
        const struct settings_list *x = a, *y = b;
        bool equal = x->count == y->count;
        for (size_t i = 0; equal && i < x->count; i++)
            equal = strcmp(x->items[i], y->items[i]) == 0;
        return equal;
    }
    return memcmp(a, b, row_size(row)) == 0;
}

void settings_keep_fixed(struct settings *fresh, const struct settings *old,
                         settings_report_fn report, void *user)
{
    struct settings_report notes = {report, user, 0, "settings"};
    for (size_t i = 0; i < settings_row_count; i++) {
        const struct settings_row *row = &settings_rows[i];
        void *a = (char *)fresh + row->offset;
        const void *b = (const char *)old + row->offset;
        if (row->kind == SET_ANY || (row->flags & SET_LIVE) || row_equal(row, a, b))
            continue;
        settings_note(&notes, false, "%s: takes effect after a restart", row->key);
        memcpy(a, b, row_size(row)); /* texts of `old` live until the server ends */
    }
}

double settings_conf(const struct settings *settings, double fallback)
{
    double own = settings->realtime.confidence_threshold;
    return own > 0 ? own : fallback;
}

static const struct settings_model *model_or_default(const struct settings *settings,
                                                     const char *id)
{
    return settings_find_model(settings, id && *id ? id : settings->models.default_model);
}

double settings_model_conf(const struct settings *settings, const char *id, double fallback)
{
    const struct settings_model *model = model_or_default(settings, id);
    return model && model->conf > 0 ? model->conf : settings_conf(settings, fallback);
}

double settings_model_iou(const struct settings *settings, const char *id)
{
    const struct settings_model *model = model_or_default(settings, id);
    return model && model->iou > 0 ? model->iou : settings->realtime.iou_threshold;
}

bool settings_camera_has_names(const struct settings_camera *camera)
{
    return camera && (camera->tracker > 0 || camera->kind == CAMERA_FOOTBALL);
}

const char *settings_tracker(int word)
{
    /* in the order of the rows' words; tests hold both rows to the table of trackers */
    static const char *const names[] = {NULL, "botsort", "bytetrack", "ocsort", "pitch"};
    return names[word];
}

bool settings_tracker_looks(int word)
{
    const char *name = settings_tracker(word);
    return name && strcmp(name, "ocsort") != 0;
}

const char *settings_camera_tracker(const struct settings_camera *camera)
{
    return camera ? settings_tracker(camera->tracker) : NULL;
}

const struct settings_camera *settings_find_camera(const struct settings *settings,
                                                   const char *name)
{
    for (size_t i = 0; i < settings->cameras.count; i++)
        if (strcmp(settings->cameras.items[i].name, name) == 0)
            return &settings->cameras.items[i];
    return NULL;
}

const struct settings_model *settings_find_model(const struct settings *settings, const char *id)
{
    for (size_t i = 0; i < settings->models.count; i++)
        if (strcmp(settings->models.items[i].id, id) == 0)
            return &settings->models.items[i];
    return NULL;
}
