#include "alloc_count.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define INTERPOSE 1
#else
#define INTERPOSE 0
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#undef INTERPOSE
#define INTERPOSE 0
#endif
#endif

static atomic_ullong all;
static _Thread_local uint64_t mine;
static _Thread_local bool trapping;

bool alloc_count_works(void)
{
    return INTERPOSE;
}

uint64_t alloc_count_thread(void)
{
    return mine;
}

uint64_t alloc_count_all(void)
{
    return atomic_load(&all);
}

void alloc_trap(bool on)
{
    trapping = on && getenv("FOVEA_ALLOC_TRAP");
}

#if INTERPOSE

/* The C library's own entries behind the names replaced here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void count(void)
{
    mine++;
    atomic_fetch_add_explicit(&all, 1, memory_order_relaxed);
    if (trapping)
        raise(SIGTRAP);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
    count();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    count();
    void *got = __libc_memalign(alignment, size);
    if (!got)
        return ENOMEM;
    *memory = got;
    return 0;
}

#endif
