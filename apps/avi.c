#include "avi.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES UINT32_C(2000000000)
#define KEY_FRAME 0x10 /* in index entries; the same bit says "has an index" in the header */

struct entry {
    uint32_t offset, size;
};

struct avi {
    FILE *file;
    int width, height;
    double fps;
    struct entry *entries;
    size_t count, capacity;
    uint32_t movie; /* position of the word "movi" */
    uint32_t largest;
};

static void put16(FILE *file, unsigned value)
{
    fputc((int)(value & 0xFF), file);
    fputc((int)(value >> 8 & 0xFF), file);
}

static void put32(FILE *file, uint32_t value)
{
    put16(file, value & 0xFFFF);
    put16(file, value >> 16);
}

static void put_word(FILE *file, const char *word)
{
    fwrite(word, 1, 4, file);
}

static void put_zeros(FILE *file, int bytes)
{
    while (bytes-- > 0)
        fputc(0, file);
}

static void put_main_header(const struct avi *a)
{
    put_word(a->file, "avih");
    put32(a->file, 56);
    put32(a->file, (uint32_t)(1e6 / a->fps + 0.5));
    put32(a->file, (uint32_t)(a->largest * a->fps));
    put32(a->file, 0);
    put32(a->file, KEY_FRAME);
    put32(a->file, (uint32_t)a->count);
    put32(a->file, 0);
    put32(a->file, 1); /* streams */
    put32(a->file, a->largest);
    put32(a->file, (uint32_t)a->width);
    put32(a->file, (uint32_t)a->height);
    put_zeros(a->file, 16);
}

static void put_stream_header(const struct avi *a)
{
    put_word(a->file, "strh");
    put32(a->file, 56);
    put_word(a->file, "vids");
    put_word(a->file, "MJPG");
    put_zeros(a->file, 12);
    put32(a->file, 1000);
    put32(a->file, (uint32_t)(a->fps * 1000 + 0.5));
    put32(a->file, 0);
    put32(a->file, (uint32_t)a->count);
    put32(a->file, a->largest);
    put32(a->file, UINT32_MAX); /* default quality */
    put32(a->file, 0);
    put_zeros(a->file, 4);
    put16(a->file, (unsigned)a->width);
    put16(a->file, (unsigned)a->height);
}

static void put_picture_header(const struct avi *a)
{
    put_word(a->file, "strf");
    put32(a->file, 40);
    put32(a->file, 40);
    put32(a->file, (uint32_t)a->width);
    put32(a->file, (uint32_t)a->height);
    put16(a->file, 1);
    put16(a->file, 24);
    put_word(a->file, "MJPG");
    put32(a->file, (uint32_t)(a->width * a->height * 3));
    put_zeros(a->file, 16);
}

/* Written twice: as a place holder at first, with the true sizes at the end. */
static void put_headers(struct avi *a, uint32_t file_size, uint32_t movie_size)
{
    put_word(a->file, "RIFF");
    put32(a->file, file_size > 8 ? file_size - 8 : 0);
    put_word(a->file, "AVI ");
    put_word(a->file, "LIST");
    put32(a->file, 4 + 64 + 8 + 4 + 64 + 48);
    put_word(a->file, "hdrl");
    put_main_header(a);
    put_word(a->file, "LIST");
    put32(a->file, 4 + 64 + 48);
    put_word(a->file, "strl");
    put_stream_header(a);
    put_picture_header(a);
    put_word(a->file, "LIST");
    put32(a->file, movie_size);
    a->movie = (uint32_t)ftell(a->file);
    put_word(a->file, "movi");
}

static fov_status create(struct avi **avi, const char *path, int width, int height, double fps,
                         fov_error *error)
{
    struct avi *a = calloc(1, sizeof *a);
    *avi = NULL;
    if (!a)
        return fov_fail(error, FOV_ENOMEM, "no memory for a video");
    *a = (struct avi){
        .file = fopen(path, "wb"), .width = width, .height = height, .fps = fps > 0 ? fps : 25};
    if (!a->file) {
        free(a);
        return fov_fail(error, FOV_EIO, "%.160s: %s", path, strerror(errno));
    }
    put_headers(a, 0, 0);
    *avi = a;
    return FOV_OK;
}

static fov_status add_entry(struct avi *a, uint32_t offset, uint32_t size, fov_error *error)
{
    if (a->count == a->capacity) {
        size_t capacity = a->capacity ? 2 * a->capacity : 256;
        struct entry *entries = realloc(a->entries, capacity * sizeof *entries);
        if (!entries)
            return fov_fail(error, FOV_ENOMEM, "no memory for a video's index");
        a->entries = entries;
        a->capacity = capacity;
    }
    a->entries[a->count++] = (struct entry){offset, size};
    a->largest = size > a->largest ? size : a->largest;
    return FOV_OK;
}

/* FOV_ELIMIT: the file would pass 2 GB. */
static fov_status add(struct avi *a, const uint8_t *jpeg, size_t size, fov_error *error)
{
    long at = ftell(a->file);
    if (at < 0 || size > MAX_BYTES || (uint64_t)at + size + 16 * (a->count + 2) > MAX_BYTES)
        return fov_fail(error, FOV_ELIMIT, "the video is full");
    fov_status status = add_entry(a, (uint32_t)at - a->movie, (uint32_t)size, error);
    if (status)
        return status;
    put_word(a->file, "00dc");
    put32(a->file, (uint32_t)size);
    fwrite(jpeg, 1, size, a->file);
    put_zeros(a->file, (int)(size & 1));
    return ferror(a->file) ? fov_fail(error, FOV_EIO, "writing the video: %s", strerror(errno))
                           : FOV_OK;
}

static void put_index(const struct avi *a)
{
    put_word(a->file, "idx1");
    put32(a->file, (uint32_t)(16 * a->count));
    for (size_t i = 0; i < a->count; i++) {
        put_word(a->file, "00dc");
        put32(a->file, KEY_FRAME);
        put32(a->file, a->entries[i].offset);
        put32(a->file, a->entries[i].size);
    }
}

fov_status avi_close(struct avi **avi, fov_error *error)
{
    struct avi *a = *avi;
    *avi = NULL;
    if (!a)
        return FOV_OK;
    uint32_t movie_size = (uint32_t)ftell(a->file) - a->movie;
    put_index(a);
    uint32_t file_size = (uint32_t)ftell(a->file);
    rewind(a->file);
    put_headers(a, file_size, movie_size);
    bool failed = ferror(a->file) != 0;
    failed = fclose(a->file) != 0 || failed;
    free(a->entries);
    free(a);
    return failed ? fov_fail(error, FOV_EIO, "the video could not be written whole") : FOV_OK;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static fov_status begin_part(struct avi_parts *p, int width, int height, fov_error *error)
{
    char path[1600];
    fov_status status = avi_close(&p->avi, error);
    if (status)
        return status;
    p->name(p->user, path, sizeof path);
    p->width = width;
    p->height = height;
    return create(&p->avi, path, width, height, p->fps, error);
}

fov_status avi_parts_add(struct avi_parts *p, int width, int height, const uint8_t *jpeg,
                         size_t size, fov_error *error)
{
    fov_status status = FOV_OK;
    if (!p->avi || p->width != width || p->height != height)
        status = begin_part(p, width, height, error);
    if (status == FOV_OK)
        status = add(p->avi, jpeg, size, error);
    if (status != FOV_ELIMIT)
        return status;
    status = begin_part(p, width, height, error);
    return status ? status : add(p->avi, jpeg, size, error);
}
