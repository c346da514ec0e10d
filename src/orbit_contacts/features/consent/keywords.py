"""Words by which a person opts out or in by answering a message. Pure.

Only a whole message counts: "STOP" does, "please stop by tomorrow" does not.
"""

import re
from typing import Literal, TypeAlias
from unicodedata import normalize

Meaning: TypeAlias = Literal["stop", "start", "help"]

STOP = frozenset({"STOP", "STOPALL", "CANCEL", "UNSUBSCRIBE", "END", "QUIT"})
START = frozenset({"START", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})

_LONGEST = 64
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_AROUND = " \t\r\n\"'“”‘’«»"
_ENDING = ".!?,;:…"


def keyword(text: str) -> str | None:
    """The keyword that `text` is: in any case, trimmed, with quotes around it and punctuation after it ignored."""
    if len(text) > _LONGEST:
        return None
    # Full-width letters and the like are what a foreign keyboard makes of the same word.
    bare = _INVISIBLE.sub("", normalize("NFKC", text)).strip(_AROUND).rstrip(_AROUND + _ENDING).upper()
    return bare if bare in STOP or bare in START or bare in HELP else None


def meaning(word: str) -> Meaning:
    """What a keyword asks for."""
    return "stop" if word in STOP else "start" if word in START else "help"
