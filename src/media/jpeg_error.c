#include "media/jpeg_error.h"

#include <jerror.h>

_Noreturn void jpeg_fail(j_common_ptr cinfo, fov_status status, const char *text)
{
    struct jpeg_failure *failure = (struct jpeg_failure *)cinfo->err;
    fov_fail(&failure->error, status, "%s", text);
    longjmp(failure->jump, 1);
}

_Noreturn static void leave(j_common_ptr cinfo)
{
    char text[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, text);
    if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY)
        jpeg_fail(cinfo, FOV_ELIMIT, "the picture needs more memory than one may have");
    jpeg_fail(cinfo, FOV_EFORMAT, text);
}

/* Cameras pad between the last block and the end marker; that harms no pixel. Bytes too many
 * before a restart marker do: the blocks before it are not what was sent. */
static int is_padding(const struct jpeg_error_mgr *err)
{
    int marker = err->msg_parm.i[1];
    return err->msg_code == JWRN_EXTRANEOUS_DATA && (marker < 0xD0 || marker > 0xD7);
}

static void on_message(j_common_ptr cinfo, int level)
{
    if (level >= 0)
        return; /* a trace */
    switch (cinfo->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        return;
    default:
        if (!is_padding(cinfo->err))
            leave(cinfo);
    }
}

static void say_nothing(j_common_ptr cinfo)
{
    (void)cinfo;
}

struct jpeg_error_mgr *jpeg_failure_init(struct jpeg_failure *failure)
{
    struct jpeg_error_mgr *manager = jpeg_std_error(&failure->manager);
    manager->error_exit = leave;
    manager->emit_message = on_message;
    manager->output_message = say_nothing;
    return manager;
}
