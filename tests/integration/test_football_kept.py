"""Calibrations that outlive the server: pitch_views.json of the state folder."""
import json
import stat

import pytest
from football_client import HOMOGRAPHY, Truth, calibrate, start_match
from realtime import STOP

SOURCE = "pattern:football?fps=10&size=1280x720&seed=3"
BOOK = "pitch_views.json"


@pytest.fixture(scope="module")
def truth(tmp_path_factory) -> Truth:
    return Truth(SOURCE, 600, tmp_path_factory.mktemp("match"))


def state_of(server, id: str) -> dict:
    """Once there is a picture."""
    path = HOMOGRAPHY.format(id)
    return server.wait_for(lambda: (lambda s: s if s.get("picture") else None)(server.get(path).json()), 20, "a picture")


def calibrated(start_server, truth, state, **body):
    """A server that was stopped after its stream had been calibrated."""
    server = start_server(state=state)
    id = start_match(server, **{"source": SOURCE, **body})["stream_id"]
    assert state_of(server, id)["kept"] is None
    told = calibrate(server, id, truth)
    assert told["kept"] is True
    kept = server.get(HOMOGRAPHY.format(id)).json()["kept"]
    assert kept["used"] is True and kept["why"] is None and kept["picture"] == [1280, 720]
    assert server.stop() == 0
    return told


def test_a_camera_that_stands_still_keeps_it(start_server, truth, tmp_path):
    told = calibrated(start_server, truth, tmp_path, still_camera=True, token="ground")
    assert stat.S_IMODE((tmp_path / BOOK).stat().st_mode) == 0o600
    page, = json.loads((tmp_path / BOOK).read_text())["views"]
    assert (page["camera"], page["source"], page["picture"], page["size"]) == ("ground", SOURCE, [1280, 720], [105, 68])
    server = start_server(state=tmp_path)
    id = start_match(server, source=SOURCE, still_camera=True, token="ground")["stream_id"]
    state = state_of(server, id)
    assert state["known"] and state["matrix"] == pytest.approx(told["matrix"], rel=1e-6)
    assert state["kept"]["used"] is True
    # forgotten, also for the next start
    assert server.request("DELETE", HOMOGRAPHY.format(id)).status_code == 200
    assert server.get(HOMOGRAPHY.format(id)).json()["kept"] is None
    assert json.loads((tmp_path / BOOK).read_text())["views"] == []
    assert server.stop() == 0
    again = start_server(state=tmp_path)
    id = start_match(again, source=SOURCE, still_camera=True, token="ground")["stream_id"]
    state = state_of(again, id)
    assert not state["known"] and state["kept"] is None
    assert again.stop() == 0


def test_another_name_or_source_is_another_camera(start_server, truth, tmp_path):
    calibrated(start_server, truth, tmp_path, still_camera=True)
    server = start_server(state=tmp_path)
    for body in ({"source": SOURCE, "token": "ground"}, {"source": SOURCE + "&zoom=2"}):
        id = start_match(server, still_camera=True, **body)["stream_id"]
        state = state_of(server, id)
        assert not state["known"] and state["kept"] is None, body
        server.post(STOP, json={"stream_id": id})
    id = start_match(server, source=SOURCE, still_camera=True)["stream_id"]
    assert state_of(server, id)["known"], "a stream without a name is known by its source"
    assert server.stop() == 0


def test_a_camera_that_moves_is_held_against_the_lines(start_server, truth, tmp_path):
    """It looks elsewhere by now, or as it did: what is told is right, or nothing is told."""
    calibrated(start_server, truth, tmp_path)
    server = start_server(state=tmp_path)
    id = start_match(server, source=SOURCE)["stream_id"]
    assert state_of(server, id)["kept"]["used"] is True
    for _ in range(30):
        state = server.get(HOMOGRAPHY.format(id)).json()
        if state["known"]:
            at = truth.maps[state["frame_id"]] @ [52.5, 34, 1]
            m = [state["matrix"][i] * x for i in range(9) for x in [[52.5, 34, 1][i % 3]]]
            u, v, w = (sum(m[i:i + 3]) for i in (0, 3, 6))
            assert abs(u / w - at[0] / at[2]) < 10 and abs(v / w - at[1] / at[2]) < 10
    assert server.stop() == 0


