#include "flow/mailbox.h"

#include <string.h>

void mailbox_init(struct mailbox *box, int capacity, size_t max_bytes)
{
    memset(box, 0, sizeof *box);
    box->capacity = capacity;
    box->max_bytes = max_bytes;
}

size_t mailbox_weight(const fov_frame *frame)
{
    const fov_image *image = &frame->image;
    size_t bytes = frame->size;
    if (image->pixels == FOV_PIXELS_NONE)
        return bytes;
    bytes += (size_t)image->stride[0] * (size_t)image->height;
    int chroma_height = (image->height + (1 << image->shift_y) - 1) >> image->shift_y;
    for (int p = 1; p < 3; p++)
        if (image->pixels == FOV_YUV && image->plane[p])
            bytes += (size_t)image->stride[p] * (size_t)chroma_height;
    return bytes;
}

bool mailbox_fits(const struct mailbox *box, const fov_frame *frame)
{
    if (box->count == 0)
        return true;
    return box->count < box->capacity && box->bytes + mailbox_weight(frame) <= box->max_bytes;
}

void mailbox_push(struct mailbox *box, fov_frame *frame)
{
    box->frames[box->count++] = frame;
    box->bytes += mailbox_weight(frame);
}

fov_frame *mailbox_take(struct mailbox *box, int position)
{
    fov_frame *frame = box->frames[position];
    box->count--;
    memmove(box->frames + position, box->frames + position + 1,
            (size_t)(box->count - position) * sizeof *box->frames);
    box->bytes -= mailbox_weight(frame);
    return frame;
}
