/* Hash table from u64 to nodes that live inside their owners; nothing is allocated per entry. */
#ifndef NET_TABLE_H
#define NET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
    uint64_t key;
    struct table_node *next;
};

#define TABLE_BUCKETS 1024
struct table {
    struct table_node *buckets[TABLE_BUCKETS];
};

void table_add(struct table *table, struct table_node *node, uint64_t key);
void table_remove(struct table *table, struct table_node *node); /* no-op when not in it */
struct table_node *table_find(struct table *table, uint64_t key);

#endif
