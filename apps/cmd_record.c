/* fovea record SOURCE -o F.fvr: keeps what a source gives, to be run again later. */
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "commands.h"
#include "options.h"
#include "reading.h"

#define MB ((size_t)1000000)

struct record {
    const char *url, *output;
    char shown[2048]; /* the URL without a password */
    double seconds, max_mb;
    bool append;

    fov_source *source;
    fov_frame_pool *pool;
    fov_recording *recording;
    int64_t start_ns, first_ns; /* first: of the first frame's arrival */
    double first_pts_ms, last_pts_ms;
    uint64_t frames;
    int failed;
    bool full, progress;
    pthread_t interrupter;
    bool interrupting;
};

/* ---- the end by a signal ---- */

static volatile sig_atomic_t stopping;
static sem_t asked; /* to stop */

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
    sem_post(&asked);
}

/* Interrupting a source takes locks, which a signal handler may not. */
static void *interrupt_when_asked(void *source)
{
    while (sem_wait(&asked) != 0) {
    }
    fov_source_interrupt(source);
    return NULL;
}

static fov_status catch_signals(struct record *r, fov_error *error)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
    sem_init(&asked, 0, 0);
    r->interrupting = pthread_create(&r->interrupter, NULL, interrupt_when_asked, r->source) == 0;
    if (!r->interrupting)
        return fov_fail(error, FOV_ENOMEM, "no thread for signals");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return FOV_OK;
}

/* The source is still open. */
static void end_interrupter(struct record *r)
{
    if (!r->interrupting)
        return;
    sem_post(&asked);
    pthread_join(r->interrupter, NULL);
}

static int parse(struct record *r, int argc, char **argv)
{
    static const struct usage usage = {
        "record", "SOURCE -o FILE.fvr", "Keeps the frames of a source with their times.",
        "A SOURCE is what `fovea predict` takes. Pictures that arrive as JPEG, PNG or WebP are "
        "kept as\n"
        "they are; frames of a video are kept decoded, without loss, which takes much room: bound "
        "it.\n"
        "Ctrl-C ends a recording; what was kept until then is whole, whatever ends it.\n\n"
        "  fovea record clip.mp4 -o complaint.fvr --seconds 10\n"
        "  fovea replay complaint.fvr --json"};
    const struct option_spec options[] = {
        {"output", OPTION_TEXT, &r->output, 0, 0, "FILE", "the recording; -o is the same"},
        {"seconds", OPTION_NUMBER, &r->seconds, 0.001, 1e9, "N", "end after so many"},
        {"max-mb", OPTION_NUMBER, &r->max_mb, 0.001, 1e9, "N",
         "end before the file is larger (4096)"},
        {"append", OPTION_FLAG, &r->append, 0, 0, NULL, "go on with a recording that is there"},
        {0}};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = "--output";
    int count = options_parse(&usage, options, argc, argv, &r->url, 1);
    if (count < 0)
        return count;
    if (count == 1 && r->output && r->output[0])
        return 0;
    fprintf(stderr, "fovea record: %s is missing\nsee: fovea record --help\n",
            count == 1 ? "-o FILE.fvr" : "a source");
    return OPTIONS_ERROR;
}

/* ---- one frame ---- */

/* A recording that is made of another keeps what is said of it. */
static fov_recording_info describe(struct record *r)
{
    const fov_recording_info *old = fov_source_recording(r->source);
    const fov_source_info *info = fov_source_get_info(r->source);
    const char *slash = strrchr(r->url, '/');
    if (old)
        return *old;
    fov_source_redact(r->shown, sizeof r->shown, r->url);
    return (fov_recording_info){.source = !strstr(r->url, "://") && slash && slash[1] ? slash + 1
                                                                                      : r->shown,
                                .kind = info->kind,
                                .live = info->live,
                                .fps = info->live ? 0 : info->fps};
}

static fov_status add(struct record *r, const fov_frame *frame, const char *name, fov_error *error)
{
    fov_recorded what;
    if (r->frames == 0) {
        r->first_ns = frame->capture_ns;
        r->first_pts_ms = frame->pts_ms;
    }
    r->last_pts_ms = frame->pts_ms;
    if (fov_source_recorded(r->source, &what) != FOV_OK)
        what = (fov_recorded){.number = r->frames, .arrival_ns = frame->capture_ns - r->first_ns};
    fov_status status = FOV_OK;
    if (!r->recording) { /* not before there is a frame: else an empty file is left */
        fov_recording_info info = describe(r);
        fov_recording_params params = {.max_bytes = (size_t)(r->max_mb * (double)MB),
                                       .append = r->append};
        status = fov_recording_create(&r->recording, r->output, &info, &params, error);
    }
    if (status == FOV_OK)
        status = fov_recording_add(r->recording, frame, &what, name, error);
    r->frames += status == FOV_OK;
    return status;
}

