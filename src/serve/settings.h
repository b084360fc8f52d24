/* Settings: one table of rows (settings_rows.c), read from a YAML file, the environment and the
 * command line (later ones win). A `struct settings` is an immutable snapshot; a reload makes a new
 * one. Belongs to the loop thread; copy what other threads need. */
#ifndef SERVE_SETTINGS_H
#define SERVE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <fovea/model.h>
#include <fovea/status.h>
#include "scene/zones.h"

struct settings_list {
    const char **items;
    size_t count;
};

enum settings_auth { AUTH_AUTO, AUTH_ON, AUTH_OFF };         /* auto: on, but on loopback */
enum settings_level { LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH }; /* realtime.optimization_level */
enum settings_mode { MODE_BY_LOAD, MODE_LATENCY, MODE_THROUGHPUT };
enum settings_profile { PROFILE_GENERAL, PROFILE_CLINICAL };
enum settings_decoder {
    DECODER_AUTO,
    DECODER_OFF,
    DECODER_CUDA,
    DECODER_VAAPI,
    DECODER_VIDEOTOOLBOX
};

/* One model under `models:`. Unset strings are NULL, unset numbers 0. */
struct settings_model {
    const char *id, *path, *labels, *device, *head, *input, *backend;
    double conf, iou;
    int precision; /* fov_precision */
    int batch;
};

enum settings_camera_kind { CAMERA_DETECTION, CAMERA_FOOTBALL };

/* One camera under `cameras:`. Unset strings are NULL, unset numbers 0, max_latency_ms -1. */
struct settings_camera {
    const char *name, *source, *model, *appearance_model, *homography;
    int kind; /* enum settings_camera_kind */
    int tracker, profile;
    double fps, max_latency_ms;
    double pin_conf, pin_fps, pin_quality; /* pinned knobs, 0: free */
    int pin_size;
    const struct zones *zones; /* NULL: none */
};

enum { ALERTS_MAX = 64, WEBHOOKS_MAX = 4, WEBHOOK_URL_MAX = 2048 };

struct settings_webhook {
    const char *url, *secret; /* secret NULL: not signed */
};

struct settings_webhooks {
    struct settings_webhook *items;
    size_t count;
};

enum settings_direction { DIRECTION_BOTH, DIRECTION_IN, DIRECTION_OUT };

/* One rule under `alerts:`. */
struct settings_alert {
    const char *name, *zone;                      /* zone NULL: the whole picture */
    int direction;                                /* enum settings_direction, of lines */
    struct settings_list classes, cameras;        /* none: all */
    double min_confidence, for_seconds, cooldown; /* cooldown -1: settings_alert_cooldown */
    struct settings_webhooks webhooks;
};

/* A team under `football.teams`. */
struct settings_team {
    const char *name; /* NULL: it has none */
    bool colored;
    uint32_t color; /* 0xRRGGBB of the shirts */
};

struct settings_teams {
    struct settings_team items[2];
    size_t count;
};

struct settings {
    struct {
        const char *host;
        int port; /* 0: a free one */
        const char *tls_cert, *tls_key;
        int auth; /* enum settings_auth */
        const char *token_file, *public_url;
        struct settings_list allowed_hosts, trusted_proxies;
        int max_sessions;
        const char *state_dir;
    } server;
    struct {
        const char *default_model, *dir, *cache;
        struct settings_model *items;
        size_t count;
    } models;
    struct {
        struct settings_camera *items;
        size_t count;
    } cameras;
    struct {
        struct settings_list allow;
        int decoder; /* enum settings_decoder */
    } sources;
    struct {
        bool enabled;
        double target_fps, max_latency_ms;
        int buffer_size; /* frames that may wait in a stream, 1..64 */
        bool use_gpu, use_tpu;
        int optimization_level;      /* enum settings_level */
        double confidence_threshold; /* 0: each endpoint's own default, see settings_conf */
        double iou_threshold;
    } realtime;
    struct {
        double max_fps, default_fps;
        int queue_size;
        double session_timeout; /* seconds */
    } streaming;
    struct {
        const char *device;   /* "" : best present */
        int performance_mode; /* enum settings_mode */
        bool async_inference, cache_enabled;
        int num_threads; /* 0: the cores */
        bool bind_threads;
    } openvino;
    struct {
        struct settings_alert *items;
        size_t count;
    } alerts;
    struct {
        double keep_days, max_mb;
    } events;
    struct {
        const char *dir; /* NULL: nothing is recorded */
        double max_mb, total_mb;
    } recording;
    /* settings_football.h makes fov_football_params of it. */
    struct {
        const char *player_model, *ball_model, *pitch_model, *appearance_model, *team_model;
        int pitch_layout, tracker;   /* of the words in settings_rows.c */
        double target_fps, ball_fps; /* ball_fps 0: all pictures */
        int batch_size;              /* 0: 1 in realtime, else 8 */
        struct settings_teams teams;
        const char *homography;
        bool still_camera;
        double pitch_length, pitch_width; /* metres, 0: the default */
    } football;
    struct settings_store *store; /* memory and origins of the values */
};

