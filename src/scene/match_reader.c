/* A match file from its beginning, line by line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scene/match_lines.h"

/* A line without its line feed. FOV_EOS: the end, or the beginning of a line that was cut off. */
static fov_status read_line(struct match_reader *r, size_t *size, fov_error *error)
{
    *size = 0;
    for (;;) {
        int c = getc(r->file);
        if (c == EOF)
            return ferror((FILE *)r->file)
                       ? fov_fail(error, FOV_EIO, "line %ld cannot be read", r->lines + 1)
                       : FOV_EOS;
        if (c == '\n')
            break;
        if (*size == MATCH_LINE_MAX)
            return fov_fail(error, FOV_EFORMAT, "line %ld is longer than %d bytes", r->lines + 1,
                            MATCH_LINE_MAX);
        r->line[(*size)++] = (char)c;
    }
    r->lines++;
    return FOV_OK;
}

/* Keeps the message, and says which line. */
static fov_status at_line(const struct match_reader *r, const fov_error *why, fov_error *error)
{
    return fov_fail(error, FOV_EFORMAT, "line %ld: %s", r->lines, why->message);
}

fov_status match_reader_open(struct match_reader *r, const char *path, fov_error *error)
{
    struct stat st;
    size_t size;
    fov_error why = {0};
    memset(r, 0, sizeof *r);
    r->last = -1;
    r->line = malloc(MATCH_LINE_MAX);
    if (!r->line)
        return fov_fail(error, FOV_ENOMEM, "no memory for a match");
    r->file = fopen(path, "rbe");
    if (!r->file)
        return fov_fail(error, errno == ENOENT ? FOV_ENOTFOUND : FOV_EIO, "%s: %s", path,
                        strerror(errno));
    if (fstat(fileno(r->file), &st) || !S_ISREG(st.st_mode))
        return fov_fail(error, FOV_EFORMAT, "%s is no file", path);
    fov_status status = read_line(r, &size, error);
    if (status == FOV_EOS)
        return fov_fail(error, FOV_EFORMAT, "%s: the first line is not whole", path);
    if (status)
        return status;
    if (match_read_about(r->line, size, &r->about, &why))
        return at_line(r, &why, error);
    r->good = (int64_t)size + 1;
    return FOV_OK;
}

fov_status match_reader_next(struct match_reader *r, fov_error *error)
{
    size_t size;
    fov_error why = {0};
    fov_status status = read_line(r, &size, error);
    if (status)
        return status;
    if (match_read_frame(r->line, size, r->last, r->entries, &r->frame, &why))
        return at_line(r, &why, error);
    r->last = r->frame.number;
    r->good += (int64_t)size + 1;
    return FOV_OK;
}

void match_reader_close(struct match_reader *r)
{
    if (r->file)
        fclose(r->file);
    free(r->line);
    r->file = NULL;
    r->line = NULL;
}
