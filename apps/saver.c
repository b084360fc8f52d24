#include "saver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "avi.h"
#include "base/text.h"

#define QUALITY 90

struct saver {
    char folder[1024], video[256]; /* video: file name without suffix */
    fov_decoder *decoder;
    fov_encoder *encoder;
    struct avi_parts parts;
    int part;    /* of the video being written */
    bool beside; /* the originals lie in the same folder */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* "clips/bikes.mp4" → "bikes", "pattern:width=64" → "pattern". */
static void name_of_source(const char *source, char *name, size_t size)
{
    text_copy(name, size, base_name(source));
    char *end = strchr(name, ':') ? strchr(name, ':') : strrchr(name, '.');
    if (end && end != name)
        *end = '\0';
}

/* True when the pictures of `source` (file, glob or folder) are in `folder`. */
static bool holds_source(const char *folder, const char *source)
{
    char from[1024];
    struct stat a, b;
    text_copy(from, sizeof from, source);
    char *slash = strrchr(from, '/');
    if (stat(source, &b) == 0 && S_ISDIR(b.st_mode))
        slash = NULL;
    else if (slash)
        *slash = '\0';
    else
        text_copy(from, sizeof from, ".");
    return stat(folder, &a) == 0 && stat(slash == from ? "/" : from, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void name_part(void *saver, char *path, size_t size)
{
    struct saver *s = saver;
    char part[16] = "";
    if (s->part++)
        snprintf(part, sizeof part, "-%d", s->part);
    snprintf(path, size, "%s/%s%s%s.avi", s->folder, s->video, part, s->beside ? ".boxes" : "");
}

fov_status saver_create(struct saver **saver, const char *folder, const char *source, double fps,
                        fov_error *error)
{
    struct saver *s = calloc(1, sizeof *s);
    *saver = NULL;
    if (!s)
        return fov_fail(error, FOV_ENOMEM, "no memory for annotated copies");
    s->parts = (struct avi_parts){.fps = fps, .name = name_part, .user = s};
    text_copy(s->folder, sizeof s->folder, folder);
    name_of_source(source, s->video, sizeof s->video);
    fov_status status = FOV_OK;
    if (mkdir(folder, 0777) && errno != EEXIST)
        status = fov_fail(error, FOV_EIO, "%.160s: %s", folder, strerror(errno));
    if (status == FOV_OK)
        status = fov_decoder_create(&s->decoder, error);
    if (status == FOV_OK)
        status = fov_encoder_create(&s->encoder, error);
    s->beside = holds_source(folder, source);
    *saver = s;
    if (status)
        saver_close(saver, NULL);
    return status;
}

fov_status saver_close(struct saver **saver, fov_error *error)
{
    struct saver *s = *saver;
    *saver = NULL;
    if (!s)
        return FOV_OK;
    fov_status status = avi_close(&s->parts.avi, error);
    fov_decoder_destroy(&s->decoder);
    fov_encoder_destroy(&s->encoder);
    free(s);
    return status;
}

static const char *label(void *model, int class_id)
{
    return fov_model_label(model, class_id);
}

static fov_status write_file(const char *path, const uint8_t *bytes, size_t size, fov_error *error)
{
    FILE *file = fopen(path, "wb");
    bool whole = file && fwrite(bytes, 1, size, file) == size;
    int code = errno;
    if (file)
        whole = fclose(file) == 0 && whole;
    return whole ? FOV_OK : fov_fail(error, FOV_EIO, "%.160s: %s", path, strerror(code));
}

/* "dog.jpg" stays, "coffee.png" becomes "coffee.png.jpg": no two pictures share a copy, and none
 * replaces its original. */
static fov_status write_still(struct saver *s, const char *name, const uint8_t *bytes, size_t size,
                              fov_error *error)
{
    char path[1600];
    const char *dot = strrchr(name, '.');
    bool jpeg = dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
    const char *suffix = s->beside ? ".boxes.jpg" : jpeg ? "" : ".jpg";
    snprintf(path, sizeof path, "%s/%s%s", s->folder, name, suffix);
    return write_file(path, bytes, size, error);
}

static fov_status decode_turned(struct saver *s, const fov_frame *frame, fov_image *image,
                                fov_error *error)
{
    fov_picture_info info;
    fov_status status = fov_decode(s->decoder, frame->bytes, frame->size, FOV_YUV, 1, image, &info,
                                   error);
    return status ? status : fov_orient(s->decoder, image, info.orientation, error);
}

fov_status saver_add(struct saver *s, fov_frame *frame, const char *name,
                     const fov_detections *detections, const fov_model *model, fov_error *error)
{
    fov_image image = frame->image;
    const uint8_t *bytes;
    size_t size;
    fov_status status = FOV_OK;
    if (image.pixels == FOV_PIXELS_NONE)
        status = decode_turned(s, frame, &image, error);
    if (status)
        return status;
    fov_draw_detections(&image, detections, label, (void *)(size_t)model);
    status = fov_encode_jpeg(s->encoder, &image, QUALITY, &bytes, &size, error);
    if (status)
        return status;
    return name ? write_still(s, name, bytes, size, error)
                : avi_parts_add(&s->parts, image.width, image.height, bytes, size, error);
}
