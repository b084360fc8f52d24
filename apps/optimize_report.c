/* The answer of `fovea optimize`. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "optimize.h"

static double ms_of(double sum, const struct agreement *a)
{
    return a->pictures > 0 ? sum / a->pictures : 0;
}

double optimize_megabytes(const char *path)
{
    struct stat about;
    char weights[PATH_MAX + 264];
    double bytes = stat(path, &about) == 0 ? (double)about.st_size : 0;
    snprintf(weights, sizeof weights, "%.*s.bin", (int)strlen(path) - 4, path);
    if (strlen(path) > 4 && !strcmp(path + strlen(path) - 4, ".xml") && stat(weights, &about) == 0)
        bytes += (double)about.st_size;
    return bytes / 1e6;
}

/* null where nothing was compared. */
static void add_share(struct json_writer *w, const char *name, const struct agreement *a,
                      double value)
{
    if (agreement_share(a) < 0)
        json_add_null(w, name);
    else
        json_add_number(w, name, value, 4);
}

static void print_json(const struct optimize *o, bool accepted, double before, double after)
{
    const struct agreement *a = &o->agreement;
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "model", o->model);
    json_add_string(&w, "output", accepted ? o->output : NULL);
    json_add_string(&w, "target", o->target->name);
    json_add_string(&w, "precision", o->precision);
    json_add_bool(&w, "accepted", accepted);
    add_share(&w, "agreement", a, agreement_share(a));
    json_add_number(&w, "min_agreement", o->least, 4);
    add_share(&w, "box_recall", a, agreement_recall(a));
    add_share(&w, "box_precision", a, agreement_precision(a));
    add_share(&w, "mean_iou", a, agreement_overlap(a));
    json_add_int(&w, "pictures", a->pictures);
    json_add_int(&w, "calibration_pictures", o->tensors);
    json_add_int(&w, "boxes_original", a->original);
    json_add_int(&w, "boxes_optimised", a->optimised);
    json_add_number(&w, "original_ms", ms_of(a->original_ms, a), 3);
    json_add_number(&w, "optimised_ms", ms_of(a->optimised_ms, a), 3);
    json_add_number(&w, "original_mb", before, 3);
    json_add_number(&w, "optimised_mb", after, 3);
    json_add_number(&w, "seconds", o->convert_ms / 1000, 1);
    json_add_string(&w, "note", o->note);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static void print_table(const struct optimize *o, bool accepted, double before, double after)
{
    const struct agreement *a = &o->agreement;
    printf("made in %.0f s", o->convert_ms / 1000);
    if (o->tensors)
        printf(" from %d pictures", o->tensors);
    printf(", compared on %d others\n", a->pictures);
    printf("  %-12s %.3f (at least %g)\n", "agreement", agreement_share(a), o->least);
    printf("  %-12s %.3f of %ld boxes of the original found again\n", "recall", agreement_recall(a),
           a->original);
    printf("  %-12s %.3f of %ld boxes found are the original's\n", "precision",
           agreement_precision(a), a->optimised);
    printf("  %-12s %.3f of matched boxes\n", "mean IoU", agreement_overlap(a));
    printf("  %-12s %.1f ms in %s, was %.1f ms in %s\n", "inference", ms_of(a->optimised_ms, a),
           fov_model_get_info(o->optimised.model)->precision, ms_of(a->original_ms, a),
           fov_model_get_info(o->original.model)->precision);
    if (o->target->suffix)
        printf("  %-12s %.1f MB, was %.1f MB\n", "size", after, before);
    if (agreement_share(a) < 1)
        printf("  %-12s %s/ (left: the original)\n", "worst", OPTIMIZE_WORST);
    if (o->note[0])
        printf("  %-12s %s\n", "note", o->note);
    if (accepted)
        printf("%s is written\n", o->output);
}

void optimize_report(const struct optimize *o, bool accepted, double before, double after)
{
    if (o->json)
        print_json(o, accepted, before, after);
    else if (agreement_share(&o->agreement) < 0)
        printf("%s is written; what it sees was not compared: %s\n", o->output, o->note);
    else
        print_table(o, accepted, before, after);
}
