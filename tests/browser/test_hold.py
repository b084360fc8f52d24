"""The rules of painting (web/js/hold.js) and of the state pills (status.js), with times made up by the test."""
from __future__ import annotations

import pytest

HOLD = """
async () => {
  const { Hold } = await import('/assets/js/hold.js');
  const released = [];
  const hold = new Hold((e) => released.push(e.seq));
  const picture = (seq, t) => hold.add({ seq, arrived: t, bitmap: {}, detections: null, analysed: null });
  const result = (seq, t, analysed = true) => hold.result({ seq, detections: [], analysed }, t);
  const painted = (t) => hold.choose(t)?.seq ?? null;
  SCRIPT
}
"""


@pytest.fixture
def hold(mock, open_page):
    page = open_page(mock.url)
    return lambda script: page.evaluate(HOLD.replace("SCRIPT", script))


def test_exact_waits_for_its_own_detections(hold):
    assert hold("picture(0, 0); const before = painted(10); result(0, 20); return [before, painted(21)];") == [None, 0]


def test_a_picture_does_not_wait_longer_than_twice_the_usual(hold):
    got = hold("""
        for (let i = 0; i < 20; i++) { picture(i, i * 100); result(i, i * 100 + 30); painted(i * 100 + 30); }
        picture(20, 2000);
        return [hold.patience, painted(2059), painted(2100), hold.length];""")
    assert got[0] == 60 and got[1] is None
    # 60 ms are over at 2060, but one without boxes follows one with boxes only when results stay away
    assert got[2] is None and got[3] == 1


def test_without_results_pictures_come_without_boxes(hold):
    assert hold("""
        for (let i = 0; i < 20; i++) { picture(i, i * 33); result(i, i * 33 + 20); painted(i * 33 + 20); }
        picture(20, 700); const early = painted(710); return [early, painted(760), hold.length];""") == [None, 20, 0]


def test_max_latency_bounds_the_wait(hold):
    assert hold("hold.maxLatency = 50; picture(0, 0); return [painted(49), painted(51)];") == [None, 0]
    assert hold("hold.maxLatency = 0; picture(0, 0); return [painted(199), painted(201)];") == [None, 0]


def test_unanalysed_pictures_between_analysed_ones_do_not_blink(hold):
    """Every third picture is analysed, 70 ms late; only those are painted, each in its turn."""
    got = hold("""
        const order = [];
        for (let t = 0; t <= 3000; t++) {
          if (t % 33 === 0) { const n = t / 33; picture(n, t); if (n % 3) result(n, t, false); }
          if (t >= 70 && (t - 70) % 99 === 0) result((t - 70) / 33, t);
          if (t % 16 === 0) { const n = painted(t); if (n !== null) order.push(n); }
        }
        return order.slice(8);""")
    assert len(got) >= 20
    assert all(n % 3 == 0 for n in got), got
    assert all(b - a == 3 for a, b in zip(got, got[1:]))


def test_at_most_eight_are_held(hold):
    assert hold("for (let i = 0; i < 20; i++) picture(i, i); return [hold.length, released.length];") == [8, 12]


def test_few_are_decoded(hold):
    assert hold("for (let i = 0; i < 8; i++) picture(i, i); return hold.wanted(8).map((e) => e.seq);") == [0, 1, 2]


def test_live_takes_the_newest_at_once(hold):
    assert hold("hold.sync = 'live'; picture(0, 0); picture(1, 1); return [painted(2), released, hold.length];") == [1, [0], 0]


def test_a_million_pictures_never_get_other_boxes_nor_go_back(hold):
    """Random delays, losses and order of results: seq only grows and a painted picture has its own result or none."""
    wrong, boxes, last, most = hold("""
        let seed = 7; const random = () => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return seed / 4294967296; };
        let last = -1, wrong = 0, boxes = 0, most = 0;
        const due = Array.from({ length: 32 }, () => []);
        for (let step = 0; step < 1e6; step++) {
          const t = step * 16 + random() * 8;
          picture(step, t);
          if (random() < .9) due[(step + random() ** 3 * 30 | 0) & 31].push([step, random() < .7]);
          for (const [n, analysed] of due[step & 31]) result(n, t, analysed);
          due[step & 31].length = 0;
          released.length = 0;
          most = Math.max(most, hold.length);
          const e = random() < .95 ? hold.choose(t + 1) : null;
          if (!e) continue;
          if (e.seq <= last || (e.analysed && e.result.seq !== e.seq) || (!e.analysed && e.detections)) wrong++;
          last = e.seq;
          boxes += e.analysed === true;
        }
        return [wrong, boxes, last, most];""")
    assert wrong == 0 and most <= 8
    assert boxes > 100_000 and last > 999_900


@pytest.mark.parametrize("facts, expected", [
    ({"lastPicture": None, "opened": 500}, ["connecting", None]),
    ({"lastPicture": None, "opened": -500}, ["no_signal", None]),
    ({"lastPicture": 990, "lastAge": 60}, ["live", None]),
    ({"lastPicture": 990, "lastAge": 201}, ["delayed", None]),
    ({"lastPicture": 799, "lastAge": 60}, ["delayed", None]),
    ({"lastPicture": 799, "lastAge": 60, "interval": 150}, ["live", None]),
    ({"lastPicture": 0, "lastAge": 60}, ["no_signal", None]),
    ({"lastPicture": 990, "lastAge": 60, "lastResult": 699}, ["live", 301]),
    ({"lastPicture": 990, "lastAge": 60, "lastResult": 699, "usualGap": 200}, ["live", None]),
    ({"lastPicture": 990, "lastAge": 60, "lastResult": None, "firstPicture": 600}, ["live", 400]),
    ({"lastPicture": 0, "lastAge": 60, "lastResult": 0}, ["no_signal", None]),
])
def test_states_as_the_brief_names_them(mock, open_page, facts, expected):
    page = open_page(mock.url)
    f = {"t": 1000, "firstPicture": 0, "lastAge": 0, "interval": 33, "lastResult": 990, "usualGap": 33} | facts
    got = page.evaluate("async (f) => { const { classify } = await import('/assets/js/status.js'); return classify(f); }", f)
    assert [got["state"], got["aiOff"]] == expected
