/* The part of libcurl that we call, opened at run time. Own declarations: its numbers are a stable
 * ABI, and its headers are not needed to build. Source: curl.se/libcurl/c, libcurl 7.68. */
#ifndef BASE_CURL_H
#define BASE_CURL_H

#include <stdbool.h>
#include <stddef.h>

#include <fovea/status.h>

typedef void curl_easy;
typedef void curl_multi;
struct curl_list;

struct curl_message {
    int kind; /* CURL_MESSAGE_DONE */
    curl_easy *easy;
    union {
        void *any;
        int code;
    } data;
};

struct curl_about { /* its first members */
    int age;
    const char *version;
};

enum {
    CURL_GLOBAL_DEFAULT = 3,
    CURL_MESSAGE_DONE = 1,
    CURL_HTTP_1_1 = 2,
    CURL_PROTOCOL_HTTP = 1,
    CURL_PROTOCOL_HTTPS = 2,
    CURL_INFO_RESPONSE_CODE = 0x200002,
    CURL_INFO_CONTENT_TYPE = 0x100012,
    CURL_INFO_REDIRECT_URL = 0x10001f,
    CURL_INFO_CONTENT_LENGTH = 0x60000f, /* as an off_t, -1 unknown */
    CURL_AUTH_BASIC_OR_DIGEST = 3,
};

/* Why a transfer ended. */
enum {
    CURL_CODE_RESOLVE_PROXY = 5,
    CURL_CODE_RESOLVE = 6,
    CURL_CODE_CONNECT = 7,
    CURL_CODE_PARTIAL = 18,
    CURL_CODE_TIMEOUT = 28,
    CURL_CODE_TLS = 35,
    CURL_CODE_CERTIFICATE = 60,
    CURL_CODE_AUTHORITIES = 77, /* whose file cannot be read */
};

enum {
    CURL_OPTION_LOW_SPEED_LIMIT = 19,
    CURL_OPTION_LOW_SPEED_TIME = 20,
    CURL_OPTION_NOPROGRESS = 43,
    CURL_OPTION_POST = 47,
    CURL_OPTION_FOLLOWLOCATION = 52,
    CURL_OPTION_MAXCONNECTS = 71,
    CURL_OPTION_SSL_VERIFYPEER = 64,
    CURL_OPTION_HTTPGET = 80,
    CURL_OPTION_SSL_VERIFYHOST = 81,
    CURL_OPTION_HTTP_VERSION = 84,
    CURL_OPTION_BUFFERSIZE = 98,
    CURL_OPTION_NOSIGNAL = 99,
    CURL_OPTION_HTTPAUTH = 107,
    CURL_OPTION_TCP_NODELAY = 121,
    CURL_OPTION_TIMEOUT_MS = 155,
    CURL_OPTION_CONNECTTIMEOUT_MS = 156,
    CURL_OPTION_PROTOCOLS = 181,
    CURL_OPTION_TCP_KEEPALIVE = 213,
    CURL_OPTION_UPLOAD_BUFFERSIZE = 280,
    CURL_OPTION_QUICK_EXIT = 322, /* from 7.87 on */
    CURL_OPTION_WRITEDATA = 10001,
    CURL_OPTION_URL = 10002,
    CURL_OPTION_PROXY = 10004,
    CURL_OPTION_RANGE = 10007,
    CURL_OPTION_ERRORBUFFER = 10010,
    CURL_OPTION_POSTFIELDS = 10015,
    CURL_OPTION_USERAGENT = 10018,
    CURL_OPTION_HTTPHEADER = 10023,
    CURL_OPTION_HEADERDATA = 10029,
    CURL_OPTION_CAINFO = 10065,
    CURL_OPTION_RESOLVE = 10203, /* list of "host:port:address" */
    CURL_OPTION_WRITEFUNCTION = 20011,
    CURL_OPTION_HEADERFUNCTION = 20079,
    CURL_OPTION_POSTFIELDSIZE = 30120, /* the one that takes an off_t */
};

#define CURL_NO_PROXY ""         /* CURL_OPTION_PROXY: none, whatever the environment says */
enum { CURL_REASON_SIZE = 256 }; /* of CURL_OPTION_ERRORBUFFER */

// clang-format off
#define CURL_FUNCTIONS(X)                                                                          \
    X(int, global_init, (long))                                                                    \
    X(struct curl_about *, version_info, (int))                                                    \
    X(curl_easy *, easy_init, (void))                                                              \
    X(void, easy_cleanup, (curl_easy *))                                                           \
    X(int, easy_setopt, (curl_easy *, int, ...))                                                   \
    X(int, easy_perform, (curl_easy *))                                                            \
    X(int, easy_getinfo, (curl_easy *, int, ...))                                                  \
    X(const char *, easy_strerror, (int))                                                          \
    X(struct curl_list *, slist_append, (struct curl_list *, const char *))                        \
    X(void, slist_free_all, (struct curl_list *))                                                  \
    X(curl_multi *, multi_init, (void))                                                            \
    X(int, multi_cleanup, (curl_multi *))                                                          \
    X(int, multi_add_handle, (curl_multi *, curl_easy *))                                          \
    X(int, multi_remove_handle, (curl_multi *, curl_easy *))                                       \
    X(int, multi_perform, (curl_multi *, int *))                                                   \
    X(int, multi_poll, (curl_multi *, void *, unsigned, int, int *))                               \
    X(int, multi_wakeup, (curl_multi *))                                                           \
    X(struct curl_message *, multi_info_read, (curl_multi *, int *))
// clang-format on

/* Its functions, set once curl_open has succeeded. */
struct curl_api {
#define CURL_MEMBER(result, name, parameters) result(*name) parameters;
    CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
    const char *library; /* the file that was opened */
};

extern struct curl_api curl;

/* Opens libcurl once. Returns FOV_ERUNTIME with what was looked for and what would mend it.
 * Thread-safe. */
fov_status curl_open(fov_error *error);

struct curl_number {
    int option;
    long value;
};

/* What every transfer of ours is set to: HTTP and HTTPS only, redirects told and not followed, no
 * signals, our name, the authorities of SSL_CERT_FILE; then the `count` numbers of its own.
 * `reason`: CURL_REASON_SIZE bytes that outlive the transfer. False: this libcurl cannot. */
bool curl_set_up(curl_easy *easy, char *reason, const struct curl_number *numbers, size_t count);

/* Who takes header lines and bytes of a reply; returning less than one * count ends it. */
typedef size_t curl_take(char *bytes, size_t one, size_t count, void *user);
bool curl_set_takers(curl_easy *easy, curl_take *header, curl_take *body, void *user);

/* Adds a line to a list, NULL at first. False: no memory, the list is as it was. */
bool curl_list_add(struct curl_list **list, const char *line);

#endif
