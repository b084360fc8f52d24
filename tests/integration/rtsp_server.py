#!/usr/bin/python3
"""An RTSP server of GStreamer's for the tests; needs the system's Python and what camera_servers says of its environment.

    rtsp_server.py PORT CLIP [USER PASSWORD]

/h264 plays CLIP (H.264 in MP4) from its start for each client (with FOVEA_RTSP_CODEC=h265: H.265, as /h265), /mjpeg a moving
test pattern as JPEG. /paced plays CLIP too, and with FOVEA_RTSP_TIMES=FILE adds a line for each picture: its second in the clip,
and when it is handed to RTP in Unix ms.
"""
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def mount(server, path, launch, locked):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {launch} )")
    if locked:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(path, factory)


def lock(server, user, password):
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def send_at_once(media, state):
    """It is paced already: the sinks add no wait of their own (20 ms by default)."""
    def free(sink):
        if sink.find_property("processing-deadline"):
            sink.set_property("processing-deadline", 0)
            sink.set_property("sync", False)
    element = media.get_element()
    while element.get_parent():
        element = element.get_parent()
    sinks = element.iterate_recurse()
    while True:
        result, sink = sinks.next()
        if result == Gst.IteratorResult.RESYNC:
            sinks.resync()
        elif result == Gst.IteratorResult.OK:
            free(sink)
        else:
            return


def note_times(factory, media):
    """Adds the time of every picture at the door of the payloader."""
    path = os.environ.get("FOVEA_RTSP_TIMES")
    media.connect("new-state", send_at_once)
    if not path:
        return
    file = open(path, "a", buffering=1, encoding="ascii")

    def note(pad, info):
        file.write(f"{info.get_buffer().pts / Gst.SECOND:.4f} {time.time() * 1000:.3f}\n")
        return Gst.PadProbeReturn.OK

    media.get_element().get_by_name("pay0").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, note)


def main():
    port, clip, *login = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    if login:
        lock(server, *login)
    codec = os.environ.get("FOVEA_RTSP_CODEC", "h264")
    pay = f"rtp{codec}pay name=pay0 pt=96 config-interval=-1"
    mount(server, f"/{codec}", f"filesrc location={clip} ! qtdemux ! {pay}", login)
    mount(server, "/mjpeg", "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
          "framerate=25/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26", login)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( filesrc location={clip} ! qtdemux ! identity sync=true ! {pay} )")
    factory.connect("media-configure", note_times)
    server.get_mount_points().add_factory("/paced", factory)
    server.attach(None)
    GLib.MainLoop().run()


main()
