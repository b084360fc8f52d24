/* What the settings table says about itself: `fovea config show`, the JSON Schema, the reference.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "serve/settings_rows.h"

void settings_redact_webhook(char *to, size_t size, const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t length = strcspn(host, "/?#");
    for (size_t i = length; i-- > 0;) /* without user:password@ */
        if (host[i] == '@') {
            host += i + 1;
            length -= i + 1;
            break;
        }
    snprintf(to, size, "%.*s%.*s%s", scheme ? (int)(scheme + 3 - url) : 0, url, (int)length, host,
             host[length] ? "/***" : "");
}

static void print_text(FILE *to, const char *text)
{
    struct json_writer w = {0};
    char shown[2200];
    text_redact_url(shown, sizeof shown, text);
    json_put_string(&w, shown); /* a JSON string is a YAML string */
    fprintf(to, "%s", w.failed || !w.text ? "\"\"" : w.text);
    json_release(&w);
}

static void print_choice(FILE *to, const char *choices, int index)
{
    while (index-- > 0)
        choices += strcspn(choices, " ") + 1;
    fprintf(to, "%.*s", (int)strcspn(choices, " "), choices);
}

static void print_zones(FILE *to, const struct zones *zones)
{
    fprintf(to, "{");
    for (size_t i = 0; zones && i < zones->count; i++) {
        const struct zone *zone = &zones->items[i];
        fprintf(to, "%s", i ? ", " : "");
        print_text(to, zone->name);
        fprintf(to, ": %s[", zone->line ? "{line: " : "");
        for (size_t k = 0; k < zone->count; k++)
            fprintf(to, "%s[%g, %g]", k ? ", " : "", zone->points[k].x, zone->points[k].y);
        fprintf(to, "]%s", zone->line ? "}" : "");
    }
    fprintf(to, "}");
}

static void print_hooks(FILE *to, const struct settings_webhooks *hooks)
{
    char shown[300];
    fprintf(to, "[");
    for (size_t i = 0; i < hooks->count; i++) {
        settings_redact_webhook(shown, sizeof shown, hooks->items[i].url);
        fprintf(to, "%s{url: ", i ? ", " : "");
        print_text(to, shown);
        fprintf(to, "%s}", hooks->items[i].secret ? ", secret: \"***\"" : "");
    }
    fprintf(to, "]");
}

static void print_teams(FILE *to, const struct settings_teams *teams)
{
    fprintf(to, "[");
    for (size_t i = 0; i < teams->count; i++) {
        const struct settings_team *team = &teams->items[i];
        fprintf(to, "%s{", i ? ", " : "");
        if (team->name) {
            fprintf(to, "name: ");
            print_text(to, team->name);
        }
        if (team->colored)
            fprintf(to, "%scolor: \"#%06" PRIx32 "\"", team->name ? ", " : "", team->color);
        fprintf(to, "}");
    }
    fprintf(to, "]");
}

static void print_value(FILE *to, const struct settings_row *row, const void *value)
{
    const struct settings_list *list = value;
    const char *text;
    switch (row->kind) {
    case SET_BOOL:
        fprintf(to, "%s", *(const bool *)value ? "true" : "false");
        break;
    case SET_INT:
        fprintf(to, "%d", *(const int *)value);
        break;
    case SET_NUMBER:
        fprintf(to, "%g", *(const double *)value);
        break;
    case SET_CHOICE:
        print_choice(to, row->choices, *(const int *)value);
        break;
    case SET_TEXT:
        text = *(const char *const *)value;
        if (text)
            print_text(to, text);
        break;
    case SET_LIST:
        fprintf(to, "[");
        for (size_t i = 0; i < list->count; i++) {
            fprintf(to, "%s", i ? ", " : "");
            print_text(to, list->items[i]);
        }
        fprintf(to, "]");
        break;
    case SET_ZONES:
        print_zones(to, *(const struct zones *const *)value);
        break;
    case SET_HOOKS:
        print_hooks(to, value);
        break;
    case SET_TEAMS:
        print_teams(to, value);
        break;
    case SET_ANY:
        break;
    }
}

