/* A small file of the state folder that the server keeps: read whole at the start, written whole on
 * a thread of its own. Loop thread. */
#ifndef SERVE_STATE_FILE_H
#define SERVE_STATE_FILE_H

#include "serve/chores.h"
#include "serve/serve.h"

struct state_file {
    char path[512], thread[16];
    const char *what;      /* static, as the log names it: "zones" */
    struct chores *chores; /* made at the first write */
    bool writing;
};

void state_file_init(struct state_file *file, const char *folder, const char *name,
                     const char *what);

/* Its text, to be freed, at most `most` bytes and one more that tells there are more. NULL:
 * FOV_ENOTFOUND, FOV_EIO. Blocks: on the disk. */
char *state_file_read(const struct state_file *file, size_t most, size_t *size, fov_error *error);

/* It cannot be used for that reason: it is moved aside, with a log line. */
void state_file_refuse(const struct state_file *file, const fov_error *error);

/* Writes `text`, which is taken over when this returns FOV_OK: done(arg, status, message) is called
 * on the loop thread then when it is on the disk, or is not. FOV_ENOMEM. One write at a time: the
 * caller looks at `writing`. */
fov_status state_file_write(struct server *server, struct state_file *file,
                            struct json_writer *text,
                            void (*done)(void *arg, fov_status status, const char *message),
                            void *arg, fov_error *error);

/* Waits for a write that runs; none may begin afterwards. Its `done` still comes by the loop. */
void state_file_stop(struct state_file *file);

#endif