def test_what_does_not_fit_is_not_used(start_server, truth, tmp_path):
    calibrated(start_server, truth, tmp_path, still_camera=True)
    book = json.loads((tmp_path / BOOK).read_text())
    book["views"][0]["picture"] = [1920, 1080]
    (tmp_path / BOOK).write_text(json.dumps(book))
    server = start_server(state=tmp_path)
    id = start_match(server, source=SOURCE, still_camera=True)["stream_id"]
    state = state_of(server, id)
    assert not state["known"] and state["kept"]["used"] is False
    assert "1920 x 1080" in state["kept"]["why"] and "1280 x 720" in state["kept"]["why"]
    assert "1920 x 1080" in server.log
    server.post(STOP, json={"stream_id": id})
    id = start_match(server, source=SOURCE, still_camera=True, pitch_m=[100, 64])["stream_id"]
    assert "105 x 68" in state_of(server, id)["kept"]["why"]
    assert server.stop() == 0


def test_what_was_asked_for_goes_before(start_server, truth, tmp_path):
    calibrated(start_server, truth, tmp_path, still_camera=True)
    server = start_server(state=tmp_path)
    id = start_match(server, source=SOURCE, still_camera=True,
                     homography={"matrix": truth.maps[0].tolist(), "picture": [1280, 720]})["stream_id"]
    state = state_of(server, id)
    assert state["known"] and state["kept"]["used"] is False and "started" in state["kept"]["why"]
    assert server.stop() == 0


BROKEN = ["{", '{"version": 2, "views": []}', '{"version": 1}', '{"version": 1, "views": [{"camera": ""}]}',
          '{"version": 1, "views": [{"camera": "", "source": "", "mark": "", "set_at": 1, "picture": [1280, 720], "size": [105, 68],'
          ' "matrix": [0, 0, 0, 0, 0, 0, 0, 0, 0]}]}']


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file(start_server, tmp_path, text):
    (tmp_path / BOOK).write_text(text)
    server = start_server(state=tmp_path)
    assert f"{BOOK} cannot be used" in server.log
    aside, = tmp_path.glob(BOOK + ".broken-*")
    assert aside.read_text() == text and not (tmp_path / BOOK).exists()
    assert server.stop() == 0


def test_a_disk_that_takes_nothing(start_server, truth, tmp_path):
    """It is in force, and the answer says that it will not last."""
    server = start_server(state=tmp_path)
    id = start_match(server, source=SOURCE)["stream_id"]
    state = state_of(server, id)
    (tmp_path / (BOOK + ".new")).mkdir()
    matrix = {"matrix": truth.maps[0].tolist(), "picture": [1280, 720]}
    answer = server.request("PUT", HOMOGRAPHY.format(id), json=matrix)
    assert answer.status_code == 507 and answer.json()["code"] == "not_kept", answer.text
    (tmp_path / (BOOK + ".new")).rmdir()
    assert server.request("PUT", HOMOGRAPHY.format(id), json=matrix).status_code == 200
    assert server.stop() == 0


def test_a_preview_keeps_nothing(start_server, truth, tmp_path):
    server = start_server(state=tmp_path)
    id = start_match(server, source=SOURCE)["stream_id"]
    state_of(server, id)
    answer = server.request("PUT", HOMOGRAPHY.format(id) + "?preview=true", json={"matrix": truth.maps[0].tolist()})
    assert answer.status_code == 200 and answer.json()["kept"] is False
    assert not (tmp_path / BOOK).exists()
    assert server.stop() == 0
