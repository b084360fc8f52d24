#include "mot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/plane.h"

enum { NUMBERS_MOST = 10, LINE_MOST = 1024 };
#define LARGEST 1e9 /* of any number in these files */

/* ---- lines of numbers ------------------------------------------------------------------------ */

struct lines {
    const char *name, *at, *end;
    size_t number; /* of the line that was read last */
    double values[NUMBERS_MOST];
    int count;
    fov_error *error;
};

static fov_status fail_line(const struct lines *l, const char *what)
{
    return fov_fail(l->error, FOV_EFORMAT, "%.100s:%zu: %s", l->name, l->number, what);
}

/* `text` is terminated. */
static fov_status read_numbers(struct lines *l, const char *text)
{
    for (l->count = 0;;) {
        char *end;
        text += strspn(text, ", \t\r");
        if (!*text)
            return FOV_OK;
        if (l->count == NUMBERS_MOST)
            return fail_line(l, "more than 10 numbers");
        double value = strtod(text, &end);
        if (end == text || (*end && !strchr(", \t\r", *end)))
            return fail_line(l, "something that is no number");
        if (!(fabs(value) <= LARGEST))
            return fail_line(l, "a number that is not finite, or out of all reason");
        l->values[l->count++] = value;
        text = end;
    }
}

/* The next line that is not empty; FOV_EOS after the last. */
static fov_status next_line(struct lines *l)
{
    char text[LINE_MOST + 1];
    while (l->at < l->end) {
        const char *feed = memchr(l->at, '\n', (size_t)(l->end - l->at));
        size_t length = (size_t)((feed ? feed : l->end) - l->at);
        const char *line = l->at;
        l->number++;
        l->at += length + (feed != NULL);
        if (length > LINE_MOST)
            return fail_line(l, "longer than 1024 bytes");
        if (memchr(line, '\0', length))
            return fail_line(l, "something that is no number");
        memcpy(text, line, length);
        text[length] = '\0';
        fov_status status = read_numbers(l, text);
        if (status || l->count)
            return status;
    }
    return FOV_EOS;
}

static bool whole_within(double value, double least, double most)
{
    return value >= least && value <= most && value == floor(value);
}

/* Room for one item more; doubles. */
static bool grow(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity ? 2 * *capacity : 1024;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = more;
    return true;
}

/* ---- detections ------------------------------------------------------------------------------ */

struct entry {
    int32_t frame;
    size_t order;
    fov_detection box;
};

static int by_frame(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static fov_status read_entry(const struct lines *l, struct entry *entry)
{
    const double *v = l->values;
    int class_id = l->count == 8 || l->count == 9 ? (int)v[7] : 0;
    if (l->count < 7)
        return fail_line(l, "fewer than 7 numbers: frame,id,x,y,w,h,score");
    if (!whole_within(v[0], 1, MOT_FRAMES_MOST))
        return fail_line(l, "the frame is no whole number from 1 to 10000000");
    if (v[4] <= 0 || v[5] <= 0)
        return fail_line(l, "a box without width or height");
    if (v[6] < 0 || v[6] > 1)
        return fail_line(l, "the score is not within 0 to 1");
    if ((l->count == 8 || l->count == 9) && !whole_within(v[7], -1, 1023))
        return fail_line(l, "the class is no whole number up to 1023");
    entry->frame = (int32_t)v[0];
    entry->box = (fov_detection){.x1 = (float)v[2],
                                 .y1 = (float)v[3],
                                 .x2 = (float)(v[2] + v[4]),
                                 .y2 = (float)(v[3] + v[5]),
                                 .score = (float)v[6],
                                 .class_id = class_id < 0 ? 0 : class_id,
                                 .class_id_raw = class_id < 0 ? 0 : class_id,
                                 .track_id = -1};
    return FOV_OK;
}

static fov_status read_entries(struct lines *l, struct entry **entries, size_t *count)
{
    size_t capacity = 0;
    for (*count = 0;; ++*count) {
        fov_status status = next_line(l);
        if (status)
            return status == FOV_EOS ? FOV_OK : status;
        if (*count == MOT_BOXES_MOST)
            return fov_fail(l->error, FOV_ELIMIT, "%.100s: more than 10000000 boxes", l->name);
        if (!grow((void **)entries, *count, &capacity, sizeof **entries))
            return fov_fail(l->error, FOV_ENOMEM, "no memory for %.100s", l->name);
        status = read_entry(l, &(*entries)[*count]);
        if (status)
            return status;
        (*entries)[*count].order = *count;
    }
}

static void sort_out(struct mot *mot, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!i || entries[i].frame != entries[i - 1].frame)
            mot->frames[mot->frame_count++] = (struct mot_frame){entries[i].frame, i, 0};
        mot->frames[mot->frame_count - 1].count++;
        mot->boxes[mot->box_count++] = entries[i].box;
    }
}

