/* The tree of a settings file against the rows: known keys are set, others named with the nearest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/settings_load.h"

enum { CAMERAS_MAX = 64, MODELS_MAX = 32 };

static const char *origin_at(struct settings_load *load, const struct yaml_node *node)
{
    char text[320];
    snprintf(text, sizeof text, "%s:%d", load->report.file, node->line);
    return settings_keep_text(load, text);
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

static void unknown_key(struct settings_load *load, const struct settings_group *group,
                        const char *path, const struct yaml_node *node, const char *const *more)
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

static void apply_map(struct settings_load *load, const struct settings_group *group,
                      const char *path, const struct yaml_node *map, const char *const *more);

/* One member of a map below `path`: a row, or a section that leads to rows. False: unknown. */
static bool apply_member(struct settings_load *load, const struct settings_group *group,
                         const char *path, const struct yaml_node *node)
{
    char key[160], below[170];
    if (snprintf(key, sizeof key, "%s%s", path, node->key) >= (int)sizeof key)
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(group->rows[i].key, key) == 0) {
            char shown[260];
            snprintf(shown, sizeof shown, "%s%s", group->shown, key);
            settings_set_node(load, &group->rows[i], shown, node,
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

static void apply_map(struct settings_load *load, const struct settings_group *group,
                      const char *path, const struct yaml_node *map, const char *const *more)
{
    struct settings_place place = {.node = map};
    char shown[260];
    if (map->kind == YAML_SCALAR && map->text[0] == '\0' && !map->quoted)
        return; /* `server:` with nothing in it */
    if (map->kind != YAML_MAP) {
        snprintf(shown, sizeof shown, "%s%.*s", group->shown, (int)strcspn(path, "\0"), path);
        size_t length = strlen(shown);
        if (length > 0 && shown[length - 1] == '.')
            shown[length - 1] = '\0';
        settings_wrong(load, &place, shown, "a section (names and values) is expected");
        return;
    }
    for (const struct yaml_node *node = map->child; node; node = node->next)
        if (!apply_member(load, group, path, node))
            unknown_key(load, group, path, node, more);
}

void settings_apply_map(struct settings_load *load, const struct settings_group *group,
                        const struct yaml_node *map)
{
    apply_map(load, group, "", map, NULL);
}

static bool name_ok(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= 64 && settings_is_line(name) && !strchr(name, '/') &&
           text_is_utf8((const uint8_t *)name, length);
}

void settings_init_rows(struct settings_load *load, const struct settings_group *group)
{
    struct settings_place place = {.name = "default"};
    for (size_t i = 0; i < group->count; i++) {
        const struct settings_row *row = &group->rows[i];
        if (!row->initial)
            continue;
        if (row->kind == SET_NUMBER && row->initial[0] == '-')
            *(double *)((char *)group->base + row->offset) = -1; /* unset */
        else
            settings_set_text(load, row, row->key, row->initial, (char *)group->base + row->offset,
                              &place);
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
static void apply_entry(struct settings_load *load, const struct settings_group *group,
                        const struct yaml_node *node, const char *scalar_key)
{
    settings_init_rows(load, group);
    if (node->kind != YAML_SCALAR) {
        apply_map(load, group, "", node, NULL);
        return;
    }
    struct yaml_node alias = *node;
    alias.key = (char *)scalar_key;
    apply_member(load, group, "", &alias);
}

static void apply_cameras(struct settings_load *load, const struct yaml_node *map)
{
    struct settings *s = load->settings;
    size_t count = count_children(map);
    struct settings_place place = {.node = map};
    char shown[80];
    if (map->kind == YAML_SCALAR && map->text[0] == '\0')
        return;
    if (map->kind != YAML_MAP || count > CAMERAS_MAX) {
        settings_wrong(load, &place, "cameras",
                       "names with URLs or sections are expected, at most %d", CAMERAS_MAX);
        return;
    }
    s->cameras.items = settings_keep(load, calloc(count + 1, sizeof *s->cameras.items));
    if (!s->cameras.items)
        return;
    for (const struct yaml_node *node = map->child; node; node = node->next) {
        struct settings_camera *camera = &s->cameras.items[s->cameras.count++];
        camera->name = settings_keep_text(load, node->key);
        place.node = node;
        if (!name_ok(node->key))
            settings_wrong(load, &place, "cameras", "a name has 1 to 64 bytes and no slash");
        snprintf(shown, sizeof shown, "cameras.%.64s.", node->key);
        struct settings_group group = {settings_camera_rows, settings_camera_row_count, camera,
                                       shown, false};
        apply_entry(load, &group, node, "source");
        snprintf(shown, sizeof shown, "cameras.%.64s", node->key);
        if (camera->kind == CAMERA_FOOTBALL && !camera->source)
            settings_wrong(load, &place, shown, "kind football needs a source");
        if (camera->appearance_model && camera->kind != CAMERA_FOOTBALL &&
            !settings_tracker_looks(camera->tracker))
            settings_wrong(load, &place, shown,
                           "appearance_model helps a tracker that looks: tracker botsort, "
                           "bytetrack or pitch");
        if (camera->kind != CAMERA_FOOTBALL && camera->homography)
            settings_wrong(load, &place, shown, "homography belongs to kind football");
    }
}

/* Members of `models:` that are no rows of the main table are models. */
static void apply_models(struct settings_load *load, const struct settings_group *main,
                         const struct yaml_node *map)
{
    struct settings *s = load->settings;
    struct settings_place place = {.node = map};
    char shown[80];
    if (map->kind != YAML_MAP || count_children(map) > MODELS_MAX) {
        apply_map(load, main, "models.", map, NULL);
        if (map->kind == YAML_MAP)
            settings_wrong(load, &place, "models", "more than %d", MODELS_MAX);
        return;
    }
    s->models.items = settings_keep(load, calloc(count_children(map) + 1, sizeof *s->models.items));
    if (!s->models.items)
        return;
    for (const struct yaml_node *node = map->child; node; node = node->next) {
        if (apply_member(load, main, "models.", node))
            continue;
        struct settings_model *model = &s->models.items[s->models.count++];
        model->id = settings_keep_text(load, node->key);
        place.node = node;
        snprintf(shown, sizeof shown, "models.%.64s.", node->key);
        struct settings_group group = {settings_model_rows, settings_model_row_count, model, shown,
                                       false};
        apply_entry(load, &group, node, "path");
        snprintf(shown, sizeof shown, "models.%.64s", node->key);
        if (!name_ok(node->key))
            settings_wrong(load, &place, "models", "an id has 1 to 64 bytes and no slash");
        else if (!model->path)
            settings_wrong(load, &place, shown, "path is missing");
    }
}

void settings_apply_file(struct settings_load *load, const struct yaml_node *root)
{
    static const char *const maps[] = {"cameras", "models", NULL};
    struct settings_group main = {settings_rows, settings_row_count, load->settings, "", true};
    for (const struct yaml_node *node = root->child; node; node = node->next) {
        if (strcmp(node->key, "cameras") == 0)
            apply_cameras(load, node);
        else if (strcmp(node->key, "models") == 0)
            apply_models(load, &main, node);
        else if (strcmp(node->key, "alerts") == 0)
            settings_apply_alerts(load, node);
        else if (!apply_member(load, &main, "", node))
            unknown_key(load, &main, "", node, maps);
    }
    settings_check_alerts(load);
}
