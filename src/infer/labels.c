#include "infer/labels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fovea/log.h>

#include "base/text.h"

const char *const coco_names[80] = {"person",        "bicycle",      "car",
                                    "motorcycle",    "airplane",     "bus",
                                    "train",         "truck",        "boat",
                                    "traffic light", "fire hydrant", "stop sign",
                                    "parking meter", "bench",        "bird",
                                    "cat",           "dog",          "horse",
                                    "sheep",         "cow",          "elephant",
                                    "bear",          "zebra",        "giraffe",
                                    "backpack",      "umbrella",     "handbag",
                                    "tie",           "suitcase",     "frisbee",
                                    "skis",          "snowboard",    "sports ball",
                                    "kite",          "baseball bat", "baseball glove",
                                    "skateboard",    "surfboard",    "tennis racket",
                                    "bottle",        "wine glass",   "cup",
                                    "fork",          "knife",        "spoon",
                                    "bowl",          "banana",       "apple",
                                    "sandwich",      "orange",       "broccoli",
                                    "carrot",        "hot dog",      "pizza",
                                    "donut",         "cake",         "chair",
                                    "couch",         "potted plant", "bed",
                                    "dining table",  "toilet",       "tv",
                                    "laptop",        "mouse",        "remote",
                                    "keyboard",      "cell phone",   "microwave",
                                    "oven",          "toaster",      "sink",
                                    "refrigerator",  "book",         "clock",
                                    "vase",          "scissors",     "teddy bear",
                                    "hair drier",    "toothbrush"};

enum { LABEL_SIZE = 128, LABEL_FILE_MAX = 256 * 1024 };

static bool coco_uses(int id)
{
    static const uint8_t unused[] = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83};
    for (size_t i = 0; i < sizeof unused; i++)
        if (unused[i] == id)
            return false;
    return id >= 1 && id <= 90;
}

void labels_release(struct labels *labels)
{
    for (int i = 0; i < labels->count; i++)
        free(labels->names[i]);
    free(labels->names);
    labels->names = NULL;
    labels->count = 0;
}

static bool add(struct labels *labels, const char *name, size_t size)
{
    if (labels->count >= HEAD_COLUMNS)
        return false;
    char **names = realloc(labels->names, (size_t)(labels->count + 1) * sizeof *names);
    if (!names)
        return false;
    labels->names = names;
    size = size < LABEL_SIZE ? size : LABEL_SIZE - 1;
    names[labels->count] = strndup(name, size);
    return names[labels->count] && ++labels->count;
}

static bool add_numbered(struct labels *labels, int n)
{
    char name[32];
    int length = snprintf(name, sizeof name, "class_%d", n);
    return add(labels, name, (size_t)length);
}

/* "{0: 'person', 1: 'traffic light'}"; keys must count up from 0. Quotes of either kind; a
 * backslash takes the next character as it is. */
static bool add_from_dictionary(struct labels *labels, const char *p)
{
    if (*p++ != '{')
        return false;
    for (;;) {
        p += strspn(p, " ,\n\"'");
        if (*p == '}')
            return labels->count > 0;
        char *end, name[LABEL_SIZE];
        long key = strtol(p, &end, 10);
        if (end == p || key != labels->count)
            return false;
        p = end + strspn(end, "\"' :");
        char quote = p[-1];
        if (quote != '"' && quote != '\'')
            return false;
        size_t length = 0;
        for (; *p && *p != quote; p++) {
            if (*p == '\\' && p[1])
                p++;
            if (length + 1 < sizeof name)
                name[length++] = *p;
        }
        if (*p++ != quote || !add(labels, name, length))
            return false;
    }
}

int labels_count(const struct metadata *meta)
{
    struct labels labels = {0};
    const char *names = metadata_get(meta, "names"), *words = metadata_get(meta, "labels");
    int count = names && add_from_dictionary(&labels, names) ? labels.count : 0;
    labels_release(&labels);
    for (const char *p = words; !count && p && *(p += strspn(p, " ")); p += strcspn(p, " "))
        labels.count++;
    return count ? count : labels.count;
}

/* model_api's list: words, '_' for a blank inside a name; one a column. "-" names no class. */
static bool add_from_words(struct labels *labels, const struct head_setup *setup, const char *p)
{
    int column = 0;
    for (p += strspn(p, " "); *p; p += strspn(p, " "), column++) {
        size_t size = strcspn(p, " ");
        bool is_class = column != setup->background && !(size == 1 && *p == '-');
        if (column >= HEAD_COLUMNS)
            return false;
        labels->class_of[column] = (int16_t)(is_class ? labels->count : -1);
        if (is_class) {
            if (!add(labels, p, size))
                return false;
            for (char *c = labels->names[labels->count - 1]; *c; c++)
                *c = *c == '_' ? ' ' : *c;
        }
        p += size;
    }
    return column == setup->columns;
}

static bool is_text(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < ' ' && line[i] != '\t')
            return false;
    return text_is_utf8((const uint8_t *)line, size);
}

static fov_status add_from_file(struct labels *labels, const char *path, fov_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fov_fail(error, FOV_ENOTFOUND, "labels %s: %s", path, strerror(errno));
    char line[LABEL_SIZE];
    fov_status status = FOV_OK;
    while (!status && fgets(line, sizeof line, file)) {
        size_t size = strcspn(line, "\r\n");
        if (!is_text(line, size))
            status = fov_fail(error, FOV_EMODEL, "labels %s: not UTF-8 text", path);
        else if (size && !add(labels, line, size))
            status = fov_fail(error, FOV_EMODEL, "labels %s: more than %d", path, HEAD_COLUMNS);
    }
    fclose(file);
    return status;
}

