/* fovea: live camera frames in, detections out, with the time of every frame accounted for.
 * This header includes the whole public interface. */
#ifndef FOVEA_FOVEA_H
#define FOVEA_FOVEA_H

#include <fovea/backend.h>
#include <fovea/ball.h>
#include <fovea/detect.h>
#include <fovea/device.h>
#include <fovea/football.h>
#include <fovea/football_draw.h>
#include <fovea/frame.h>
#include <fovea/log.h>
#include <fovea/match.h>
#include <fovea/match_file.h>
#include <fovea/model.h>
#include <fovea/motion.h>
#include <fovea/picture.h>
#include <fovea/pipeline.h>
#include <fovea/pitch.h>
#include <fovea/rate.h>
#include <fovea/reader.h>
#include <fovea/recording.h>
#include <fovea/source.h>
#include <fovea/stats.h>
#include <fovea/status.h>
#include <fovea/stream.h>
#include <fovea/team.h>
#include <fovea/tensor.h>
#include <fovea/track.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library, "0.1.0". Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_version(void);

#ifdef __cplusplus
}
#endif
#endif
