#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

void tree_make(char root[64])
{
    snprintf(root, 64, "/tmp/fovea_tree_XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(chmod(root, 0755), 0); /* so that tests can look as another user */
}

static void make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
}

static void add_file(const char *root, const struct tree_file *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s", root, file->path);
    make_folders(path);
    if (path[strlen(path) - 1] == '/')
        return;
    if (strncmp(file->text, "-> ", 3) == 0) {
        assert_int_equal(symlink(file->text + 3, path), 0);
        return;
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    size_t size = file->size ? file->size : strlen(file->text);
    assert_int_equal(fwrite(file->text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

void tree_add(const char *root, const struct tree_file *files)
{
    for (; files->text; files++)
        add_file(root, files);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void tree_remove(const char *root)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
