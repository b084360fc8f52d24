#include "serve/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

void state_file_init(struct state_file *file, const char *folder, const char *name,
                     const char *what)
{
    *file = (struct state_file){.what = what};
    snprintf(file->path, sizeof file->path, "%s/%s", folder, name);
    snprintf(file->thread, sizeof file->thread, "fovea-%.9s", what);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

char *state_file_read(const struct state_file *file, size_t most, size_t *size, fov_error *error)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *from = fd >= 0 ? fdopen(fd, "rb") : NULL;
    char *text = from ? malloc(most + 1) : NULL;
    if (text)
        *size = fread(text, 1, most + 1, from);
    else
        fov_fail(error, errno == ENOENT ? FOV_ENOTFOUND : FOV_EIO, "%s", strerror(errno));
    if (from)
        fclose(from);
    else if (fd >= 0)
        close(fd);
    return text;
}

void state_file_refuse(const struct state_file *file, const fov_error *error)
{
    char aside[560];
    bool moved = file_move_aside(file->path, aside, sizeof aside);
    fov_log(FOV_LOG_ERROR, file->what, "%s cannot be used: %s; %s%s", file->path, error->message,
            moved ? "it is kept as " : "it stays and is not used", moved ? aside : "");
}

/* ---- writing ----------------------------------------------------------------------------------
 */

/* A text on its way to the disk. The file outlives it: the loop runs what was posted to it before
 * anything is freed. */
struct writing {
    struct net_loop *loop;
    struct state_file *file;
    struct json_writer text;
    char path[512];
    fov_status status;
    fov_error error;
    void (*done)(void *arg, fov_status status, const char *message);
    void *arg;
};

static void written(void *arg)
{
    struct writing *w = arg;
    w->file->writing = false;
    if (w->status != FOV_OK)
        fov_log(FOV_LOG_ERROR, w->file->what, "what was set is in force but not kept: %s",
                w->error.message);
    w->done(w->arg, w->status, w->error.message);
    json_release(&w->text);
    free(w);
}

static void write_file(void *arg)
{
    struct writing *w = arg;
    w->status = file_replace(w->path, w->text.text, w->text.size, 0600, &w->error);
    net_post_surely(w->loop, written, w); /* `writing` would stay */
}

fov_status state_file_write(struct server *server, struct state_file *file,
                            struct json_writer *text,
                            void (*done)(void *arg, fov_status status, const char *message),
                            void *arg, fov_error *error)
{
    struct writing *w = text->failed ? NULL : calloc(1, sizeof *w);
    if (!file->chores)
        file->chores = chores_start(file->thread);
    if (w) {
        *w = (struct writing){
            .loop = server->loop, .file = file, .text = *text, .done = done, .arg = arg};
        text_copy(w->path, sizeof w->path, file->path);
    }
    if (!w || !file->chores || !chores_add(file->chores, write_file, w)) {
        free(w);
        return fov_fail(error, FOV_ENOMEM, "not enough memory to keep %s", file->what);
    }
    *text = (struct json_writer){0};
    file->writing = true;
    return FOV_OK;
}

void state_file_stop(struct state_file *file)
{
    chores_stop(&file->chores);
}
