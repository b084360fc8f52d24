/* Writing a recording: one write a frame, so that what is in the file is whole up to a torn tail.
 */
#include "media/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/json.h"

struct fov_recording {
    int fd;
    char *path;
    size_t size, max_bytes;
    uint64_t frames, first_number;
    int64_t first_ns; /* added to numbers and times: those that are there come before */
    struct buffer chunk, rows;
};

uint32_t recording_sum(uint32_t before, const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(before, bytes, size);
}

size_t recording_pixel_bytes(const fov_image *image)
{
    size_t bytes = 0;
    for (int p = 0; p < image_planes(image); p++)
        if (p == 0 || image->plane[p])
            bytes += (size_t)image_plane_width(image, p) * (size_t)image_pixel_bytes(image) *
                     (size_t)image_plane_height(image, p);
    return bytes;
}

/* ---- the file -------------------------------------------------------------------------------- */

static fov_status write_all(fov_recording *r, const uint8_t *bytes, size_t size, fov_error *error)
{
    for (size_t at = 0; at < size;) {
        ssize_t done = write(r->fd, bytes + at, size - at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            int code = errno;
            /* half a chunk is of no use, and would hide those that follow */
            if (ftruncate(r->fd, (off_t)r->size) || lseek(r->fd, (off_t)r->size, SEEK_SET) < 0)
                r->max_bytes = 1;
            return fov_fail(error, FOV_EIO, "%.160s: %s", r->path, strerror(code));
        }
        at += (size_t)done;
    }
    r->size += size;
    return FOV_OK;
}

static void add_text(struct json_writer *w, const char *key, const char *text)
{
    if (text && text[0])
        json_add_string(w, key, text);
}

static void write_info(struct json_writer *w, const fov_recording_info *info)
{
    json_object_begin(w);
    json_add_string(w, "fovea", FOVEA_VERSION);
    json_add_number(w, "made_at", info->made_at_ms > 0 ? info->made_at_ms : clock_unix_ms(), 0);
    add_text(w, "source", info->source);
    add_text(w, "kind", info->kind);
    json_add_bool(w, "live", info->live);
    json_add_number(w, "fps", info->fps, 6);
    add_text(w, "model_id", info->model_id);
    add_text(w, "backend", info->backend);
    add_text(w, "device", info->device);
    add_text(w, "precision", info->precision);
    json_add_number(w, "conf", (double)info->conf, 9);
    json_add_number(w, "iou", (double)info->iou, 9);
    json_add_bool(w, "exact", info->exact);
    json_add_string(w, "order", info->fifo ? "fifo" : "newest");
    json_add_number(w, "max_latency_ms", info->max_latency_ms, 3);
    json_object_end(w);
}

static fov_status write_start(fov_recording *r, const fov_recording_info *info, fov_error *error)
{
    struct json_writer w = {0};
    uint8_t start[RECORDING_START + RECORDING_JSON_MAX];
    write_info(&w, info);
    fov_status status = FOV_OK;
    if (w.failed || w.size > RECORDING_JSON_MAX) {
        status = fov_fail(error, FOV_EINVAL, "what is said of the recording is too long");
    } else {
        memcpy(start, RECORDING_MAGIC, 8);
        put_le(start + 8, RECORDING_VERSION, 2);
        put_le(start + 10, 0, 2);
        put_le(start + 12, w.size, 4);
        memcpy(start + RECORDING_START, w.text, w.size);
        uint32_t sum = recording_sum(recording_sum(0, start, 16), w.text, w.size);
        put_le(start + 16, sum, 4);
        status = write_all(r, start, RECORDING_START + w.size, error);
    }
    json_release(&w);
    return status;
}

