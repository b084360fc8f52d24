/* TRACAB's text: frame:team,target,number,x,y,speed;…:x,y,z,speed,owner,state;: in centimetres from
 * the middle of the pitch, y away from the camera, and an XML file that says what it is. Frames
 * count from 1. */
#include <math.h>

#include "scene/out.h"

/* Numbers that no shirt has stand for names without one. */
enum { NO_SHIRT = 100, HOME = 1, AWAY = 0, REFEREE = 3, NOBODYS = -1 };

static void begin(struct out *out)
{
    const fov_match_about *a = out->about;
    long long first = (long long)out->roster->first + 1, last = (long long)out->roster->last + 1;
    fprintf(out->files[1],
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<TracabMetaData sVersion=\"1.0\">\n"
            "  <match iId=\"1\" dtDate=\"1970-01-01 00:00:00\" iFrameRateFps=\"%d\"\n"
            "    fPitchXSizeMeters=\"%.2f\" fPitchYSizeMeters=\"%.2f\"\n"
            "    fTrackingAreaXSizeMeters=\"%.2f\" fTrackingAreaYSizeMeters=\"%.2f\">\n"
            "    <period iId=\"1\" iStartFrame=\"%lld\" iEndFrame=\"%lld\"/>\n",
            (int)a->fps, a->pitch.length, a->pitch.width, a->pitch.length + 10, a->pitch.width + 10,
            first, last);
    for (int i = 2; i <= 4; i++)
        fprintf(out->files[1], "    <period iId=\"%d\" iStartFrame=\"0\" iEndFrame=\"0\"/>\n", i);
    fputs("  </match>\n</TracabMetaData>\n", out->files[1]);
}

static long centimetres(double metres, double side)
{
    return lround((metres - side / 2) * 100);
}

static void put_entry(struct out *out, const fov_match_entry *e)
{
    const struct out_roster *roster = out->roster;
    const fov_pitch_size *pitch = &out->about->pitch;
    const struct out_person *p = out_find(roster, e->id);
    if (!p || e->unplaced)
        return;
    int team = p->team == 0                  ? HOME
               : p->team == 1                ? AWAY
               : p->role == FOV_ROLE_REFEREE ? REFEREE
                                             : NOBODYS;
    long number = p->number ? p->number : NO_SHIRT + (p - roster->people);
    fprintf(out->files[0], "%d,%d,%ld,%ld,%ld,%.2f;", team, e->id, number,
            centimetres(e->x, pitch->length), centimetres(e->y, pitch->width), e->speed_mps);
}

/* The format has no word for "nobody": the last owner's letter stands, and the ball is dead. */
static void frame(struct out *out, const fov_match_frame *f)
{
    const fov_pitch_size *pitch = &out->about->pitch;
    fprintf(out->files[0], "%lld:", (long long)f->number + 1);
    for (size_t i = 0; i < f->count; i++)
        put_entry(out, &f->entries[i]);
    bool alive = f->ball_known && f->ball_team >= 0;
    fprintf(out->files[0], ":%ld,%ld,%ld,0.00,%c,%s;:\n", centimetres(out->ball[0], pitch->length),
            centimetres(out->ball[1], pitch->width), lround(out->ball[2] * 100),
            out->ball_team == 1 ? 'A' : 'H', alive ? "Alive" : "Dead");
}

static void end(struct out *out)
{
    (void)out;
}

const struct out_format out_tracab = {.name = "tracab",
                                      .help = "TRACAB's .dat with its metadata",
                                      .files = {"tracab.dat", "tracab_meta.xml"},
                                      .whole_fps = true,
                                      .begin = begin,
                                      .frame = frame,
                                      .end = end};
