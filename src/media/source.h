/* Inside of the sources: one struct source_kind a file, listed in source.c. */
#ifndef MEDIA_SOURCE_H
#define MEDIA_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <fovea/source.h>
#include "media/ffmpeg_api.h"

struct source_kind {
    /* True when this kind opens the URL. `st` is NULL where no file of that name exists. */
    bool (*takes)(const char *url, const struct stat *st);
    fov_status (*open)(fov_source *source, const char *url, fov_error *error);
    /* As fov_source_read; capture_ns is set by the caller. */
    fov_status (*read)(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                       const char **name, fov_error *error);
    fov_status (*truth)(fov_source *source, fov_detections *out); /* may be NULL */
    /* Live kinds: wakes a read; where the source stands. May be NULL. */
    void (*interrupt)(fov_source *source);
    void (*state)(const fov_source *source, fov_source_state *state);
    void (*close)(fov_source *source); /* also after an open that failed half-way */
};

struct fov_source {
    const struct source_kind *kind;
    fov_source_info info;
    fov_source_params params; /* with the default of `pixels`; `url` only while it is opened */
    atomic_bool interrupted, ended;
    atomic_ullong pictures, corrupt; /* of kinds without a state of their own */
    char wanted[16];                 /* params.decoder */
    pthread_mutex_t lock;            /* of the next two, as in the state */
    char decoder[16], decoder_why[160];
    int64_t opened_ns;
    int64_t until_ns; /* the reading thread's: so long a live kind waits for a picture */
    void *state;      /* of the kind */
};

extern const struct source_kind source_demo, source_football, source_images, source_live,
    source_pattern, source_recording, source_video;

/* fov_source_read that waits for a live source's picture until then at most: FOV_EAGAIN when none
 * came. The others give theirs whatever the time is. */
fov_status source_read_until(fov_source *source, fov_frame_pool *pool, int64_t until_ns,
                             fov_frame **frame, const char **name, fov_error *error);

/* The next frame of a drawn source, of the size in its info: `draw` gets the kind's state and the
 * YUV picture to draw into, which is `drawing` where the frame is to have other pixels. `what`: the
 * word for it in errors. */
fov_status source_draw(fov_source *source, fov_frame_pool *pool, const fov_image *drawing,
                       void (*draw)(void *state, const fov_image *image), const char *what,
                       fov_frame **frame, fov_error *error);

/* How its video is to be decoded, for the FFmpeg module; valid until the source is closed. */
struct ffmpeg_choice source_choice(fov_source *source);

/* "camera" for "0" and "/dev/video0", the scheme's kind for URLs of a network, NULL for others. */
const char *source_live_kind(const char *url);

/* The first bytes of a file, up to `size`; how many there were. */
size_t source_start_of(const char *path, uint8_t *start, size_t size);

/* Names like "img2.jpg" before "img10.jpg". For qsort of char *. */
int source_natural_order(const void *a, const void *b);

#endif
