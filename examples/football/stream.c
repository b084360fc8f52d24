/* Example 1 of document 003: a source in real time, a callback for each result, statistics every
 * five seconds; with a homography, places on the pitch.
 *
 *   cc stream.c $(pkg-config --cflags --libs fovea) -o stream
 *   ./stream config.yaml video.mp4 60 H.txt      (nine numbers: metres to px, row by row)
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <fovea/fovea.h>

/* On a worker's thread: what takes long belongs elsewhere. */
static void on_result(void *user, const fov_result *r)
{
    (void)user;
    if (r->outcome != FOV_DELIVERED)
        return;
    const fov_football_person *p = r->football->count ? &r->football->people[0] : NULL;
    printf("Frame %llu: %zu players", (unsigned long long)r->frame->seq, r->football->count);
    if (p && p->on_pitch)
        printf(", %d is at %.1f, %.1f m", p->id, p->x, p->y);
    printf("\n");
}

static void on_stats(void *user, const fov_stats *s)
{
    (void)user;
    fprintf(stderr, "%.1f fps, %.1f ms (p95 %.1f), %llu of %llu delivered\n", s->fps, s->mean_ms,
            s->p95_ms, (unsigned long long)s->delivered, (unsigned long long)s->accepted);
}

static void on_end(void *user, fov_status status, const char *message)
{
    if (status != FOV_OK)
        fprintf(stderr, "%s\n", message);
    atomic_store((atomic_bool *)user, true);
}

static fov_status set_homography(fov_pipeline *pipeline, const char *path, fov_error *error)
{
    double h[9];
    fov_pitch_view view;
    int count = 0;
    FILE *from = fopen(path, "r");
    while (from && count < 9 && fscanf(from, "%lf", &h[count]) == 1)
        count++;
    if (from)
        fclose(from);
    if (count < 9) {
        snprintf(error->message, sizeof error->message, "%s: nine numbers are needed", path);
        return error->status = FOV_EFORMAT;
    }
    fov_status status = fov_pitch_view_from_matrix(&view, h, 0, 0, NULL, error);
    return status ? status : fov_pipeline_set_view(pipeline, &view, error);
}

static void wait_for(double seconds, atomic_bool *ended)
{
    for (double passed = 0; passed < seconds && !atomic_load(ended); passed += 0.05)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static fov_status run(fov_pipeline *pipeline, const char *url, double seconds, fov_error *error)
{
    atomic_bool ended = false;
    fov_source *source = NULL;
    fov_stream *stream = NULL;
    fov_source_params from = {.url = url};
    fov_stream_params params = fov_pipeline_stream_params(pipeline);
    params.on_result = on_result;
    params.stats_interval_s = 5;
    params.on_stats = on_stats;
    params.on_end = on_end;
    params.user = &ended;
    fov_status status = fov_source_open(&source, &from, error);
    if (status == FOV_OK)
        status = fov_stream_open(&stream, fov_pipeline_workers(pipeline), &params, error);
    if (status == FOV_OK)
        status = fov_stream_start_source(stream, &source, false, error); /* in real time */
    if (status == FOV_OK)
        wait_for(seconds, &ended);
    fov_stream_close(&stream);
    fov_source_close(&source);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: %s CONFIG SOURCE [SECONDS [HOMOGRAPHY]]\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_pipeline *pipeline = NULL;
    fov_pipeline_params params = {.config = argv[1], .target_fps = 10, .max_latency_ms = 2000};

    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (status == FOV_OK && argc > 4)
        status = set_homography(pipeline, argv[4], &error);
    if (status == FOV_OK)
        status = run(pipeline, argv[2], argc > 3 ? strtod(argv[3], NULL) : 60, &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_pipeline_destroy(&pipeline);
    return fov_status_exit(status);
}
