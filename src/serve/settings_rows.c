/* The settings table: one row a setting. Everything else (file, environment, command line, help,
 * schema, reference page) is made from it. */
#include "serve/settings_rows.h"

#define AT(member) offsetof(struct settings, member)
#define MODEL_AT(member) offsetof(struct settings_model, member)
#define CAMERA_AT(member) offsetof(struct settings_camera, member)

// clang-format off
const struct settings_row settings_rows[] = {
    /* key, env names, kind, offset, default, least, most, choices, flags, help */
    {"server.host", NULL, SET_TEXT, AT(server.host), "127.0.0.1", 0, 255, NULL, 0,
     "address to listen on; access control is on for all but loopback addresses"},
    {"server.port", NULL, SET_INT, AT(server.port), "8440", 0, 65535, NULL, 0,
     "port to listen on, 0: a free one"},
    {"server.tls.cert", NULL, SET_TEXT, AT(server.tls_cert), NULL, 0, 0, NULL, 0,
     "certificate chain, PEM file; the file is read again on SIGHUP"},
    {"server.tls.key", NULL, SET_TEXT, AT(server.tls_key), NULL, 0, 0, NULL, 0,
     "private key of the certificate, PEM file"},
    {"server.auth", NULL, SET_CHOICE, AT(server.auth), "auto", 0, 0, "auto on off", 0,
     "access control; auto: on, except on loopback; off is refused on other addresses"},
    {"server.token_file", NULL, SET_TEXT, AT(server.token_file), NULL, 0, 0, NULL, SET_LIVE,
     "file with tokens, one `[ROLE [CAMERA]] TOKEN` a line (role admin when left out), as containers get them; with it no first-run token is made"},
    {"server.public_url", NULL, SET_TEXT, AT(server.public_url), NULL, 0, 255, NULL, SET_LIVE,
     "how browsers reach the server behind a proxy, `https://cam.example`"},
    {"server.allowed_hosts", NULL, SET_LIST, AT(server.allowed_hosts), NULL, 0, 255, NULL, SET_LIVE,
     "more host names that requests may be addressed to; `*`: any, for a network where nobody can be led astray"},
    {"server.trusted_proxies", NULL, SET_LIST, AT(server.trusted_proxies), NULL, 0, 255, NULL, 0,
     "addresses or networks (`10.0.0.0/8`) whose X-Forwarded-For and X-Forwarded-Proto are believed"},
    {"server.max_sessions", NULL, SET_INT, AT(server.max_sessions), "64", 1, 1024, NULL, SET_LIVE,
     "streams that run at once; more get 503"},
    {"server.state_dir", NULL, SET_TEXT, AT(server.state_dir), NULL, 0, 400, NULL, 0,
     "folder of the token store, the local CA, drawn zones, calibrations and stored events; default $XDG_STATE_HOME/fovea or ~/.local/state/fovea"},

    {"models.default", "MODEL_PATH", SET_TEXT, AT(models.default_model), "ssd_mobilenet_v2", 0, 0, NULL, 0,
     "model of streams that name none: a name (see `fovea models list`), an id of this section, a file, `oip://host:port/model`, or `fake:…`"},
    {"models.dir", NULL, SET_TEXT, AT(models.dir), NULL, 0, 0, NULL, 0,
     "folder with model files that clients may name; all are opened at the start; `fovea models pull` fills it"},
    {"models.cache", NULL, SET_TEXT, AT(models.cache), NULL, 0, 0, NULL, 0,
     "folder of compiled models; default $XDG_CACHE_HOME/fovea or ~/.cache/fovea"},

    {"sources.allow", NULL, SET_LIST, AT(sources.allow), NULL, 0, 2048, NULL, SET_LIVE,
     "what start-stream may open, and where playlists and redirects may lead: folders, files, devices, URL beginnings without a log-in (`rtsp://10.0.0.7/`); cameras of this file, `pattern:` and `demo:` always may"},
    {"sources.decoder", NULL, SET_CHOICE, AT(sources.decoder), "auto", 0, 0, "auto off cuda vaapi videotoolbox", 0,
     "what decodes video: auto: a graphics card that is here (not with realtime.use_gpu off), else the processor; off: the processor; or a kind of card"},

    {"realtime.enabled", "REALTIME_ENABLED", SET_BOOL, AT(realtime.enabled), "true", 0, 0, NULL, SET_LIVE,
     "false: /api/v1/realtime/… answers 503 `disabled`"},
    {"realtime.target_fps", "REALTIME_TARGET_FPS", SET_NUMBER, AT(realtime.target_fps), "30", 1, 240, NULL, SET_LIVE,
     "frames a second that a live stream accepts"},
    {"realtime.max_latency_ms", "REALTIME_MAX_LATENCY_MS", SET_NUMBER, AT(realtime.max_latency_ms), "200", 0, 60000, NULL, SET_LIVE,
     "deadline of a frame after the arrival of its last byte, 0: none"},
    {"realtime.buffer_size", "REALTIME_BUFFER_SIZE", SET_INT, AT(realtime.buffer_size), "5", 1, 64, NULL, SET_LIVE,
     "frames that may wait in a stream"},
    {"realtime.use_gpu", "REALTIME_USE_GPU", SET_BOOL, AT(realtime.use_gpu), "true", 0, 0, NULL, 0,
     "a GPU is allowed in the order of devices"},
    {"realtime.use_tpu", "REALTIME_USE_TPU", SET_BOOL, AT(realtime.use_tpu), "false", 0, 0, NULL, 0,
     "a TPU is allowed in the order of devices"},
    {"realtime.optimization_level", "REALTIME_OPTIMIZATION_LEVEL", SET_CHOICE, AT(realtime.optimization_level), "high", 0, 0, "low medium high", 0,
     "low: f32 and full decode; medium: automatic precision, scaled decode; high: INT8 too where accepted"},
    {"realtime.confidence_threshold", "CONFIDENCE_THRESHOLD", SET_NUMBER, AT(realtime.confidence_threshold), NULL, 0.001, 1, NULL, SET_LIVE,
     "least score; when set it replaces the default of every endpoint (0.25; 0.5 in /stream/detection)"},
    {"realtime.iou_threshold", "IOU_THRESHOLD", SET_NUMBER, AT(realtime.iou_threshold), "0.45", 0.01, 1, NULL, SET_LIVE,
     "overlap beyond which the weaker of two boxes of a class is left out"},

    {"streaming.max_fps", "STREAMING_MAX_FPS", SET_NUMBER, AT(streaming.max_fps), "30", 1, 240, NULL, SET_LIVE,
     "most frames a second of a hazard session"},
    {"streaming.default_fps", "STREAMING_DEFAULT_FPS", SET_NUMBER, AT(streaming.default_fps), "15", 1, 240, NULL, SET_LIVE,
     "frames a second of a hazard session that asks for none"},
    {"streaming.queue_size", "STREAMING_QUEUE_SIZE", SET_INT, AT(streaming.queue_size), "25", 1, 64, NULL, SET_LIVE,
     "frames that may wait in a hazard session"},
    {"streaming.session_timeout", "STREAMING_SESSION_TIMEOUT", SET_NUMBER, AT(streaming.session_timeout), "300", 1, 86400, NULL, SET_LIVE,
     "seconds without a frame after which a hazard session ends"},

    {"openvino.device", "OPENVINO_DEVICE", SET_TEXT, AT(openvino.device), "CPU", 0, 63, NULL, 0,
     "device that runs models: CPU, GPU, NPU, AUTO"},
    {"openvino.performance_mode", "OPENVINO_PERFORMANCE_MODE", SET_CHOICE, AT(openvino.performance_mode), "by_load", 0, 0, "by_load latency throughput", 0,
     "by_load: switches with the number of busy streams; the others pin one form"},
    {"openvino.async_inference", "OPENVINO_ASYNC_INFERENCE", SET_BOOL, AT(openvino.async_inference), "true", 0, 0, NULL, 0,
     "false: one worker"},
    {"openvino.cache_enabled", "OPENVINO_CACHE_ENABLED", SET_BOOL, AT(openvino.cache_enabled), "true", 0, 0, NULL, 0,
     "keep compiled models in models.cache"},
    {"openvino.num_threads", "OPENVINO_NUM_THREADS CPU_THREADS_NUM OMP_NUM_THREADS", SET_INT, AT(openvino.num_threads), "0", 0, 1024, NULL, 0,
     "threads of the runtime, 0: the cores this process may use"},
    {"openvino.bind_threads", "CPU_BIND_THREAD", SET_BOOL, AT(openvino.bind_threads), "false", 0, 0, NULL, 0,
     "bind OpenVINO's threads to a core each; better left off here, as decoding needs the same cores"},

    {"alerts", NULL, SET_ANY, 0, NULL, 0, 0, NULL, SET_LIVE, "rules that make alerts, see below and alerts.md"},
    {"events.keep_days", NULL, SET_NUMBER, AT(events.keep_days), "7", 0, 3650, NULL, SET_LIVE,
     "days that stored events are kept; 0: nothing is stored"},
    {"events.max_mb", NULL, SET_NUMBER, AT(events.max_mb), "1024", 1, 1e7, NULL, SET_LIVE,
     "megabytes for stored events; the oldest go first"},
    {"recording.dir", NULL, SET_TEXT, AT(recording.dir), NULL, 0, 800, NULL, 0,
     "folder for recordings of streams, which an admin starts and stops; not set: nothing can be recorded"},
    {"recording.max_mb", NULL, SET_NUMBER, AT(recording.max_mb), "1024", 1, 1e7, NULL, SET_LIVE,
     "most that one recording may take; at its end it stops"},
    {"recording.total_mb", NULL, SET_NUMBER, AT(recording.total_mb), "10240", 1, 1e8, NULL, SET_LIVE,
     "most that all recordings in the folder may take; a new one that might not fit is refused"},
    {"football.player_model", NULL, SET_TEXT, AT(football.player_model), NULL, 0, 0, NULL, 0,
     "model that finds players (and the ball, when it knows one): as models.default, which is taken without it; `drawn`: no model, the truth of `pattern:football` with a detector's errors"},
    {"football.ball_model", NULL, SET_TEXT, AT(football.ball_model), NULL, 0, 0, NULL, 0,
     "model of its own for the ball, as models.default"},
    {"football.pitch_model", NULL, SET_TEXT, AT(football.pitch_model), NULL, 0, 0, NULL, 0,
     "model that finds keypoints of the pitch, as models.default; `drawn` beside that player model: the drawn match's calibration, with errors"},
    {"football.pitch_layout", NULL, SET_CHOICE, AT(football.pitch_layout), "landmarks", 0, 0, "landmarks roboflow_32", SET_LIVE,
     "order of its keypoints: all landmarks of fovea/pitch.h, or the 32 of roboflow/sports"},
    {"football.tracker", NULL, SET_CHOICE, AT(football.tracker), "auto", 0, 0, "auto botsort bytetrack ocsort pitch", SET_LIVE,
     "gives people names that last (see tracking.md); auto: pitch where a view of the pitch is known, else botsort"},
    {"football.target_fps", NULL, SET_NUMBER, AT(football.target_fps), "10", 1, 120, NULL, SET_LIVE,
     "frames a second that football analyses"},
    {"football.ball_fps", NULL, SET_NUMBER, AT(football.ball_fps), NULL, 0.1, 120, NULL, SET_LIVE,
     "of them the model of the ball looks at so many a second; left out: at all"},
    {"football.batch_size", NULL, SET_INT, AT(football.batch_size), NULL, 1, 64, NULL, SET_LIVE,
     "frames that run together (see pipeline.md); left out: 1 in realtime, 8 in batches"},
    {"football.teams", NULL, SET_TEAMS, AT(football.teams), NULL, 0, 0, NULL, SET_LIVE,
     "names and shirts of the teams: `[{name: Reds, color: red}, {name: Blues, color: \"#2040c0\"}]`, or `{Reds: red, Blues: blue}`; outside of a file `Reds=red, Blues=#2040c0`"},
    {"football.homography", NULL, SET_TEXT, AT(football.homography), NULL, 0, 0, NULL, SET_LIVE,
     "JSON file with the calibration of the first picture (see pitch.md): `points` and the `picture` size, or a `matrix`"},
    {"football.still_camera", NULL, SET_BOOL, AT(football.still_camera), "false", 0, 0, NULL, SET_LIVE,
     "the camera never moves: its calibration holds for all pictures. A reload changes it for streams of which no client has said it"},
    {"football.pitch.length", NULL, SET_NUMBER, AT(football.pitch_length), NULL, 30, 150, NULL, SET_LIVE,
     "metres; left out: 105"},
    {"football.pitch.width", NULL, SET_NUMBER, AT(football.pitch_width), NULL, 20, 120, NULL, SET_LIVE,
     "metres; left out: 68"},
};

