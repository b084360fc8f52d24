#include "media/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* The first that takes the URL opens it; the last one takes what is left. */
static const struct source_kind *const kinds[] = {&source_pattern, &source_demo, &source_recording,
                                                  &source_images, &source_video};

static bool is_network(const char *url)
{
    return strstr(url, "://") != NULL;
}

static bool is_camera(const char *url)
{
    return strncmp(url, "/dev/video", 10) == 0 || (*url && !url[strspn(url, "0123456789")]);
}

static fov_status check_url(const char *url, const struct stat *st, fov_error *error)
{
    if (!url || !*url)
        return fov_fail(error, FOV_EINVAL, "a source needs a file, folder, glob or pattern:");
    if (is_network(url))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "network sources are not supported by this version; a camera can push its "
                        "frames to the server");
    if (!st && is_camera(url))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "local cameras are not supported by this version; open the camera page of "
                        "`fovea serve` in a browser");
    if (st && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        return fov_fail(error, FOV_EUNSUPPORTED, "%.180s is neither a file nor a folder", url);
    return FOV_OK;
}

static const struct source_kind *kind_of(const char *url, const struct stat *st)
{
    size_t i = 0;
    while (i + 1 < sizeof kinds / sizeof *kinds && !kinds[i]->takes(url, st))
        i++;
    return kinds[i];
}

fov_status fov_source_open(fov_source **source, const fov_source_params *params, fov_error *error)
{
    struct stat st;
    const char *url = params->url;
    const struct stat *found = url && stat(url, &st) == 0 ? &st : NULL;
    *source = NULL;
    fov_status status = check_url(url, found, error);
    if (status)
        return status;
    fov_source *s = calloc(1, sizeof *s);
    if (!s)
        return fov_fail(error, FOV_ENOMEM, "no memory for a source");
    s->kind = kind_of(url, found);
    s->loop = params->loop;
    s->pixels = params->pixels ? params->pixels : FOV_YUV;
    s->info = (fov_source_info){.kind = "images", .frames = -1};
    status = s->kind->open(s, url, error);
    if (status)
        fov_source_close(&s);
    *source = s;
    return status;
}

fov_status fov_source_read(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                           const char **name, fov_error *error)
{
    const char *unused;
    *frame = NULL;
    if (!name)
        name = &unused;
    *name = NULL;
    if (atomic_load(&source->interrupted))
        return fov_fail(error, FOV_ECLOSED, "the source was closed");
    fov_status status = source->kind->read(source, pool, frame, name, error);
    if (status)
        fov_frame_unref(frame);
    else
        (*frame)->capture_ns = clock_now_ns();
    return status;
}

fov_status fov_source_truth(fov_source *source, fov_detections *out)
{
    out->count = 0;
    return source->kind->truth ? source->kind->truth(source, out) : FOV_EUNSUPPORTED;
}

void fov_source_interrupt(fov_source *source)
{
    atomic_store(&source->interrupted, true);
}

const fov_source_info *fov_source_get_info(const fov_source *source)
{
    return &source->info;
}

void fov_source_close(fov_source **source)
{
    fov_source *s = *source;
    *source = NULL;
    if (!s)
        return;
    s->kind->close(s);
    free(s);
}