/* Behind what is whole in the file. */
static fov_status go_on(fov_recording *r, const fov_recording_info *info, fov_error *error)
{
    struct recording *old = NULL;
    int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
    fov_status status = fd < 0 ? fov_fail(error, FOV_EIO, "%.160s: %s", r->path, strerror(errno))
                               : recording_open(&old, fd, r->path, error);
    if (status)
        return status;
    int64_t arrival, last = recording_last(old, &arrival);
    if (recording_info(old)->live != info->live ||
        (!info->live && (recording_info(old)->fps > 0) != (info->fps > 0)))
        status = fov_fail(error, FOV_EINVAL, "%.120s is of another kind of source (%s)", r->path,
                          recording_info(old)->kind);
    r->size = (size_t)recording_end(old);
    r->frames = recording_count(old);
    r->first_number = (uint64_t)(last + 1);
    r->first_ns = last >= 0 ? arrival + NS_PER_S / 30 : 0;
    recording_close(&old);
    if (!status && (ftruncate(r->fd, (off_t)r->size) || lseek(r->fd, (off_t)r->size, SEEK_SET) < 0))
        status = fov_fail(error, FOV_EIO, "%.160s: %s", r->path, strerror(errno));
    return status;
}

static fov_status open_file(fov_recording *r, const char *path, bool append, bool *is_new,
                            fov_error *error)
{
    struct stat st;
    int flags = append ? O_RDWR | O_CREAT : O_RDWR | O_CREAT | O_EXCL;
    r->path = strdup(path);
    if (!r->path)
        return fov_fail(error, FOV_ENOMEM, "no memory for a recording");
    r->fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (r->fd < 0 && errno == EEXIST)
        return fov_fail(error, FOV_EEXISTS, "%.180s is there already", path);
    if (r->fd < 0 || fstat(r->fd, &st))
        return fov_fail(error, FOV_EIO, "%.160s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EIO, "%.180s is no file", path);
    if (flock(r->fd, LOCK_EX | LOCK_NB))
        return fov_fail(error, FOV_EBUSY, "%.160s is being written by another program", path);
    *is_new = st.st_size == 0;
    return FOV_OK;
}

/* A file that is gone on with may have been made with another mode. */
static fov_status keep_private(const fov_recording *r, fov_error *error)
{
    struct stat st;
    if (fstat(r->fd, &st) == 0 && (st.st_mode & 077) == 0)
        return FOV_OK;
    if (fchmod(r->fd, 0600) == 0)
        return FOV_OK;
    return fov_fail(error, FOV_EIO,
                    "%.140s: others may read it, and its mode cannot be changed: %s", r->path,
                    strerror(errno));
}

fov_status fov_recording_create(fov_recording **recording, const char *path,
                                const fov_recording_info *info, const fov_recording_params *params,
                                fov_error *error)
{
    static const fov_recording_params none;
    bool is_new = false;
    if (!recording || !path || !path[0] || !info)
        return fov_fail(error, FOV_EINVAL, "a recording needs a file");
    *recording = NULL;
    params = params ? params : &none;
    fov_recording *r = calloc(1, sizeof *r);
    if (!r)
        return fov_fail(error, FOV_ENOMEM, "no memory for a recording");
    r->fd = -1;
    r->max_bytes = params->max_bytes ? params->max_bytes : SIZE_MAX;
    fov_status status = open_file(r, path, params->append, &is_new, error);
    if (status == FOV_OK)
        status = is_new ? write_start(r, info, error) : go_on(r, info, error);
    if (status == FOV_OK)
        status = keep_private(r, error);
    if (status == FOV_OK)
        *recording = r;
    else
        fov_recording_close(&r, NULL);
    return status;
}

fov_status fov_recording_close(fov_recording **recording, fov_error *error)
{
    fov_recording *r = *recording;
    *recording = NULL;
    if (!r)
        return FOV_OK;
    fov_status status = FOV_OK;
    if (r->fd >= 0 && (fdatasync(r->fd) + close(r->fd)) != 0)
        status = fov_fail(error, FOV_EIO, "%.160s: %s", r->path, strerror(errno));
    buffer_release(&r->chunk);
    buffer_release(&r->rows);
    free(r->path);
    free(r);
    return status;
}

size_t fov_recording_size(const fov_recording *r)
{
    return r->size;
}

uint64_t fov_recording_frames(const fov_recording *r)
{
    return r->frames;
}

/* ---- a frame --------------------------------------------------------------------------------- */

/* Rows without padding, each byte less what its neighbours let expect: smooth pictures become small
 * numbers, which deflate well. */
static void gather_rows(uint8_t *to, const fov_image *image)
{
    size_t step = (size_t)image_pixel_bytes(image);
    for (int p = 0; p < image_planes(image); p++) {
        size_t row = (size_t)image_plane_width(image, p) * step;
        const uint8_t *above = NULL;
        for (int y = 0; image->plane[p] && y < image_plane_height(image, p); y++, to += row) {
            const uint8_t *from = image->plane[p] + (ptrdiff_t)y * image->stride[p];
            for (size_t x = 0; x < step; x++)
                to[x] = (uint8_t)(from[x] - (above ? above[x] : 0));
            for (size_t x = step; x < row; x++)
                to[x] = (uint8_t)(from[x] - (above ? recording_expect(from[x - step], above[x],
                                                                      above[x - step])
                                                   : from[x - step]));
            above = from;
        }
    }
}

/* Deflates with run lengths only: the fastest of zlib, and what is left out hardly matters behind
 * the differences. 0: it did not work. */
static size_t deflate_rows(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)from,
                  .avail_in = (uInt)size,
                  .next_out = to,
                  .avail_out = (uInt)room};
    if (size > UINT_MAX || room > UINT_MAX || deflateInit2(&z, 1, Z_DEFLATED, 15, 9, Z_RLE) != Z_OK)
        return 0;
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t used = room - z.avail_out;
    deflateEnd(&z);
    return whole ? used : 0;
}

