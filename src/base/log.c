#include <fovea/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static void to_stderr(void *user, fov_log_level level, const char *module, const char *line)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    (void)user;
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    char stamp[32];
    strftime(stamp, sizeof stamp, "%H:%M:%S", &parts);
    /* One call a line: lines of several threads do not mix. */
    fprintf(stderr, "%s.%03ld %s %s: %s\n", stamp, now.tv_nsec / 1000000, names[level], module,
            line);
}

static fov_log_sink sink = to_stderr;
static void *sink_user;
static fov_log_level shown = FOV_LOG_INFO;

void fov_log_set(fov_log_sink new_sink, void *user, fov_log_level level)
{
    sink = new_sink ? new_sink : to_stderr;
    sink_user = user;
    shown = level;
}

void fov_log(fov_log_level level, const char *module, const char *format, ...)
{
    if (level > shown)
        return;
    char line[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    sink(sink_user, level, module, line);
}
