#include <fovea/status.h>
#include <fovea/fovea.h>

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static const struct {
    const char *code, *text;
    int http, exit_code;
} rows[] = {
#define ROW(name, code, http, exit_code, text) {code, text, http, exit_code},
    FOV_STATUS_MAP(ROW)
#undef ROW
};

static size_t row_of(fov_status status)
{
    return (unsigned)status < FOV_STATUS_COUNT ? (size_t)status : (size_t)FOV_EINTERNAL;
}

const char *fov_status_code(fov_status status)
{
    return rows[row_of(status)].code;
}

const char *fov_status_text(fov_status status)
{
    return rows[row_of(status)].text;
}

int fov_status_http(fov_status status)
{
    return rows[row_of(status)].http;
}

int fov_status_exit(fov_status status)
{
    return rows[row_of(status)].exit_code;
}

const char *fov_version(void)
{
    return FOVEA_VERSION;
}

fov_status fov_fail(fov_error *error, fov_status status, const char *format, ...)
{
    if (!error)
        return status;
    /* Formatted aside: an argument may be the old message itself. */
    char line[sizeof error->message + 4];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    error->status = status;
    text_copy(error->message, sizeof error->message, line);
    for (char *p = error->message; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    return status;
}