static void write_head(uint8_t *p, const fov_frame *f, const fov_recording *r,
                       const fov_recorded *what, size_t name)
{
    const fov_image *image = &f->image;
    int64_t arrival = what->arrival_ns > 0 ? what->arrival_ns : 0;
    memset(p, 0, RECORDING_FRAME_HEAD);
    put_le(p, r->first_number + what->number, 8);
    put_le(p + 8, (uint64_t)(r->first_ns + arrival), 8);
    put_double(p + 16, f->pts_ms);
    put_double(p + 24, f->sender_ms);
    put_le(p + 32, f->number, 8);
    put_le(p + 40, (uint32_t)f->width, 4);
    put_le(p + 44, (uint32_t)f->height, 4);
    p[48] = f->bytes ? (uint8_t)f->codec : 0;
    put_le(p + 54, name, 2);
    if (f->bytes)
        return;
    p[49] = (uint8_t)image->pixels;
    p[50] = (uint8_t)(image->shift_x | image->shift_y << 1 |
                      (image->pixels == FOV_YUV && !image->plane[1]) << 2);
    p[51] = RECORDING_DEFLATED;
    put_le(p + 56, (uint32_t)image->width, 4);
    put_le(p + 60, (uint32_t)image->height, 4);
}

static void write_chunk_head(uint8_t *p, uint32_t mark, size_t payload)
{
    put_le(p, mark, 4);
    put_le(p + 4, payload, 4);
    put_le(p + 8, recording_sum(0, p + RECORDING_CHUNK, payload), 4);
    put_le(p + 12, recording_sum(0, p, 12), 4);
}

static bool has_classes(const fov_recorded *what)
{
    uint64_t any = 0;
    for (int i = 0; i < 16; i++)
        any |= what->classes[i];
    return any != 0;
}