/* Columns to classes in order, without the background; with COCO's gaps where they belong. */
static void number_columns(struct labels *labels, const struct head_setup *setup)
{
    int next = 0, foreground = setup->columns - (setup->background >= 0);
    bool gaps = foreground == 90 && (labels->count == 80 || labels->count == 0);
    for (int column = 0; column < setup->columns && column < HEAD_COLUMNS; column++) {
        bool skipped = column == setup->background ||
                       (gaps && !coco_uses(column + (setup->background < 0)));
        labels->class_of[column] = (int16_t)(skipped ? -1 : next++);
    }
}

static bool is_coco(const struct head_setup *setup)
{
    int foreground = setup->columns - (setup->background >= 0);
    return foreground == 80 || foreground == 90;
}

static bool add_defaults(struct labels *labels, const struct head_setup *setup)
{
    int foreground = setup->columns - (setup->background >= 0);
    bool coco = is_coco(setup);
    for (int i = 0; i < (coco ? 80 : foreground); i++)
        if (!(coco ? add(labels, coco_names[i], strlen(coco_names[i])) : add_numbered(labels, i)))
            return false;
    return true;
}

static bool names_no_class(const char *name)
{
    return !strcmp(name, "n/a") || !strcmp(name, "N/A") || !strcmp(name, "???") ||
           !strcmp(name, "-");
}

/* A line a column, in its order: lines that name no class, and the background's, are taken out. */
static void number_lines(struct labels *labels, const struct head_setup *setup, int first)
{
    int kept = 0;
    for (int column = 0; column < setup->columns && column < HEAD_COLUMNS; column++)
        labels->class_of[column] = -1;
    for (int i = 0; i < labels->count; i++) {
        int column = first + i;
        if (column == setup->background || names_no_class(labels->names[i])) {
            free(labels->names[i]);
            continue;
        }
        labels->class_of[column] = (int16_t)kept;
        labels->names[kept++] = labels->names[i];
    }
    labels->count = kept;
}

/* As many lines as classes: with or without a line for the background, with or without COCO's gaps.
 */
static bool fit_lines(struct labels *labels, const struct head_setup *setup, bool *numbered)
{
    int foreground = setup->columns - (setup->background >= 0);
    if (labels->count == foreground || labels->count == setup->columns) {
        *numbered = setup->background <= 0; /* a background behind the classes keeps their order */
        if (*numbered)
            number_lines(labels, setup, labels->count == setup->columns ? 0 : 1);
        return true;
    }
    return (foreground == 90 && labels->count == 80) ||
           (setup->open_classes && labels->count <= foreground);
}

static bool has_gaps(const struct labels *labels)
{
    for (int i = 0; i < labels->count; i++)
        if (names_no_class(labels->names[i]))
            return true;
    return false;
}

static void from_metadata(struct labels *labels, const struct head_setup *setup,
                          const struct metadata *meta, bool *numbered)
{
    const char *words = metadata_get(meta, "labels"), *names = metadata_get(meta, "names");
    if (words) {
        *numbered = add_from_words(labels, setup, words);
        if (!*numbered)
            labels_release(labels);
    }
    if (!labels->count && names && !add_from_dictionary(labels, names))
        labels_release(labels);
    else if (!*numbered && has_gaps(labels))
        fit_lines(labels, setup, numbered);
    labels->from = "the model's metadata";
}

static fov_status from_file(struct labels *labels, const struct head_setup *setup, const char *path,
                            bool *numbered, fov_error *error)
{
    fov_status status = add_from_file(labels, path, error);
    if (status)
        return status;
    int lines = labels->count;
    if (fit_lines(labels, setup, numbered))
        return FOV_OK;
    return fov_fail(error, FOV_EMODEL,
                    "labels %.120s: %d lines, but the model has %d classes; one line a class, in "
                    "the order it was trained with",
                    path, lines, setup->columns - (setup->background >= 0));
}

/* Nobody named this file: it counts only if it fits. */
static void from_beside(struct labels *labels, const struct head_setup *setup, const char *path,
                        bool *numbered)
{
    fov_error error;
    struct head_setup strict = *setup;
    strict.open_classes = false;
    if (from_file(labels, &strict, path, numbered, &error)) {
        fov_log(FOV_LOG_INFO, "infer", "not used: %s", error.message);
        labels_release(labels);
    }
    labels->from = "a file beside the model";
}

fov_status labels_make(struct labels *labels, const struct head_setup *setup,
                       const struct metadata *meta, const char *file, fov_error *error)
{
    bool numbered = false;
    fov_status status = FOV_OK;
    *labels = (struct labels){.columns = setup->columns, .from = "the file of --labels"};
    if (file)
        status = from_file(labels, setup, file, &numbered, error);
    else
        from_metadata(labels, setup, meta, &numbered);
    if (status) {
        labels_release(labels);
        return status;
    }
    if (!file && !labels->count && meta->label_file && setup->columns > 0)
        from_beside(labels, setup, meta->label_file, &numbered);
    int known = labels->count;
    if (!numbered)
        number_columns(labels, setup);
    if (!known && !add_defaults(labels, setup))
        goto no_memory;
    if (!known)
        labels->from = is_coco(setup) ? "COCO, as their number is" : "numbers";
    for (int column = 0; column < setup->columns; column++) /* a list that is too short */
        while (labels->class_of[column] >= labels->count)
            if (!add_numbered(labels, labels->count))
                goto no_memory;
    return FOV_OK;
no_memory:
    labels_release(labels);
    return fov_fail(error, FOV_ENOMEM, "no memory for labels");
}
