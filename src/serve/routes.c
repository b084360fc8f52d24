/* The route table and how a path finds its row. */
#include "serve/routes.h"

#include <string.h>

#include "base/text.h"
#include "serve/serve.h"

#define KIB (size_t)1024
#define MIB (1024 * KIB)

// clang-format off
const struct route serve_routes[] = {
    /* method, pattern, roles, max_body, flags, handler */
    /* -- service: api_service.c -- */
    {"GET", "/",                  ROLE_ADMIN, 0, ROUTE_PAGE | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, page_start},
    {"GET", "/zones/{token}",     ROLE_ADMIN, 0, ROUTE_PAGE | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, page_zones},
    {"GET", "/camera/{token}",    ROLE_PUSH,  0, ROUTE_PAGE | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, page_camera},
    {"GET", "/view/{token}",      ROLE_VIEW,  0, ROUTE_PAGE | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, page_view},
    {"GET", "/football/{stream_id}", ROLE_VIEW, 0, ROUTE_PAGE | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, page_football},
    {"GET", "/football/{stream_id}/calibrate", ROLE_ADMIN, 0, ROUTE_PAGE | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, page_calibrate},
    {"POST", "/login",            0,    4 * KIB, ROUTE_PAGE | ROUTE_HIDDEN, post_login},
    {"GET", "/assets/{path...}",  ROLE_ANY,   0, ROUTE_HIDDEN, get_asset},
    {"GET", "/docs",              ROLE_ADMIN, 0, ROUTE_PAGE | ROUTE_QUERY_TOKEN, page_docs},
    {"GET", "/openapi.json",      ROLE_ADMIN, 0, 0, get_openapi},
    {"GET", "/healthz",           0,          0, 0, get_healthz},
    {"GET", "/readyz",            0,          0, 0, get_readyz},
    {"GET", "/ca.crt",            0,          0, 0, get_ca},
    {"GET", "/metrics",           ROLE_VIEW,  0, 0, get_metrics},
    {"GET", "/api/version",       0,          0, 0, get_version},
    {"GET", "/api/cameras",       ROLE_ADMIN, 0, 0, get_cameras},
    {"GET", "/api/qr",            ROLE_ANY,   0, 0, get_qr},
    {"GET", "/api/v1/realtime/edge/device-info", ROLE_ADMIN, 0, ROUTE_REALTIME, get_device_info},
    /* -- events and zones: api_events.c, api_zones.c -- */
    {"GET", "/api/events",        ROLE_ADMIN, 0, 0, get_events},
    {"GET", "/api/camera/{token}/zones", ROLE_ADMIN, 0, 0, get_camera_zones},
    {"PUT", "/api/camera/{token}/zones", ROLE_ADMIN, 64 * KIB, 0, put_camera_zones},
    /* -- models: api_models.c -- */
    {"GET", "/api/v1/models",     ROLE_ADMIN, 0, 0, get_models},
    {"POST", "/api/v1/models",    ROLE_ADMIN, 16 * KIB, 0, post_models},
    {"DELETE", "/api/v1/models/{id}", ROLE_ADMIN, 0, 0, delete_model},
    /* -- frames: api_frame.c, api_session.c, api_stream.c -- */
    {"POST", "/api/v1/realtime/video/process-frame", ROLE_PUSH, 10 * MIB, ROUTE_REALTIME, post_process_frame},
    {"GET", "/api/v1/realtime/video/stream", ROLE_PUSH, 0, ROUTE_SOCKET | ROUTE_QUERY_TOKEN | ROUTE_REALTIME | ROUTE_HIDDEN, ws_video_stream},
    {"GET", "/api/v1/realtime/video/stats", ROLE_VIEW, 0, ROUTE_REALTIME, get_video_stats},
    {"POST", "/api/v1/realtime/video/start-stream", ROLE_ADMIN, 64 * KIB, ROUTE_REALTIME, post_start_stream},
    {"POST", "/api/v1/realtime/video/stop-stream", ROLE_ADMIN, 64 * KIB, ROUTE_REALTIME, post_stop_stream},
    {"GET", "/api/v1/realtime/video/streams", ROLE_ADMIN, 0, ROUTE_REALTIME, get_streams},
    /* -- football: api_football.c, api_heatmap.c -- */
    {"GET", "/api/v1/realtime/football/{stream_id}/homography", ROLE_VIEW, 0, ROUTE_REALTIME, get_homography},
    {"PUT", "/api/v1/realtime/football/{stream_id}/homography", ROLE_ADMIN, 64 * KIB, ROUTE_REALTIME, put_homography},
    {"DELETE", "/api/v1/realtime/football/{stream_id}/homography", ROLE_ADMIN, 0, ROUTE_REALTIME, delete_homography},
    {"GET", "/api/v1/realtime/football/{stream_id}/heatmap", ROLE_VIEW, 0, ROUTE_REALTIME | ROUTE_QUERY_TOKEN, get_heatmap},
    /* -- recording: api_recording.c -- */
    {"GET", "/api/v1/realtime/video/recordings", ROLE_ADMIN, 0, ROUTE_REALTIME, get_recordings},
    {"POST", "/api/v1/realtime/video/streams/{id}/recording", ROLE_ADMIN, 4 * KIB, ROUTE_REALTIME, post_recording},
    {"DELETE", "/api/v1/realtime/video/streams/{id}/recording", ROLE_ADMIN, 0, ROUTE_REALTIME, delete_recording},
    /* -- cameras and viewers: camera.c, api_camera.c -- */
    {"GET", "/ws/camera/{token}", ROLE_PUSH, 0, ROUTE_SOCKET | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, ws_camera},
    {"GET", "/ws/view/{token}",   ROLE_VIEW, 0, ROUTE_SOCKET | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, ws_view},
    {"POST", "/api/camera/{token}/frame", ROLE_PUSH, 8 * MIB, 0, post_camera_frame},
    {"GET", "/api/camera/{token}/stats", ROLE_VIEW, 0, 0, get_camera_stats},
    {"GET", "/api/camera/{token}/mjpeg", ROLE_VIEW, 0, ROUTE_STREAM | ROUTE_QUERY_TOKEN, get_camera_mjpeg},
    {"GET", "/api/camera/{token}/latest.jpg", ROLE_VIEW, 0, ROUTE_QUERY_TOKEN, get_camera_latest},
    /* -- hazard streaming: hazard.c, hazard_events.c, api_performance.c -- */
    {"GET", "/stream/detection", ROLE_PUSH, 0, ROUTE_SOCKET | ROUTE_QUERY_TOKEN | ROUTE_HIDDEN, ws_stream_detection},
    {"GET", "/stream/events/{client_id}", ROLE_PUSH | ROLE_VIEW, 0, ROUTE_STREAM | ROUTE_QUERY_TOKEN, get_stream_events},
    {"GET", "/stream/performance", ROLE_VIEW, 0, 0, get_stream_performance},
    {0}
};
// clang-format on

