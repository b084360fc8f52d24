#include "media/ffmpeg_hw.h"

#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>

/* Kinds of cards as FFmpeg calls them, best first, with a file that is there when such a card is.
 */
static const struct kind {
    const char *name, *device;
} kinds[] = {{"cuda", "/dev/nvidiactl"}, {"vaapi", "/dev/dri/renderD*"}, {"videotoolbox", NULL}};

enum { KINDS = sizeof kinds / sizeof *kinds };

struct ffmpeg_hw {
    int kind;
    enum AVPixelFormat pixels; /* of frames that lie on the card */
    AVFrame *memory;
};

/* ---- devices --------------------------------------------------------------------------------- */

/* One for all decoders of a kind: each would take memory of the card. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    AVBufferRef *device;
    int users;
} shared[KINDS];

static AVBufferRef *device_get(int kind, enum AVHWDeviceType type, int *code)
{
    AVBufferRef *mine = NULL;
    *code = 0;
    pthread_mutex_lock(&lock);
    if (!shared[kind].device)
        *code = av_hwdevice_ctx_create(&shared[kind].device, type, NULL, NULL, 0);
    if (*code == 0 && (mine = av_buffer_ref(shared[kind].device)))
        shared[kind].users++;
    else if (shared[kind].users == 0)
        av_buffer_unref(&shared[kind].device);
    pthread_mutex_unlock(&lock);
    if (*code == 0 && !mine)
        *code = AVERROR(ENOMEM);
    return mine;
}

static void device_give_back(int kind)
{
    pthread_mutex_lock(&lock);
    if (--shared[kind].users == 0)
        av_buffer_unref(&shared[kind].device);
    pthread_mutex_unlock(&lock);
}

/* FFmpeg knows the names of all kinds, also of those that it was built without. */
static enum AVHWDeviceType type_of(const struct kind *kind)
{
    enum AVHWDeviceType wanted = av_hwdevice_find_type_by_name(kind->name);
    enum AVHWDeviceType type = AV_HWDEVICE_TYPE_NONE;
    while ((type = av_hwdevice_iterate_types(type)) != AV_HWDEVICE_TYPE_NONE)
        if (type == wanted)
            return type;
    return AV_HWDEVICE_TYPE_NONE;
}

static bool is_present(const struct kind *kind)
{
    glob_t found;
    if (!kind->device)
        return true;
    bool present = glob(kind->device, GLOB_NOSORT, NULL, &found) == 0;
    globfree(&found);
    return present;
}

const char *ffmpeg_hw_kind(int i, char *why, size_t size)
{
    if (i >= KINDS)
        return NULL;
    why[0] = '\0';
    if (type_of(&kinds[i]) == AV_HWDEVICE_TYPE_NONE)
        snprintf(why, size, "this FFmpeg was built without it");
    else if (!is_present(&kinds[i]))
        snprintf(why, size, "there is no %s", kinds[i].device);
    return kinds[i].name;
}

/* ---- decoders -------------------------------------------------------------------------------- */

static enum AVPixelFormat pixels_of(const AVCodec *codec, enum AVHWDeviceType type)
{
    const AVCodecHWConfig *config;
    for (int i = 0; (config = avcodec_get_hw_config(codec, i)); i++)
        if (config->device_type == type &&
            config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX)
            return config->pix_fmt;
    return AV_PIX_FMT_NONE;
}

/* FFmpeg asks again without the card's format when the card cannot take the stream. */
static enum AVPixelFormat choose(AVCodecContext *codec, const enum AVPixelFormat *offered)
{
    const struct ffmpeg_hw *hw = codec->opaque;
    for (const enum AVPixelFormat *one = offered; *one != AV_PIX_FMT_NONE; one++)
        if (*one == hw->pixels)
            return *one;
    return avcodec_default_get_format(codec, offered);
}

static struct ffmpeg_hw *hw_new(int kind, enum AVPixelFormat pixels)
{
    struct ffmpeg_hw *hw = calloc(1, sizeof *hw);
    AVFrame *memory = av_frame_alloc();
    if (hw && memory) {
        *hw = (struct ffmpeg_hw){.kind = kind, .pixels = pixels, .memory = memory};
        return hw;
    }
    free(hw);
    av_frame_free(&memory);
    return NULL;
}

static struct ffmpeg_hw *try_kind(AVCodecContext *codec, int kind, char *why, size_t size)
{
    const char *name = kinds[kind].name;
    char text[AV_ERROR_MAX_STRING_SIZE];
    int code;
    enum AVHWDeviceType type = type_of(&kinds[kind]);
    enum AVPixelFormat pixels = pixels_of(codec->codec, type);
    if (type == AV_HWDEVICE_TYPE_NONE || pixels == AV_PIX_FMT_NONE) {
        snprintf(why, size, "%s: this FFmpeg has it not for %s", name, codec->codec->name);
        return NULL;
    }
    AVBufferRef *device = device_get(kind, type, &code);
    if (!device) {
        av_strerror(code, text, sizeof text);
        snprintf(why, size, "%s: the device cannot be opened: %s", name, text);
        return NULL;
    }
    struct ffmpeg_hw *hw = hw_new(kind, pixels);
    if (!hw) {
        av_buffer_unref(&device);
        device_give_back(kind);
        snprintf(why, size, "%s: no memory", name);
        return NULL;
    }
    why[0] = '\0';
    codec->hw_device_ctx = device; /* freed with the codec */
    codec->opaque = hw;
    codec->get_format = choose;
    codec->thread_count = 1;
    return hw;
}

struct ffmpeg_hw *ffmpeg_hw_attach(AVCodecContext *codec, const char *wanted, char *why,
                                   size_t size)
{
    bool any = strcmp(wanted, "auto") == 0, known = any;
    why[0] = '\0';
    for (int i = 0; i < KINDS; i++) {
        bool here = is_present(&kinds[i]) && type_of(&kinds[i]) != AV_HWDEVICE_TYPE_NONE;
        if (any ? !here : strcmp(wanted, kinds[i].name) != 0)
            continue;
        known = true;
        struct ffmpeg_hw *hw = try_kind(codec, i, why, size);
        if (hw)
            return hw;
    }
    if (!known)
        snprintf(why, size, "%.40s is no decoder that is known here", wanted);
    return NULL;
}

const char *ffmpeg_hw_name(const struct ffmpeg_hw *hw)
{
    return kinds[hw->kind].name;
}

int ffmpeg_hw_fetch(struct ffmpeg_hw *hw, AVFrame *frame, bool *on_card)
{
    *on_card = frame->format == hw->pixels;
    if (!*on_card)
        return 0;
    int code = av_hwframe_transfer_data(hw->memory, frame, 0);
    if (code >= 0)
        code = av_frame_copy_props(hw->memory, frame);
    av_frame_unref(frame);
    if (code >= 0)
        av_frame_move_ref(frame, hw->memory);
    else
        av_frame_unref(hw->memory);
    return code < 0 ? code : 0;
}

void ffmpeg_hw_free(struct ffmpeg_hw **hw)
{
    struct ffmpeg_hw *h = *hw;
    *hw = NULL;
    if (!h)
        return;
    device_give_back(h->kind);
    av_frame_free(&h->memory);
    free(h);
}