/* Prints the sections above a key that were not printed for the key before; returns the depth. */
static int open_sections(FILE *to, const char *before, const char *key)
{
    int depth = 0;
    size_t from = 0;
    for (const char *dot = strchr(key, '.'); dot; dot = strchr(dot + 1, '.')) {
        size_t length = (size_t)(dot - key) + 1;
        if (strncmp(before, key, length) != 0)
            fprintf(to, "%*s%.*s:\n", 2 * depth, "", (int)(length - 1 - from), key + from);
        from = length;
        depth++;
    }
    return depth;
}

static void print_rows(FILE *to, const struct settings_row *rows, size_t count, const void *base,
                       int indent, const char *const *origins)
{
    const char *before = "";
    for (size_t i = 0; i < count; i++) {
        const struct settings_row *row = &rows[i];
        const void *value = (const char *)base + row->offset;
        bool unset = row->kind == SET_ANY ||
                     (row->kind == SET_TEXT && !*(const char *const *)value) ||
                     (row->kind == SET_TEAMS &&
                      ((const struct settings_teams *)value)->count == 0) ||
                     (!row->initial && row->kind == SET_NUMBER && *(const double *)value == 0) ||
                     (!row->initial && row->kind == SET_INT && *(const int *)value == 0) ||
                     (row->kind == SET_NUMBER && *(const double *)value < row->least);
        if (unset)
            continue;
        int depth = origins ? open_sections(to, before, row->key) : 0;
        const char *name = origins && strrchr(row->key, '.') ? strrchr(row->key, '.') + 1
                                                             : row->key;
        fprintf(to, "%*s%s: ", indent + 2 * depth, "", name);
        print_value(to, row, value);
        if (origins)
            fprintf(to, "  # %s", origins[i]);
        fprintf(to, "\n");
        before = row->key;
    }
}

/* A nought is one too where it is not what is meant without it. */
static bool number_is_set(const struct settings_row *row, double value)
{
    return value > 0 || value != (row->initial ? strtod(row->initial, NULL) : 0);
}

/* Rows of an entry in flow style, so that `pin.conf` needs no section: {source: …, pin: {…}}. */
static void print_entry(FILE *to, const struct settings_row *rows, size_t count, const void *base)
{
    bool pin = false, first = true;
    fprintf(to, "{");
    for (size_t i = 0; i < count; i++) {
        const struct settings_row *row = &rows[i];
        const void *value = (const char *)base + row->offset;
        bool set = row->kind == SET_TEXT     ? *(const char *const *)value != NULL
                   : row->kind == SET_NUMBER ? number_is_set(row, *(const double *)value)
                   : row->kind == SET_INT    ? *(const int *)value > 0
                   : row->kind == SET_CHOICE ? *(const int *)value > 0
                   : row->kind == SET_LIST   ? ((const struct settings_list *)value)->count > 0
                   : row->kind == SET_ZONES  ? *(const struct zones *const *)value != NULL
                   : row->kind == SET_HOOKS  ? ((const struct settings_webhooks *)value)->count > 0
                                             : false;
        if (!set)
            continue;
        bool pinned = strncmp(row->key, "pin.", 4) == 0;
        fprintf(to, "%s%s%s: ", first ? "" : ", ", pinned && !pin ? "pin: {" : "",
                pinned ? row->key + 4 : row->key);
        print_value(to, row, value);
        pin = pinned;
        first = false;
    }
    fprintf(to, "%s}\n", pin ? "}" : "");
}

