#include "download.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/curl.h"
#include "base/text.h"

enum {
    REDIRECTS = 5,
    CONNECT_MS = 15000,
    SLOW_BYTES = 100, /* a second, for SLOW_SECONDS: given up */
    SLOW_SECONDS = 30,
    HEADERS_MAX = 64 * 1024,
    URL_MAX = 4096,
    WORDS_MAX = 1 << 20,
};

struct transfer {
    struct download *d;
    curl_easy *easy;
    int part; /* FILE.part, at its end */
    int64_t at, begun_at, start_ns, shown_ns;
    size_t headers, ignored;
    long code;           /* of HTTP, of the reply that is coming */
    int no_room;         /* errno of a failed write */
    const char *refused; /* why we ended it */
    char path[sizeof((struct download *)0)->path + 8], reason[CURL_REASON_SIZE];
};

/* ---- progress ---- */

static void show_bar(struct transfer *t)
{
    int64_t now = clock_now_ns(), total = t->d->file->bytes;
    double seconds = (double)(now - t->start_ns) / 1e9;
    double speed = seconds > 0 ? (double)(t->at - t->begun_at) / seconds : 0;
    if (t->d->quiet || !isatty(2) || (now - t->shown_ns < NS_PER_S / 10 && t->at < total))
        return;
    t->shown_ns = now;
    int done = (int)(30 * t->at / total);
    fprintf(stderr, "\r%s [%.*s%.*s] %3d %%, %.1f MB/s", t->d->file->file, done,
            "==============================", 30 - done, "                              ",
            (int)(100 * t->at / total), speed / 1e6);
    if (speed > 0)
        fprintf(stderr, ", %.0f s left ", (double)(total - t->at) / speed);
    fputs("\033[K", stderr);
}

static void end_bar(const struct transfer *t)
{
    if (!t->d->quiet && isatty(2) && t->shown_ns)
        fputc('\n', stderr);
}

/* ---- what comes ---- */

static size_t refuse(struct transfer *t, const char *why)
{
    t->refused = why;
    return 0;
}

static size_t take_header(char *line, size_t one, size_t count, void *user)
{
    struct transfer *t = user;
    (void)line;
    t->headers += one * count;
    return t->headers > HEADERS_MAX ? refuse(t, "more than 64 KiB of headers") : one * count;
}

/* The first bytes of a reply: 206 goes on where we are, 200 begins anew. */
static bool begin_body(struct transfer *t)
{
    if (t->code)
        return true;
    curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &t->code);
    if (t->code == 200 && t->at > 0) {
        if (ftruncate(t->part, 0) != 0 || lseek(t->part, 0, SEEK_SET) != 0)
            return refuse(t, "a whole file, and the part that was there cannot be replaced");
        t->at = t->begun_at = t->d->resumed = 0;
    }
    return true;
}

static size_t take_body(char *bytes, size_t one, size_t count, void *user)
{
    struct transfer *t = user;
    size_t size = one * count, done = 0;
    if (!begin_body(t))
        return 0;
    if (t->code != 200 && t->code != 206) /* words about an error */
        return (t->ignored += size) > WORDS_MAX ? refuse(t, "an error without end") : size;
    if ((int64_t)size > t->d->file->bytes - t->at)
        return refuse(t, "more bytes than the registry says");
    while (done < size) {
        ssize_t wrote = write(t->part, bytes + done, size - done);
        if (wrote < 0 && errno != EINTR) {
            t->no_room = errno;
            return 0;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    t->at += (int64_t)size;
    show_bar(t);
    return size;
}

/* ---- files ---- */

static bool make_folders(const char *folder)
{
    char part[sizeof((struct download *)0)->path];
    text_copy(part, sizeof part, folder);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, 0755) != 0 && errno != EEXIST)
                return false;
            *p = '/';
        }
    return mkdir(part, 0755) == 0 || errno == EEXIST;
}

static fov_status fail_room(const struct transfer *t, int64_t missing, fov_error *error)
{
    return fov_fail(error, FOV_ELIMIT,
                    "no room in %.90s: %.1f MB more are needed; free some, or name another folder "
                    "with FOVEA_MODELS_DIR",
                    t->d->folder, (double)missing / 1e6);
}

static fov_status check_room(const struct transfer *t, fov_error *error)
{
    struct statvfs disk;
    int64_t missing = t->d->file->bytes - t->at;
    if (fstatvfs(t->part, &disk) != 0 || (int64_t)(disk.f_bavail * disk.f_frsize) >= missing)
        return FOV_OK;
    return fail_room(t, missing, error);
}

