#include "serve/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "registry_json.h" /* models/registry.json as REGISTRY_JSON */

enum { TEXT_MAX = 1 << 20, LINE_MAX = 500, NAME_SIZE = 64, FILE_SIZE = 100 };
#define BYTES_MAX ((int64_t)4 << 30)

/* What a member has to be. */
enum kind { TEXT, NAME, FILE_NAME, URL, SUM, BYTES, SWITCH, MADE, LOAD };

struct member {
    const char *key;
    enum kind kind;
    bool required;
    size_t at; /* in registry_model or registry_file */
};

static const struct member of_model[] = {
    {"name", NAME, true, offsetof(struct registry_model, name)},
    {"title", TEXT, true, offsetof(struct registry_model, title)},
    {"origin", TEXT, false, offsetof(struct registry_model, origin)},
    {"licence", TEXT, false, offsetof(struct registry_model, licence)},
    {"licence_url", TEXT, false, offsetof(struct registry_model, licence_url)},
    {"task", TEXT, false, offsetof(struct registry_model, task)},
    {"head", TEXT, false, offsetof(struct registry_model, head)},
    {"input", TEXT, false, offsetof(struct registry_model, input)},
    {"labels", TEXT, false, offsetof(struct registry_model, labels)},
    {"note", TEXT, false, offsetof(struct registry_model, note)},
    {"source_file", TEXT, false, SIZE_MAX},
    {"sha256", SUM, false, offsetof(struct registry_model, sha256)},
    {"default", SWITCH, false, offsetof(struct registry_model, is_default)},
    {"files", MADE, false, 0},
    {"downloads", LOAD, false, 0},
    {0}};

static const struct member of_file[] = {
    {"file", FILE_NAME, true, offsetof(struct registry_file, file)},
    {"url", URL, true, offsetof(struct registry_file, url)},
    {"bytes", BYTES, true, offsetof(struct registry_file, bytes)},
    {"sha256", SUM, true, offsetof(struct registry_file, sha256)},
    {0}};

/* Where in the registry we are, for errors. */
struct place {
    const char *source, *entry;
    int number, file; /* from 0; file -1: the entry itself */
};

static fov_status refuse(const struct place *place, const char *key, const char *what,
                         fov_error *error)
{
    char where[160], part[40] = "";
    if (place->file >= 0)
        snprintf(part, sizeof part, "downloads[%d].", place->file);
    if (place->entry)
        snprintf(where, sizeof where, "model \"%.64s\"", place->entry);
    else
        snprintf(where, sizeof where, "models[%d]", place->number);
    return fov_fail(error, FOV_EFORMAT, "%.100s: %s: %s%.40s %s", place->source, where, part, key,
                    what);
}

/* ---- what values may be ---- */

static bool is_line(const char *text, size_t most)
{
    size_t size = strlen(text);
    if (!size || size > most || !text_is_utf8((const uint8_t *)text, size))
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

static bool is_word(const char *text, size_t most)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(text);
    return size > 0 && size <= most && text[0] != '.' && text[0] != '-' &&
           strspn(text, allowed) == size;
}

static bool is_sum(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

bool registry_url_fits(const char *url, size_t most)
{
    static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};
    bool safe = strncmp(url, "https://", 8) == 0;
    if (!is_line(url, most) || strpbrk(url, " \\\"<>") ||
        (!safe && strncmp(url, "http://", 7) != 0))
        return false;
    const char *host = url + (safe ? 8 : 7);
    size_t size = strcspn(host, "/?#");
    if (!size || memchr(host, '@', size))
        return false;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        size_t n = strlen(here[i]);
        if (!safe && size >= n && !strncmp(host, here[i], n) && (size == n || host[n] == ':'))
            return true;
    }
    return safe;
}

static const char *wrong_text(enum kind kind, const char *text)
{
    if (kind == NAME)
        return is_word(text, NAME_SIZE) ? NULL : "must be 1 to 64 letters, digits, '.', '_' or '-'";
    if (kind == FILE_NAME)
        return is_word(text, FILE_SIZE) ? NULL : "must be a file's name without a path";
    if (kind == SUM)
        return is_sum(text) ? NULL : "must be 64 hexadecimal digits in lower case";
    if (kind == URL)
        return registry_url_fits(text, LINE_MAX) ? NULL
                                                 : "must be an https:// address without a password";
    return is_line(text, LINE_MAX) ? NULL : "must be 1 to 500 characters on one line";
}

/* ---- reading ---- */

