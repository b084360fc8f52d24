/* Loading settings: defaults, file, environment, command line, in this order. */
#include "serve/settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "serve/settings_rows.h"

enum { CAMERAS_MAX = 64, MODELS_MAX = 32 };

/* Where a value comes from: a node of the file, or a name outside of it. */
struct place {
    const struct yaml_node *node; /* NULL: see `name` */
    const char *name;             /* "FOVEA_SERVER_PORT", "command line" */
};

struct load {
    struct settings *settings;
    struct settings_report report;
    bool no_memory;
};

/* ---- findings ------------------------------------------------------------------------------- */

void settings_note(struct settings_report *report, bool fatal, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report->fatal += fatal;
    if (report->fn)
        report->fn(report->user, fatal, text);
}

void settings_note_at(struct settings_report *report, int line, int column, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    settings_note(report, true, "%s:%d:%d: %s", report->file, line, column, text);
}

static void wrong(struct load *load, const struct place *place, const char *key, const char *format,
                  ...) FOV_PRINTF(4, 5);
static void wrong(struct load *load, const struct place *place, const char *key, const char *format,
                  ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (place->node)
        settings_note_at(&load->report, place->node->line, place->node->column, "%s: %s", key,
                         text);
    else
        settings_note(&load->report, true, "%s: %s: %s", place->name, key, text);
}

/* ---- memory that lives as long as the settings ------------------------------------------------
 */

static void *keep(struct load *load, void *chunk)
{
    struct settings_store *store = load->settings->store;
    if (chunk && store->chunk_count == store->chunk_capacity) {
        size_t capacity = store->chunk_capacity ? 2 * store->chunk_capacity : 64;
        void **chunks = realloc(store->chunks, capacity * sizeof *chunks);
        if (!chunks) {
            free(chunk);
            chunk = NULL;
        } else {
            store->chunks = chunks;
            store->chunk_capacity = capacity;
        }
    }
    if (chunk)
        store->chunks[store->chunk_count++] = chunk;
    else
        load->no_memory = true;
    return chunk;
}