void settings_print(const struct settings *s, FILE *to)
{
    size_t models = 0;
    while (models < settings_row_count && strncmp(settings_rows[models].key, "sources.", 8) != 0)
        models++; /* the rows of server and models */
    print_rows(to, settings_rows, models, s, 0, s->store->origins);
    for (size_t i = 0; i < s->models.count; i++) {
        fprintf(to, "  ");
        print_text(to, s->models.items[i].id);
        fprintf(to, ": ");
        print_entry(to, settings_model_rows, settings_model_row_count, &s->models.items[i]);
    }
    if (s->cameras.count > 0)
        fprintf(to, "cameras:\n");
    for (size_t i = 0; i < s->cameras.count; i++) {
        fprintf(to, "  ");
        print_text(to, s->cameras.items[i].name);
        fprintf(to, ": ");
        print_entry(to, settings_camera_rows, settings_camera_row_count, &s->cameras.items[i]);
    }
    if (s->alerts.count > 0)
        fprintf(to, "alerts:\n");
    for (size_t i = 0; i < s->alerts.count; i++) {
        fprintf(to, "  - ");
        print_entry(to, settings_alert_rows, settings_alert_row_count, &s->alerts.items[i]);
    }
    print_rows(to, settings_rows + models, settings_row_count - models, s, 0,
               s->store->origins + models);
}

/* ---- JSON Schema ------------------------------------------------------------------------------
 */

static void schema_row(struct json_writer *w, const struct settings_row *row)
{
    static const char *const types[] = {"boolean", "integer", "number", "string", "string",
                                        "array",   NULL,      NULL,     NULL,     NULL};
    const char *shape = row->kind == SET_ZONES            ? "zones"
                        : row->kind == SET_HOOKS          ? "webhook"
                        : row->kind == SET_TEAMS          ? "teams"
                        : strcmp(row->key, "alerts") == 0 ? "alerts"
                                                          : NULL;
    char ref[40];
    json_object_begin(w);
    if (shape) {
        snprintf(ref, sizeof ref, "#/$defs/%s", shape);
        json_add_string(w, "$ref", ref);
    }
    if (types[row->kind])
        json_add_string(w, "type", types[row->kind]);
    json_add_string(w, "description", row->help);
    if (row->kind == SET_INT || row->kind == SET_NUMBER) {
        json_add_number(w, "minimum", row->least, 3);
        json_add_number(w, "maximum", row->most, 3);
    }
    if (row->kind == SET_LIST) {
        json_name(w, "items");
        json_put_raw(w, "{\"type\":\"string\"}", 17);
    }
    if (row->kind == SET_CHOICE) {
        char word[32];
        json_name(w, "enum");
        json_array_begin(w);
        for (const char *at = row->choices; *at; at += strcspn(at, " ") + (strchr(at, ' ') != 0)) {
            snprintf(word, sizeof word, "%.*s", (int)strcspn(at, " "), at);
            json_put_string(w, word);
        }
        json_array_end(w);
    }
    json_object_end(w);
}

/* Writes the rows below `path` as the members of a "properties" object, sections included. */
static void schema_rows(struct json_writer *w, const struct settings_row *rows, size_t count,
                        const char *path)
{
    size_t length = strlen(path);
    char last[80] = "", part[80];
    for (size_t i = 0; i < count; i++) {
        if (strncmp(rows[i].key, path, length) != 0)
            continue;
        const char *below = rows[i].key + length;
        size_t own = strcspn(below, ".");
        snprintf(part, sizeof part, "%.*s", (int)own, below);
        if (below[own] == '\0') {
            json_name(w, part);
            schema_row(w, &rows[i]);
        } else if (strcmp(part, last) != 0) {
            char deeper[100];
            snprintf(deeper, sizeof deeper, "%s%s.", path, part);
            json_name(w, part);
            json_object_begin(w);
            json_add_string(w, "type", "object");
            json_name(w, "properties");
            json_object_begin(w);
            schema_rows(w, rows, count, deeper);
            json_object_end(w);
            bool models = strcmp(deeper, "models.") == 0;
            json_name(w, "additionalProperties");
            json_put_raw(w, models ? "{\"$ref\":\"#/$defs/model\"}" : "false", models ? 24 : 5);
            json_object_end(w);
        }
        snprintf(last, sizeof last, "%s", part);
    }
}

