/* The one way in from other threads: a queue and an eventfd. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "net/loop.h"

void post_wake(struct net_loop *loop)
{
    uint64_t one = 1;
    ssize_t done;
    do
        done = write(loop->wake_fd, &one, sizeof(one));
    while (done < 0 && errno == EINTR);
}

bool net_post(struct net_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = malloc(sizeof(*post));
    if (!post)
        return false;
    *post = (struct post){NULL, fn, arg};
    pthread_mutex_lock(&loop->lock);
    bool first = !loop->posts;
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    pthread_mutex_unlock(&loop->lock);
    if (first)
        post_wake(loop);
    return true;
}

void net_post_surely(struct net_loop *loop, void (*fn)(void *arg), void *arg)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    while (!net_post(loop, fn, arg))
        nanosleep(&moment, NULL);
}

void post_run_all(struct net_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct post *post = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    pthread_mutex_unlock(&loop->lock);
    while (post) {
        struct post *next = post->next;
        post->fn(post->arg);
        free(post);
        post = next;
    }
}

fov_status post_open(struct net_loop *loop)
{
    loop->posts_end = &loop->posts;
    if (pthread_mutex_init(&loop->lock, NULL) != 0)
        return FOV_ENOMEM;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        pthread_mutex_destroy(&loop->lock);
        return FOV_EIO;
    }
    return FOV_OK;
}

void post_close(struct net_loop *loop)
{
    while (loop->posts)
        post_run_all(loop);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
}
