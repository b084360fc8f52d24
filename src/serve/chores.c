#include "serve/chores.h"

#include <pthread.h>
#include <stdlib.h>

struct chore {
    struct chore *next;
    void (*fn)(void *arg);
    void *arg;
};

struct chores {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct chore *first, **end;
    bool stopping;
    const char *name;
};

/* The next one; NULL when there is none left and the end was asked for. */
static struct chore *take(struct chores *chores)
{
    pthread_mutex_lock(&chores->lock);
    while (!chores->first && !chores->stopping)
        pthread_cond_wait(&chores->changed, &chores->lock);
    struct chore *chore = chores->first;
    if (chore && !(chores->first = chore->next))
        chores->end = &chores->first;
    pthread_mutex_unlock(&chores->lock);
    return chore;
}

static void *work(void *arg)
{
    struct chores *chores = arg;
    pthread_setname_np(pthread_self(), chores->name);
    for (struct chore *chore; (chore = take(chores)) != NULL; free(chore))
        chore->fn(chore->arg);
    return NULL;
}

struct chores *chores_start(const char *thread_name)
{
    struct chores *chores = calloc(1, sizeof *chores);
    if (!chores)
        return NULL;
    pthread_mutex_init(&chores->lock, NULL);
    pthread_cond_init(&chores->changed, NULL);
    chores->end = &chores->first;
    chores->name = thread_name;
    if (pthread_create(&chores->thread, NULL, work, chores) == 0)
        return chores;
    pthread_cond_destroy(&chores->changed);
    pthread_mutex_destroy(&chores->lock);
    free(chores);
    return NULL;
}

bool chores_add(struct chores *chores, void (*fn)(void *arg), void *arg)
{
    struct chore *chore = malloc(sizeof *chore);
    if (!chore)
        return false;
    *chore = (struct chore){.fn = fn, .arg = arg};
    pthread_mutex_lock(&chores->lock);
    *chores->end = chore;
    chores->end = &chore->next;
    pthread_cond_signal(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
    return true;
}

void chores_stop(struct chores **stopping)
{
    struct chores *chores = *stopping;
    if (!chores)
        return;
    *stopping = NULL;
    pthread_mutex_lock(&chores->lock);
    chores->stopping = true;
    pthread_cond_signal(&chores->changed);
    pthread_mutex_unlock(&chores->lock);
    pthread_join(chores->thread, NULL);
    pthread_cond_destroy(&chores->changed);
    pthread_mutex_destroy(&chores->lock);
    free(chores);
}