/* One value from the command line: "server.port" = "8441". The last one of a key wins. */
struct settings_override {
    const char *key, *value;
};

/* Sees what was wrong, one finding a call: `file:line:col: key: what, did you mean …` as text.
 * `fatal` ones make the load fail; others are notes (ignored names). */
typedef void (*settings_report_fn)(void *user, bool fatal, const char *text);

/* Reads defaults, `file` (NULL: none), the environment `env` (NULL-terminated "NAME=value" list),
 * and `overrides`. All findings are reported before it fails. Returns FOV_ENOTFOUND (no such file),
 * FOV_EINVAL (findings), FOV_ENOMEM. Free with settings_free. */
fov_status settings_load(struct settings **settings, const char *file, char *const *env,
                         const struct settings_override *overrides, size_t count,
                         settings_report_fn report, void *user, fov_error *error);

/* The same from text in memory, named `file` in findings, without environment or overrides unless
 * given (for tests and fuzzing). */
fov_status settings_parse(struct settings **settings, const char *text, size_t size,
                          const char *file, char *const *env, settings_report_fn report, void *user,
                          fov_error *error);

void settings_free(struct settings **settings); /* accepts NULL */

/* Copies from `old` into `fresh` every value that cannot change while the server runs, and reports
 * those that differ ("server.port: takes effect after a restart"). */
void settings_keep_fixed(struct settings *fresh, const struct settings *old,
                         settings_report_fn report, void *user);

/* Threshold an endpoint starts from: realtime.confidence_threshold when set, else `fallback`. */
double settings_conf(const struct settings *settings, double fallback);

/* The same for a model ("" or NULL: the default one): its own `conf` goes before both. */
double settings_model_conf(const struct settings *settings, const char *id, double fallback);
/* Overlap for NMS of a model's boxes: its own `iou`, else realtime.iou_threshold. */
double settings_model_iou(const struct settings *settings, const char *id);

/* NULL when there is none of that name. */
const struct settings_camera *settings_find_camera(const struct settings *settings,
                                                   const char *name);
/* Whether boxes of a camera (NULL: none) have names in time: by a tracker, or football's own. */
bool settings_camera_has_names(const struct settings_camera *camera);
/* The static name of a tracker by its place in the words of a row; NULL: "none" or "auto". */
const char *settings_tracker(int word);
/* Whether that tracker compares appearance (fov_tracker_uses_embeddings; a test holds it to that).
 */
bool settings_tracker_looks(int word);
/* The tracker of a camera by its static name; NULL: none, or no camera. */
const char *settings_camera_tracker(const struct settings_camera *camera);
const struct settings_model *settings_find_model(const struct settings *settings, const char *id);

/* Prints every value with its origin as YAML, the JSON Schema of the file, or the reference page
 * docs/settings.md. Secrets (credentials inside URLs) are blotted out. */
void settings_print(const struct settings *settings, FILE *to);
void settings_print_schema(FILE *to);
void settings_print_reference(FILE *to);

/* Whether a rule looks at a camera of this name. */
bool settings_alert_watches(const struct settings_alert *alert, const char *camera);

/* Seconds of cool-down of a rule, whose zone is a line or not. */
double settings_alert_cooldown(const struct settings_alert *alert, bool line);

/* Where a webhook goes, fit for logs: scheme and host. Its path is often a secret. */
void settings_redact_webhook(char *to, size_t size, const char *url);

#endif
