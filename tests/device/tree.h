/* Small trees of files in a temporary folder, written from a table: a machine's /proc, /sys, /dev
 * and /etc as a test wants them. */
#ifndef TESTS_DEVICE_TREE_H
#define TESTS_DEVICE_TREE_H

#include <stddef.h>

/* `text` NULL ends a table; "-> target" makes a link; a `size` other than 0 is for content with
 * zero bytes. Folders are made as needed; a path that ends in '/' is an empty folder. */
struct tree_file {
    const char *path, *text;
    size_t size;
};

/* Makes a new folder; fails the test when it cannot. */
void tree_make(char root[64]);
void tree_add(const char *root, const struct tree_file *files);
void tree_remove(const char *root);

#endif
