"""A model beside the default one whose runs hang until it is given up; then it is loaded again."""
from __future__ import annotations

import json
import time

from actor import Actor
from actor_clients import next_text
from realtime import STREAM
from world import Finding

MODELS = "/api/v1/models"
GIVEN_UP = "hung too often"


class HungModel(Actor):
    """Its session gets one answer for each frame all the same, within what a run is waited for; everybody else goes on. Each of
    its runners does three runs and hangs in the next: four lost runs end the model."""
    exact = True
    NAME = "sleepy"
    ANSWER_S = 20  # a lost run is given up after 2.2 s, or 20 times what runs took lately

    @classmethod
    def settings(cls) -> dict:
        return {"models": {cls.NAME: {"path": "fake:hang_after=3"}}}

    def act(self) -> None:
        self.load()
        with self.socket(f"{STREAM}?model_id={self.NAME}&max_latency_ms=0") as ws:
            began, kinds = time.monotonic(), []
            while not self.world.stopping.is_set() and "given up" not in kinds:
                kinds.append(self.ask(ws, len(kinds)))
                if time.monotonic() - began > self.world.limit(4 * self.ANSWER_S):
                    raise Finding(f"the model was not given up: {kinds}")
            if not self.world.stopping.is_set() and ("result" not in kinds or "timeout" not in kinds):
                raise Finding(f"given up without a result or a lost run: {kinds}")
        self.ready("after the model was given up")
        self.world.works()
        self.world.pause(self.random.uniform(1, 10))

    def ask(self, ws, number: int) -> str:
        """One frame; what became of it."""
        self.world.count("stream")
        ws.send(self.picture()[0])
        answer = next_text(ws, self.world.limit(self.ANSWER_S))
        if answer.get("frame_id") != number:
            raise Finding(f"frame {number} was answered by {answer}")
        if GIVEN_UP in json.dumps(answer):
            return "given up"
        return answer.get("code", answer["type"])

    def load(self) -> None:
        """In the place of what hung."""
        made = self.world.post(MODELS, json={"name": self.NAME})
        if made.status_code not in (200, 201):  # 201: the server has not opened it yet
            raise Finding(f"loading {self.NAME}: {made.status_code} {made.text[:200]}")
        self.ready("after it was loaded again")

    def ready(self, when: str) -> None:
        """It is not the default model."""
        ready = self.world.get("/readyz")
        if ready.status_code != 200:
            raise Finding(f"/readyz {when}: {ready.status_code} {ready.text[:200]}")

    def end(self) -> None:
        try:
            self.load()
        except Finding as finding:
            self.world.find(f"{self.name}: {finding}")
