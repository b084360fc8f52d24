/* A folder of a test's own, which goes with all that is in it. */
#ifndef TESTS_TEMP_FOLDER_H
#define TESTS_TEMP_FOLDER_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMP_FOLDER = 64 }; /* bytes of its name */

static inline bool temp_folder_make(char folder[TEMP_FOLDER])
{
    snprintf(folder, TEMP_FOLDER, "/tmp/fovea-test-XXXXXX");
    return mkdtemp(folder) != NULL;
}

static inline int temp_folder_drop_one(const char *path, const struct stat *about, int kind,
                                       struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

/* 0, or not all of it went. */
static inline int temp_folder_drop(const char *folder)
{
    return nftw(folder, temp_folder_drop_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
