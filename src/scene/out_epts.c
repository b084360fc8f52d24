/* FIFA's Electronic Performance and Tracking Systems format: metadata in XML, which describes the
 * lines of a text file. Places are parts of the pitch, 0..1, x from the left, y from the far touch
 * line; the ball's height is in metres. Frames count from 1. */
#include "scene/out.h"

static bool plays(const struct out_person *p)
{
    return p->team >= 0;
}

static void put_head(struct out *out)
{
    FILE *f = out->files[1];
    long long first = (long long)out->roster->first + 1, last = (long long)out->roster->last + 1;
    fprintf(
        f,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<FIFADataTransferFormatEPTS>\n<Metadata>\n<GlobalConfig>\n"
        "<FileName>epts.txt</FileName><TrackingType>Optical</TrackingType>"
        "<ProviderName>Metrica Sports</ProviderName><FrameRate>%d</FrameRate>\n"
        "<ProviderGlobalParameters>"
        "<ProviderParameter><Name>first_half_start</Name><Value>%lld</Value></ProviderParameter>"
        "<ProviderParameter><Name>first_half_end</Name><Value>%lld</Value></ProviderParameter>"
        "</ProviderGlobalParameters>\n</GlobalConfig>\n",
        (int)out->about->fps, first, last);
    fprintf(f,
            "<Sessions><Session id=\"session1\"><SessionType>Match</SessionType>"
            "<FieldSize><Width>%.0f</Width><Height>%.0f</Height></FieldSize>"
            "</Session></Sessions>\n",
            out->about->pitch.length, out->about->pitch.width);
}

static void put_team(FILE *f, const char *id, const char *name, const char *way)
{
    fprintf(f, "<Team id=\"%s\"><Name>", id);
    out_xml_text(f, name);
    fprintf(f,
            "</Name><ProviderTeamsParameters><ProviderParameter>"
            "<Name>attack_direction_first_half</Name><Value>%s</Value>"
            "</ProviderParameter></ProviderTeamsParameters></Team>\n",
            way);
}

static void put_people(struct out *out)
{
    FILE *f = out->files[1];
    fputs("<Teams>\n", f);
    put_team(f, "home", out->about->home, "left_to_right");
    put_team(f, "away", out->about->away, "right_to_left");
    fputs("</Teams>\n<Players>\n", f);
    for (int i = 0; i < out->roster->count; i++) {
        const struct out_person *p = &out->roster->people[i];
        if (plays(p))
            fprintf(f,
                    "<Player id=\"P%d\" teamId=\"%s\"><Name>Track %d</Name>"
                    "<ShirtNumber>%d</ShirtNumber></Player>\n",
                    p->id, p->team == 0 ? "home" : "away", p->id, p->number);
    }
    fputs("</Players>\n", f);
}

static void put_channels(struct out *out)
{
    FILE *f = out->files[1];
    fputs("<Devices><Device id=\"camera\"><Name>Camera</Name><Sensors><Sensor id=\"position\">"
          "<Name>Position</Name><Channels>"
          "<Channel id=\"x\"><Name>Position X</Name><Unit>normalized</Unit></Channel>"
          "<Channel id=\"y\"><Name>Position Y</Name><Unit>normalized</Unit></Channel>"
          "<Channel id=\"z\"><Name>Position Z</Name><Unit>m</Unit></Channel>"
          "</Channels></Sensor></Sensors></Device></Devices>\n<PlayerChannels>\n",
          f);
    for (int i = 0; i < out->roster->count; i++)
        for (int k = 0; k < 2 && plays(&out->roster->people[i]); k++) {
            int id = out->roster->people[i].id, axis = "xy"[k];
            fprintf(f, "<PlayerChannel id=\"P%d_%c\" playerId=\"P%d\" channelId=\"%c\"/>\n", id,
                    axis, id, axis);
        }
    fputs("</PlayerChannels>\n</Metadata>\n", f);
}

static void put_lines(struct out *out)
{
    FILE *f = out->files[1];
    fprintf(f,
            "<DataFormatSpecifications>\n<DataFormatSpecification separator=\":\" "
            "startFrame=\"%lld\" endFrame=\"%lld\">\n<StringRegister name=\"frameCount\"/>\n"
            "<SplitRegister separator=\";\">\n",
            (long long)out->roster->first + 1, (long long)out->roster->last + 1);
    for (int i = 0; i < out->roster->count; i++) {
        int id = out->roster->people[i].id;
        if (plays(&out->roster->people[i]))
            fprintf(f,
                    "<SplitRegister separator=\",\"><PlayerChannelRef playerChannelId=\"P%d_x\"/>"
                    "<PlayerChannelRef playerChannelId=\"P%d_y\"/></SplitRegister>\n",
                    id, id);
    }
    fputs("</SplitRegister>\n<SplitRegister separator=\",\"><BallChannelRef channelId=\"x\"/>"
          "<BallChannelRef channelId=\"y\"/><BallChannelRef channelId=\"z\"/></SplitRegister>\n"
          "</DataFormatSpecification>\n</DataFormatSpecifications>\n"
          "</FIFADataTransferFormatEPTS>\n",
          f);
}

static void begin(struct out *out)
{
    put_head(out);
    put_people(out);
    put_channels(out);
    put_lines(out);
}

static const fov_match_entry *find(const fov_match_frame *f, int32_t id)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->entries[i].id == id)
            return &f->entries[i];
    return NULL;
}

static void put_place(struct out *out, double x, double y)
{
    const fov_pitch_size *pitch = &out->about->pitch;
    fprintf(out->files[0], "%.5f,%.5f", x / pitch->length, 1 - y / pitch->width);
}

/* Everybody has a column; who is not seen has NaN in it. */
static void frame(struct out *out, const fov_match_frame *f)
{
    FILE *file = out->files[0];
    fprintf(file, "%lld:", (long long)f->number + 1);
    for (int i = 0, told = 0; i < out->roster->count; i++) {
        if (!plays(&out->roster->people[i]))
            continue;
        const fov_match_entry *e = find(f, out->roster->people[i].id);
        if (told++)
            fputc(';', file);
        if (e && !e->unplaced)
            put_place(out, e->x, e->y);
        else
            fputs("NaN,NaN", file);
    }
    fputc(':', file);
    if (f->ball_known) {
        put_place(out, f->ball[0], f->ball[1]);
        fprintf(file, ",%.3f\n", f->ball[2]);
    } else {
        fputs("NaN,NaN,NaN\n", file);
    }
}

static void end(struct out *out)
{
    (void)out;
}

const struct out_format out_epts = {.name = "epts",
                                    .help = "FIFA's EPTS: metadata in XML and a text file",
                                    .files = {"epts.txt", "epts.xml"},
                                    .whole_fps = true,
                                    .begin = begin,
                                    .frame = frame,
                                    .end = end};
