/* Sources make frames: pictures, folders, globs, video files, recordings (`.fvr`), `pattern:`,
 * cameras of a network and of this machine.
 *
 * A live source (rtsp, rtmp, http, a camera) has a thread of its own that connects, decodes and
 * keeps the newest picture only; what is read late was replaced, never queued. A connection that
 * breaks or falls silent is opened again, for as long as the source is open. */
#ifndef FOVEA_SOURCE_H
#define FOVEA_SOURCE_H

#include <fovea/detect.h>
#include <fovea/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_source fov_source;

/* Where a live source stands. Sources that are not live are LIVE until they are ENDED. */
// clang-format off
#define FOV_SOURCE_PHASE_MAP(X)                                                                    \
    X(CONNECTING,  "connecting")  /* opened, no picture yet */                                     \
    X(LIVE,        "live")                                                                         \
    X(STALLED,     "stalled")     /* connected, but no picture for 2 s (or 3 usual intervals) */   \
    X(BACKING_OFF, "backing_off") /* the connection is lost; opened again soon */                  \
    X(ENDED,       "ended")
// clang-format on

typedef enum fov_source_phase {
#define FOV_SOURCE_PHASE_ENUM(name, word) FOV_SOURCE_##name,
    FOV_SOURCE_PHASE_MAP(FOV_SOURCE_PHASE_ENUM)
#undef FOV_SOURCE_PHASE_ENUM
        FOV_SOURCE_PHASE_COUNT
} fov_source_phase;

typedef struct fov_source_state {
    fov_source_phase phase;
    int64_t since_ns;    /* monotonic: when this phase began */
    uint64_t pictures;   /* decoded */
    uint64_t superseded; /* of them: replaced by a newer one before they were read */
    uint64_t corrupt;    /* broken ones, not shown */
    uint64_t reconnects; /* times it came back */
    bool finite;         /* it has an end after all: a file behind a URL */
    double jitter_ms;    /* how unevenly pictures arrive (RFC 3550) */
    double allowance_ms; /* how long packets may wait for their order; 0 over TCP */
    char error[240];     /* why the last connection ended, "" none did; no credentials */
    /* What decodes its video: "software", or the kind of graphics card; "" nothing was decoded yet,
     * or pictures stay encoded. And what was wrong with the card that should have done it. */
    char decoder[16], decoder_why[160];
} fov_source_state;

typedef struct fov_source_params {
    /* File, glob, folder, "pattern:[width=W,height=H,fps=F,frames=N,seed=S]",
     * "pattern:football[?size=WxH&fps=F&frames=N&seed=S&zoom=Z]", "rtsp://", "rtsps://", "rtmp://",
     * "rtmps://", "http://", "https://", camera ("0", "/dev/video0"); required. */
    const char *url;
    bool loop;         /* start again at the end (files, folders) */
    fov_pixels pixels; /* form of decoded video frames; default FOV_YUV. JPEGs stay encoded */
    double seek_ms;    /* video files: start here; default 0 */
    /* What decodes video: "auto" (default: a graphics card that is here, else the processor), "off"
     * (the processor), or a kind of card: "cuda", "vaapi", "videotoolbox". A card that cannot be
     * opened, or fails, is left for the processor; the state says why. */
    const char *decoder;
    /* Live sources: go on trying when the first connection fails; else reading then ends with the
     * reason. */
    bool patient;
    /* Whether a URL that the source itself was led to (a playlist's entry, a redirect) may be
     * opened; NULL: http and https may. Resolved addresses of this machine and link-local ones
     * are refused unless the URL names them. Both callbacks: any thread, until close returns. */
    bool (*allow)(void *user, const char *url);
    bool guarded; /* check the resolved address of `url` itself too (a server's clients chose it) */
    void (*on_phase)(void *user, const fov_source_state *state); /* live sources; may be NULL */
    void *user;
} fov_source_params;

typedef struct fov_source_info {
    const char
        *kind; /* "images", "video", "pattern", "recording", "rtsp", "rtmp", "http", "camera" */
    int width, height; /* px, 0 unknown */
    double fps;        /* 0: as fast as they are read (pictures) */
    int64_t frames;    /* -1 unknown */
    bool live;
} fov_source_info;

/* Word of a phase ("backing_off"). Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_source_phase_name(fov_source_phase phase);

/* Kinds of graphics cards that can decode video, best first: the i-th name ("cuda"), NULL after the
 * last (and where FFmpeg is not on this machine). `why` gets what is missing here, "" nothing: then
 * "auto" tries it. Thread-safety: safe. Blocks: briefly, the first time. */
FOV_API const char *fov_source_decoder(int i, char *why, size_t size);

/* Copies `url` without its secrets: "user:***@host", "?***", "password=***" in its path.
 * Thread-safety: safe. Blocks: no. */
FOV_API void fov_source_redact(char *to, size_t size, const char *url);

/* Opens a source; a live one connects afterwards, on its own thread. Returns FOV_ENOTFOUND,
 * FOV_EFORMAT, FOV_EUNSUPPORTED, FOV_ERUNTIME (FFmpeg is not on this machine), FOV_ENOMEM.
 * Thread-safety: safe. Blocks: yes. */
FOV_API fov_status fov_source_open(fov_source **source, const fov_source_params *params,
                                   fov_error *error);

/* Reads the next frame into a slot of `pool`: bytes for still pictures, pixels for video; width,
 * height, pts_ms set, capture_ns = now. `name` (may be NULL) gets the picture's file name, valid to
 * the next read. Returns FOV_EOS, FOV_EAGAIN (pool empty), FOV_EFORMAT (this picture is broken; go
 * on reading), FOV_ECLOSED after interrupt; why the first connection of a live source failed. Live:
 * capture_ns = when the picture's last byte arrived, decode_ns = what decoding took, JPEGs of
 * cameras stay encoded. Thread-safety: one thread. Blocks: for a read; live sources: for the next
 * picture. */
FOV_API fov_status fov_source_read(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                                   const char **name, fov_error *error);

/* Truth of the last frame read (`pattern:` only): boxes and class ids of the moving shapes;
 * `pattern:football`: class 0 people and 32 the ball, as in COCO, `track_id` who it is.
 * Returns FOV_EUNSUPPORTED for other sources. Thread-safety: the reading thread. Blocks: no. */
FOV_API fov_status fov_source_truth(fov_source *source, fov_detections *out);

/* Makes a read in progress return FOV_ECLOSED within 500 ms. Thread-safety: safe. Blocks: no. */
FOV_API void fov_source_interrupt(fov_source *source);

/* Where the source stands, with its counters. Thread-safety: safe. Blocks: no. */
FOV_API void fov_source_get_state(const fov_source *source, fov_source_state *state);

/* Valid while the source is. Thread-safety: safe. Blocks: no. */
FOV_API const fov_source_info *fov_source_get_info(const fov_source *source);

/* Closes, sets NULL, accepts NULL. Thread-safety: once, after the reading thread ended. Blocks:
 * briefly. */
FOV_API void fov_source_close(fov_source **source);

#ifdef __cplusplus
}
#endif
#endif
