/* A match in the formats of other programs: which are asked for, which fit, writing them. */
#include "football.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { FORMATS_MAX = 16 };

/* Whether a name stands in a list parted by commas. */
static bool lists(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (list && *list) {
        size_t part = strcspn(list, ",");
        if (part == length && strncmp(list, name, part) == 0)
            return true;
        list += part;
        list += *list == ',';
    }
    return false;
}

static fov_status no_format(const char *word, const char *const *names, size_t count,
                            fov_error *error)
{
    char all[128];
    const char *near = text_nearest(word, names, count);
    text_list(all, sizeof all, fov_match_format);
    return fov_fail(error, FOV_EINVAL, "--formats: no format '%.40s'%s%s%s: there are %s", word,
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "", all);
}

fov_status football_check_formats(const char *formats, fov_error *error)
{
    const char *names[FORMATS_MAX];
    size_t count = 0;
    char text[128], *rest = text;
    if (!formats)
        return FOV_OK;
    while (count < FORMATS_MAX && (names[count] = fov_match_format((int)count, NULL)))
        count++;
    if (text_copy(text, sizeof text, formats) != strlen(formats))
        return fov_fail(error, FOV_EINVAL, "--formats is too long");
    for (char *part; (part = strsep(&rest, ","));) {
        size_t i = 0;
        while (i < count && strcmp(part, names[i]) != 0)
            i++;
        if (i == count)
            return no_format(part, names, count, error);
    }
    return FOV_OK;
}

/* Without --formats those that fit: what has metres only is left out when nobody has any, and
 * whole frames a second are not asked of other rates. */
static bool fits(const struct football_run *r, const char *format)
{
    bool boxes_do = strcmp(format, "mot") == 0;
    bool whole = strcmp(format, "tracab") == 0 || strcmp(format, "epts") == 0;
    return boxes_do || (r->sums.placed > 0 && (!whole || r->fps == (double)(int)r->fps));
}

static fov_status write_from(struct football_run *r, const char *path, fov_error *error)
{
    const char *format;
    fov_status first = FOV_OK;
    for (int i = 0; (format = fov_match_format(i, NULL)); i++) {
        fov_error why = {0};
        bool wanted = r->asked.formats ? lists(r->asked.formats, format) : fits(r, format);
        fov_status status = wanted ? fov_match_file_export(path, format, r->asked.out, &why)
                                   : FOV_OK;
        if (status && !first)
            first = fov_fail(error, status, "%s: %.200s", format, why.message);
    }
    return first;
}

fov_status football_write_formats(struct football_run *r, fov_error *error)
{
    char path[1200], swapped[1200];
    football_folder_path(r, path, sizeof path, "match.jsonl");
    if (football_left_team(r) != 1)
        return write_from(r, path, error);
    football_folder_path(r, swapped, sizeof swapped, "match.swapped");
    fov_status status = football_swap_sides(path, swapped, error);
    if (!status)
        status = write_from(r, swapped, error);
    unlink(swapped);
    return status;
}