static fov_status read_made(struct registry_model *m, const json_value *list,
                            const struct place *place, fov_error *error)
{
    if (!json_is_array(list) || json_count(list) > REGISTRY_FILES)
        return refuse(place, "files", "must be a list of at most 8", error);
    for (size_t i = 0; i < json_count(list); i++) {
        const char *path;
        if (!json_string(json_at(list, i), &path) || !is_line(path, LINE_MAX) || path[0] == '/' ||
            strstr(path, ".."))
            return refuse(place, "files", "must be paths below .deps/models", error);
        m->made[m->made_count++] = path;
    }
    return FOV_OK;
}

static fov_status read_load(struct registry_model *m, const json_value *list,
                            const struct place *place, fov_error *error);

static fov_status read_value(char *into, const struct member *member, const json_value *value,
                             const json_value *object, const struct place *place, fov_error *error)
{
    const char *text, *wrong;
    if (member->kind == SWITCH)
        return json_get_bool(object, member->key, (bool *)(void *)(into + member->at))
                   ? FOV_OK
                   : refuse(place, member->key, "must be true or false", error);
    if (member->kind == BYTES) {
        int64_t *bytes = (int64_t *)(void *)(into + member->at);
        bool good = json_get_int(object, member->key, bytes) && *bytes >= 1 && *bytes <= BYTES_MAX;
        return good ? FOV_OK
                    : refuse(place, member->key, "must be a whole number up to 4 GiB", error);
    }
    if (!json_string(value, &text))
        return refuse(place, member->key, "must be a text", error);
    wrong = wrong_text(member->kind, text);
    if (wrong)
        return refuse(place, member->key, wrong, error);
    if (member->at != SIZE_MAX)
        memcpy(into + member->at, &text, sizeof text);
    return FOV_OK;
}

static const struct member *member_named(const struct member *members, const char *key)
{
    for (; members->key; members++)
        if (strcmp(members->key, key) == 0)
            return members;
    return NULL;
}

static fov_status refuse_key(const struct member *members, const char *key,
                             const struct place *place, fov_error *error)
{
    const char *keys[20], *near;
    char what[100] = "is not known";
    size_t count = 0;
    for (; members->key && count < sizeof keys / sizeof *keys; members++)
        keys[count++] = members->key;
    near = text_nearest(key, keys, count);
    if (near)
        snprintf(what, sizeof what, "is not known, did you mean %s?", near);
    return refuse(place, key, what, error);
}

/* One object after the table of what may be in it. */
static fov_status read_object(void *into, const struct member *members, const json_value *object,
                              const struct place *place, fov_error *error)
{
    fov_status status = FOV_OK;
    if (!json_is_object(object))
        return refuse(place, "it", "must be an object", error);
    for (const struct member *m = members; m->key; m++)
        if (m->required && !json_has(object, m->key))
            return refuse(place, m->key, "is missing", error);
    for (size_t i = 0; !status && i < json_count(object); i++) {
        const json_value *value = json_at(object, i);
        const struct member *m = member_named(members, json_key(value));
        if (!m)
            status = refuse_key(members, json_key(value), place, error);
        else if (m->kind == MADE)
            status = read_made(into, value, place, error);
        else if (m->kind == LOAD)
            status = read_load(into, value, place, error);
        else
            status = read_value(into, m, value, object, place, error);
    }
    return status;
}

static fov_status read_load(struct registry_model *m, const json_value *list,
                            const struct place *place, fov_error *error)
{
    fov_status status = FOV_OK;
    if (!json_is_array(list) || json_count(list) < 1 || json_count(list) > REGISTRY_FILES)
        return refuse(place, "downloads", "must be a list of 1 to 8 files", error);
    for (size_t i = 0; !status && i < json_count(list); i++) {
        struct place inner = *place;
        inner.file = (int)i;
        status = read_object(&m->load[i], of_file, json_at(list, i), &inner, error);
        for (size_t k = 0; !status && k < i; k++)
            if (strcmp(m->load[k].file, m->load[i].file) == 0)
                status = refuse(&inner, "file", "is there twice", error);
        m->load_count++;
    }
    return status;
}

static fov_status read_model(struct registry *r, const json_value *entry, struct place *place,
                             fov_error *error)
{
    struct registry_model *m = &r->models[r->count];
    *m = (struct registry_model){.name = "",
                                 .title = "",
                                 .origin = "",
                                 .task = "",
                                 .head = "",
                                 .input = "",
                                 .labels = "",
                                 .note = "",
                                 .licence = "",
                                 .licence_url = "",
                                 .sha256 = ""};
    json_get_string(entry, "name", &place->entry);
    fov_status status = read_object(m, of_model, entry, place, error);
    if (!status && registry_find(r, m->name))
        status = refuse(place, "name", "is there twice", error);
    if (!status)
        r->count++;
    return status;
}

