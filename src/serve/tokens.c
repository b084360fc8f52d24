#include "serve/tokens.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/json.h"
#include "base/text.h"
#include "serve/serve.h"

#define STORE_MAX ((size_t)4 << 20)
enum { TOKEN_MIN = 22 };

/* ---- words ------------------------------------------------------------------------------------
 */

unsigned token_role(const char *word)
{
    return strcmp(word, "admin") == 0  ? ROLE_ADMIN
           : strcmp(word, "push") == 0 ? ROLE_PUSH
           : strcmp(word, "view") == 0 ? ROLE_VIEW
                                       : 0;
}

const char *token_role_name(unsigned role)
{
    return role == ROLE_ADMIN ? "admin" : role == ROLE_PUSH ? "push" : "view";
}

bool token_ttl(const char *text, int64_t *seconds)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    char digits[16];
    long long number;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!text_to_int(digits, 1, 315360000, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text + length, units[i].unit) == 0) {
            *seconds = number * units[i].seconds;
            return *seconds <= 315360000;
        }
    return false;
}

static void hash_of(const char *text, uint8_t *hash)
{
    SHA256((const unsigned char *)text, strlen(text), hash);
}

static bool from_hex(const char *text, uint8_t *bytes, size_t count)
{
    if (strlen(text) != 2 * count || strspn(text, "0123456789abcdef") != 2 * count)
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned value;
        if (sscanf(text + 2 * i, "%2x", &value) != 1)
            return false;
        bytes[i] = (uint8_t)value;
    }
    return true;
}

static bool camera_ok(const char *name)
{
    size_t length = strlen(name);
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == '/' || *at == 127)
            return false;
    return length <= 64 && text_is_utf8((const uint8_t *)name, length);
}

/* ---- the folder ---------------------------------------------------------------------------------
 */

static fov_status make_folders(char *path, fov_error *error)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = kept;
        if (!made)
            return fov_fail(error, FOV_EIO, "cannot make the folder %s: %s", path, strerror(errno));
        if (kept == '\0')
            return FOV_OK;
    }
}

fov_status tokens_folder(const char *configured, char *folder, size_t size, fov_error *error)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length;
    if (configured)
        length = snprintf(folder, size, "%s", configured);
    else if (state && state[0] == '/')
        length = snprintf(folder, size, "%s/fovea", state);
    else if (home && home[0] == '/')
        length = snprintf(folder, size, "%s/.local/state/fovea", home);
    else
        return fov_fail(error, FOV_EIO, "no folder for the tokens: set server.state_dir");
    if (length <= 0 || (size_t)length >= size)
        return fov_fail(error, FOV_EIO, "server.state_dir: too long");
    while (length > 1 && folder[length - 1] == '/')
        folder[--length] = '\0';
    return make_folders(folder, error);
}

/* ---- lists --------------------------------------------------------------------------------------
 */

void tokens_free(struct token_list *list)
{
    free(list->items);
    *list = (struct token_list){0};
}

static fov_status push(struct token_list *list, const struct token *token, fov_error *error)
{
    if (list->count == TOKENS_MAX)
        return fov_fail(error, FOV_ELIMIT, "more than %d tokens; revoke some", TOKENS_MAX);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        struct token *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return fov_fail(error, FOV_ENOMEM, "not enough memory for the tokens");
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *token;
    return FOV_OK;
}