static void show_progress(const struct record *r)
{
    char size[40];
    if (!r->progress)
        return;
    snprintf(size, sizeof size, ", %.1f MB", (double)fov_recording_size(r->recording) / (double)MB);
    reading_progress(r->source, (int64_t)r->frames, r->start_ns, size);
}

/* So many seconds of what is recorded: of the file's own time, or of the clock. */
static bool is_over(const struct record *r)
{
    const fov_recording_info *old = fov_source_recording(r->source);
    const fov_source_info *info = fov_source_get_info(r->source);
    bool timed = info->fps > 0 && !info->live;
    double ms = timed || old ? r->last_pts_ms - r->first_pts_ms
                             : ns_to_ms(clock_now_ns() - r->first_ns);
    return stopping || (r->seconds > 0 && r->frames > 0 && ms >= r->seconds * 1000);
}

static fov_status step(struct record *r, fov_error *error)
{
    fov_frame *frame = NULL;
    const char *name = NULL;
    fov_status status = fov_source_read(r->source, r->pool, &frame, &name, error);
    if (reading_goes_on(status) && !reading_has_ended(r->source)) {
        fprintf(stderr, "fovea: %s\n", error->message);
        r->failed++;
        return FOV_OK;
    }
    if (status)
        return status;
    status = add(r, frame, name, error);
    fov_frame_unref(&frame);
    r->full = status == FOV_ELIMIT;
    if (status == FOV_OK)
        show_progress(r);
    return r->full ? FOV_EOS : status;
}

/* ---- all of them ---- */

static fov_status open_all(struct record *r, fov_error *error)
{
    fov_source_params source = {.url = r->url};
    fov_frame_pool_params pool = {
        .slots = 2, .max_bytes = READING_PICTURE_BYTES, .keep_bytes = 2 * READING_PICTURE_BYTES};
    if (!r->append && access(r->output, F_OK) == 0)
        return fov_fail(error, FOV_EEXISTS,
                        "%.180s is there already: --append goes on with it, another -o leaves it",
                        r->output);
    fov_status status = fov_source_open(&r->source, &source, error);
    if (status == FOV_OK)
        status = fov_frame_pool_create(&r->pool, &pool, error);
    return status == FOV_OK ? catch_signals(r, error) : status;
}

static void print_end(const struct record *r)
{
    if (r->progress)
        fprintf(stderr, "\r\033[K");
    fprintf(stderr, "%llu %s in %.1f s", (unsigned long long)r->frames,
            r->frames == 1 ? "frame" : "frames", ns_to_ms(clock_now_ns() - r->start_ns) / 1000);
    if (r->recording)
        fprintf(stderr, "; %s: %llu frames, %.1f MB", r->output,
                (unsigned long long)fov_recording_frames(r->recording),
                (double)fov_recording_size(r->recording) / (double)MB);
    if (r->failed)
        fprintf(stderr, "; %d could not be read", r->failed);
    if (r->full)
        fprintf(stderr, "; it is full (--max-mb %g)", r->max_mb);
    fputc('\n', stderr);
}

static int exit_code(const struct record *r, fov_status status)
{
    bool live = r->source && fov_source_get_info(r->source)->live;
    if (status)
        return r->frames ? 1 : live && reading_has_ended(r->source) ? 3 : fov_status_exit(status);
    if (!r->frames)
        return r->failed || r->full ? 3 : 1;
    return r->failed ? 1 : 0;
}

static fov_status run(struct record *r, fov_error *error)
{
    fov_status status = FOV_OK;
    r->start_ns = clock_now_ns();
    while (status == FOV_OK && !is_over(r))
        status = step(r, error);
    if (status == FOV_EOS || (status == FOV_ECLOSED && stopping))
        status = FOV_OK;
    return status;
}

int cmd_record(int argc, char **argv)
{
    static struct record r = {.max_mb = 4096};
    fov_error error = {0}, closing = {0};
    int parsed = parse(&r, argc, argv);
    if (parsed)
        return parsed == OPTIONS_HELP ? 0 : 2;
    fov_status status = open_all(&r, &error);
    if (status == FOV_OK) {
        r.progress = isatty(STDERR_FILENO);
        status = run(&r, &error);
        print_end(&r);
        signal(SIGINT, SIG_IGN); /* recording and source are closed below */
        signal(SIGTERM, SIG_IGN);
    }
    fov_status closed = fov_recording_close(&r.recording, &closing);
    if (!status && closed) {
        status = closed;
        error = closing;
    }
    if (status)
        fprintf(stderr, "fovea: %s\n", error.message);
    int code = exit_code(&r, status);
    end_interrupter(&r);
    fov_source_close(&r.source);
    fov_frame_pool_destroy(&r.pool);
    return code;
}
