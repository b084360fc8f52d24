/* libjpeg's error manager for this room: jumps out with a status and one line. */
#ifndef MEDIA_JPEG_ERROR_H
#define MEDIA_JPEG_ERROR_H

#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <fovea/status.h>

struct jpeg_failure {
    struct jpeg_error_mgr manager; /* first: cinfo->err is this */
    jmp_buf jump;                  /* set before any call into libjpeg */
    fov_error error;
};

/* Warnings that leave doubt about pixels are failures too. Returns the manager for cinfo->err. */
struct jpeg_error_mgr *jpeg_failure_init(struct jpeg_failure *failure);

/* Leaves libjpeg with this status and text. */
_Noreturn void jpeg_fail(j_common_ptr cinfo, fov_status status, const char *text);

#endif
