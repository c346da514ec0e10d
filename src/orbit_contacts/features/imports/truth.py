"""Yes and no, as spreadsheets and exports write them."""

_YES_WORDS = """
    1 true t yes y x on evet e ja j wahr oui vrai si sí sì verdadero vero sim verdadeiro tak prawda да истина
    نعم 是 はい subscribed opted_in opt-in active ✓ ✔
"""
_NO_WORDS = """
    0 false f no n off hayır hayir h nein falsch non faux falso não nao nee onwaar nie fałsz нет ложь
    لا 否 いいえ unsubscribed opted_out opt-out cleaned inactive
"""
_YES = frozenset(_YES_WORDS.split())
_NO = frozenset(_NO_WORDS.split())


def read_truth(text: str) -> bool:
    """True or False; raises `ValueError` for anything else."""
    word = text.strip().casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f"{text[:60]!r} is neither yes nor no.")