static void schema_def(struct json_writer *w, const char *name, const struct settings_row *rows,
                       size_t count)
{
    json_name(w, name);
    json_object_begin(w);
    json_name(w, "oneOf");
    json_array_begin(w);
    json_put_raw(w, "{\"type\":\"string\"}", 17);
    json_object_begin(w);
    json_add_string(w, "type", "object");
    json_name(w, "properties");
    json_object_begin(w);
    schema_rows(w, rows, count, "");
    json_object_end(w);
    json_add_bool(w, "additionalProperties", false);
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
}

/* The shapes that settings_alerts.c and settings_football.c read. */
static void schema_shapes(struct json_writer *w)
{
    static const struct {
        const char *name, *json;
    } shapes[] = {
        {"points", "{\"type\":\"array\",\"maxItems\":32,\"items\":{\"type\":\"array\","
                   "\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"number\",\"minimum\":0,"
                   "\"maximum\":1}}}"},
        {"zones", "{\"type\":\"object\",\"maxProperties\":16,\"additionalProperties\":{\"oneOf\":["
                  "{\"$ref\":\"#/$defs/points\"},{\"type\":\"object\",\"maxProperties\":1,"
                  "\"properties\":{\"line\":{\"$ref\":\"#/$defs/points\"},\"polygon\":{\"$ref\":"
                  "\"#/$defs/points\"}},\"additionalProperties\":false}]}}"},
        {"hook", "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{"
                 "\"url\":{\"type\":\"string\"},\"secret\":{\"type\":\"string\"}},"
                 "\"required\":[\"url\"],\"additionalProperties\":false}]}"},
        {"webhook", "{\"oneOf\":[{\"$ref\":\"#/$defs/hook\"},{\"type\":\"array\",\"maxItems\":4,"
                    "\"items\":{\"$ref\":\"#/$defs/hook\"}}]}"},
        {"alerts", "{\"type\":\"array\",\"maxItems\":64,\"items\":{\"$ref\":\"#/$defs/alert\"}}"},
        {"teams", "{\"oneOf\":[{\"type\":\"array\",\"maxItems\":2,\"items\":{\"type\":\"object\","
                  "\"properties\":{\"name\":{\"type\":\"string\"},\"color\":{\"type\":\"string\"}},"
                  "\"additionalProperties\":false}},{\"type\":\"object\",\"maxProperties\":2,"
                  "\"additionalProperties\":{\"type\":\"string\"}}]}"},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        json_name(w, shapes[i].name);
        json_put_raw(w, shapes[i].json, strlen(shapes[i].json));
    }
    json_name(w, "alert");
    json_object_begin(w);
    json_add_string(w, "type", "object");
    json_name(w, "properties");
    json_object_begin(w);
    schema_rows(w, settings_alert_rows, settings_alert_row_count, "");
    json_object_end(w);
    json_name(w, "required");
    json_put_raw(w, "[\"name\"]", 8);
    json_add_bool(w, "additionalProperties", false);
    json_object_end(w);
}

void settings_print_schema(FILE *to)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_add_string(&w, "title", "fovea settings");
    json_add_string(&w, "type", "object");
    json_name(&w, "properties");
    json_object_begin(&w);
    schema_rows(&w, settings_rows, settings_row_count, "");
    json_name(&w, "cameras");
    static const char cameras[] =
        "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/camera\"}}";
    json_put_raw(&w, cameras, sizeof cameras - 1);
    json_object_end(&w);
    json_add_bool(&w, "additionalProperties", false);
    json_name(&w, "$defs");
    json_object_begin(&w);
    schema_def(&w, "camera", settings_camera_rows, settings_camera_row_count);
    schema_def(&w, "model", settings_model_rows, settings_model_row_count);
    schema_shapes(&w);
    json_object_end(&w);
    json_object_end(&w);
    fprintf(to, "%s\n", w.failed ? "{}" : w.text);
    json_release(&w);
}

/* ---- docs/settings.md
 * ---------------------------------------------------------------------------- */

