/* What files beside a model's file say about it. */
#ifndef INFER_METADATA_BESIDE_H
#define INFER_METADATA_BESIDE_H

#include "infer/metadata.h"

/* Adds what metadata.yaml in the same folder says (Ultralytics' exports write it), and remembers a
 * file of labels beside the model: NAME.txt, NAME_labels.txt or labels.txt. What `meta` knows
 * already stands. */
void metadata_read_beside(struct metadata *meta, const char *path);

/* The yaml alone, from memory: top-level scalars, lists and mappings of one level; the rest is left
 * out. */
void metadata_scan_yaml(struct metadata *meta, const char *text, size_t size);

#endif
