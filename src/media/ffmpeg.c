/* Finds and opens the FFmpeg module. */
#include <pthread.h>
#include <stdio.h>
#include <limits.h>

#include "base/dynlib.h"
#include "media/ffmpeg_api.h"

#define MODULE "libfovea-ffmpeg.so"
#define PLACES 6

static const struct ffmpeg_api *api;
static fov_error failure;

/* Beside this library or program, in the build tree (tests are two folders down), installed. */
static void open_module(void)
{
    static const char *const places[PLACES] = {
        "", "/src/media", "/../src/media", "/../../src/media", "/fovea", "/../lib/fovea"};
    char here[PATH_MAX], text[PLACES][PATH_MAX + 64];
    const char *paths[PLACES + 1] = {0};
    void *entry = NULL;
    struct dynlib_symbol symbols[] = {{"fovea_ffmpeg_api", &entry, 0}, {NULL, NULL, 0}};
    dynlib_folder_of((const void *)(size_t)&ffmpeg_api_get, here, sizeof here);
    for (int i = 0; i < PLACES; i++) {
        snprintf(text[i], sizeof text[i], "%s%s/%s", here, places[i], MODULE);
        paths[i] = text[i];
    }
    fov_error why = {0};
    if (dynlib_open(paths, symbols, NULL, &why) ||
        ((const struct ffmpeg_api *)entry)->abi != FFMPEG_API_ABI) {
        fov_fail(&failure, FOV_ERUNTIME,
                 MODULE " (video, PNG, WebP) cannot be used: %.120s; install FFmpeg's libraries "
                        "(apt-get install ffmpeg) and fovea again",
                 why.message[0] ? why.message : "it is of another version of fovea");
        return;
    }
    api = entry;
}

const struct ffmpeg_api *ffmpeg_api_get(fov_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_module);
    if (!api)
        fov_fail(error, failure.status, "%s", failure.message);
    return api;
}
