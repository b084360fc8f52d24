#include "net/table.h"

static struct table_node **bucket(struct table *table, uint64_t key)
{
    return &table->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}

void table_add(struct table *table, struct table_node *node, uint64_t key)
{
    struct table_node **at = bucket(table, key);
    node->key = key;
    node->next = *at;
    *at = node;
}

void table_remove(struct table *table, struct table_node *node)
{
    for (struct table_node **at = bucket(table, node->key); *at; at = &(*at)->next) {
        if (*at == node) {
            *at = node->next;
            return;
        }
    }
}

struct table_node *table_find(struct table *table, uint64_t key)
{
    struct table_node *node = *bucket(table, key);
    while (node && node->key != key)
        node = node->next;
    return node;
}
