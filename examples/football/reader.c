/* Reads a video ahead in the background, ten frames a second of its own time.
 *
 *   cc reader.c $(pkg-config --cflags --libs fovea) -o reader
 *   ./reader video.mp4
 */
#include <stdio.h>

#include <fovea/fovea.h>

static fov_status read_all(fov_reader *reader, fov_error *error)
{
    fov_frame *frame;
    fov_status status;
    while ((status = fov_reader_get(reader, -1, &frame, NULL, error)) == FOV_OK) {
        fov_reader_state state;
        fov_reader_get_state(reader, &state);
        printf("%8.0f ms: %d x %d px, %d of %d more wait\n", frame->pts_ms, frame->width,
               frame->height, state.waiting, state.capacity);
        fov_frame_unref(&frame);
    }
    return status == FOV_EOS ? FOV_OK : status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s SOURCE\n", argv[0]);
        return 2;
    }
    fov_error error = {FOV_OK, ""};
    fov_reader *reader = NULL;
    fov_reader_params params = {.open = {.url = argv[1]}, .buffer = 30, .target_fps = 10};

    fov_status status = fov_reader_open(&reader, &params, &error); /* it reads from here on */
    if (status == FOV_OK)
        status = read_all(reader, &error);
    if (status != FOV_OK)
        fprintf(stderr, "%s: %s\n", fov_status_text(status), error.message);
    fov_reader_close(&reader);
    return fov_status_exit(status);
}
