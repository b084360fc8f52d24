/* Lines of a match file: the first one, then frames. Whatever the bytes: no crash; what is refused
 * has a reason; what is taken is taken again when it is written anew. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scene/match_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_about(const char *line, size_t size)
{
    fov_match_about about, again;
    fov_error error = {0};
    if (match_read_about(line, size, &about, &error)) {
        if (error.message[0] == '\0')
            abort();
        return;
    }
    struct json_writer w = {0};
    match_write_about(&w, &about);
    if (w.failed || match_read_about(w.text, w.size, &again, &error) ||
        strcmp(about.home, again.home) != 0 || about.width != again.width)
        abort();
    json_release(&w);
}

static int64_t check_frame(const char *line, size_t size, int64_t last)
{
    static fov_match_entry entries[FOV_MATCH_FILE_PEOPLE], others[FOV_MATCH_FILE_PEOPLE];
    fov_match_frame frame, again;
    fov_error error = {0};
    if (match_read_frame(line, size, last, entries, &frame, &error)) {
        if (error.message[0] == '\0')
            abort();
        return last;
    }
    struct json_writer w = {0};
    match_write_frame(&w, &frame);
    if (w.failed || match_read_frame(w.text, w.size, last, others, &again, &error) ||
        again.number != frame.number || again.count != frame.count ||
        again.ball_known != frame.ball_known)
        abort();
    json_release(&w);
    return frame.number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    int64_t last = -1;
    for (bool first = true; size > 0; first = false) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        if (first)
            check_about(text, length);
        else
            last = check_frame(text, length, last);
        length += end != NULL;
        text += length;
        size -= length;
    }
    return 0;
}
