#include "serve/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include <fovea/log.h>

#include "net/net.h"
#include "openapi_yaml.h"
#include "serve/settings_rows.h"

static void write_scalar(struct json_writer *w, const struct yaml_node *node)
{
    double number;
    long long whole;
    if (node->quoted)
        json_put_string(w, node->text);
    else if (node->text[0] == '\0')
        json_put_null(w);
    else if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
        json_put_bool(w, node->text[0] == 't');
    else if (text_to_int(node->text, INT64_MIN, INT64_MAX, &whole))
        json_put_int(w, whole);
    else if (text_to_double(node->text, -1e15, 1e15, &number))
        json_put_number(w, number, 6);
    else
        json_put_string(w, node->text);
}

static void write_node(struct json_writer *w, const struct yaml_node *node)
{
    if (node->kind == YAML_SCALAR) {
        write_scalar(w, node);
        return;
    }
    bool map = node->kind == YAML_MAP;
    map ? json_object_begin(w) : json_array_begin(w);
    for (const struct yaml_node *at = node->child; at; at = at->next) {
        if (map)
            json_name(w, at->key);
        write_node(w, at);
    }
    map ? json_object_end(w) : json_array_end(w);
}

static void log_finding(void *user, bool fatal, const char *text)
{
    (void)user;
    fov_log(fatal ? FOV_LOG_ERROR : FOV_LOG_WARN, "serve", "%s", text);
}

struct net_blob *openapi_make(void)
{
    struct settings_report report = {log_finding, NULL, 0, "openapi.yaml"};
    struct json_writer w = {0};
    struct net_blob *blob = NULL;
    struct yaml_node *root = settings_yaml_parse((const char *)openapi_yaml, openapi_yaml_size,
                                                 NULL, &report);
    if (root && report.fatal == 0) {
        write_node(&w, root);
        if (!w.failed)
            blob = net_blob_copy(w.text, w.size);
    }
    json_release(&w);
    settings_yaml_free(&root);
    return blob;
}