const struct token *tokens_find(const struct token_list *list, const char *text, int64_t now_s)
{
    uint8_t hash[TOKEN_HASH_SIZE];
    const struct token *found = NULL;
    hash_of(text, hash);
    for (size_t i = 0; i < list->count; i++) /* no early end: the time tells nothing */
        if (CRYPTO_memcmp(list->items[i].hash, hash, sizeof hash) == 0)
            found = &list->items[i];
    return found && (found->expires_s == 0 || found->expires_s > now_s) ? found : NULL;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static bool read_token(const json_value *item, struct token *token)
{
    const char *text;
    *token = (struct token){0};
    if (!json_get_string(item, "id", &text) || text[0] == '\0')
        return false;
    text_copy(token->id, sizeof token->id, text);
    if (!json_get_string(item, "role", &text) || !(token->role = token_role(text)))
        return false;
    if (!json_get_string(item, "sha256", &text) || !from_hex(text, token->hash, TOKEN_HASH_SIZE))
        return false;
    if (json_get_string(item, "camera", &text))
        text_copy(token->camera, sizeof token->camera, text);
    if (json_get_string(item, "label", &text))
        text_copy(token->label, sizeof token->label, text);
    json_get_int(item, "created", &token->created_s);
    json_get_int(item, "expires", &token->expires_s);
    return true;
}

static fov_status read_store(struct token_list *list, const char *path, const char *text,
                             size_t size, fov_error *error)
{
    fov_status status = FOV_OK;
    json_value *root = json_parse(text, size, STORE_MAX, error);
    const json_value *items = root ? json_get(root, "tokens") : NULL;
    if (!items || !json_is_array(items))
        status = fov_fail(error, FOV_EFORMAT, "%s: not a token store; move it away", path);
    for (size_t i = 0; status == FOV_OK && i < json_count(items); i++) {
        struct token token;
        if (read_token(json_at(items, i), &token))
            status = push(list, &token, error);
        else
            status = fov_fail(error, FOV_EFORMAT, "%s: token %zu is damaged; move the file away",
                              path, i);
    }
    json_free(&root);
    return status;
}

/* Reads all of `fd`; NULL with the reason. */
static char *read_all(int fd, const char *path, size_t *size, fov_error *error)
{
    char *text = malloc(STORE_MAX + 1);
    ssize_t got = 1;
    *size = 0;
    while (text && got > 0 && *size <= STORE_MAX) {
        got = read(fd, text + *size, STORE_MAX + 1 - *size);
        *size += got > 0 ? (size_t)got : 0;
    }
    if (text && got >= 0 && *size <= STORE_MAX) {
        text[*size] = '\0';
        return text;
    }
    fov_fail(error, text ? FOV_EIO : FOV_ENOMEM, "%s: %s", path,
             got < 0 ? strerror(errno) : "too large");
    free(text);
    return NULL;
}

fov_status tokens_load(struct token_list *list, const char *folder, fov_error *error)
{
    char path[512];
    size_t size;
    struct stat about;
    *list = (struct token_list){0};
    snprintf(path, sizeof path, "%s/tokens.json", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return FOV_OK;
    if (fd < 0)
        return fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &about) == 0 && (about.st_mode & 077) && fchmod(fd, 0600) == 0)
        fov_log(FOV_LOG_WARN, "serve", "%s was readable by others; its mode is 0600 now", path);
    char *text = read_all(fd, path, &size, error);
    close(fd);
    if (!text)
        return FOV_EIO;
    fov_status status = read_store(list, path, text, size, error);
    OPENSSL_cleanse(text, size);
    free(text);
    if (status != FOV_OK)
        tokens_free(list);
    return status;
}

/* One line of server.token_file. */
static fov_status read_line(struct token_list *list, char *line, const char *path, int number,
                            fov_error *error)
{
    char *words[4], *rest = NULL;
    int count = 0;
    struct token token = {0};
    for (char *word = strtok_r(line, " \t\r\n", &rest); word && *word != '#' && count < 4;
         word = strtok_r(NULL, " \t\r\n", &rest))
        words[count++] = word;
    if (count == 0)
        return FOV_OK;
    token.role = count > 1 ? token_role(words[0]) : ROLE_ADMIN;
    const char *camera = count == 3 ? words[1] : "";
    if (count > 3 || !token.role || !camera_ok(camera))
        return fov_fail(error, FOV_EFORMAT,
                        "%s:%d: expected `[ROLE [CAMERA]] TOKEN`, ROLE one of "
                        "admin, push, view",
                        path, number);
    if (strlen(words[count - 1]) < TOKEN_MIN)
        return fov_fail(error, FOV_EFORMAT,
                        "%s:%d: a token needs %d random characters or more: "
                        "`openssl rand -hex 32` makes one",
                        path, number, TOKEN_MIN);
    text_copy(token.camera, sizeof token.camera, camera);
    hash_of(words[count - 1], token.hash);
    text_hex(token.id, token.hash, 4);
    text_copy(token.label, sizeof token.label, "token_file");
    return push(list, &token, error);
}

fov_status tokens_load_text(struct token_list *list, const char *path, fov_error *error)
{
    fov_status status = FOV_OK;
    char line[512];
    FILE *from = fopen(path, "re");
    if (!from)
        return fov_fail(error, FOV_EIO, "server.token_file: %s: %s", path, strerror(errno));
    for (int number = 1; status == FOV_OK && fgets(line, sizeof line, from); number++)
        status = read_line(list, line, path, number, error);
    fclose(from);
    OPENSSL_cleanse(line, sizeof line);
    return status;
}

/* ---- changing -----------------------------------------------------------------------------------
 */

static void write_token(struct json_writer *w, const struct token *token)
{
    char hex[2 * TOKEN_HASH_SIZE + 1];
    text_hex(hex, token->hash, TOKEN_HASH_SIZE);
    json_object_begin(w);
    json_add_string(w, "id", token->id);
    json_add_string(w, "role", token_role_name(token->role));
    json_add_string(w, "camera", token->camera);
    json_add_string(w, "sha256", hex);
    json_add_int(w, "created", token->created_s);
    json_add_int(w, "expires", token->expires_s);
    json_add_string(w, "label", token->label);
    json_object_end(w);
}

