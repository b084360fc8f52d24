#include "media/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/log.h>

#include "base/clock.h"
#include "base/text.h"
#include "media/image.h"

/* The first that takes the URL opens it; the last one takes what is left. */
static const struct source_kind *const kinds[] = {
    &source_football, &source_pattern, &source_demo, &source_recording,
    &source_live,     &source_images,  &source_video};

static fov_status check_url(const char *url, const struct stat *st, fov_error *error)
{
    if (!url || !*url)
        return fov_fail(error, FOV_EINVAL,
                        "a source needs a file, folder, glob, URL, camera or pattern:");
    if (st && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !source_live_kind(url))
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
    pthread_mutex_init(&s->lock, NULL);
    s->kind = kind_of(url, found);
    s->params = *params;
    s->params.pixels = params->pixels ? params->pixels : FOV_YUV;
    bool named = params->decoder && params->decoder[0];
    text_copy(s->wanted, sizeof s->wanted, named ? params->decoder : "auto");
    s->opened_ns = clock_now_ns();
    s->until_ns = INT64_MAX;
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
    else if ((*frame)->capture_ns == 0)
        (*frame)->capture_ns = clock_now_ns();
    atomic_fetch_add(&source->pictures, status == FOV_OK);
    atomic_fetch_add(&source->corrupt, status == FOV_EFORMAT);
    if (status == FOV_EOS)
        atomic_store(&source->ended, true);
    return status;
}

fov_status source_read_until(fov_source *source, fov_frame_pool *pool, int64_t until_ns,
                             fov_frame **frame, const char **name, fov_error *error)
{
    source->until_ns = until_ns;
    fov_status status = fov_source_read(source, pool, frame, name, error);
    source->until_ns = INT64_MAX;
    return status;
}

void fov_source_get_state(const fov_source *source, fov_source_state *state)
{
    *state = (fov_source_state){.phase = atomic_load(&source->ended) ? FOV_SOURCE_ENDED
                                                                     : FOV_SOURCE_LIVE,
                                .since_ns = source->opened_ns,
                                .pictures = atomic_load(&source->pictures),
                                .corrupt = atomic_load(&source->corrupt),
                                .finite = !source->info.live};
    if (source->kind->state)
        source->kind->state(source, state);
    pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&source->lock);
    text_copy(state->decoder, sizeof state->decoder, source->decoder);
    text_copy(state->decoder_why, sizeof state->decoder_why, source->decoder_why);
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&source->lock);
}

/* On the thread that decodes. */
static void note_decoder(void *user, const char *decoder, const char *why)
{
    fov_source *source = user;
    pthread_mutex_lock(&source->lock);
    bool news = strcmp(source->decoder_why, why) != 0;
    text_copy(source->decoder, sizeof source->decoder, decoder);
    text_copy(source->decoder_why, sizeof source->decoder_why, why);
    pthread_mutex_unlock(&source->lock);
    if (news && why[0])
        fov_log(FOV_LOG_WARN, "media", "video is decoded by %s: %s",
                strcmp(decoder, "software") == 0 ? "the processor" : decoder, why);
}

const char *fov_source_decoder(int i, char *why, size_t size)
{
    const struct ffmpeg_api *api = ffmpeg_api_get(NULL);
    return api ? api->decoder_kind(i, why, size) : NULL;
}

fov_status source_draw(fov_source *source, fov_frame_pool *pool, const fov_image *drawing,
                       void (*draw)(void *state, const fov_image *image), const char *what,
                       fov_frame **frame, fov_error *error)
{
    fov_pixels pixels = source->params.pixels;
    int width = source->info.width, height = source->info.height;
    fov_status status = fov_frame_get(pool, 0, frame);
    if (status == FOV_OK)
        status = fov_frame_alloc_image(*frame, pixels, width, height, 1, 1);
    if (status)
        return fov_fail(error, status, "no frame for the %s: %s", what, fov_status_text(status));
    fov_image *image = &(*frame)->image;
    draw(source->state, pixels == FOV_YUV ? image : drawing);
    if (pixels != FOV_YUV)
        image_convert(image, drawing);
    (*frame)->width = width;
    (*frame)->height = height;
    return FOV_OK;
}

struct ffmpeg_choice source_choice(fov_source *source)
{
    return (struct ffmpeg_choice){
        .decoder = source->wanted, .chosen = note_decoder, .user = source};
}

size_t source_start_of(const char *path, uint8_t *start, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(start, 1, size, file) : 0;
    if (file)
        fclose(file);
    return got;
}

const char *fov_source_phase_name(fov_source_phase phase)
{
    static const char *const words[] = {
#define PHASE_WORD(name, word) word,
        FOV_SOURCE_PHASE_MAP(PHASE_WORD)
#undef PHASE_WORD
    };
    return phase < FOV_SOURCE_PHASE_COUNT ? words[phase] : "";
}

fov_status fov_source_truth(fov_source *source, fov_detections *out)
{
    out->count = 0;
    return source->kind->truth ? source->kind->truth(source, out) : FOV_EUNSUPPORTED;
}

void fov_source_interrupt(fov_source *source)
{
    atomic_store(&source->interrupted, true);
    if (source->kind->interrupt)
        source->kind->interrupt(source);
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
    pthread_mutex_destroy(&s->lock);
    free(s);
}
