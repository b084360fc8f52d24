#include "base/curl.h"

#include <pthread.h>
#include <stdbool.h>

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
