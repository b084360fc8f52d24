#include "infer/input_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { WORD = 96 };

static const char *const known[] = {"rgb",  "bgr",   "stretch", "letterbox", "top-left",
                                    "crop", "mean=", "scale=",  "pad="};

/* One number for all channels, or three. */
static bool read_three(const char *text, float least, float three[3])
{
    float numbers[3];
    int count = 0;
    while (*(text += strspn(text, " "))) {
        char *end;
        float number = strtof(text, &end);
        if (end == text || count == 3 || !isfinite(number) || fabsf(number) < least ||
            fabsf(number) > 1e6f)
            return false;
        numbers[count++] = number;
        text = end;
    }
    for (int i = 0; i < 3 && (count == 1 || count == 3); i++)
        three[i] = numbers[count == 1 ? 0 : i];
    return count == 1 || count == 3;
}

static bool read_pad(const char *text, uint8_t *pad)
{
    long long number;
    if (!text_to_int(text, 0, 255, &number))
        return false;
    *pad = (uint8_t)number;
    return true;
}

static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);
    return strncmp(word, name, n) ? NULL : word + n;
}

static fov_status apply(const char *word, struct letterbox_spec *spec, fov_error *error)
{
    static const enum letterbox_fit fits[] = {FIT_STRETCH, FIT_CENTRE, FIT_TOP_LEFT, FIT_CROP};
    const char *value;
    bool valid = true;
    for (size_t i = 2; i < 6; i++)
        if (!strcmp(word, known[i])) {
            spec->fit = fits[i - 2];
            return FOV_OK;
        }
    if (!strcmp(word, "rgb") || !strcmp(word, "bgr"))
        spec->bgr = *word == 'b';
    else if ((value = value_of(word, "mean=")))
        valid = read_three(value, 0, spec->mean);
    else if ((value = value_of(word, "scale=")))
        valid = read_three(value, 1e-6f, spec->scale);
    else if ((value = value_of(word, "pad=")))
        valid = read_pad(value, &spec->pad);
    else
        return fov_fail(error, FOV_EINVAL,
                        "input: \"%.40s\" is none of rgb bgr stretch letterbox top-left crop mean= "
                        "scale= pad=%s%s",
                        word, text_nearest(word, known, 9) ? "; did you mean " : "",
                        text_nearest(word, known, 9) ? text_nearest(word, known, 9) : "");
    return valid ? FOV_OK
                 : fov_fail(error, FOV_EINVAL,
                            "input: \"%.60s\": mean and scale want one or three numbers with "
                            "blanks between them (scale not 0), pad one of 0..255",
                            word);
}

fov_status input_words_apply(const char *words, struct letterbox_spec *spec, fov_error *error)
{
    fov_status status = FOV_OK;
    for (const char *p = words; !status && p && *p; p += *p == ',') {
        char word[WORD];
        size_t size = strcspn(p, ","), from = 0, to = size;
        while (from < to && p[from] == ' ')
            from++;
        while (to > from && p[to - 1] == ' ')
            to--;
        if (to - from >= sizeof word)
            return fov_fail(error, FOV_EINVAL, "input: \"%.40s...\" is too long", p + from);
        memcpy(word, p + from, to - from);
        word[to - from] = '\0';
        if (*word)
            status = apply(word, spec, error);
        p += size;
    }
    return status;
}