/* Matches one pattern; fills params. */
static bool pattern_match(const char *pattern, const char *path, struct exchange *x)
{
    x->param_count = 0;
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *end = strchr(pattern, '}');
        bool rest = end - pattern > 3 && end[-1] == '.';
        size_t length = rest ? strlen(path) : strcspn(path, "/");
        if (length == 0 || x->param_count == sizeof x->params / sizeof *x->params ||
            length >= sizeof x->params[0].value)
            return false;
        x->params[x->param_count].name = pattern + 1;
        memcpy(x->params[x->param_count].value, path, length);
        x->params[x->param_count++].value[length] = '\0';
        pattern = end + 1;
        path += length;
    }
    return *pattern == '\0' && *path == '\0';
}

const char *exchange_param(const struct exchange *x, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < x->param_count; i++) {
        const char *own = x->params[i].name; /* runs on to the brace */
        if (strncmp(own, name, length) == 0 && (own[length] == '}' || own[length] == '.'))
            return x->params[i].value;
    }
    return NULL;
}

int route_find(const char *method, const char *path, struct exchange *x, char *allow, size_t size)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    size_t used = 0;
    if (size > 0)
        allow[0] = '\0';
    for (const struct route *route = serve_routes; route->method; route++) {
        if (!pattern_match(route->pattern, path, x))
            continue;
        if (strcmp(route->method, wanted) == 0) {
            x->route = route;
            return 0;
        }
        if (used + strlen(route->method) + 3 < size) {
            if (used > 0)
                used += text_copy(allow + used, size - used, ", ");
            used += text_copy(allow + used, size - used, route->method);
        }
    }
    x->param_count = 0;
    return used > 0 ? 405 : 404;
}
