/* Recordings (`.fvr`): the received bytes of each frame with its arrival time, and what became of
 * it. Written here; read like any other source (fov_source_open), whose frames then are the same
 * again. The file format is in docs/recording.md. */
#ifndef FOVEA_RECORDING_H
#define FOVEA_RECORDING_H

#include <fovea/source.h>
#include <fovea/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_recording fov_recording;

/* What a recording is of, and how its frames were run. Unset texts are NULL or "", unset numbers 0.
 */
typedef struct fov_recording_info {
    const char *source; /* for people: a file's name, a room */
    const char *kind;   /* of the source: "images", "video", "pattern", "camera", "session" */
    bool live;  /* frames came at their own time: they are played by it, and never turned by EXIF */
    double fps; /* of a source that is not live, 0: pictures without a pace */
    double made_at_ms; /* Unix time of the start; 0: now */
    /* How the frames were run; 0 and "": they were not, or it is not known. */
    const char *model_id, *backend, *device, *precision;
    float conf, iou;
    bool exact, fifo;
    double max_latency_ms;
} fov_recording_info;

/* One frame's place in a recording, and what became of it. */
typedef struct fov_recorded {
    uint64_t number;    /* order of the frames; each once; gaps are allowed */
    int64_t arrival_ns; /* since the start of the recording */
    bool answered;      /* the rest is known */
    fov_outcome outcome;
    fov_drop reason;      /* FOV_DROPPED */
    fov_status status;    /* as in fov_result */
    bool watched;         /* it was decoded whole, for viewers too: the model saw a reduced copy */
    float conf, iou;      /* it was run with; 0: not known */
    uint64_t classes[16]; /* only these were kept; all zero: every class */
    int64_t total_ns;     /* arrival to answer */
    const fov_detection *items; /* boxes only; what else a task gives is not kept */
    size_t count;               /* at most 1000 */
} fov_recorded;

typedef struct fov_recording_params {
    size_t max_bytes; /* of the file; 0: no bound but the disk */
    bool append;      /* go on with a file that is there: a cut tail is removed, times go on */
} fov_recording_params;

/* Makes a file (0600), or goes on with one. Nothing that is there is ever overwritten.
 * Returns FOV_EEXISTS (without `append`), FOV_EBUSY (somebody else writes it), FOV_EFORMAT (append:
 * it is no recording), FOV_EINVAL (append: of another kind), FOV_EIO, FOV_ENOMEM.
 * Thread-safety: safe. Blocks: for the disk. */
FOV_API fov_status fov_recording_create(fov_recording **recording, const char *path,
                                        const fov_recording_info *info,
                                        const fov_recording_params *params, fov_error *error);

/* Adds a frame: its encoded bytes as they are, or, when it has none, its pixels without loss.
 * `what`: number and arrival, and the answer if there is one. `name` (may be NULL): of the picture.
 * What was added before stays readable whatever happens to the process afterwards.
 * Returns FOV_ELIMIT when the file would become too large (it stays whole), FOV_EINVAL (a frame
 * without a picture), FOV_EIO. Thread-safety: one thread at a time. Blocks: for the disk. */
FOV_API fov_status fov_recording_add(fov_recording *recording, const fov_frame *frame,
                                     const fov_recorded *what, const char *name, fov_error *error);

/* Bytes and frames in the file, earlier ones included. Thread-safety: as fov_recording_add.
 * Blocks: no. */
FOV_API size_t fov_recording_size(const fov_recording *recording);
FOV_API uint64_t fov_recording_frames(const fov_recording *recording);

/* Writes what the system still holds to the disk and closes; sets NULL, accepts NULL. Returns
 * FOV_EIO. Thread-safety: once. Blocks: for the disk. */
FOV_API fov_status fov_recording_close(fov_recording **recording, fov_error *error);

/* What the recording behind a source is of. NULL for other sources. Valid while the source is.
 * Thread-safety: safe. Blocks: no. */
FOV_API const fov_recording_info *fov_source_recording(const fov_source *source);

/* Place and answer of the last frame read from a recording. Valid to the next read.
 * Returns FOV_EUNSUPPORTED for other sources. Thread-safety: the reading thread. Blocks: no. */
FOV_API fov_status fov_source_recorded(const fov_source *source, fov_recorded *out);

#ifdef __cplusplus
}
#endif
#endif
