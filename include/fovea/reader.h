/* Frames of a source, one after the other or several at once, for programs that run a model
 * themselves; a stream reads its own source in the same way.
 *
 * A file is decoded ahead by a thread of its own, into a bounded buffer: order is kept, nothing is
 * lost, a slow reader makes the thread wait. Of a live source the newest picture is given, whatever
 * came before it and was not taken.
 *
 *   what is wanted                        what does it
 *   read ahead, 30 frames                 fov_reader_open (buffer: 30 is the default)
 *   ten frames a second of a file         target_fps: the others are left out, evenly
 *   a file as if it were a camera         paced
 *   the next frame, none at the end       fov_reader_get: FOV_EOS
 *   eight frames for one run              fov_reader_get_batch
 *   how full the buffer is                fov_reader_get_state
 */
#ifndef FOVEA_READER_H
#define FOVEA_READER_H

#include <fovea/source.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_reader fov_reader;

enum { FOV_READER_BUFFER_MAX = 64 };

typedef struct fov_reader_params {
    fov_source_params open; /* what to open; without a url: */
    fov_source **source; /* one that is open, and was not read from. It belongs to the reader from
                            now on, also on failure; set NULL */
    int buffer;          /* frames of a file that wait, 1..64; default 30. Of live sources: 1 */
    size_t max_bytes;    /* memory of those that wait; default 96 MiB; one always fits */
    int hold;          /* frames that the caller has at once, 1..512; default 16. When all are out,
                          nothing more is read */
    double target_fps; /* frames a second of a file's own time, or of a camera's, 0: all */
    bool paced;        /* frames of a file are not given before they are due by their time stamps */
    bool tell_broken;  /* a picture that cannot be read is told in its place (FOV_EFORMAT); else it
                          is passed over and counted */
} fov_reader_params;

typedef struct fov_reader_state {
    int waiting, capacity; /* frames that can be taken now, and the most that wait */
    size_t bytes;          /* memory of those that wait */
    uint64_t taken;        /* given out */
    uint64_t skipped;      /* left out for target_fps */
    fov_source_state source;
} fov_reader_state;

/* Opens a reader; a file's thread begins to decode. Returns what fov_source_open returns,
 * FOV_EINVAL for values out of range. Thread-safety: safe. Blocks: yes. */
FOV_API fov_status fov_reader_open(fov_reader **reader, const fov_reader_params *params,
                                   fov_error *error);

/* Gives the next frame (the caller's reference; it may outlive the reader); width, height, pts_ms
 * and capture_ns are set as by fov_source_read. Waits at most `timeout_ms`, 0: not at all, below 0:
 * for ever. `name` (may be NULL) gets the picture's file name, valid to the next call. Returns
 * FOV_EAGAIN (none in time), FOV_EOS (the source ended, all are taken) or why it ended, FOV_EFORMAT
 * (tell_broken: go on), FOV_ECLOSED after fov_reader_stop. Thread-safety: one taking thread.
 * Blocks: as said. */
FOV_API fov_status fov_reader_get(fov_reader *reader, int timeout_ms, fov_frame **frame,
                                  const char **name, fov_error *error);

/* Gives up to `count` frames, in order, into `frames`, and how many into `got`: fewer only when the
 * source ends or `timeout_ms` is over. Returns FOV_OK when there is at least one, else as
 * fov_reader_get; FOV_EINVAL when `count` is below 1 or over `hold`. Thread-safety: one taking
 * thread. Blocks: as said. */
FOV_API fov_status fov_reader_get_batch(fov_reader *reader, int timeout_ms, fov_frame **frames,
                                        int count, int *got, fov_error *error);

/* Thread-safety: safe. Blocks: no. */
FOV_API void fov_reader_get_state(fov_reader *reader, fov_reader_state *state);

/* Valid while the reader is. Thread-safety: safe. Blocks: no. */
FOV_API const fov_source_info *fov_reader_get_info(const fov_reader *reader);

/* Nothing more is read or given: a call that waits returns FOV_ECLOSED within 500 ms.
 * Thread-safety: safe. Blocks: no. */
FOV_API void fov_reader_stop(fov_reader *reader);

/* Stops, waits for a call that is still in the reader, closes the source, sets NULL, accepts NULL.
 * Frames that are out stay valid. Thread-safety: once; no call may begin after it.
 * Blocks: at most 500 ms. */
FOV_API void fov_reader_close(fov_reader **reader);

#ifdef __cplusplus
}
#endif
#endif
