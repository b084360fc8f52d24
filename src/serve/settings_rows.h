/* Rows of the settings table and the tree a YAML file becomes: shared by settings*.c only. */
#ifndef SERVE_SETTINGS_ROWS_H
#define SERVE_SETTINGS_ROWS_H

#include "serve/settings.h"

enum settings_kind {
    SET_BOOL,   /* bool */
    SET_INT,    /* int */
    SET_NUMBER, /* double */
    SET_TEXT,   /* const char * */
    SET_CHOICE, /* int: index into `choices` */
    SET_LIST,   /* struct settings_list; comma separated outside of a file */
    SET_ANY,    /* accepted in any shape; `alerts` is read by settings_alerts.c */
    SET_ZONES,  /* const struct zones *; in a file only */
    SET_HOOKS,  /* struct settings_webhooks; in a file only */
    SET_TEAMS   /* struct settings_teams */
};

enum settings_row_flags {
    SET_LIVE = 1 /* a reload (SIGHUP) changes it */
};

struct settings_row {
    const char *key; /* "server.tls.cert"; inside maps relative: "pin.conf" */
    const char *env; /* more names beside FOVEA_SERVER_TLS_CERT, space separated; NULL */
    enum settings_kind kind;
    size_t offset;       /* into struct settings, settings_model or settings_camera */
    const char *initial; /* default as text, NULL: unset */
    double least, most;  /* SET_INT, SET_NUMBER; SET_TEXT: most bytes when > 0 */
    const char *choices; /* SET_CHOICE: space separated */
    unsigned flags;
    const char *help;
};

extern const struct settings_row settings_rows[], settings_model_rows[], settings_camera_rows[];
extern const size_t settings_row_count, settings_model_row_count, settings_camera_row_count;
extern const struct settings_row settings_alert_rows[];
extern const size_t settings_alert_row_count;

/* ---- a YAML file as a tree (settings_yaml.c) --------------------------------------------------
 */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    char *key;  /* in a map */
    char *text; /* YAML_SCALAR, after {ENV} substitution; "" for an empty value */
    bool quoted;
    int line, column; /* of the value, from 1 */
    int key_line, key_column;
    struct yaml_node *child, *next;
};

/* Where findings go. */
struct settings_report {
    settings_report_fn fn;
    void *user;
    int fatal; /* findings so far that make the load fail */
    const char *file;
};

void settings_note(struct settings_report *report, bool fatal, const char *format, ...)
    FOV_PRINTF(3, 4);
/* The same with the place: `file:line:col: …`. */
void settings_note_at(struct settings_report *report, int line, int column, const char *format, ...)
    FOV_PRINTF(4, 5);

/* Text of at most 1 MiB, depth 24, 10,000 nodes; no anchors, aliases, tags, second documents or
 * keys given twice. Reports what is wrong and returns NULL then. An empty text is an empty map. */
struct yaml_node *settings_yaml_parse(const char *text, size_t size, char *const *env,
                                      struct settings_report *report);
void settings_yaml_free(struct yaml_node **node);

/* Value of a variable in a NULL-terminated list, NULL when unset or empty. */
const char *settings_env(char *const *env, const char *name, size_t length);

/* ---- memory and origins (settings.c) -----------------------------------------------------------
 */

struct settings_store {
    void **chunks;
    size_t chunk_count, chunk_capacity;
    const char **origins; /* of each row: "default", "fovea.yaml:3", "FOVEA_SERVER_PORT" … */
};

/* FOVEA_SERVER_TLS_CERT for "server.tls.cert". */
void settings_env_name(const struct settings_row *row, char *name, size_t size);

#endif
