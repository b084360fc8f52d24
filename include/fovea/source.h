/* Sources make frames: pictures, folders, globs, video files, recordings (`.fvr`), `pattern:`. */
#ifndef FOVEA_SOURCE_H
#define FOVEA_SOURCE_H

#include <fovea/detect.h>
#include <fovea/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_source fov_source;

typedef struct fov_source_params {
    const char
        *url; /* file, glob, folder, "pattern:[width=W,height=H,fps=F,frames=N,seed=S]"; required */
    bool loop;         /* start again at the end (files, folders) */
    fov_pixels pixels; /* form of decoded video frames; default FOV_YUV. Still JPEGs stay encoded */
} fov_source_params;

typedef struct fov_source_info {
    const char *kind;  /* "images", "video", "pattern", "recording" */
    int width, height; /* px, 0 unknown */
    double fps;        /* 0: as fast as they are read (pictures) */
    int64_t frames;    /* -1 unknown */
    bool live;
} fov_source_info;

/* Opens a source. Returns FOV_ENOTFOUND, FOV_EFORMAT, FOV_EUNSUPPORTED, FOV_ERUNTIME (FFmpeg is not
 * on this machine), FOV_ENOMEM. Thread-safety: safe. Blocks: yes. */
FOV_API fov_status fov_source_open(fov_source **source, const fov_source_params *params,
                                   fov_error *error);

/* Reads the next frame into a slot of `pool`: bytes for still pictures, pixels for video; width,
 * height, pts_ms set, capture_ns = now. `name` (may be NULL) gets the picture's file name, valid to
 * the next read. Returns FOV_EOS, FOV_EAGAIN (pool empty), FOV_EFORMAT (this picture is broken; go
 * on reading), FOV_ECLOSED after interrupt. Thread-safety: one thread. Blocks: for a read. */
FOV_API fov_status fov_source_read(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                                   const char **name, fov_error *error);

/* Truth of the last frame read (`pattern:` only): boxes and class ids of the moving shapes.
 * Returns FOV_EUNSUPPORTED for other sources. Thread-safety: the reading thread. Blocks: no. */
FOV_API fov_status fov_source_truth(fov_source *source, fov_detections *out);

/* Makes a read in progress return FOV_ECLOSED within 500 ms. Thread-safety: safe. Blocks: no. */
FOV_API void fov_source_interrupt(fov_source *source);

/* Valid while the source is. Thread-safety: safe. Blocks: no. */
FOV_API const fov_source_info *fov_source_get_info(const fov_source *source);

/* Closes, sets NULL, accepts NULL. Thread-safety: once, after the reading thread ended. Blocks:
 * briefly. */
FOV_API void fov_source_close(fov_source **source);

#ifdef __cplusplus
}
#endif
#endif
