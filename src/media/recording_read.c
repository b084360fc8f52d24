/* Reading a recording. Every offset and size comes from outside: nothing is believed. */
#include "media/recording.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/json.h"
#include "base/text.h"
#include "media/picture.h"

/* A chunk of the file. */
struct place {
    uint64_t number, at; /* at: of its payload */
    int64_t arrival_ns;
    uint32_t size, sum;
};

struct places {
    struct place *items;
    size_t count, room;
};

struct recording {
    int fd;
    char *name;
    uint64_t size, end;
    bool cut;
    struct places frames, answers;
    json_value *json; /* holds the texts of info */
    fov_recording_info info;
    struct buffer payload, rows;
    char picture[RECORDING_NAME_MAX + 1];
    fov_detection boxes[RECORDING_BOXES_MAX];
};

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool read_at(const struct recording *r, uint64_t at, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(r->fd, (uint8_t *)to + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static const char *text_of(const json_value *json, const char *key)
{
    const char *text = "";
    json_get_string(json, key, &text);
    return text;
}

static double number_of(const json_value *json, const char *key, double least, double most)
{
    double value = 0;
    return json_get_number(json, key, &value) && value >= least && value <= most ? value : 0;
}

static fov_status read_info(struct recording *r, const char *text, size_t size, fov_error *error)
{
    fov_error why = {0};
    fov_recording_info *info = &r->info;
    r->json = json_parse(text, size, RECORDING_JSON_MAX, &why);
    if (!r->json || !json_is_object(r->json))
        return fov_fail(error, FOV_EFORMAT, "%.120s: its description is damaged", r->name);
    const json_value *json = r->json;
    info->source = text_of(json, "source");
    info->kind = text_of(json, "kind");
    info->model_id = text_of(json, "model_id");
    info->backend = text_of(json, "backend");
    info->device = text_of(json, "device");
    info->precision = text_of(json, "precision");
    json_get_bool(json, "live", &info->live);
    json_get_bool(json, "exact", &info->exact);
    info->fifo = strcmp(text_of(json, "order"), "fifo") == 0;
    info->fps = number_of(json, "fps", 0, 100000);
    info->made_at_ms = number_of(json, "made_at", 0, 1e15);
    info->conf = (float)number_of(json, "conf", 0, 1);
    info->iou = (float)number_of(json, "iou", 0, 1);
    info->max_latency_ms = number_of(json, "max_latency_ms", 0, 1e9);
    return FOV_OK;
}

static fov_status read_start(struct recording *r, fov_error *error)
{
    uint8_t start[RECORDING_START];
    char json[RECORDING_JSON_MAX];
    struct stat st;
    if (fstat(r->fd, &st) || !S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EIO, "%.180s cannot be read", r->name);
    r->size = (uint64_t)st.st_size;
    if (r->size < RECORDING_START || !read_at(r, 0, start, sizeof start) ||
        memcmp(start, RECORDING_MAGIC, 8) != 0)
        return fov_fail(error, FOV_EFORMAT, "%.160s is no recording of fovea", r->name);
    uint64_t version = get_le(start + 8, 2), size = get_le(start + 12, 4);
    if (version != RECORDING_VERSION)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "%.120s is a recording of version %d; this program reads version %d",
                        r->name, (int)version, RECORDING_VERSION);
    if (size > RECORDING_JSON_MAX || RECORDING_START + size > r->size ||
        !read_at(r, RECORDING_START, json, size) ||
        recording_sum(recording_sum(0, start, 16), json, size) != get_le(start + 16, 4))
        return fov_fail(error, FOV_EFORMAT, "%.160s: its beginning is damaged", r->name);
    r->end = RECORDING_START + size;
    return read_info(r, json, size, error);
}

/* ---- the scan -------------------------------------------------------------------------------- */

static fov_status remember(struct places *list, const struct place *place, fov_error *error)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        struct place *items = list->count >= RECORDING_FRAMES_MAX
                                  ? NULL
                                  : realloc(list->items, room * sizeof *items);
        if (!items)
            return fov_fail(error, FOV_ELIMIT, "more frames than a recording can have");
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *place;
    return FOV_OK;
}

