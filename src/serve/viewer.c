/* A viewer's way out: one unit being sent, one waiting, newest wins; small texts keep their place
 * behind the picture they belong to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/room.h"

/* ---- units ------------------------------------------------------------------------------------
 */

struct unit *unit_make(uint64_t seq, uint64_t number, struct net_blob *head,
                       struct net_blob *picture)
{
    struct unit *unit = head && picture ? calloc(1, sizeof *unit) : NULL;
    if (!unit) {
        net_blob_unref(&head);
        net_blob_unref(&picture);
        return NULL;
    }
    *unit = (struct unit){
        .refs = 1, .seq = seq, .number = number, .head = head, .picture = picture};
    return unit;
}

void unit_unref(struct unit **ref)
{
    struct unit *unit = *ref;
    *ref = NULL;
    if (!unit || --unit->refs > 0)
        return;
    net_blob_unref(&unit->head);
    net_blob_unref(&unit->picture);
    net_blob_unref(&unit->packed);
    free(unit);
}

/* u32 little-endian length of the JSON, JSON, picture. */
static struct net_blob *packed(struct unit *unit)
{
    if (unit->packed)
        return unit->packed;
    size_t head = net_blob_len(unit->head), picture = net_blob_len(unit->picture);
    uint8_t *bytes = malloc(4 + head + picture);
    if (!bytes)
        return NULL;
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(head >> 8 * i);
    memcpy(bytes + 4, net_blob_data(unit->head), head);
    memcpy(bytes + 4 + head, net_blob_data(unit->picture), picture);
    return unit->packed = net_blob_wrap(bytes, 4 + head + picture, free, bytes);
}

/* ---- notes ------------------------------------------------------------------------------------
 */

static void note_remove(struct viewer *v, size_t i)
{
    net_blob_unref(&v->notes[i].text);
    v->note_count--;
    memmove(v->notes + i, v->notes + i + 1, (v->note_count - i) * sizeof *v->notes);
}

/* The waiting picture goes unsent: what was to be said of it too. */
static void skip_waiting(struct viewer *v)
{
    for (size_t i = v->note_count; i-- > 0;)
        if (v->notes[i].seq == v->waiting->seq)
            note_remove(v, i);
    v->skipped++;
    unit_unref(&v->waiting);
}

static bool gets(const struct viewer *v, uint64_t seq)
{
    return seq == 0 || v->sent[seq % SENT_MAX] == seq || (v->waiting && v->waiting->seq == seq);
}

void viewer_note(struct viewer *v, uint64_t seq, struct net_blob *text)
{
    if (v->kind == VIEWER_MJPEG || !gets(v, seq))
        return;
    if (v->note_count == NOTES_MAX) {
        note_remove(v, 0);
        v->notes_lost++;
    }
    v->notes[v->note_count++] = (struct note){seq, net_blob_ref(text)};
    viewer_flush(v);
}

/* ---- sending ----------------------------------------------------------------------------------
 */

static void sent_unit(struct viewer *v, const struct unit *unit)
{
    v->sent[unit->seq % SENT_MAX] = unit->seq;
    v->last_seq = unit->seq;
    v->units++;
    v->bytes += net_blob_len(unit->head) + net_blob_len(unit->picture);
}

static size_t add_notes(const struct viewer *v, struct net_frame *frames, size_t n, bool of_waiting)
{
    uint64_t seq = v->waiting ? v->waiting->seq : UINT64_MAX;
    for (size_t i = 0; i < v->note_count; i++)
        if ((v->notes[i].seq == seq) == of_waiting)
            frames[n++] = (struct net_frame){.kind = NET_TEXT, .blob = v->notes[i].text};
    return n;
}

static size_t add_unit(const struct viewer *v, struct net_frame *frames, size_t n)
{
    struct unit *unit = v->waiting;
    struct net_blob *both = unit && v->pack ? packed(unit) : NULL;
    if (both) {
        frames[n++] = (struct net_frame){.kind = NET_BINARY, .blob = both};
    } else if (unit) {
        frames[n++] = (struct net_frame){.kind = NET_TEXT, .blob = unit->head};
        frames[n++] = (struct net_frame){.kind = NET_BINARY, .blob = unit->picture};
    }
    return n;
}

_Static_assert(NOTES_MAX + 2 <= NET_UNIT_MAX, "all that may wait for a viewer is one unit");

static void flush_socket(struct viewer *v)
{
    struct net_frame frames[NOTES_MAX + 2];
    if (net_socket_pending(v->socket) > 0 || (!v->waiting && v->note_count == 0))
        return;
    size_t n = add_notes(v, frames, 0, false);
    n = add_unit(v, frames, n);
    n = add_notes(v, frames, n, true);
    if (net_socket_send(v->socket, frames, n) == FOV_OK && v->waiting)
        sent_unit(v, v->waiting);
    while (v->note_count > 0)
        note_remove(v, v->note_count - 1);
    unit_unref(&v->waiting);
}

static void flush_mjpeg(struct viewer *v)
{
    char head[96];
    if (!v->waiting || net_stream_pending(v->stream) > 0)
        return;
    int length = snprintf(head, sizeof head,
                          "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                          net_blob_len(v->waiting->picture));
    const struct net_piece pieces[] = {{.data = head, .len = (size_t)length},
                                       {.blob = v->waiting->picture},
                                       {.data = "\r\n", .len = 2}};
    if (net_stream_send(v->stream, pieces, 3) == FOV_OK)
        sent_unit(v, v->waiting);
    unit_unref(&v->waiting);
}

void viewer_flush(struct viewer *v)
{
    if (v->room->holding)
        return;
    if (v->kind == VIEWER_MJPEG)
        flush_mjpeg(v);
    else
        flush_socket(v);
}

void viewer_offer(struct viewer *v, struct unit *unit)
{
    if (unit->seq <= v->last_seq || (v->waiting && unit->seq <= v->waiting->seq))
        return; /* never back in time */
    if (v->waiting)
        skip_waiting(v);
    unit->refs++;
    v->waiting = unit;
    viewer_flush(v);
}

void viewer_free(struct viewer *v)
{
    while (v->note_count > 0)
        note_remove(v, v->note_count - 1);
    unit_unref(&v->waiting);
    free(v);
}