static char *keep_text(struct load *load, const char *text)
{
    return keep(load, strdup(text));
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

/* ---- one value ------------------------------------------------------------------------------- */

static const char *nearest_word(const char *word, const char *words)
{
    static _Thread_local char copy[160];
    const char *list[16];
    size_t count = 0;
    text_copy(copy, sizeof copy, words);
    for (char *at = strtok(copy, " "); at && count < 16; at = strtok(NULL, " "))
        list[count++] = at;
    return text_nearest(word, list, count);
}

/* Index of `word` in the space-separated `words`, -1 if none. */
static int word_index(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (int i = 0; *words; i++) {
        size_t own = strcspn(words, " ");
        if (own == length && strncasecmp(words, word, own) == 0)
            return i;
        words += own + (words[own] == ' ');
    }
    return -1;
}

static int read_bool(const char *text)
{
    int at = word_index("false true no yes off on 0 1", text);
    return at < 0 ? -1 : at % 2;
}

static void set_choice(struct load *load, const struct settings_row *row, const char *key,
                       const char *text, int *value, const struct place *place)
{
    int index = word_index(row->choices, text);
    if (index < 0 && read_bool(text) >= 0) /* `auth: yes` */
        index = word_index(row->choices, read_bool(text) ? "on" : "off");
    if (index >= 0) {
        *value = index;
        return;
    }
    const char *near = nearest_word(text, row->choices);
    wrong(load, place, key, "'%.40s' is none of: %s%s%s", text, row->choices,
          near ? ", did you mean " : "", near ? near : "");
}

static void set_number(struct load *load, const struct settings_row *row, const char *key,
                       const char *text, void *value, const struct place *place)
{
    double number;
    long long whole;
    if (row->kind == SET_INT &&
        text_to_int(text, (long long)row->least, (long long)row->most, &whole))
        *(int *)value = (int)whole;
    else if (row->kind == SET_NUMBER && text_to_double(text, row->least, row->most, &number))
        *(double *)value = number;
    else
        wrong(load, place, key, "'%.40s' is not a %snumber from %g to %g", text,
              row->kind == SET_INT ? "whole " : "", row->least, row->most);
}

static bool text_is_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

static const char *checked_text(struct load *load, const struct settings_row *row, const char *key,
                                const char *text, const struct place *place)
{
    size_t most = row->most > 0 ? (size_t)row->most : 4096;
    if (strlen(text) > most)
        wrong(load, place, key, "longer than %zu bytes", most);
    else if (!text_is_line(text) || !text_is_utf8((const uint8_t *)text, strlen(text)))
        wrong(load, place, key, "control characters and bytes that are not UTF-8 are not allowed");
    else
        return keep_text(load, text);
    return NULL;
}

static void add_item(struct load *load, struct settings_list *list, const char *text)
{
    const char **items = malloc((list->count + 1) * sizeof *items);
    if (!text || !keep(load, items))
        return;
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = text;
    list->items = items;
    list->count++;
}

/* A list given as one text: comma separated. */
static void set_list(struct load *load, const struct settings_row *row, const char *key,
                     const char *text, struct settings_list *list, const struct place *place)
{
    *list = (struct settings_list){0};
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *from = text;
        text += length + (text[length] == ',');
        while (length > 0 && isspace((unsigned char)*from))
            from++, length--;
        while (length > 0 && isspace((unsigned char)from[length - 1]))
            length--;
        char item[2100];
        if (length == 0)
            continue;
        if (length >= sizeof item) {
            wrong(load, place, key, "an entry is too long");
            continue;
        }
        memcpy(item, from, length);
        item[length] = '\0';
        add_item(load, list, checked_text(load, row, key, item, place));
    }
}

static void set_text(struct load *load, const struct settings_row *row, const char *key,
                     const char *text, void *value, const struct place *place)
{
    int truth;
    switch (row->kind) {
    case SET_BOOL:
        truth = read_bool(text);
        if (truth < 0)
            wrong(load, place, key, "'%.40s' is neither true nor false", text);
        else
            *(bool *)value = truth == 1;
        break;
    case SET_INT:
    case SET_NUMBER:
        set_number(load, row, key, text, value, place);
        break;
    case SET_CHOICE:
        set_choice(load, row, key, text, value, place);
        break;
    case SET_TEXT:
        *(const char **)value = checked_text(load, row, key, text, place);
        break;
    case SET_LIST:
        set_list(load, row, key, text, value, place);
        break;
    case SET_ANY:
        break;
    }
}

/* A value of the file: shapes are checked here. */
static void set_node(struct load *load, const struct settings_row *row, const char *key,
                     const struct yaml_node *node, void *value)
{
    struct place place = {.node = node};
    if (row->kind == SET_ANY)
        return;
    if (row->kind == SET_LIST && node->kind == YAML_LIST) {
        *(struct settings_list *)value = (struct settings_list){0};
        for (const struct yaml_node *item = node->child; item; item = item->next) {
            place.node = item;
            if (item->kind != YAML_SCALAR)
                wrong(load, &place, key, "each entry must be a text");
            else
                add_item(load, value, checked_text(load, row, key, item->text, &place));
        }
    } else if (node->kind == YAML_LIST) {
        wrong(load, &place, key, "one value is expected, not a list");
    } else if (node->kind == YAML_MAP) {
        bool braces = node->child && !node->child->next && node->child->text &&
                      node->child->text[0] == '\0';
        wrong(load, &place, key, "a value is expected, not a section%s",
              braces ? " (quote values that begin with a brace: \"{NAME}\")" : "");
    } else if (node->text[0] == '\0' && !node->quoted && row->kind != SET_LIST) {
        if (row->kind != SET_TEXT)
            wrong(load, &place, key, "a value is missing");
    } else {
        set_text(load, row, key, node->text, value, &place);
    }
}