/* What root makes in the folder of another user (`sudo fovea token create` beside a service)
 * belongs to that user, who could not read it else. */
static void give_to_owner(int fd, const char *folder)
{
    struct stat owner, file;
    if (geteuid() != 0 || fstat(fd, &file) != 0 || stat(folder, &owner) != 0)
        return;
    if (file.st_nlink == 1 && file.st_uid != owner.st_uid &&
        fchown(fd, owner.st_uid, owner.st_gid) != 0)
        fov_log(FOV_LOG_WARN, "serve", "the owner of %s cannot read its tokens: %s", folder,
                strerror(errno));
}

/* Writes a new file beside the old one and renames: a reader sees either, whole. */
static fov_status save(const struct token_list *list, const char *folder, fov_error *error)
{
    char path[512], fresh[520];
    struct json_writer w = {0};
    snprintf(path, sizeof path, "%s/tokens.json", folder);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    json_object_begin(&w);
    json_name(&w, "tokens");
    json_array_begin(&w);
    for (size_t i = 0; i < list->count; i++)
        write_token(&w, &list->items[i]);
    json_array_end(&w);
    json_object_end(&w);
    unlink(fresh); /* of one that was cut off */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        give_to_owner(fd, folder);
    bool ok = fd >= 0 && !w.failed && write(fd, w.text, w.size) == (ssize_t)w.size &&
              fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    json_release(&w);
    if (ok && rename(fresh, path) == 0)
        return FOV_OK;
    unlink(fresh);
    return fov_fail(error, FOV_EIO, "%s cannot be written: %s", path,
                    strerror(ok ? errno : reason));
}

/* Takes the lock that serialises changes; -1 with the reason. */
static int lock_store(const char *folder, fov_error *error)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tokens.lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        give_to_owner(fd, folder);
    if (fd >= 0 && flock(fd, LOCK_EX) == 0)
        return fd;
    fov_fail(error, FOV_EIO, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static void drop_expired(struct token_list *list)
{
    int64_t now = time(NULL);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].expires_s == 0 || list->items[i].expires_s > now)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* 32 random bytes as base64url behind the prefix. */
static bool random_text(char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[33] = {0};
    if (RAND_bytes(bytes, 32) != 1)
        return false;
    size_t used = text_copy(text, TOKEN_TEXT_MAX, TOKEN_PREFIX);
    for (size_t i = 0; i < 33; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            text[used++] = digits[group >> shift & 63];
    }
    text[used - 1] = '\0'; /* the last digit stands for padding */
    OPENSSL_cleanse(bytes, sizeof bytes);
    return true;
}

fov_status tokens_create(const char *folder, unsigned role, const char *camera, int64_t ttl_s,
                         const char *label, struct token *made, char *text, fov_error *error)
{
    struct token_list list;
    uint8_t id[4];
    if (!camera_ok(camera))
        return fov_fail(error, FOV_EINVAL,
                        "a camera's name has at most 64 bytes, no blanks and no slash");
    if (!random_text(text) || RAND_bytes(id, sizeof id) != 1)
        return fov_fail(error, FOV_EIO, "no random numbers");
    *made = (struct token){.role = role, .created_s = time(NULL)};
    made->expires_s = ttl_s > 0 ? made->created_s + ttl_s : 0;
    text_hex(made->id, id, sizeof id);
    text_copy(made->camera, sizeof made->camera, camera);
    text_copy(made->label, sizeof made->label, label);
    hash_of(text, made->hash);
    int lock = lock_store(folder, error);
    if (lock < 0)
        return FOV_EIO;
    fov_status status = tokens_load(&list, folder, error);
    if (status == FOV_OK) {
        drop_expired(&list);
        status = push(&list, made, error);
    }
    if (status == FOV_OK)
        status = save(&list, folder, error);
    tokens_free(&list);
    close(lock);
    return status;
}

fov_status tokens_revoke(const char *folder, const char *id_or_text, fov_error *error)
{
    struct token_list list;
    uint8_t hash[TOKEN_HASH_SIZE];
    size_t kept = 0;
    int lock = lock_store(folder, error);
    if (lock < 0)
        return FOV_EIO;
    fov_status status = tokens_load(&list, folder, error);
    hash_of(id_or_text, hash);
    for (size_t i = 0; status == FOV_OK && i < list.count; i++)
        if (strcmp(list.items[i].id, id_or_text) != 0 &&
            memcmp(list.items[i].hash, hash, sizeof hash) != 0)
            list.items[kept++] = list.items[i];
    if (status == FOV_OK && kept == list.count)
        status = fov_fail(error, FOV_ENOTFOUND, "no such token; `fovea token list` shows the ids");
    else if (status == FOV_OK) {
        list.count = kept;
        status = save(&list, folder, error);
    }
    tokens_free(&list);
    close(lock);
    return status;
}
