/* Admission of streams: what start-stream and cameras of the settings ask for, what the source adds
 * to it, and how the answer is told. Whether it fits is decided in the flow room. Loop thread. */
#ifndef SERVE_ADMISSION_H
#define SERVE_ADMISSION_H

#include "base/json.h"
#include "serve/serve.h"

/* "guaranteed", "best_effort", or NULL where it was left out. */
enum admission admission_read(const char *word);

/* Fills what the stream is promised from the source's rate and size; `wish` becomes best effort
 * where a promise was not asked for by name and the source has no rate of its own (pictures, read
 * as fast as they are worked off). Returns FOV_EINVAL when it was asked for by name. */
fov_status admission_fill(const struct server *server, enum admission *wish,
                          const fov_source_info *source, double target_fps,
                          fov_stream_params *params, fov_error *error);

/* Members "admission" and, of a guaranteed stream that runs, "promise". */
void admission_write(struct json_writer *w, enum admission admission, fov_stream *stream);

/* Member "capacity": what is promised in all. */
void admission_write_all(struct json_writer *w, fov_workers *workers);

/* Answers 409 no_capacity or 503 try_again with the numbers as member "admission". */
void admission_refuse(struct net_request *request, fov_status status, const fov_error *error,
                      const fov_admission *told);

#endif
