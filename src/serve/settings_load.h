/* A load of settings while it runs: shared by settings.c, settings_value.c, settings_tree.c only.
 */
#ifndef SERVE_SETTINGS_LOAD_H
#define SERVE_SETTINGS_LOAD_H

#include "serve/settings_rows.h"

struct settings_load {
    struct settings *settings;
    struct settings_report report;
    bool no_memory;
};

/* Where a value comes from: a node of the file, or a name outside of it. */
struct settings_place {
    const struct yaml_node *node; /* NULL: see `name` */
    const char *name;             /* "FOVEA_SERVER_PORT", "command line" */
};

/* Rows with what their offsets count from. */
struct settings_group {
    const struct settings_row *rows;
    size_t count;
    void *base;
    const char *shown; /* put before keys in findings: "cameras.hall." */
    bool main;         /* of settings_rows: origins are kept */
};

/* ---- settings.c ---- */

/* Where the value of a row of settings_rows comes from, as findings begin. */
const char *settings_origin(const struct settings *settings, const char *key);

/* ---- settings_value.c ---- */

/* Reports what is wrong with the value of `key`. */
void settings_wrong(struct settings_load *load, const struct settings_place *place, const char *key,
                    const char *format, ...) FOV_PRINTF(4, 5);
/* Hands memory to the settings (frees it on failure, NULL then); a copy of a text. */
void *settings_keep(struct settings_load *load, void *chunk);
char *settings_keep_text(struct settings_load *load, const char *text);
/* No control characters in it. */
bool settings_is_line(const char *text);
/* Reads a text, or a node of the file, into the row's `value`. */
void settings_set_text(struct settings_load *load, const struct settings_row *row, const char *key,
                       const char *text, void *value, const struct settings_place *place);
void settings_set_node(struct settings_load *load, const struct settings_row *row, const char *key,
                       const struct yaml_node *node, void *value);

/* ---- settings_tree.c ---- */

/* Defaults of all rows of a group. */
void settings_init_rows(struct settings_load *load, const struct settings_group *group);
/* A map whose members are rows of the group. */
void settings_apply_map(struct settings_load *load, const struct settings_group *group,
                        const struct yaml_node *map);

/* ---- settings_alerts.c ---- */

void settings_set_zones(struct settings_load *load, const char *key, const struct yaml_node *node,
                        const struct zones **value);
void settings_set_webhooks(struct settings_load *load, const char *key,
                           const struct yaml_node *node, struct settings_webhooks *hooks);
void settings_apply_alerts(struct settings_load *load, const struct yaml_node *list);
/* Notes rules whose zone no camera has, or does not go with the rest of the rule. */
void settings_check_alerts(struct settings_load *load);

/* ---- settings_football.c ---- */

/* From a node of the file; from a text outside of it: "Reds=red, Blues=#2040c0". */
void settings_set_teams(struct settings_load *load, const char *key, const struct yaml_node *node,
                        struct settings_teams *teams);
void settings_set_teams_text(struct settings_load *load, const char *key, const char *text,
                             struct settings_teams *teams, const struct settings_place *place);

/* ---- settings_tree.c ---- */

/* Sets all that the file says. */
void settings_apply_file(struct settings_load *load, const struct yaml_node *root);

#endif