const struct settings_row settings_model_rows[] = {
    {"path", NULL, SET_TEXT, MODEL_AT(path), NULL, 0, 0, NULL, 0, "model file, `oip://host:port/model`, or `fake:…`"},
    {"labels", NULL, SET_TEXT, MODEL_AT(labels), NULL, 0, 0, NULL, 0, "file with one label a line"},
    {"conf", NULL, SET_NUMBER, MODEL_AT(conf), NULL, 0.001, 1, NULL, 0, "least score with this model"},
    {"iou", NULL, SET_NUMBER, MODEL_AT(iou), NULL, 0.01, 1, NULL, 0, "overlap of boxes with this model"},
    {"device", NULL, SET_TEXT, MODEL_AT(device), NULL, 0, 63, NULL, 0, "instead of openvino.device"},
    {"precision", NULL, SET_CHOICE, MODEL_AT(precision), "auto", 0, 0, "auto f32 f16 int8", 0, "of the arithmetic"},
    {"head", NULL, SET_TEXT, MODEL_AT(head), NULL, 0, 31, NULL, 0, "how the output is read, when it is not recognised: yolo, ssd, detr, … (see models.md)"},
    {"input", NULL, SET_TEXT, MODEL_AT(input), NULL, 0, 255, NULL, 0, "how pixels go in, where the recognised way is wrong: `bgr, letterbox, mean=…, scale=255, pad=114`"},
    {"backend", NULL, SET_TEXT, MODEL_AT(backend), NULL, 0, 31, NULL, 0, "runtime, when the file's kind does not tell"},
    {"batch", NULL, SET_INT, MODEL_AT(batch), NULL, 1, 16, NULL, 0, "frames of several streams in one run while several are busy, for models that allow it"},
};

