#include "numbered.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/pattern.h"

static const char url[] = "pattern:width=320,height=192,fps=30,barcode=1";

int number_of(const fov_frame *frame)
{
    fov_decoder *decoder = NULL;
    fov_image image = frame->image;
    int number = -1;
    if (frame->codec == FOV_JPEG) {
        assert_int_equal(fov_decoder_create(&decoder, NULL), FOV_OK);
        if (fov_decode(decoder, frame->bytes, frame->size, FOV_YUV, 1, &image, NULL, NULL))
            image.pixels = FOV_PIXELS_NONE;
    }
    if (image.pixels != FOV_PIXELS_NONE)
        number = (int)pattern_read_number(&image);
    fov_decoder_destroy(&decoder);
    return number;
}

/* Encodes the first `count` pictures, one after the other, and hands each over. */
static void encode_all(int count, void (*take)(void *user, int i, const uint8_t *, size_t),
                       void *user)
{
    fov_frame_pool *pool;
    fov_encoder *encoder;
    fov_source *source;
    fov_source_params params = {.url = url};
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    assert_int_equal(fov_frame_pool_create(&pool, NULL, NULL), FOV_OK);
    for (int i = 0; i < count; i++) {
        fov_frame *frame;
        const uint8_t *bytes;
        size_t size;
        assert_int_equal(fov_source_read(source, pool, &frame, NULL, NULL), FOV_OK);
        assert_int_equal(fov_encode_jpeg(encoder, &frame->image, 60, &bytes, &size, NULL), FOV_OK);
        take(user, i, bytes, size);
        fov_frame_unref(&frame);
    }
    fov_frame_pool_destroy(&pool);
    fov_encoder_destroy(&encoder);
    fov_source_close(&source);
}

/* ---- folder ---- */

struct folder {
    const char *path;
    int broken;
};

static void write_picture(void *user, int i, const uint8_t *bytes, size_t size)
{
    const struct folder *folder = user;
    char path[256];
    snprintf(path, sizeof path, "%s/f%d.jpg", folder->path, i);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (i == folder->broken)
        fputs("broken", file);
    else
        fwrite(bytes, 1, size, file);
    fclose(file);
}

void folder_make(char *folder, int count, int broken)
{
    assert_non_null(mkdtemp(folder));
    encode_all(count, write_picture, &(struct folder){folder, broken});
}

void folder_remove(const char *folder, int count)
{
    char path[256];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/f%d.jpg", folder, i);
        unlink(path);
    }
    rmdir(folder);
}

/* ---- camera ---- */

static struct {
    uint8_t *bytes;
    size_t size;
} pictures[CAMERA_PICTURES];

static void keep_picture(void *user, int i, const uint8_t *bytes, size_t size)
{
    (void)user;
    pictures[i].bytes = malloc(size);
    assert_non_null(pictures[i].bytes);
    memcpy(pictures[i].bytes, bytes, size);
    pictures[i].size = size;
}

static bool send_all(int to, const void *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(to, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = (const uint8_t *)bytes + sent;
        size -= (size_t)sent;
    }
    return true;
}

static void serve(struct camera *c, int to)
{
    static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; "
                               "boundary=--frame\r\n\r\n";
    char request[1024], part[128];
    bool open = recv(to, request, sizeof request, 0) > 0 && send_all(to, head, sizeof head - 1);
    while (open && !atomic_load(&c->stop)) {
        int i = atomic_load(&c->sent);
        usleep((unsigned)c->interval_ms * 1000);
        if (atomic_load(&c->paused) || i == CAMERA_PICTURES)
            continue;
        int length = snprintf(part, sizeof part,
                              "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                              pictures[i].size);
        open = send_all(to, part, (size_t)length) &&
               send_all(to, pictures[i].bytes, pictures[i].size) && send_all(to, "\r\n", 2);
        atomic_fetch_add(&c->sent, 1);
    }
    close(to);
}

static void *run(void *argument)
{
    struct camera *c = argument;
    while (!atomic_load(&c->stop)) {
        int to = accept(c->listener, NULL, NULL);
        if (to >= 0)
            serve(c, to);
    }
    return NULL;
}

void camera_start(struct camera *c, int interval_ms)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    memset(c, 0, sizeof *c);
    c->interval_ms = interval_ms;
    encode_all(CAMERA_PICTURES, keep_picture, NULL);
    c->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(c->listener >= 0 && bind(c->listener, (struct sockaddr *)&at, size) == 0 &&
                listen(c->listener, 4) == 0 &&
                getsockname(c->listener, (struct sockaddr *)&at, &size) == 0);
    snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d/x.mjpg", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
}

void camera_stop(struct camera *c)
{
    atomic_store(&c->stop, true);
    shutdown(c->listener, SHUT_RDWR); /* wakes accept */
    pthread_join(c->thread, NULL);
    close(c->listener);
    for (int i = 0; i < CAMERA_PICTURES; i++)
        free(pictures[i].bytes);
}
