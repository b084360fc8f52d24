/* MOTChallenge: frame,id,left,top,width,height,score,-1,-1,-1, frames from 1. */
#include "scene/out.h"

static void begin(struct out *out)
{
    (void)out;
}

static void frame(struct out *out, const fov_match_frame *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const fov_match_entry *e = &f->entries[i];
        if (e->x2 > e->x1 && e->y2 > e->y1)
            fprintf(out->files[0], "%lld,%d,%.1f,%.1f,%.1f,%.1f,%.3f,-1,-1,-1\n",
                    (long long)f->number + 1, e->id, (double)e->x1, (double)e->y1,
                    (double)(e->x2 - e->x1), (double)(e->y2 - e->y1), (double)e->score);
    }
}

const struct out_format out_mot = {.name = "mot",
                                   .help = "boxes and names as MOTChallenge has them",
                                   .files = {"mot.txt"},
                                   .begin = begin,
                                   .frame = frame,
                                   .end = begin};