static void reference_bounds(FILE *to, const struct settings_row *row)
{
    if (row->kind == SET_INT || row->kind == SET_NUMBER)
        fprintf(to, "%g to %g", row->least, row->most);
    else if (row->kind == SET_CHOICE)
        fprintf(to, "%s", row->choices);
    else
        fprintf(to, "%s",
                row->kind == SET_BOOL    ? "true, false"
                : row->kind == SET_LIST  ? "list"
                : row->kind == SET_ANY   ? strcmp(row->key, "alerts") == 0 ? "rules" : "any"
                : row->kind == SET_ZONES ? "names with points"
                : row->kind == SET_HOOKS ? "webhooks"
                : row->kind == SET_TEAMS ? "teams"
                                         : "text");
}

static void reference_rows(FILE *to, const struct settings_row *rows, size_t count, bool env)
{
    fprintf(to, "| setting | default | values | meaning |%s\n", env ? " also as |" : "");
    fprintf(to, "|---|---|---|---|%s\n", env ? "---|" : "");
    for (size_t i = 0; i < count; i++) {
        const struct settings_row *row = &rows[i];
        bool shown = row->initial && row->initial[0] != '-';
        fprintf(to, "| `%s` | %s%s%s | ", row->key, shown ? "`" : "", shown ? row->initial : "",
                shown ? "`" : "");
        reference_bounds(to, row);
        fprintf(to, " | %s%s |", row->help, row->flags & SET_LIVE ? " (live)" : "");
        if (env)
            fprintf(to, " %s |", row->env ? row->env : "");
        fprintf(to, "\n");
    }
    fprintf(to, "\n");
}

void settings_print_reference(FILE *to)
{
    fprintf(to,
            "# Settings\n\n"
            "<!-- made by `fovea config reference` from the settings table; a test compares -->\n\n"
            "The command line wins over the environment, the environment over the file "
            "(`fovea serve --config fovea.yaml`), the file over the default. Each setting is also "
            "an environment variable `FOVEA_<SECTION>_<KEY>` (`server.tls.cert`: "
            "`FOVEA_SERVER_TLS_CERT`; lists comma separated), and some have a second name. An "
            "unknown name in the file is an error that names the nearest one. `{NAME}` inside a "
            "value stands for an environment variable, `{{` for a brace; a value that begins with "
            "a brace needs quotes. Settings marked *live* change on SIGHUP, others need a restart "
            "and say so.\n\n"
            "```sh\n"
            "fovea config check fovea.yaml   # file:line:col: what is wrong, did you mean ...\n"
            "fovea config show               # every value and where it comes from\n"
            "fovea config schema             # JSON Schema, for editors\n"
            "```\n\n"
            "```yaml\n"
            "server: {host: 0.0.0.0, tls: {cert: /etc/fovea/cert.pem, key: /etc/fovea/key.pem}}\n"
            "cameras:\n"
            "  hall: rtsp://10.0.0.7/stream1\n"
            "  door: {source: \"pattern:\", fps: 10, max_latency_ms: 150}\n"
            "models:\n"
            "  default: ssd_mobilenet_v2\n"
            "  boats: {path: /models/boats.onnx, conf: 0.4}\n"
            "```\n\n");
    reference_rows(to, settings_rows, settings_row_count, true);
    fprintf(to, "## A camera (`cameras.NAME`)\n\nA text is its `source`. Sources are opened at the "
                "start; a new one needs a restart.\n\n");
    reference_rows(to, settings_camera_rows, settings_camera_row_count, false);
    fprintf(to, "## A model (`models.ID`)\n\nA text is its `path`. Models are opened at the start; "
                "one that cannot be is "
                "named in the log and answered with 404.\n\n");
    reference_rows(to, settings_model_rows, settings_model_row_count, false);
    fprintf(to, "## A rule (an entry of `alerts`)\n\nWhat the words mean, with examples: "
                "[alerts](alerts.md).\n\n");
    reference_rows(to, settings_alert_rows, settings_alert_row_count, false);
    fprintf(to, "## Names that are ignored\n\n`UVICORN_WORKERS` and its like are named once in the "
                "log and ignored: the server is one process.\n");
}