/* ---- the file -------------------------------------------------------------------------------- */

struct group {
    const struct settings_row *rows;
    size_t count;
    void *base;        /* what the offsets count from */
    const char *shown; /* put before keys in findings: "cameras.hall." */
    bool main;         /* of settings_rows: origins are kept */
};

static const char *origin_at(struct load *load, const struct yaml_node *node)
{
    char text[320];
    snprintf(text, sizeof text, "%s:%d", load->report.file, node->line);
    return keep_text(load, text);
}

/* The name right below `path` ("server.") in a row's key, when there is one. */
static bool part_below(const char *key, const char *path, char *part, size_t size)
{
    size_t length = strlen(path);
    if (strncmp(key, path, length) != 0)
        return false;
    size_t own = strcspn(key + length, ".");
    if (own == 0 || own >= size)
        return false;
    memcpy(part, key + length, own);
    part[own] = '\0';
    return true;
}

static void unknown_key(struct load *load, const struct group *group, const char *path,
                        const struct yaml_node *node, const char *const *more)
{
    const char *names[96];
    static _Thread_local char parts[96][40];
    size_t count = 0;
    for (size_t i = 0; i < group->count && count < 90; i++)
        if (part_below(group->rows[i].key, path, parts[count], sizeof parts[count])) {
            names[count] = parts[count];
            count++;
        }
    for (; more && *more && count < 96; more++)
        names[count++] = *more;
    const char *near = text_nearest(node->key, names, count);
    settings_note_at(&load->report, node->key_line, node->key_column,
                     "%s%s%.60s: no such setting%s%s%s", group->shown, path, node->key,
                     near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

static void apply_map(struct load *load, const struct group *group, const char *path,
                      const struct yaml_node *map, const char *const *more);

/* One member of a map below `path`: a row, or a section that leads to rows. False: unknown. */
static bool apply_member(struct load *load, const struct group *group, const char *path,
                         const struct yaml_node *node)
{
    char key[160], below[170];
    if (snprintf(key, sizeof key, "%s%s", path, node->key) >= (int)sizeof key)
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(group->rows[i].key, key) == 0) {
            char shown[260];
            snprintf(shown, sizeof shown, "%s%s", group->shown, key);
            set_node(load, &group->rows[i], shown, node,
                     (char *)group->base + group->rows[i].offset);
            if (group->main)
                load->settings->store->origins[i] = origin_at(load, node);
            return true;
        }
    snprintf(below, sizeof below, "%s.", key);
    for (size_t i = 0; i < group->count; i++)
        if (strncmp(group->rows[i].key, below, strlen(below)) == 0) {
            apply_map(load, group, below, node, NULL);
            return true;
        }
    return false;
}

static void apply_map(struct load *load, const struct group *group, const char *path,
                      const struct yaml_node *map, const char *const *more)
{
    struct place place = {.node = map};
    char shown[260];
    if (map->kind == YAML_SCALAR && map->text[0] == '\0' && !map->quoted)
        return; /* `server:` with nothing in it */
    if (map->kind != YAML_MAP) {
        snprintf(shown, sizeof shown, "%s%.*s", group->shown, (int)strcspn(path, "\0"), path);
        size_t length = strlen(shown);
        if (length > 0 && shown[length - 1] == '.')
            shown[length - 1] = '\0';
        wrong(load, &place, shown, "a section (names and values) is expected");
        return;
    }
    for (const struct yaml_node *node = map->child; node; node = node->next)
        if (!apply_member(load, group, path, node))
            unknown_key(load, group, path, node, more);
}

static bool name_ok(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= 64 && text_is_line(name) && !strchr(name, '/') &&
           text_is_utf8((const uint8_t *)name, length);
}

static void init_rows(struct load *load, const struct group *group)
{
    struct place place = {.name = "default"};
    for (size_t i = 0; i < group->count; i++) {
        const struct settings_row *row = &group->rows[i];
        if (!row->initial)
            continue;
        if (strcmp(row->key, "max_latency_ms") == 0)
            *(double *)((char *)group->base + row->offset) = -1; /* unset */
        else
            set_text(load, row, row->key, row->initial, (char *)group->base + row->offset, &place);
    }
}

static size_t count_children(const struct yaml_node *map)
{
    size_t count = 0;
    for (const struct yaml_node *node = map->child; node; node = node->next)
        count++;
    return count;
}

/* One entry of `cameras:` or `models:`: a text (the `scalar_key`'s value) or a section. */
static void apply_entry(struct load *load, const struct group *group, const struct yaml_node *node,
                        const char *scalar_key)
{
    init_rows(load, group);
    if (node->kind != YAML_SCALAR) {
        apply_map(load, group, "", node, NULL);
        return;
    }
    struct yaml_node alias = *node;
    alias.key = (char *)scalar_key;
    apply_member(load, group, "", &alias);
}

static void apply_cameras(struct load *load, const struct yaml_node *map)
{
    struct settings *s = load->settings;
    size_t count = count_children(map);
    struct place place = {.node = map};
    char shown[80];
    if (map->kind == YAML_SCALAR && map->text[0] == '\0')
        return;
    if (map->kind != YAML_MAP || count > CAMERAS_MAX) {
        wrong(load, &place, "cameras", "names with URLs or sections are expected, at most %d",
              CAMERAS_MAX);
        return;
    }
    s->cameras.items = keep(load, calloc(count + 1, sizeof *s->cameras.items));
    if (!s->cameras.items)
        return;
    for (const struct yaml_node *node = map->child; node; node = node->next) {
        struct settings_camera *camera = &s->cameras.items[s->cameras.count++];
        camera->name = keep_text(load, node->key);
        place.node = node;
        if (!name_ok(node->key))
            wrong(load, &place, "cameras", "a name has 1 to 64 bytes and no slash");
        snprintf(shown, sizeof shown, "cameras.%.64s.", node->key);
        struct group group = {settings_camera_rows, settings_camera_row_count, camera, shown,
                              false};
        apply_entry(load, &group, node, "source");
    }
}

/* Members of `models:` that are no rows of the main table are models. */
static void apply_models(struct load *load, const struct group *main, const struct yaml_node *map)
{
    struct settings *s = load->settings;
    struct place place = {.node = map};
    char shown[80];
    if (map->kind != YAML_MAP || count_children(map) > MODELS_MAX) {
        apply_map(load, main, "models.", map, NULL);
        if (map->kind == YAML_MAP)
            wrong(load, &place, "models", "more than %d", MODELS_MAX);
        return;
    }
    s->models.items = keep(load, calloc(count_children(map) + 1, sizeof *s->models.items));
    if (!s->models.items)
        return;
    for (const struct yaml_node *node = map->child; node; node = node->next) {
        if (apply_member(load, main, "models.", node))
            continue;
        struct settings_model *model = &s->models.items[s->models.count++];
        model->id = keep_text(load, node->key);
        place.node = node;
        snprintf(shown, sizeof shown, "models.%.64s.", node->key);
        struct group group = {settings_model_rows, settings_model_row_count, model, shown, false};
        apply_entry(load, &group, node, "path");
        snprintf(shown, sizeof shown, "models.%.64s", node->key);
        if (!name_ok(node->key))
            wrong(load, &place, "models", "an id has 1 to 64 bytes and no slash");
        else if (!model->path)
            wrong(load, &place, shown, "path is missing");
    }
}

static void apply_file(struct load *load, const struct yaml_node *root)
{
    static const char *const maps[] = {"cameras", "models", NULL};
    struct group main = {settings_rows, settings_row_count, load->settings, "", true};
    for (const struct yaml_node *node = root->child; node; node = node->next) {
        if (strcmp(node->key, "cameras") == 0)
            apply_cameras(load, node);
        else if (strcmp(node->key, "models") == 0)
            apply_models(load, &main, node);
        else if (!apply_member(load, &main, "", node))
            unknown_key(load, &main, "", node, maps);
    }
}

/* ---- environment and command line --------------------------------------------------------------
 */

void settings_env_name(const struct settings_row *row, char *name, size_t size)
{
    int length = snprintf(name, size, "FOVEA_%s", row->key);
    for (int i = 0; i < length && i < (int)size - 1; i++)
        name[i] = name[i] == '.' ? '_' : (char)toupper((unsigned char)name[i]);
}

static void apply_env_row(struct load *load, size_t index, char *const *env)
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
        struct place place = {.name = keep_text(load, name)};
        set_text(load, row, row->key, value, (char *)load->settings + row->offset, &place);
        load->settings->store->origins[index] = place.name;
        return;
    }
}

