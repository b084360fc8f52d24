/* Teams on pictures and tracks made of the input: every kind of pixels at odd sizes, boxes of any
 * numbers, ids that repeat. Nothing is read outside of the picture (its memory has no slack), and
 * what is told is in range. */
#include <stdint.h>
#include <stdlib.h>

#include <fovea/team.h>

#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRACKS = 24, VECTOR = 8 };

static float number(struct reader *r, float scale)
{
    uint8_t kind = next(r);
    return kind < 245 ? scale * (float)kind / 245 : next_float(r);
}

/* Planes that end with their last pixel. */
static bool make_image(struct reader *r, fov_image *image, uint8_t *memory[3])
{
    static const fov_pixels kinds[] = {FOV_RGB24, FOV_BGR24, FOV_GRAY8, FOV_YUV, FOV_YUV};
    uint8_t kind = next(r), seed = next(r);
    *image = (fov_image){.pixels = kinds[kind % 5], .width = 1 + next(r), .height = 1 + next(r)};
    bool yuv = image->pixels == FOV_YUV, colour = !yuv || kind % 5 == 3;
    image->shift_x = yuv && kind & 16;
    image->shift_y = yuv && kind & 32;
    for (int p = 0; p < (yuv && colour ? 3 : 1); p++) {
        int width = p ? (image->width + image->shift_x) >> image->shift_x : image->width,
            height = p ? (image->height + image->shift_y) >> image->shift_y : image->height;
        int bytes = yuv || image->pixels == FOV_GRAY8 ? 1 : 3;
        size_t size = (size_t)(width * height * bytes);
        image->stride[p] = width * bytes;
        image->plane[p] = memory[p] = malloc(size);
        if (!memory[p])
            return false;
        for (size_t i = 0; i < size; i++)
            memory[p][i] = (uint8_t)(seed + p * 60 + (int)(i % 97 == 0 ? i : 0));
    }
    return true;
}

static void read_tracks(struct reader *r, fov_track *tracks, float scale)
{
    for (int i = 0; i < TRACKS; i++) {
        float x = number(r, scale), y = number(r, scale);
        tracks[i] = (fov_track){.id = next(r) % 32,
                                .state = (fov_track_state)(next(r) % 4),
                                .class_id = next(r) % 2,
                                .x1 = x,
                                .y1 = y,
                                .x2 = x + number(r, 40),
                                .y2 = y + number(r, 80)};
    }
}

static void check(const fov_team_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const fov_team *t = &list->items[i];
        if (!(t->confidence >= 0 && t->confidence <= 1) || (unsigned)t->side > FOV_TEAM_OTHER)
            abort();
        if (t->goalkeeper && t->side != FOV_TEAM_FIRST && t->side != FOV_TEAM_SECOND)
            abort();
    }
}

static fov_teams *create(struct reader *r, bool *vectors)
{
    uint8_t kind = next(r);
    fov_teams_params params = {.class_id = kind % 3 - 1,
                               .max_tracks = next(r) % 40,
                               .min_tracks = 4 + next(r) % 8,
                               .named = kind & 8,
                               .colors = {next(r) * 65793u, next(r) * 257u},
                               .embedding_size = kind & 16 ? VECTOR : 0};
    fov_teams *teams;
    *vectors = kind & 16;
    return fov_teams_create(&teams, &params, NULL) ? NULL : teams;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size, 0};
    bool vectors;
    fov_teams *teams = create(&r, &vectors);
    uint8_t *memory[3] = {NULL};
    fov_image image;
    fov_track tracks[TRACKS];
    float embeddings[TRACKS * VECTOR];
    if (teams && make_image(&r, &image, memory))
        for (int frame = 0; left(&r) > 0 && frame < 40; frame++) {
            fov_tracks all = {tracks, TRACKS};
            fov_pitch_view view = {.map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
            fov_team_list list;
            if (frame % 8 == 0)
                read_tracks(&r, tracks, 256);
            for (int i = 0; i < TRACKS * VECTOR; i++)
                embeddings[i] = frame % 8 ? embeddings[i] : number(&r, 1);
            view.map[frame % 9] += (double)number(&r, 2) - 1;
            fov_teams_input input = {.time_s = frame * 0.1 + (double)number(&r, 1),
                                     .image = &image,
                                     .tracks = &all,
                                     .view = next(&r) & 1 ? &view : NULL,
                                     .embeddings = vectors ? embeddings : NULL};
            if (fov_teams_update(teams, &input, &list, NULL) == FOV_OK)
                check(&list);
        }
    for (int p = 0; p < 3; p++)
        free(memory[p]);
    fov_teams_destroy(&teams);
    return 0;
}
