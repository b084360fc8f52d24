/* A result as a line for people, as JSON for programs; progress and the end. */
#include "predict.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "mot.h"
#include "reading.h"
#include "serve/message.h"

static void print_json(struct predict *p, const struct seen *seen)
{
    struct json_writer *w = &p->writer;
    const fov_timings *t = &seen->timings;
    json_reset(w);
    json_object_begin(w);
    json_add_string(w, "source", seen->name ? seen->name : p->shown);
    json_add_int(w, "frame", seen->number);
    json_add_number(w, "pts_ms", seen->pts_ms, 3);
    json_add_int(w, "width", seen->width);
    json_add_int(w, "height", seen->height);
    json_name(w, "detections");
    message_detections(w, seen->detections, 0, seen->model, seen->width, seen->height);
    message_task(w, seen->detections, seen->model);
    message_embedding(w, seen->detections);
    if (seen->tracks)
        mot_put_lost(w, seen->tracks);
    message_crops(w, &seen->crops);
    json_name(w, "timings_ms");
    json_object_begin(w);
    json_add_number(w, "decode", ns_to_ms(t->decode), 3);
    json_add_number(w, "preprocess", ns_to_ms(t->preprocess), 3);
    json_add_number(w, "inference", ns_to_ms(t->inference), 3);
    json_add_number(w, "postprocess", ns_to_ms(t->postprocess), 3);
    if (seen->tracks)
        json_add_number(w, "track", ns_to_ms(t->track), 3);
    json_add_number(w, "total", ns_to_ms(t->total), 3);
    json_object_end(w);
    if (p->max_latency_ms > 0)
        json_add_bool(w, "in_time", ns_to_ms(t->total) <= p->max_latency_ms);
    json_object_end(w);
    if (w->failed)
        return;
    fwrite(w->text, 1, w->size, stdout);
    putchar('\n');
    if (p->paced || fov_source_get_info(p->source)->live)
        fflush(stdout); /* whoever reads it sees each frame at its time */
}

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

static void print_counts(const fov_model *model, const fov_detections *d)
{
    if (!d->count)
        printf("nothing");
    for (size_t i = 0, classes = 0; i < d->count; i++)
        if (!seen_before(d, i))
            printf("%s%d %s", classes++ ? ", " : "", count_class(d, d->items[i].class_id),
                   fov_model_label(model, d->items[i].class_id));
}

static void print_classes(const fov_model *model, const fov_details *d)
{
    for (int i = 0; i < d->class_count && i < 3; i++)
        printf("%s%s %.1f %%", i ? ", " : "", fov_model_label(model, d->classes[i].class_id),
               100 * (double)d->classes[i].score);
}

static void print_embedding(const fov_details *d)
{
    double square = 0;
    for (size_t i = 0; i < d->embedding_count; i++)
        square += (double)d->embedding[i] * (double)d->embedding[i];
    printf("%zu numbers, norm %.4g", d->embedding_count, sqrt(square));
}

static void print_names(const fov_tracks *tracks)
{
    const char *before = ": ";
    for (size_t i = 0; i < tracks->count; i++)
        if (tracks->items[i].state == FOV_TRACK_ACTIVE) {
            printf("%s#%d", before, (int)tracks->items[i].id);
            before = " ";
        }
}

static void print_line(const struct predict *p, const struct seen *seen)
{
    const fov_details *details = seen->detections->details;
    const fov_timings *t = &seen->timings;
    if (seen->name)
        printf("%s %dx%d: ", seen->name, seen->width, seen->height);
    else
        printf("frame %lld %.2f s: ", (long long)seen->number, seen->pts_ms / 1000);
    if (details && details->class_count)
        print_classes(seen->model, details);
    else if (details && details->embedding_count)
        print_embedding(details);
    else
        print_counts(seen->model, seen->detections);
    if (seen->tracks)
        print_names(seen->tracks);
    printf(" (%.1f ms: decode %.1f, preprocess %.1f, inference %.1f, postprocess %.1f)%s\n",
           ns_to_ms(t->total), ns_to_ms(t->decode), ns_to_ms(t->preprocess), ns_to_ms(t->inference),
           ns_to_ms(t->postprocess),
           p->max_latency_ms > 0 && ns_to_ms(t->total) > p->max_latency_ms ? " late" : "");
}

void predict_print(struct predict *p, const struct seen *seen)
{
    if (p->json)
        print_json(p, seen);
    else
        print_line(p, seen);
}

/* On standard error, when that is a terminal and the lines go elsewhere. */
void predict_show_progress(const struct predict *p)
{
    if (p->progress)
        reading_progress(p->source, p->done, p->start_ns, "");
}

void predict_print_end(const struct predict *p)
{
    long long failed = atomic_load(&p->failed);
    if (p->progress)
        fprintf(stderr, "\r\033[K");
    fprintf(stderr, "%lld %s in %.1f s", (long long)p->done, p->done == 1 ? "frame" : "frames",
            ns_to_ms(clock_now_ns() - p->start_ns) / 1000);
    if (failed)
        fprintf(stderr, ", %lld failed", failed);
    if (p->appearance)
        fprintf(stderr, ", %lld of %lld boxes that needed it looked at", (long long)p->crops_taken,
                (long long)p->crops_wanted);
    if (p->max_latency_ms > 0)
        fprintf(stderr, ", %lld over %g ms", (long long)p->late, p->max_latency_ms);
    if (p->check)
        fprintf(stderr, "; as recorded: %lld the same, %lld not, %lld were not answered then",
                (long long)p->same, (long long)p->different, (long long)p->unanswered);
    if (p->saver && p->done)
        fprintf(stderr, "; annotated copies in %s/", p->save);
    fputc('\n', stderr);
}