/* Names that look like ours or like the documents' but mean nothing here. */
static void note_ignored(struct load *load, char *const *env)
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

static void apply_override(struct load *load, const struct settings_override *override)
{
    struct place place = {.name = "command line"};
    for (size_t i = 0; i < settings_row_count; i++)
        if (strcmp(settings_rows[i].key, override->key) == 0) {
            set_text(load, &settings_rows[i], override->key, override->value,
                     (char *)load->settings + settings_rows[i].offset, &place);
            load->settings->store->origins[i] = "command line";
            return;
        }
    wrong(load, &place, override->key, "no such setting");
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

static const char *origin_of(const struct load *load, const char *key)
{
    for (size_t i = 0; i < settings_row_count; i++)
        if (strcmp(settings_rows[i].key, key) == 0)
            return load->settings->store->origins[i];
    return "settings";
}

static void together(struct load *load)
{
    const struct settings *s = load->settings;
    struct settings_report *report = &load->report;
    const char *url = s->server.public_url;
    if (!s->server.tls_cert != !s->server.tls_key)
        settings_note(report, true, "%s: server.tls: cert and key belong together, %s is missing",
                      origin_of(load, s->server.tls_cert ? "server.tls.cert" : "server.tls.key"),
                      s->server.tls_cert ? "key" : "cert");
    if (url && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        settings_note(report, true, "%s: server.public_url: must begin with http:// or https://",
                      origin_of(load, "server.public_url"));
    for (size_t i = 0; i < s->server.trusted_proxies.count; i++)
        if (!is_network(s->server.trusted_proxies.items[i]))
            settings_note(report, true,
                          "%s: server.trusted_proxies: '%.80s' is neither an address nor a network",
                          origin_of(load, "server.trusted_proxies"),
                          s->server.trusted_proxies.items[i]);
}

/* ---- loading ----------------------------------------------------------------------------------
 */

static fov_status load_begin(struct load *load, const char *file, settings_report_fn report,
                             void *user, fov_error *error)
{
    struct settings *s = calloc(1, sizeof *s);
    struct settings_store *store = calloc(1, sizeof *store);
    const char **origins = malloc(settings_row_count * sizeof *origins);
    *load = (struct load){.settings = s, .report = {report, user, 0, file ? file : "settings"}};
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
    struct group main = {settings_rows, settings_row_count, s, "", true};
    init_rows(load, &main);
    return FOV_OK;
}

static fov_status load_end(struct load *load, struct settings **settings, fov_error *error)
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

static void apply_text(struct load *load, const char *text, size_t size, char *const *env)
{
    struct yaml_node *root = settings_yaml_parse(text, size, env, &load->report);
    if (root)
        apply_file(load, root);
    settings_yaml_free(&root);
}

static void apply_env(struct load *load, char *const *env)
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
    struct load load;
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
    struct load load;
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
    case SET_ANY:
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