const struct settings_row settings_camera_rows[] = {
    {"source", NULL, SET_TEXT, CAMERA_AT(source), NULL, 0, 2048, NULL, 0, "`rtsp://`, `rtmp://`, `http(s)://`, `/dev/video0`, file, folder, `pattern:` (see sources.md); left out: a browser camera"},
    {"kind", NULL, SET_CHOICE, CAMERA_AT(kind), "detection", 0, 0, "detection football", 0, "football: players, teams and the ball on the pitch (see football.md); needs a source"},
    {"homography", NULL, SET_TEXT, CAMERA_AT(homography), NULL, 0, 0, NULL, 0, "calibration of a football camera, instead of football.homography"},
    {"model", NULL, SET_TEXT, CAMERA_AT(model), NULL, 0, 0, NULL, 0, "model id"},
    {"tracker", NULL, SET_CHOICE, CAMERA_AT(tracker), "none", 0, 0, "none botsort bytetrack ocsort pitch", 0, "gives boxes names that last (see tracking.md)"},
    {"fps", NULL, SET_NUMBER, CAMERA_AT(fps), NULL, 1, 240, NULL, 0, "frames a second that are accepted"},
    {"max_latency_ms", NULL, SET_NUMBER, CAMERA_AT(max_latency_ms), "-1", 0, 60000, NULL, 0, "instead of realtime.max_latency_ms"},
    {"zones", NULL, SET_ZONES, CAMERA_AT(zones), NULL, 0, 0, NULL, SET_LIVE, "named areas and lines of the picture: `{door: [[x, y], …], way: {line: [[x, y], [x, y]]}}`, 0 to 1 from the top left, or metres on the pitch (see alerts.md); those drawn on /zones/NAME go before them"},
    {"profile", NULL, SET_CHOICE, CAMERA_AT(profile), "general", 0, 0, "general clinical", 0, "clinical: thresholds never adapt"},
    {"pin.conf", NULL, SET_NUMBER, CAMERA_AT(pin_conf), NULL, 0.001, 1, NULL, 0, "holds the threshold"},
    {"pin.fps", NULL, SET_NUMBER, CAMERA_AT(pin_fps), NULL, 1, 240, NULL, 0, "holds the frame rate"},
    {"pin.quality", NULL, SET_NUMBER, CAMERA_AT(pin_quality), NULL, 0.1, 1, NULL, 0, "holds the JPEG quality"},
    {"pin.size", NULL, SET_INT, CAMERA_AT(pin_size), NULL, 32, 4096, NULL, 0, "holds the inference size in px, of models whose file leaves it open"},
};

