/* Follows a source under a deadline and prints what is seen: results are taken with a timeout, the
 * statistics come by themselves, nothing ever waits for the model.
 *
 *   cc stream.c $(pkg-config --cflags --libs fovea) -o stream
 *   ./stream model.xml clip.mp4
 */
#include <stdio.h>

#include <fovea/fovea.h>

static void on_stats(void *user, const fov_stats *s)
{
    (void)user;
    fprintf(stderr, "%.1f fps, %.1f ms (p95 %.1f), %llu of %llu in time\n", s->fps, s->mean_ms,
            s->p95_ms, (unsigned long long)(s->accepted - s->violations),
            (unsigned long long)s->accepted);
}

static void print(const fov_result *r)
{
    printf("frame %llu, %.1f ms:", (unsigned long long)r->frame->seq,
           (double)r->timings.total / 1e6);
    for (size_t i = 0; i < r->detections->count; i++)
        printf(" %s", fov_model_label(r->model, r->detections->items[i].class_id));
    printf("%s\n", r->in_time ? "" : " (late)");
}

/* Takes results until the source has ended. FOV_EAGAIN only says that none came in time. */
static fov_status follow(fov_stream *stream, fov_error *error)
{
    for (;;) {
        fov_result *result;
        fov_status status = fov_stream_get(stream, 1000, &result, error);
        if (status == FOV_EOS)
            return FOV_OK;
        if (status == FOV_OK && result->outcome == FOV_DELIVERED)
            print(result);
        else if (status == FOV_EAGAIN)
            fprintf(stderr, "nothing for a second\n");
        fov_result_release(&result);
        if (status != FOV_OK && status != FOV_EAGAIN)
            return status;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL SOURCE\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_workers *workers = NULL;
    fov_stream *stream = NULL;
    fov_source *source = NULL;
    fov_model_params model = {.path = argv[1]};
    fov_workers_params pool = {.model = &model};
    fov_source_params from = {.url = argv[2]};
    /* At most 30 a second, each to be answered within 200 ms; five results may wait to be taken. */
    fov_stream_params params = {.target_fps = 30,
                                .max_latency_ms = 200,
                                .results = 5,
                                .stats_interval_s = 1,
                                .on_stats = on_stats};

    fov_status status = fov_source_open(&source, &from, &error);
    if (status == FOV_OK)
        status = fov_workers_create(&workers, &pool, &error);
    if (status == FOV_OK)
        status = fov_stream_open(&stream, workers, &params, &error);
    if (status == FOV_OK)
        status = fov_stream_start_source(stream, &source, false, &error); /* in real time */
    if (status == FOV_OK)
        status = follow(stream, &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);

    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    fov_source_close(&source);
    return fov_status_exit(status);
}