/* The chunk at r->end. False: there is none that is whole. */
static bool next_chunk(struct recording *r, uint32_t *mark, struct place *place)
{
    uint8_t head[RECORDING_CHUNK + 16] = {0};
    uint64_t left = r->size - r->end;
    size_t want = left < sizeof head ? (size_t)left : sizeof head;
    if (left < RECORDING_CHUNK || !read_at(r, r->end, head, want))
        return false;
    uint64_t size = get_le(head + 4, 4);
    if (recording_sum(0, head, 12) != get_le(head + 12, 4) || size > RECORDING_PAYLOAD_MAX ||
        size > left - RECORDING_CHUNK)
        return false;
    *mark = (uint32_t)get_le(head, 4);
    *place = (struct place){.number = size >= 8 ? get_le(head + RECORDING_CHUNK, 8) : UINT64_MAX,
                            .at = r->end + RECORDING_CHUNK,
                            .arrival_ns = (int64_t)get_le(head + RECORDING_CHUNK + 8, 8),
                            .size = (uint32_t)size,
                            .sum = (uint32_t)get_le(head + 8, 4)};
    r->end += RECORDING_CHUNK + size;
    return true;
}

static int by_number(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static int by_number_and_place(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = by_number(a, b);
    return order ? order : a->at < b->at ? -1 : 1;
}

/* In order of their numbers, each once: the first one counts. */
static void put_in_order(struct places *list)
{
    size_t kept = 0;
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_number_and_place);
    for (size_t i = 0; i < list->count; i++)
        if (!kept || list->items[i].number != list->items[kept - 1].number)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static fov_status scan(struct recording *r, fov_error *error)
{
    uint32_t mark;
    struct place place;
    fov_status status = FOV_OK;
    while (status == FOV_OK && next_chunk(r, &mark, &place)) {
        bool numbered = place.number < (UINT64_C(1) << 53);
        bool timed = place.arrival_ns >= 0 && place.arrival_ns < RECORDING_TIME_MAX;
        if (mark == RECORDING_FRM && numbered && timed && place.size > RECORDING_FRAME_HEAD)
            status = remember(&r->frames, &place, error);
        else if (mark == RECORDING_ANS && numbered && place.size >= RECORDING_ANSWER_HEAD)
            status = remember(&r->answers, &place, error);
    }
    r->cut = r->end < r->size;
    put_in_order(&r->frames);
    put_in_order(&r->answers);
    return status;
}

fov_status recording_open(struct recording **recording, int fd, const char *name, fov_error *error)
{
    struct recording *r = calloc(1, sizeof *r);
    *recording = NULL;
    if (!r || !(r->name = strdup(name))) {
        free(r);
        close(fd);
        return fov_fail(error, FOV_ENOMEM, "no memory for a recording");
    }
    r->fd = fd;
    fov_status status = read_start(r, error);
    if (status == FOV_OK)
        status = scan(r, error);
    *recording = r;
    if (status)
        recording_close(recording);
    return status;
}

void recording_close(struct recording **recording)
{
    struct recording *r = *recording;
    *recording = NULL;
    if (!r)
        return;
    close(r->fd);
    json_free(&r->json);
    buffer_release(&r->payload);
    buffer_release(&r->rows);
    free(r->frames.items);
    free(r->answers.items);
    free(r->name);
    free(r);
}

const fov_recording_info *recording_info(const struct recording *r)
{
    return &r->info;
}

size_t recording_count(const struct recording *r)
{
    return r->frames.count;
}

uint64_t recording_end(const struct recording *r)
{
    return r->end;
}

bool recording_is_cut(const struct recording *r)
{
    return r->cut;
}

int64_t recording_arrival_ns(const struct recording *r, size_t i)
{
    return r->frames.items[i].arrival_ns;
}

int64_t recording_last(const struct recording *r, int64_t *arrival_ns)
{
    *arrival_ns = 0;
    if (!r->frames.count)
        return -1;
    for (size_t i = 0; i < r->frames.count; i++)
        if (r->frames.items[i].arrival_ns > *arrival_ns)
            *arrival_ns = r->frames.items[i].arrival_ns;
    return (int64_t)r->frames.items[r->frames.count - 1].number;
}

/* ---- a frame --------------------------------------------------------------------------------- */

static fov_status load(struct recording *r, const struct place *place, fov_error *error)
{
    if (!buffer_reserve(&r->payload, place->size))
        return fov_fail(error, FOV_ENOMEM, "no memory for a recorded frame");
    if (!read_at(r, place->at, r->payload.data, place->size))
        return fov_fail(error, FOV_EIO, "%.160s cannot be read", r->name);
    if (recording_sum(0, r->payload.data, place->size) != place->sum)
        return fov_fail(error, FOV_EFORMAT, "frame %llu of the recording is damaged",
                        (unsigned long long)place->number);
    return FOV_OK;
}

static fov_status damaged(const struct place *place, fov_error *error)
{
    return fov_fail(error, FOV_EFORMAT, "frame %llu of the recording makes no sense",
                    (unsigned long long)place->number);
}

/* Exactly `size` bytes out of the packed ones. */
static bool inflate_rows(uint8_t *to, size_t size, const uint8_t *from, size_t packed)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)from,
                  .avail_in = (uInt)packed,
                  .next_out = to,
                  .avail_out = (uInt)size};
    if (packed > UINT_MAX || size > UINT_MAX || inflateInit(&z) != Z_OK)
        return false;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out == 0 && z.avail_in == 0;
    inflateEnd(&z);
    return whole;
}

