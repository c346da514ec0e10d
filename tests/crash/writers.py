"""Writers that retry each request with its Idempotency-Key, and remember what was acknowledged."""

import random
import threading
import time
import uuid
from typing import Any, NamedTuple

import httpx

from tests.crash.steps import Known, choose

CONTACTS = 30
TRY_SECONDS = 4.0


class Outcome(NamedTuple):
    """What may be true of a contact: one state, or two when its last request was never answered."""

    states: list[Known]


class Unborn(NamedTuple):
    """A contact whose creation was never answered: it is there once, or not at all."""

    external_id: str


class Writer(threading.Thread):
    """Creates and changes contacts of its own until told to stop."""

    def __init__(self, number: int, ports: list[int], key: str, list_id: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._number = number
        self._ports = ports
        self._list_id = list_id
        self._chance = random.Random(f"{seed}/{number}")
        self._http = httpx.Client(headers={"X-API-Key": key}, timeout=TRY_SECONDS)
        self._stopping = threading.Event()
        self._made = 0
        self.outcomes: dict[str, Outcome] = {}
        self.unborn: list[Unborn] = []
        self.acknowledged = 0
        self.retried = 0
        self.surprises: list[str] = []

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        try:
            while not self._stopping.is_set() and not self.surprises:
                usable = [outcome for outcome in self.outcomes.values() if len(outcome.states) == 1]
                if len(self.outcomes) < CONTACTS and (not usable or self._chance.random() < 0.3):
                    self._create()
                elif usable:
                    self._change(self._chance.choice(usable).states[0])
        except Exception as error:
            self.surprises.append(repr(error))

    def _create(self) -> None:
        self._made += 1
        external_id = f"{self._number}-{self._made}"
        phone = f"+1415{2_000_000 + self._number * 10_000 + self._made}"
        body = {"external_id": external_id, "phone": phone, "email": f"{external_id}@example.com"}
        made = self._ask("POST", "/contacts", body)
        if made is None:
            self.unborn.append(Unborn(external_id))
        else:
            self.outcomes[made["id"]] = Outcome([Known(made["id"], external_id)])

    def _change(self, known: Known) -> None:
        step = choose(self._chance, known)
        if step is None:
            return
        word = f"{self._number}.{self.acknowledged}"
        done = self._ask(*step.request(known, word, self._list_id))
        after = step.effect(known, word)
        self.outcomes[known.id] = Outcome([after] if done is not None else [known, after])

    def _ask(self, method: str, path: str, body: Any) -> Any:
        """The data of a success ({} when there is none), or None when the writer gave up without an answer."""
        key = str(uuid.uuid4())
        patience = 1 if self._chance.random() < 0.05 else 1000
        for attempt in range(patience):
            port = self._chance.choice(self._ports)
            try:
                answer = self._http.request(
                    method, f"http://127.0.0.1:{port}/v1{path}", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError:
                pass
            else:
                if answer.is_success:
                    self.acknowledged += 1
                    return answer.json()["data"] if answer.content else {}
                if answer.status_code < 500 and answer.json()["error"]["code"] != "IDEMPOTENCY_IN_PROGRESS":
                    self.surprises.append(f"{method} {path} {body}: {answer.status_code} {answer.text}")
                    return None
            if self._stopping.is_set() and attempt:
                return None
            self.retried += 1
            time.sleep(0.05)
        return None
