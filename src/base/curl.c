#include "base/curl.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/dynlib.h"

struct curl_api curl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static fov_status open_library(fov_error *error)
{
    static const struct dynlib_symbol symbols[] = {
#define CURL_SYMBOL(result, name, parameters) {"curl_" #name, (void **)&curl.name, 0},
        CURL_FUNCTIONS(CURL_SYMBOL)
#undef CURL_SYMBOL
            {NULL, NULL, 0}};
    static const char *const paths[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
    fov_error reason;
    if (dynlib_open(paths, symbols, &curl.library, &reason) != FOV_OK)
        return fov_fail(error, FOV_ERUNTIME,
                        "libcurl 7.68 or newer is not here: apt install libcurl4 "
                        "(libcurl.so.4, libcurl-gnutls.so.4: %.100s)",
                        reason.message);
    if (curl.global_init(CURL_GLOBAL_DEFAULT) != 0)
        return fov_fail(error, FOV_ERUNTIME, "%s cannot start", curl.library);
    return FOV_OK;
}

fov_status curl_open(fov_error *error)
{
    static bool is_open;
    fov_status status = FOV_OK;
    pthread_mutex_lock(&lock);
    if (!is_open)
        status = open_library(error);
    is_open = is_open || status == FOV_OK;
    pthread_mutex_unlock(&lock);
    return status;
}

static int set_numbers(curl_easy *easy, const struct curl_number *numbers, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed |= curl.easy_setopt(easy, numbers[i].option, numbers[i].value);
    return failed;
}

bool curl_set_up(curl_easy *easy, char *reason, const struct curl_number *numbers, size_t count)
{
    static const struct curl_number safe[] = {
        {CURL_OPTION_NOSIGNAL, 1},
        {CURL_OPTION_FOLLOWLOCATION, 0}, /* each address is looked at first */
        {CURL_OPTION_PROTOCOLS, CURL_PROTOCOL_HTTP | CURL_PROTOCOL_HTTPS}};
    const char *authorities = getenv("SSL_CERT_FILE");
    int failed = set_numbers(easy, safe, sizeof safe / sizeof *safe);
    failed |= set_numbers(easy, numbers, count);
    failed |= curl.easy_setopt(easy, CURL_OPTION_USERAGENT, "fovea/" FOVEA_VERSION);
    failed |= curl.easy_setopt(easy, CURL_OPTION_ERRORBUFFER, reason);
    if (authorities && *authorities)
        failed |= curl.easy_setopt(easy, CURL_OPTION_CAINFO, authorities);
    return !failed;
}

bool curl_set_takers(curl_easy *easy, curl_take *header, curl_take *body, void *user)
{
    int failed = curl.easy_setopt(easy, CURL_OPTION_HEADERFUNCTION, header);
    failed |= curl.easy_setopt(easy, CURL_OPTION_HEADERDATA, user);
    failed |= curl.easy_setopt(easy, CURL_OPTION_WRITEFUNCTION, body);
    failed |= curl.easy_setopt(easy, CURL_OPTION_WRITEDATA, user);
    return !failed;
}

bool curl_list_add(struct curl_list **list, const char *line)
{
    struct curl_list *longer = curl.slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}
