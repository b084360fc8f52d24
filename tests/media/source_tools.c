#include "source_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../alloc_count.h"

fov_frame_pool *pool;

int make_pool(void **state)
{
    (void)state;
    return fov_frame_pool_create(&pool, NULL, NULL) == FOV_OK ? 0 : -1;
}

int drop_pool(void **state)
{
    (void)state;
    fov_frame_pool_destroy(&pool);
    return 0;
}

fov_source *open_source(const char *url, bool loop, fov_pixels pixels)
{
    fov_source *source;
    fov_error error = {0};
    fov_source_params params = {.url = url, .loop = loop, .pixels = pixels};
    if (fov_source_open(&source, &params, &error))
        fail_msg("%s: %s", url, error.message);
    return source;
}

fov_frame *read_frame(fov_source *source, const char **name)
{
    fov_frame *frame;
    fov_error error = {0};
    if (fov_source_read(source, pool, &frame, name, &error))
        fail_msg("read: %s", error.message);
    return frame;
}

static void pass(fov_source *source, int frames)
{
    for (int i = 0; i < frames; i++) {
        fov_frame *frame = read_frame(source, NULL);
        fov_frame_unref(&frame);
    }
}

void assert_allocates_nothing(const char *url)
{
    if (!alloc_count_works())
        skip();
    fov_source *source = open_source(url, false, 0);
    pass(source, 3);
    uint64_t before = alloc_count_thread();
    pass(source, 50);
    assert_int_equal(alloc_count_thread() - before, 0);
    fov_source_close(&source);
}