static fov_status open_part(struct transfer *t, fov_error *error)
{
    struct stat about, named;
    if (!make_folders(t->d->folder))
        return fov_fail(error, FOV_ELIMIT, "%.120s: %s; name another folder with FOVEA_MODELS_DIR",
                        t->d->folder, strerror(errno));
    t->part = open(t->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (t->part < 0 || fstat(t->part, &about) != 0 || !S_ISREG(about.st_mode))
        return fov_fail(error, FOV_ELIMIT, "%.120s cannot be written: %s", t->path,
                        t->part < 0 ? strerror(errno) : "not a file");
    if (flock(t->part, LOCK_EX | LOCK_NB) != 0 || fstat(t->part, &about) != 0 ||
        lstat(t->path, &named) != 0 || named.st_ino != about.st_ino) /* renamed by then */
        return fov_fail(error, FOV_EBUSY, "another fovea is fetching %.100s", t->d->file->file);
    if (about.st_size > t->d->file->bytes && ftruncate(t->part, 0) == 0)
        about.st_size = 0;
    t->at = t->begun_at = t->d->resumed = about.st_size;
    lseek(t->part, about.st_size, SEEK_SET);
    return check_room(t, error);
}

/* The file is whole: is it the right one? */
static fov_status keep(struct transfer *t, fov_error *error)
{
    struct download *d = t->d;
    char sum[65];
    int64_t bytes;
    if (fsync(t->part) != 0)
        return fail_room(t, d->file->bytes, error);
    if (!registry_sum(t->path, d->file->bytes, sum, &bytes) || bytes != d->file->bytes ||
        strcmp(sum, d->file->sha256) != 0) {
        unlink(t->path);
        return fov_fail(error, FOV_EFORMAT,
                        "%.90s: the bytes that came are not the registry's (another SHA-256), so "
                        "they are deleted; try again, and do not use a copy from there if it stays",
                        d->file->file);
    }
    if (rename(t->path, d->path) != 0)
        return fov_fail(error, FOV_ELIMIT, "%.120s cannot be written: %s", d->path,
                        strerror(errno));
    return FOV_OK;
}

/* FOV_EAGAIN: it is not here yet. */
static fov_status look_here(struct download *d, fov_error *error)
{
    char sum[65];
    int64_t bytes;
    struct stat about;
    if (lstat(d->path, &about) != 0)
        return FOV_EAGAIN;
    d->was_here = registry_sum(d->path, d->file->bytes, sum, &bytes) && bytes == d->file->bytes &&
                  strcmp(sum, d->file->sha256) == 0;
    return d->was_here ? FOV_OK
                       : fov_fail(error, FOV_EEXISTS,
                                  "%.140s is another file than the registry's; move it away first",
                                  d->path);
}

/* ---- the network ---- */

static bool set_options(struct transfer *t)
{
    static const struct curl_number numbers[] = {{CURL_OPTION_HTTPGET, 1},
                                                 {CURL_OPTION_CONNECTTIMEOUT_MS, CONNECT_MS},
                                                 {CURL_OPTION_LOW_SPEED_LIMIT, SLOW_BYTES},
                                                 {CURL_OPTION_LOW_SPEED_TIME, SLOW_SECONDS}};
    return curl_set_up(t->easy, t->reason, numbers, sizeof numbers / sizeof *numbers) &&
           curl_set_takers(t->easy, take_header, take_body, t);
}

/* One request; *code is libcurl's. */
static bool ask(struct transfer *t, const char *url, int *code)
{
    char range[32];
    int failed = curl.easy_setopt(t->easy, CURL_OPTION_URL, url);
    snprintf(range, sizeof range, "%lld-", (long long)t->at);
    failed |= curl.easy_setopt(t->easy, CURL_OPTION_RANGE, t->at > 0 ? range : NULL);
    if (strncmp(url, "http://", 7) == 0) /* this machine: no proxy is between */
        failed |= curl.easy_setopt(t->easy, CURL_OPTION_PROXY, CURL_NO_PROXY);
    t->code = 0;
    t->headers = t->ignored = 0;
    t->reason[0] = '\0';
    if (failed)
        return false;
    *code = curl.easy_perform(t->easy);
    curl.easy_getinfo(t->easy, CURL_INFO_RESPONSE_CODE, &t->code);
    return true;
}

static fov_status fail_network(const struct transfer *t, int code, fov_error *error)
{
    const char *why = t->reason[0] ? t->reason : curl.easy_strerror(code);
    const char *name = t->d->file->file;
    if (t->no_room == ENOSPC || t->no_room == EDQUOT || t->no_room == EFBIG)
        return fail_room(t, t->d->file->bytes - t->at, error);
    if (t->no_room)
        return fov_fail(error, FOV_ELIMIT, "%.100s cannot be written: %s", t->path,
                        strerror(t->no_room));
    if (t->refused)
        return fov_fail(error, FOV_EFORMAT, "%.80s: the server sends %s", name, t->refused);
    if (code == CURL_CODE_RESOLVE || code == CURL_CODE_RESOLVE_PROXY || code == CURL_CODE_CONNECT ||
        code == CURL_CODE_TLS)
        return fov_fail(error, FOV_EIO,
                        "%.60s: no connection (%.80s); check the network, or the proxy in "
                        "https_proxy",
                        name, why);
    if (code == CURL_CODE_CERTIFICATE || code == CURL_CODE_AUTHORITIES)
        return fov_fail(error, FOV_EIO,
                        "%.60s: the server's certificate is not trusted (%.80s); apt install "
                        "ca-certificates",
                        name, why);
    return fov_fail(error, FOV_EIO,
                    "%.60s: broken off after %.1f of %.1f MB (%.60s); the same command goes on "
                    "from there",
                    name, (double)t->at / 1e6, (double)t->d->file->bytes / 1e6, why);
}

static fov_status fail_code(const struct transfer *t, fov_error *error)
{
    const char *name = t->d->file->file;
    if (t->code == 404 || t->code == 410)
        return fov_fail(error, FOV_EIO,
                        "%.60s is no longer at %.90s (%ld); a newer fovea may know where it went",
                        name, t->d->file->url, t->code);
    return fov_fail(error, FOV_EIO, "%.60s: the server answers %ld; try again later", name,
                    t->code);
}

/* The next address of a redirect: the scheme stays, and the rules of the first one hold. */
static fov_status follow(const struct transfer *t, char url[URL_MAX], fov_error *error)
{
    char *next = NULL, shown[100];
    curl.easy_getinfo(t->easy, CURL_INFO_REDIRECT_URL, &next);
    bool good = next && registry_url_fits(next, URL_MAX - 1) &&
                strncmp(next, url, strcspn(url, ":") + 1) == 0;
    text_copy(shown, sizeof shown, next ? next : "none");
    text_flatten(shown);
    if (!good)
        return fov_fail(error, FOV_EDENIED,
                        "%.60s: the server sends us on to an address that is not followed: %.80s",
                        t->d->file->file, shown);
    text_copy(url, URL_MAX, next);
    return FOV_OK;
}

/* Fetches what is missing. */
static fov_status fetch(struct transfer *t, fov_error *error)
{
    char url[URL_MAX];
    int code = 0;
    text_copy(url, sizeof url, t->d->file->url);
    for (int hops = 0; hops <= REDIRECTS; hops++) {
        if (!ask(t, url, &code))
            return fov_fail(error, FOV_ERUNTIME, "%s cannot download", curl.library);
        if (!code && t->code >= 300 && t->code < 400 && t->code != 304) {
            fov_status status = follow(t, url, error);
            if (status)
                return status;
            continue;
        }
        if (!code && t->code == 416 && t->at > 0 && ftruncate(t->part, 0) == 0) {
            t->at = t->begun_at = t->d->resumed = lseek(t->part, 0, SEEK_SET); /* anew */
            continue;
        }
        if (code)
            return fail_network(t, code, error);
        if (t->code != 200 && t->code != 206)
            return fail_code(t, error);
        return t->at == t->d->file->bytes ? FOV_OK : fail_network(t, CURL_CODE_PARTIAL, error);
    }
    return fov_fail(error, FOV_EIO, "%.60s: the server sends us on more than %d times",
                    t->d->file->file, REDIRECTS);
}

static fov_status fetch_part(struct transfer *t, fov_error *error)
{
    fov_status status = curl_open(error);
    if (status)
        return status;
    signal(SIGPIPE, SIG_IGN);
    t->easy = curl.easy_init();
    t->start_ns = clock_now_ns();
    status = t->easy && set_options(t)
                 ? fetch(t, error)
                 : fov_fail(error, FOV_ERUNTIME, "%s cannot download", curl.library);
    end_bar(t);
    if (t->easy)
        curl.easy_cleanup(t->easy);
    return status;
}

fov_status download_run(struct download *d, fov_error *error)
{
    struct transfer t = {.d = d, .part = -1};
    d->resumed = 0;
    d->was_here = false;
    if (snprintf(d->path, sizeof d->path, "%s/%s", d->folder, d->file->file) >= (int)sizeof d->path)
        return fov_fail(error, FOV_EINVAL, "the folder's name is too long");
    snprintf(t.path, sizeof t.path, "%s.part", d->path);
    fov_status status = look_here(d, error);
    if (status != FOV_EAGAIN)
        return status;
    status = open_part(&t, error);
    if (!status && t.at < d->file->bytes)
        status = fetch_part(&t, error);
    if (!status)
        status = keep(&t, error);
    if (status && t.part >= 0 && t.at == 0 && status != FOV_EBUSY)
        unlink(t.path); /* nothing to go on from */
    if (t.part >= 0)
        close(t.part);
    return status;
}