static void spread_row(uint8_t *to, const uint8_t *from, const uint8_t *above, size_t row,
                       size_t step)
{
    for (size_t x = 0; x < step; x++)
        to[x] = (uint8_t)(from[x] + (above ? above[x] : 0));
    for (size_t x = step; x < row; x++)
        to[x] = (uint8_t)(from[x] + (above
                                         ? recording_expect(to[x - step], above[x], above[x - step])
                                         : to[x - step]));
}

static void spread_rows(fov_image *image, const uint8_t *from, bool differences)
{
    size_t step = (size_t)image_pixel_bytes(image);
    for (int p = 0; p < image_planes(image); p++) {
        size_t row = (size_t)image_plane_width(image, p) * step;
        const uint8_t *above = NULL;
        for (int y = 0; image->plane[p] && y < image_plane_height(image, p); y++, from += row) {
            uint8_t *to = image->plane[p] + (ptrdiff_t)y * image->stride[p];
            if (differences)
                spread_row(to, from, above, row, step);
            else
                memcpy(to, from, row);
            above = to;
        }
    }
}

static fov_status read_pixels(struct recording *r, const struct place *place, const uint8_t *packed,
                              size_t size, fov_frame *frame, fov_error *error)
{
    const uint8_t *p = r->payload.data;
    uint64_t width = get_le(p + 56, 4), height = get_le(p + 60, 4);
    int shift_x = p[50] & 1, shift_y = p[50] >> 1 & 1;
    bool gray = p[50] >> 2 & 1, deflated = p[51] == RECORDING_DEFLATED;
    if (p[49] > FOV_YUV || p[50] > 7 || p[51] > RECORDING_DEFLATED || (gray && p[49] != FOV_YUV) ||
        image_check_size((int64_t)width, (int64_t)height, NULL))
        return damaged(place, error);
    fov_status status = fov_frame_alloc_image(frame, (fov_pixels)p[49], (int)width, (int)height,
                                              shift_x, shift_y);
    if (status)
        return fov_fail(error, status, "no memory for a recorded frame");
    if (gray)
        frame->image.plane[1] = frame->image.plane[2] = NULL;
    size_t bytes = recording_pixel_bytes(&frame->image);
    if (!deflated && size != bytes)
        return damaged(place, error);
    if (deflated && !buffer_reserve(&r->rows, bytes))
        return fov_fail(error, FOV_ENOMEM, "no memory for a recorded frame");
    if (deflated && !inflate_rows(r->rows.data, bytes, packed, size))
        return damaged(place, error);
    spread_rows(&frame->image, deflated ? r->rows.data : packed, deflated);
    return FOV_OK;
}

/* The kind of a picture and its size are told by its own first bytes. */
static void name_picture(fov_frame *frame)
{
    fov_picture_info info;
    frame->codec = picture_codec(frame->bytes, frame->size);
    if (fov_picture_probe(frame->bytes, frame->size, &info, NULL) != FOV_OK)
        return;
    frame->width = info.width;
    frame->height = info.height;
}

static double finite_or_0(double value)
{
    return isfinite(value) ? value : 0;
}

