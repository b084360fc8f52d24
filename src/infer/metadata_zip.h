/* What is in the zip at the end of a TFLite file. */
#ifndef INFER_METADATA_ZIP_H
#define INFER_METADATA_ZIP_H

#include "infer/flatbuffer.h"
#include "infer/metadata.h"

/* Takes what metadata.json says, and as "names" the lines of the member called `labels` ("": none,
 * then of the only .txt member). True when there was a zip. */
bool metadata_read_zip(struct metadata *meta, const struct buffer *file, const char *labels);

/* Adds a text of one label a line as "names", unless there are names already. Empty lines at the
 * end do not count; "???" (no class) is kept. */
void metadata_add_lines(struct metadata *meta, const char *text, size_t size);

#endif