fov_status mot_parse(struct mot *mot, const char *name, const char *text, size_t size,
                     fov_error *error)
{
    struct lines l = {.name = name, .at = text, .end = text + size, .error = error};
    struct entry *entries = NULL;
    size_t count;
    *mot = (struct mot){0};
    fov_status status = read_entries(&l, &entries, &count);
    if (!status && count) {
        qsort(entries, count, sizeof *entries, by_frame);
        mot->boxes = calloc(count, sizeof *mot->boxes);
        mot->frames = calloc(count, sizeof *mot->frames);
        if (mot->boxes && mot->frames)
            sort_out(mot, entries, count);
        else
            status = fov_fail(error, FOV_ENOMEM, "no memory for %.100s", name);
    }
    free(entries);
    return status;
}

void mot_release(struct mot *mot)
{
    free(mot->boxes);
    free(mot->frames);
    *mot = (struct mot){0};
}

/* ---- camera motion --------------------------------------------------------------------------- */

fov_status mot_open_motion(fov_motion_file **file, const char *path, fov_error *error)
{
    fov_motion motion;
    fov_status status = fov_motion_file_open(file, path, error);
    if (status || !fov_motion_file_at(*file, 0, &motion))
        return status;
    fov_motion_file_close(file);
    return fov_fail(error, FOV_EFORMAT, "%.100s: a frame 0; frames count from 1 here", path);
}

fov_motion mot_motion_between(const fov_motion_file *file, int32_t from, int32_t to)
{
    fov_motion step, sum = {.kind = FOV_MOTION_NONE};
    memcpy(sum.map, PLANE_IDENTITY, sizeof sum.map);
    for (int64_t frame = (int64_t)from + 1; file && frame <= to; frame++) {
        if (!fov_motion_file_at(file, frame, &step))
            continue;
        plane_multiply(step.map, sum.map, sum.map);
        sum.kind = step.kind > sum.kind ? step.kind : sum.kind;
    }
    return sum;
}

/* ---- files ----------------------------------------------------------------------------------- */

fov_status mot_read(struct mot *mot, const char *path, fov_error *error)
{
    char *text;
    size_t size;
    *mot = (struct mot){0};
    fov_status status = file_read(path, MOT_BYTES_MOST, &text, &size, error);
    if (!status)
        status = mot_parse(mot, path, text, size, error);
    free(text);
    return status;
}

fov_status mot_create(FILE **file, const char *path, fov_error *error)
{
    *file = fopen(path, "we");
    return *file ? FOV_OK : fov_fail(error, FOV_EIO, "%.150s: %s", path, strerror(errno));
}

fov_status mot_close(FILE **file, const char *path, fov_status status, fov_error *error)
{
    bool written = !*file || !ferror(*file);
    if (*file && fclose(*file))
        written = false;
    *file = NULL;
    return status || written ? status : fov_fail(error, FOV_EIO, "%.150s cannot be written", path);
}

void mot_write(FILE *file, int32_t frame, int32_t id, const float box[4], float score)
{
    fprintf(file, "%d,%d,%.2f,%.2f,%.2f,%.2f,%.4f,-1,-1,-1\n", (int)frame, (int)id, (double)box[0],
            (double)box[1], (double)box[2] - (double)box[0], (double)box[3] - (double)box[1],
            (double)score);
}

void mot_write_tracks(FILE *file, int32_t frame, const fov_tracks *tracks)
{
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *track = &tracks->items[i];
        const float box[4] = {track->x1, track->y1, track->x2, track->y2};
        if (track->state == FOV_TRACK_ACTIVE)
            mot_write(file, frame, track->id, box, track->score);
    }
}

void mot_put_box(struct json_writer *w, float x1, float y1, float x2, float y2)
{
    json_name(w, "box");
    json_array_begin(w);
    json_put_number(w, (double)x1, 2);
    json_put_number(w, (double)y1, 2);
    json_put_number(w, (double)x2, 2);
    json_put_number(w, (double)y2, 2);
    json_array_end(w);
}

static void put_pair(struct json_writer *w, const char *name, double x, double y)
{
    json_name(w, name);
    json_array_begin(w);
    json_put_number(w, x, 3);
    json_put_number(w, y, 3);
    json_array_end(w);
}

void mot_put_ground(struct json_writer *w, const fov_track *track)
{
    if (!track->on_ground)
        return;
    put_pair(w, "pitch_m", track->ground_x, track->ground_y);
    put_pair(w, "speed_mps", track->ground_vx, track->ground_vy);
}

void mot_put_lost(struct json_writer *w, const fov_tracks *tracks)
{
    json_name(w, "lost");
    json_array_begin(w);
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *track = &tracks->items[i];
        if (track->state != FOV_TRACK_LOST)
            continue;
        json_object_begin(w);
        json_add_int(w, "track_id", track->id);
        json_add_int(w, "class_id", track->class_id);
        mot_put_box(w, track->x1, track->y1, track->x2, track->y2);
        mot_put_ground(w, track);
        json_object_end(w);
    }
    json_array_end(w);
}
