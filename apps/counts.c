#include "counts.h"

#include <math.h>
#include <stdio.h>

static int count_class(const fov_detections *d, int class_id)
{
    int count = 0;
    for (size_t i = 0; i < d->count; i++)
        count += d->items[i].class_id == class_id;
    return count;
}

static bool seen_before(const fov_detections *d, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (d->items[i].class_id == d->items[index].class_id)
            return true;
    return false;
}

void counts_print(const fov_model *model, const fov_detections *d)
{
    if (!d->count)
        printf("nothing");
    for (size_t i = 0, classes = 0; i < d->count; i++)
        if (!seen_before(d, i))
            printf("%s%d %s", classes++ ? ", " : "", count_class(d, d->items[i].class_id),
                   fov_model_label(model, d->items[i].class_id));
}

void counts_print_classes(const fov_model *model, const fov_details *d)
{
    for (int i = 0; i < d->class_count && i < 3; i++)
        printf("%s%s %.1f %%", i ? ", " : "", fov_model_label(model, d->classes[i].class_id),
               100 * (double)d->classes[i].score);
}

void counts_print_embedding(const fov_details *d)
{
    double square = 0;
    for (size_t i = 0; i < d->embedding_count; i++)
        square += (double)d->embedding[i] * (double)d->embedding[i];
    printf("%zu numbers, norm %.4g", d->embedding_count, sqrt(square));
}
