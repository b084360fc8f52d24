/* Handlers named by the route table. A group of endpoints declares its own here. */
#ifndef SERVE_ROUTES_H
#define SERVE_ROUTES_H

struct exchange;

/* api_service.c, api_page.c, metrics.c, api_device.c */
void page_start(struct exchange *x);
void page_camera(struct exchange *x);
void page_view(struct exchange *x);
void page_docs(struct exchange *x);
void post_login(struct exchange *x);
void get_asset(struct exchange *x);
void get_openapi(struct exchange *x);
void get_healthz(struct exchange *x);
void get_readyz(struct exchange *x);
void get_ca(struct exchange *x);
void get_metrics(struct exchange *x);
void get_version(struct exchange *x);
void get_cameras(struct exchange *x);
void get_qr(struct exchange *x);
void get_device_info(struct exchange *x);

/* api_frame.c, api_session.c, api_stream.c */
void post_process_frame(struct exchange *x);
void ws_video_stream(struct exchange *x);
void get_video_stats(struct exchange *x);
void post_start_stream(struct exchange *x);
void post_stop_stream(struct exchange *x);
void get_streams(struct exchange *x);

/* api_football.c, api_heatmap.c; the pages: pages.c */
void get_homography(struct exchange *x);
void put_homography(struct exchange *x);
void delete_homography(struct exchange *x);
void get_heatmap(struct exchange *x);
void page_football(struct exchange *x);
void page_calibrate(struct exchange *x);

/* api_recording.c */
void post_recording(struct exchange *x);
void delete_recording(struct exchange *x);
void get_recordings(struct exchange *x);
/* api_events.c, api_zones.c; the page: pages.c */
void get_events(struct exchange *x);
void get_camera_zones(struct exchange *x);
void put_camera_zones(struct exchange *x);
void page_zones(struct exchange *x);

/* api_models.c */
void get_models(struct exchange *x);
void post_models(struct exchange *x);
void delete_model(struct exchange *x);

/* camera.c, api_camera.c */
void ws_camera(struct exchange *x);
void ws_view(struct exchange *x);
void post_camera_frame(struct exchange *x);
void get_camera_stats(struct exchange *x);
void get_camera_mjpeg(struct exchange *x);
void get_camera_latest(struct exchange *x);

/* hazard.c, hazard_events.c, api_performance.c */
void ws_stream_detection(struct exchange *x);
void get_stream_events(struct exchange *x);
void get_stream_performance(struct exchange *x);

#endif
