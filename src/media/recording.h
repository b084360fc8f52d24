/* The inside of a recording (`.fvr`, docs/recording.md): where the fields lie, and its reader.
 *
 *   start   "\x89FVR\r\n\x1a\n"  u16 version  u16 0  u32 size  u32 sum   then `size` bytes of JSON
 *   chunk   u32 mark  u32 size  u32 sum of the payload  u32 sum of the 12 bytes before
 *           then `size` bytes: a frame ("FRM1") or what became of it ("ANS1"); others are passed
 *           over
 *
 * All numbers are little-endian; sums are CRC-32 as in zlib. The sum of a start covers its first 16
 * bytes and the JSON. */
#ifndef MEDIA_RECORDING_H
#define MEDIA_RECORDING_H

#include <string.h>

#include <fovea/recording.h>
#include "media/bytes.h"
#include "media/image.h"

#define RECORDING_MAGIC                                                                            \
    "\x89"                                                                                         \
    "FVR\r\n\x1a\n"

enum {
    RECORDING_VERSION = 1,
    RECORDING_START = 20, /* bytes before the JSON */
    RECORDING_JSON_MAX = 16384,
    RECORDING_CHUNK = 16,      /* bytes before a payload */
    RECORDING_FRAME_HEAD = 64, /* bytes of a frame before its name */
    RECORDING_ANSWER_HEAD = 40,
    RECORDING_CLASSES = 128, /* behind it, when not every class was kept */
    RECORDING_BOX = 28,
    RECORDING_BOXES_MAX = 1000,
    RECORDING_NAME_MAX = 255,
    RECORDING_FRAMES_MAX = 2000000
};
#define RECORDING_PAYLOAD_MAX ((size_t)288 << 20)
#define RECORDING_FRM UINT32_C(0x314d5246)
#define RECORDING_ANS UINT32_C(0x31534e41)
#define RECORDING_TIME_MAX (INT64_C(1) << 60) /* ns */

/* How pixels are packed. */
enum { RECORDING_PLAIN, RECORDING_DEFLATED };

static inline void put_float(uint8_t *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_le(to, bits, 4);
}

static inline float get_float(const uint8_t *from)
{
    uint32_t bits = (uint32_t)get_le(from, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void put_double(uint8_t *to, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_le(to, bits, 8);
}

static inline double get_double(const uint8_t *from)
{
    uint64_t bits = get_le(from, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What a pixel probably is: the middle one of left, above, and the plane through the three around
 * (the predictor of LOCO-I, Weinberger et al. 2000). */
static inline uint8_t recording_expect(int left, int above, int corner)
{
    int least = left < above ? left : above, most = left < above ? above : left;
    int plane = left + above - corner;
    return (uint8_t)(plane < least ? least : plane > most ? most : plane);
}

uint32_t recording_sum(uint32_t before, const void *bytes, size_t size);

/* Bytes of an image's pixels without what its rows are padded with. */
size_t recording_pixel_bytes(const fov_image *image);

/* ---- reading --------------------------------------------------------------------------------- */

struct recording;

/* Scans the file: what is whole is read later, a cut or damaged tail is left out. Takes over `fd`,
 * also on failure. Returns FOV_EFORMAT, FOV_EUNSUPPORTED (a later version), FOV_ELIMIT, FOV_EIO,
 * FOV_ENOMEM. */
fov_status recording_open(struct recording **recording, int fd, const char *name, fov_error *error);
void recording_close(struct recording **recording); /* sets NULL, accepts NULL */

const fov_recording_info *recording_info(const struct recording *recording);
size_t recording_count(const struct recording *recording); /* frames, in order of their numbers */
uint64_t recording_end(const struct recording *recording); /* bytes up to the last whole chunk */
bool recording_is_cut(const struct recording *recording);  /* something follows that is not whole */
/* Number and arrival of the last frame of all, -1 and 0 without one. */
int64_t recording_last(const struct recording *recording, int64_t *arrival_ns);
int64_t recording_arrival_ns(const struct recording *recording, size_t i);

/* Reads frame `i` into a slot of `pool`. `what`, `name` (NULL: none) are valid to the next read.
 * Returns FOV_EFORMAT (damaged: the others may be fine), what fov_frame_get returns, FOV_EIO. */
fov_status recording_read(struct recording *recording, size_t i, fov_frame_pool *pool,
                          fov_frame **frame, fov_recorded *what, const char **name,
                          fov_error *error);

#endif
