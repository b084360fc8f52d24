/* Counts heap allocations, so that a test can hold "no allocation a frame after warm-up".
 *
 * Add `alloc_count.c` (files('../alloc_count.c')) to the sources of a test program: it then stands
 * in front of the C library's allocator for the program and every library it loads.
 *
 *     for (int i = 0; i < 10; i++)
 *         one_frame();                              // warm-up
 *     uint64_t before = alloc_count_thread();       // or alloc_count_all(): every thread
 *     for (int i = 0; i < 100; i++)
 *         one_frame();
 *     assert_int_equal(alloc_count_thread() - before, 0);
 *
 * To find who allocates: run with FOVEA_ALLOC_TRAP=1 in a debugger; alloc_trap(true) then stops at
 * the next allocation of the calling thread. Sanitizers bring their own allocator: there
 * alloc_count_works() is false and the test is to be skipped. */
#ifndef TESTS_ALLOC_COUNT_H
#define TESTS_ALLOC_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/* False under a sanitizer or another C library than glibc. */
bool alloc_count_works(void);

/* malloc, calloc, realloc, aligned_alloc, memalign, posix_memalign calls so far: of the calling
 * thread, of all threads. */
uint64_t alloc_count_thread(void);
uint64_t alloc_count_all(void);

/* While on, and FOVEA_ALLOC_TRAP is set, an allocation of this thread raises SIGTRAP. */
void alloc_trap(bool on);

#endif
