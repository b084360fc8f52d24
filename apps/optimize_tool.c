#include "optimize_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "base/text.h"

enum { WORDS = 24, BAR = 30 };

extern char **environ;

/* ---- where things are ---- */

/* NAME under one of the folders that hold the project's scripts. */
static bool find_script(const char *name, char *path, size_t size)
{
    char deps[900], here[900];
    if (!dynlib_deps_folder(deps, sizeof deps))
        deps[0] = '\0';
    dynlib_folder_of((const void *)(size_t)&find_script, here, sizeof here);
    const struct {
        const char *folder, *below;
    } places[] = {{here, "/../scripts"},             /* the build tree */
                  {here, "/../share/fovea/scripts"}, /* an installed program */
                  {deps, "/../scripts"},             /* .deps beside the scripts */
                  {deps, "/scripts"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, size, "%s%s/%s", places[i].folder, places[i].below, name);
        if (places[i].folder[0] && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* The tools' own Python, when it was made. */
static bool find_environment(char *python, size_t size)
{
    char deps[900];
    if (!dynlib_deps_folder(deps, sizeof deps))
        return false;
    snprintf(python, size, "%s/optimize/.complete", deps);
    bool complete = access(python, R_OK) == 0;
    snprintf(python, size, "%s/optimize/bin/python", deps);
    return complete && access(python, X_OK) == 0;
}

/* The child's number where `output` is given (its standard output), else the exit code; -1 with
 * errno when it cannot be run. */
static int spawn_and_wait(char *const *words, int *output)
{
    int ends[2] = {-1, -1}, code = 0;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (output && pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (output)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    else
        posix_spawn_file_actions_adddup2(&actions, 2, 1);
    int failed = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (output) {
        close(ends[1]);
        *output = ends[0];
    }
    if (failed) {
        if (output)
            close(ends[0]);
        errno = failed; /* the call returns it and leaves errno alone */
        return -1;
    }
    if (output)
        return (int)child;
    while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

/* `scripts/setup optimize`, which says itself what it fetches or lacks. */
static fov_status make_environment(struct optimize_tool *tool, fov_error *error)
{
    char setup[1024];
    if (!find_script("setup", setup, sizeof setup))
        return fov_fail(error, FOV_ERUNTIME,
                        "the tools of optimize are not installed: FOVEA_OPTIMIZE_PYTHON names a "
                        "python with `pip install openvino nncf onnx`");
    char *const words[] = {setup, "optimize", NULL};
    if (spawn_and_wait(words, NULL) != 0 || !find_environment(tool->python, sizeof tool->python))
        return fov_fail(error, FOV_ERUNTIME,
                        "the tools of optimize could not be installed (see above); "
                        "FOVEA_OPTIMIZE_PYTHON names a python with `pip install openvino nncf "
                        "onnx` instead");
    return FOV_OK;
}

fov_status optimize_tool_find(struct optimize_tool *tool, bool users, fov_error *error)
{
    const char *script = getenv("FOVEA_OPTIMIZE_TOOL");
    const char *python = getenv(users ? "FOVEA_EXPORT_PYTHON" : "FOVEA_OPTIMIZE_PYTHON");
    if (script && *script)
        text_copy(tool->script, sizeof tool->script, script);
    else if (!find_script("optimize.py", tool->script, sizeof tool->script))
        return fov_fail(error, FOV_ERUNTIME,
                        "optimize.py is not beside this program; install fovea again");
    if (users && !(python && *python))
        python = "python3";
    if (python && *python) {
        text_copy(tool->python, sizeof tool->python, python);
        return FOV_OK;
    }
    if (find_environment(tool->python, sizeof tool->python))
        return FOV_OK;
    return make_environment(tool, error);
}

/* ---- running it ---- */

static void show_progress(const char *line)
{
    char *end;
    double done = strtod(line, &end);
    int filled = (int)(BAR * (done < 0 ? 0 : done > 1 ? 1 : done));
    fprintf(stderr, "\r[%.*s%*s] %3.0f %% %.40s\033[K", filled, "##############################",
            BAR - filled, "", 100 * done, end + (*end == ' '));
}

/* The program says `progress 0.5 what`, and at its end `missing SENTENCE` or `failed SENTENCE`. */
static void listen(const struct optimize_tool *tool, FILE *from, fov_error *error)
{
    char line[1200];
    while (fgets(line, sizeof line, from)) {
        line[strcspn(line, "\n")] = '\0';
        text_flatten(line); /* a library's message goes to a terminal */
        if (strncmp(line, "progress ", 9) == 0 && tool->progress)
            show_progress(line + 9);
        if (strncmp(line, "missing ", 8) == 0)
            fov_fail(error, FOV_ERUNTIME, "%s", line + 8);
        if (strncmp(line, "failed ", 7) == 0)
            fov_fail(error, FOV_EMODEL, "%s", line + 7);
    }
    if (tool->progress)
        fprintf(stderr, "\r\033[K");
}

fov_status optimize_tool_run(const struct optimize_tool *tool, const char *const *words,
                             fov_error *error)
{
    char *all[WORDS] = {(char *)(size_t)tool->python, (char *)(size_t)tool->script};
    int output = -1, code = 0;
    fov_error said = {0};
    for (size_t i = 0; words[i] && i + 3 < WORDS; i++)
        all[i + 2] = (char *)(size_t)words[i];
    int child = spawn_and_wait(all, &output);
    if (child < 0)
        return fov_fail(error, FOV_ERUNTIME, "%s cannot be run: %s", tool->python, strerror(errno));
    FILE *from = fdopen(output, "r");
    if (from)
        listen(tool, from, &said);
    if (from)
        fclose(from);
    else
        close(output);
    while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
    }
    int left = WIFEXITED(code) ? WEXITSTATUS(code) : 1;
    if (left == 0)
        return FOV_OK;
    return fov_fail(error, left == 3 ? FOV_ERUNTIME : FOV_EMODEL, "%s",
                    said.message[0] ? said.message : "the converter ended without a reason");
}
