/* Where the files lie that tests read if they are there. */
#ifndef TESTS_DATA_FOLDER_H
#define TESTS_DATA_FOLDER_H

#include <stdlib.h>

static inline const char *data_folder(void)
{
    const char *set = getenv("FOVEA_TEST_DATA");
    return set ? set : "../shared/data";
}

#endif