static size_t write_answer(uint8_t *p, const fov_recording *r, const fov_recorded *what)
{
    uint8_t *at = p + RECORDING_CHUNK;
    size_t count = what->count < RECORDING_BOXES_MAX ? what->count : RECORDING_BOXES_MAX;
    if (!what->answered)
        return 0;
    memset(at, 0, RECORDING_ANSWER_HEAD);
    put_le(at, r->first_number + what->number, 8);
    at[8] = (uint8_t)what->outcome;
    at[9] = (uint8_t)what->reason;
    at[10] = (uint8_t)what->status;
    at[11] = (uint8_t)(what->watched | has_classes(what) << 1);
    put_le(at + 12, count, 4);
    put_le(at + 16, (uint64_t)what->total_ns, 8);
    put_float(at + 24, what->conf);
    put_float(at + 28, what->iou);
    at += RECORDING_ANSWER_HEAD;
    for (int i = 0; has_classes(what) && i < 16; i++, at += 8)
        put_le(at, what->classes[i], 8);
    for (size_t i = 0; i < count; i++, at += RECORDING_BOX) {
        const fov_detection *d = &what->items[i];
        const float numbers[] = {d->x1, d->y1, d->x2, d->y2, d->score};
        for (size_t n = 0; n < 5; n++)
            put_float(at + 4 * n, numbers[n]);
        put_le(at + 20, (uint32_t)d->class_id, 4);
        put_le(at + 24, (uint32_t)d->class_id_raw, 4);
    }
    size_t payload = (size_t)(at - p) - RECORDING_CHUNK;
    write_chunk_head(p, RECORDING_ANS, payload);
    return RECORDING_CHUNK + payload;
}

/* The picture behind the frame's head and name; 0 with the reason. */
static size_t write_picture(fov_recording *r, uint8_t *to, size_t room, const fov_frame *frame,
                            fov_error *error)
{
    if (frame->bytes) {
        memcpy(to, frame->bytes, frame->size);
        return frame->size;
    }
    size_t size = recording_pixel_bytes(&frame->image);
    if (!buffer_reserve(&r->rows, size)) {
        fov_fail(error, FOV_ENOMEM, "no memory for a recorded frame");
        return 0;
    }
    gather_rows(r->rows.data, &frame->image);
    size_t used = deflate_rows(to, room, r->rows.data, size);
    if (!used)
        fov_fail(error, FOV_ENOMEM, "a frame could not be packed");
    return used;
}

/* Room in r->chunk for a frame, and behind it for its answer; *most: bytes that its picture can
 * take. */
static fov_status make_room(fov_recording *r, const fov_frame *frame, const fov_recorded *what,
                            size_t name, size_t *most, fov_error *error)
{
    size_t head = RECORDING_FRAME_HEAD + name;
    size_t answer = RECORDING_CHUNK + RECORDING_ANSWER_HEAD + RECORDING_CLASSES +
                    what->count * RECORDING_BOX;
    if (frame->bytes ? !frame->size : frame->image.pixels == FOV_PIXELS_NONE)
        return fov_fail(error, FOV_EINVAL, "a frame without a picture cannot be recorded");
    *most = frame->bytes ? frame->size : compressBound(recording_pixel_bytes(&frame->image)) + 64;
    if (*most + head > RECORDING_PAYLOAD_MAX || r->frames >= RECORDING_FRAMES_MAX)
        return fov_fail(error, FOV_ELIMIT, "larger than a recording can be");
    return buffer_reserve(&r->chunk, RECORDING_CHUNK + head + *most + answer)
               ? FOV_OK
               : fov_fail(error, FOV_ENOMEM, "no memory for a recorded frame");
}

fov_status fov_recording_add(fov_recording *r, const fov_frame *frame, const fov_recorded *what,
                             const char *name, fov_error *error)
{
    size_t name_size = name ? strnlen(name, RECORDING_NAME_MAX) : 0, most = 0;
    fov_status status = make_room(r, frame, what, name_size, &most, error);
    if (status)
        return status;
    uint8_t *p = r->chunk.data, *payload = p + RECORDING_CHUNK;
    size_t used = RECORDING_FRAME_HEAD + name_size;
    write_head(payload, frame, r, what, name_size);
    if (name_size)
        memcpy(payload + RECORDING_FRAME_HEAD, name, name_size);
    size_t picture = write_picture(r, payload + used, most, frame, error);
    if (!picture)
        return FOV_ENOMEM;
    used += picture;
    write_chunk_head(p, RECORDING_FRM, used);
    size_t whole = RECORDING_CHUNK + used;
    whole += write_answer(p + whole, r, what);
    if (whole > r->max_bytes || r->size > r->max_bytes - whole)
        return fov_fail(error, FOV_ELIMIT, "the recording is full");
    status = write_all(r, p, whole, error);
    r->frames += status == FOV_OK;
    return status;
}