static fov_status read_frame(struct recording *r, const struct place *place, fov_frame_pool *pool,
                             fov_frame **frame, fov_error *error)
{
    const uint8_t *p = r->payload.data;
    size_t name = (size_t)get_le(p + 54, 2), used = RECORDING_FRAME_HEAD + name;
    bool encoded = p[49] == FOV_PIXELS_NONE;
    if (name > RECORDING_NAME_MAX || used >= place->size)
        return damaged(place, error);
    size_t size = place->size - used;
    fov_status status = fov_frame_get(pool, encoded ? size : 0, frame);
    if (status)
        return fov_fail(error, status, "%.160s: %s", r->name, fov_status_text(status));
    memcpy(r->picture, p + RECORDING_FRAME_HEAD, name);
    r->picture[name] = '\0';
    if (!text_is_utf8((const uint8_t *)r->picture, name) || strlen(r->picture) != name ||
        strchr(r->picture, '/'))
        return damaged(place, error); /* copies of pictures get this name */
    text_flatten(r->picture);
    fov_frame *f = *frame;
    f->pts_ms = finite_or_0(get_double(p + 16));
    f->sender_ms = finite_or_0(get_double(p + 24));
    f->number = get_le(p + 32, 8);
    if (!encoded) {
        status = read_pixels(r, place, p + used, size, f, error);
        f->width = f->image.width;
        f->height = f->image.height;
        return status;
    }
    memcpy(f->bytes, p + used, size);
    f->size = size;
    name_picture(f);
    return FOV_OK;
}

static bool read_answer(struct recording *r, const struct place *place, fov_recorded *what)
{
    if (load(r, place, NULL) != FOV_OK)
        return false;
    const uint8_t *p = r->payload.data;
    uint64_t count = get_le(p + 12, 4);
    size_t classes = p[11] & 2 ? RECORDING_CLASSES : 0;
    if (p[8] > FOV_FAILED || p[9] >= FOV_DROP_COUNT || p[10] >= FOV_STATUS_COUNT || p[11] > 3 ||
        count > RECORDING_BOXES_MAX ||
        place->size != RECORDING_ANSWER_HEAD + classes + count * RECORDING_BOX)
        return false;
    what->outcome = (fov_outcome)p[8];
    what->reason = (fov_drop)p[9];
    what->status = (fov_status)p[10];
    what->watched = p[11] & 1;
    what->total_ns = (int64_t)get_le(p + 16, 8);
    what->conf = get_float(p + 24);
    what->iou = get_float(p + 28);
    if (!(what->conf >= 0 && what->conf <= 1 && what->iou >= 0 && what->iou <= 1))
        return false;
    what->count = count;
    what->items = r->boxes;
    p += RECORDING_ANSWER_HEAD;
    for (size_t i = 0; i < classes / 8; i++, p += 8)
        what->classes[i] = get_le(p, 8);
    for (size_t i = 0; i < count; i++, p += RECORDING_BOX)
        r->boxes[i] = (fov_detection){.x1 = get_float(p),
                                      .y1 = get_float(p + 4),
                                      .x2 = get_float(p + 8),
                                      .y2 = get_float(p + 12),
                                      .score = get_float(p + 16),
                                      .class_id = (int32_t)get_le(p + 20, 4),
                                      .class_id_raw = (int32_t)get_le(p + 24, 4),
                                      .track_id = -1};
    return true;
}

fov_status recording_read(struct recording *r, size_t i, fov_frame_pool *pool, fov_frame **frame,
                          fov_recorded *what, const char **name, fov_error *error)
{
    const struct place *place = &r->frames.items[i];
    *frame = NULL;
    *name = NULL;
    *what = (fov_recorded){.number = place->number, .arrival_ns = place->arrival_ns};
    fov_status status = load(r, place, error);
    if (status == FOV_OK)
        status = read_frame(r, place, pool, frame, error);
    if (status) {
        fov_frame_unref(frame);
        return status;
    }
    *name = r->picture[0] ? r->picture : NULL;
    const struct place *answer = r->answers.count
                                     ? bsearch(place, r->answers.items, r->answers.count,
                                               sizeof *place, by_number)
                                     : NULL;
    fov_recorded answered = *what;
    answered.answered = answer && read_answer(r, answer, &answered);
    if (answered.answered)
        *what = answered;
    return FOV_OK;
}