#define ALERT_AT(member) offsetof(struct settings_alert, member)
const struct settings_row settings_alert_rows[] = {
    {"name", NULL, SET_TEXT, ALERT_AT(name), NULL, 0, 64, NULL, 0, "what the rule is called in events"},
    {"class", NULL, SET_LIST, ALERT_AT(classes), NULL, 0, 255, NULL, 0, "class of the model, one or a list; left out: any"},
    {"min_confidence", NULL, SET_NUMBER, ALERT_AT(min_confidence), "0.5", 0, 1, NULL, 0, "least score that counts"},
    {"for_seconds", NULL, SET_NUMBER, ALERT_AT(for_seconds), "0", 0, 86400, NULL, 0, "how long it must be there"},
    {"zone", NULL, SET_TEXT, ALERT_AT(zone), NULL, 0, 64, NULL, 0, "zone or line of the camera; left out: the whole picture"},
    {"direction", NULL, SET_CHOICE, ALERT_AT(direction), "both", 0, 0, "both in out", 0, "of a line: in is from its left to its right, as one looks along it in the picture"},
    {"cooldown", NULL, SET_NUMBER, ALERT_AT(cooldown), "-1", 0, 604800, NULL, 0, "seconds after an alert's end before the rule raises again on that camera; left out: 60, of lines 0"},
    {"camera", NULL, SET_LIST, ALERT_AT(cameras), NULL, 0, 64, NULL, 0, "camera, one or a list; left out: all"},
    {"webhook", NULL, SET_HOOKS, ALERT_AT(webhooks), NULL, 0, 0, NULL, 0, "where alerts are sent: a URL, `{url: …, secret: …}`, or a list of at most 4"},
};
// clang-format on

#define COUNT(array) (sizeof(array) / sizeof *(array))
const size_t settings_row_count = COUNT(settings_rows);
const size_t settings_model_row_count = COUNT(settings_model_rows);
const size_t settings_camera_row_count = COUNT(settings_camera_rows);
const size_t settings_alert_row_count = COUNT(settings_alert_rows);