static fov_status read_models(struct registry *r, const char *source, fov_error *error)
{
    const json_value *list = json_get(r->root, "models");
    int64_t version = 0;
    size_t count = json_count(list);
    fov_status status = FOV_OK;
    if (!json_get_int(r->root, "version", &version) || version != 1 || !json_is_array(list) ||
        json_count(r->root) != 2)
        return fov_fail(error, FOV_EFORMAT, "%.100s: must be {\"version\": 1, \"models\": [...]}",
                        source);
    if (count > REGISTRY_MODELS)
        return fov_fail(error, FOV_EFORMAT, "%.100s: more than %d models", source, REGISTRY_MODELS);
    r->models = calloc(count + 1, sizeof *r->models);
    if (!r->models)
        return fov_fail(error, FOV_ENOMEM, "no memory for the registry");
    for (size_t i = 0; !status && i < count; i++) {
        struct place place = {.source = source, .number = (int)i, .file = -1};
        status = read_model(r, json_at(list, i), &place, error);
    }
    return status;
}

fov_status registry_parse(struct registry *registry, const char *text, size_t size,
                          const char *source, fov_error *error)
{
    fov_error why = {0};
    *registry = (struct registry){.root = json_parse(text, size, TEXT_MAX, &why)};
    fov_status status = registry->root
                            ? read_models(registry, source, error)
                            : fov_fail(error, FOV_EFORMAT, "%.100s: %s", source, why.message);
    if (status)
        registry_close(registry);
    return status;
}

/* A file as it lies in memory, NULL when it cannot be read or is empty or larger than `most`. */
static void *map_file(const char *path, int64_t most, int64_t *size)
{
    struct stat about;
    void *bytes = MAP_FAILED;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *size = 0;
    if (file >= 0 && fstat(file, &about) == 0) {
        *size = about.st_size;
        if (!S_ISREG(about.st_mode))
            errno = EINVAL;
        else if (about.st_size > most)
            errno = EFBIG;
        else
            bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    int why = errno;
    if (file >= 0)
        close(file);
    errno = why;
    return bytes == MAP_FAILED ? NULL : bytes;
}

fov_status registry_open(struct registry *registry, fov_error *error)
{
    const char *path = getenv("FOVEA_REGISTRY");
    int64_t size;
    *registry = (struct registry){0};
    if (!path || !*path)
        return registry_parse(registry, REGISTRY_JSON, strlen(REGISTRY_JSON),
                              "models/registry.json", error);
    char *text = map_file(path, TEXT_MAX, &size);
    if (!text)
        return fov_fail(error, FOV_ENOTFOUND, "FOVEA_REGISTRY: %.120s: %s", path, strerror(errno));
    fov_status status = registry_parse(registry, text, (size_t)size, path, error);
    munmap(text, (size_t)size);
    return status;
}

void registry_close(struct registry *registry)
{
    json_value *root = registry->root;
    json_free(&root);
    free(registry->models);
    *registry = (struct registry){0};
}

/* ---- asking ---- */

const struct registry_model *registry_find(const struct registry *registry, const char *name)
{
    for (int i = 0; i < registry->count; i++)
        if (strcmp(registry->models[i].name, name) == 0)
            return &registry->models[i];
    return NULL;
}

bool registry_sum(const char *path, int64_t most, char sum[65], int64_t *bytes)
{
    void *mapped = map_file(path, most, bytes);
    if (!mapped)
        return false;
    sha256_text(mapped, (size_t)*bytes, sum);
    munmap(mapped, (size_t)*bytes);
    return true;
}

/* Only a file of the right size is summed. */
const struct registry_model *registry_find_file(const struct registry *registry, const char *path)
{
    struct stat about;
    char sum[65] = "";
    int64_t bytes;
    if (stat(path, &about) != 0)
        return NULL;
    for (int i = 0; i < registry->count; i++)
        for (int k = 0; k < registry->models[i].load_count; k++) {
            const struct registry_file *file = &registry->models[i].load[k];
            if (file->bytes != about.st_size)
                continue;
            if (!sum[0] && !registry_sum(path, BYTES_MAX, sum, &bytes))
                return NULL;
            if (strcmp(file->sha256, sum) == 0)
                return &registry->models[i];
        }
    return NULL;
}

bool registry_is_permissive(const char *licence)
{
    static const char *const known[] = {"Apache-2.0", "MIT",  "BSD-2-Clause", "BSD-3-Clause",
                                        "ISC",        "Zlib", "BSL-1.0",      "CC-BY-4.0",
                                        "CC0-1.0",    "0BSD", "Unlicense"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], licence) == 0)
            return true;
    return false;
}

bool registry_offers(const char *name)
{
    struct registry registry;
    if (registry_open(&registry, NULL) != FOV_OK)
        return false;
    const struct registry_model *m = registry_find(&registry, name);
    bool offered = m && m->load_count > 0;
    registry_close(&registry);
    return offered;
}
