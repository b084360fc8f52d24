/* What a source knows of its frames beside the picture travels with them. */
#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H

#include <stddef.h>
#include <fovea/frame.h>

/* Gives the frame `size` bytes of its own, known by the address `kind`, until its last reference is
 * dropped; memory is kept with the slot. NULL: no memory. The frame's only owner. */
void *frame_attach(fov_frame *frame, const void *kind, size_t size);

/* What was attached under `kind`, NULL: nothing. Any thread. */
const void *frame_attached(const fov_frame *frame, const void *kind);

#endif
