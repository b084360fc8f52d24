/* Finds and opens the FFmpeg module. */
#include <pthread.h>
#include <stdio.h>
#include <limits.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "media/ffmpeg_api.h"

#define MODULE "libfovea-ffmpeg.so"
#define MEND "install FFmpeg (apt-get install ffmpeg) and fovea with its module"

static const struct ffmpeg_api *api;
static fov_error failure;

/* Beside this library or program, in the build tree (tests are two folders down), installed. */
static bool find_module(char *path, size_t size)
{
    static const char *const places[] = {
        "", "/src/media", "/../src/media", "/../../src/media", "/fovea", "/../lib/fovea"};
    char here[PATH_MAX];
    dynlib_folder_of((const void *)(size_t)&ffmpeg_api_get, here, sizeof here);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int length = snprintf(path, size, "%s%s/%s", here, places[i], MODULE);
        if (length > 0 && (size_t)length < size && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static void open_module(void)
{
    char path[PATH_MAX];
    void *entry = NULL;
    fov_error why = {0};
    struct dynlib_symbol symbols[] = {{"fovea_ffmpeg_api", &entry, 0}, {NULL, NULL, 0}};
    if (!find_module(path, sizeof path)) {
        fov_fail(&failure, FOV_ERUNTIME,
                 "video, PNG and WebP need " MODULE ", which is not here; " MEND);
        return;
    }
    const char *const paths[] = {path, NULL};
    if (dynlib_open(paths, symbols, NULL, &why))
        fov_fail(&failure, FOV_ERUNTIME, "%.120s; " MEND, why.message);
    else if (((const struct ffmpeg_api *)entry)->abi != FFMPEG_API_ABI)
        fov_fail(&failure, FOV_ERUNTIME, MODULE " is of another version of fovea; " MEND);
    else
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
