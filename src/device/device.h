/* Inside of the device room: what each file finds, in the order in which probe.c asks. All but
 * device_match and device_recommend read files under `root` (machine.h). */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <fovea/device.h>

/* probe.c: all that needs no runtime, of the files under `root` ("": this machine). */
void device_look(const char *root, fov_device_info *info);

/* cpu.c: name, features, cores, memory. */
void device_find_processor(const char *root, fov_device_info *info);

/* board.c: name, type, model, software. */
void device_find_board(const char *root, fov_device_info *info);

/* accelerators.c and those below: what is there and, as `reason` and `mend`, what stands between it
 * and any runtime. An empty reason says that a runtime could use it. */
void device_find_accelerators(const char *root, fov_device_info *info);
void device_find_nvidia(const char *root, fov_device_info *info);
void device_find_apple(fov_device_info *info); /* processor, board and accelerators of a Mac */

/* Adds one; NULL when the list is full. */
fov_accelerator *device_add(fov_device_info *info, const char *kind, const char *vendor,
                            const char *name, const char *where);
void device_block(fov_accelerator *accelerator, const char *reason, const char *mend);

/* Sets the reason when `node` is not there or may not be opened. */
void device_check_node(const char *root, const char *node, fov_accelerator *accelerator);

/* The names in a folder, sorted, at most `count`; returns how many. */
enum { DEVICE_NAME = 64 };
int device_list(const char *root, const char *folder, char names[][DEVICE_NAME], int count);

/* match.c, pure but for one look beside a runtime's library: which accelerator is which device of
 * which runtime; fills usable, runtime, device, reason, mend. */
void device_match(fov_device_info *info);

/* match.c, pure: which runtime and device a model is given to when nothing is asked. */
void device_select(fov_device_info *info);

/* recommend.c, pure: fills the recommended_... fields and `why` from the others. */
void device_recommend(fov_device_info *info);

/* gpu_memory.c: what is taken of the fullest card's memory, by all who use it. False: there is no
 * card, or none that tells. Thread-safety: safe. Blocks: while a driver thinks. */
bool device_gpu_memory(const char *root, double *mb);

/* First runtime of that name which is available, NULL when there is none. */
const fov_backend_probe *device_runtime(const fov_device_info *info, const char *name);

#endif
