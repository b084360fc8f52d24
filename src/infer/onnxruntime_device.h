/* The devices of ONNX Runtime: its "execution providers" by our names, and what each is told. */
#ifndef INFER_ONNXRUNTIME_DEVICE_H
#define INFER_ONNXRUNTIME_DEVICE_H

#include "infer/onnxruntime_api.h"

/* Lists what the library can use here: the CPU, and each provider that it was built with and whose
 * hardware is there. Fills devices, device_names and device_count of `probe`. */
void onnxruntime_list_devices(const struct onnxruntime *ort, fov_backend_probe *probe);

/* Name for people of one device ("AMD EPYC ...", "NVIDIA ..."). */
void onnxruntime_name_device(const char *device, char *name, size_t size);

/* Puts `device` into the options of a session, with its settings out of `params`; what it cannot
 * run goes to the CPU. `precision` gets what floating numbers are computed in. Returns
 * FOV_EUNSUPPORTED when this library has no such device, FOV_ERUNTIME with the library's reason
 * when it has but cannot use it. */
fov_status onnxruntime_use_device(const struct onnxruntime *ort, ort_options *options,
                                  const char *device, const fov_model_params *params, int threads,
                                  char precision[16], fov_error *error);

#endif
