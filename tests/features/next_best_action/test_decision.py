"""The answer: filters first, then scores, exploration with known chances, reasons that add up."""

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, format_instant, parse_instant
from orbit_contacts.features.next_best_action.decay import HOUR, weight
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.exploration import (
    EPOCH,
    choose,
    decision_id,
    draw,
    epoch_start,
    held_out,
)
from orbit_contacts.features.next_best_action.features import NAMES, grid, parts
from orbit_contacts.features.next_best_action.local_time import bin_of
from orbit_contacts.features.next_best_action.model import Predictor, interval, shipped
from orbit_contacts.features.next_best_action.optout import OptOuts
from orbit_contacts.features.next_best_action.reasons import GROUPS, effects
from orbit_contacts.features.next_best_action.scoring import Economics, observed
from orbit_contacts.features.next_best_action.situation import ChannelSituation, fingerprint
from orbit_contacts.features.next_best_action.state import ContactState
from tests.features.next_best_action.cast import (
    ANNA,
    EMAIL,
    NOW,
    OPEN,
    PREDICTOR,
    SECRET,
    SMS,
    VOICE,
    WHATSAPP,
    anna,
    ask,
    contact_state,
    workspace_rates,
)
from tests.features.next_best_action.families import Recipe
from tests.features.next_best_action.figures import see
from tests.features.next_best_action.worlds import NOW as WORLD_NOW
from tests.features.next_best_action.worlds import ZONES, world


def at(text: str | None) -> int:
    assert text is not None
    return parse_instant(text, "test")


# --- the best -------------------------------------------------------------------------------------------------


def test_who_answers_on_whatsapp_is_written_to_on_whatsapp():
    answer = ask(anna()).answer
    assert (answer.action.type, answer.action.channel) == ("send_message", "whatsapp")
    assert answer.probability is not None
    assert answer.probability > answer.baseline_probability
    assert answer.suggestions[0].action == answer.action
    assert {one.action.channel for one in answer.suggestions} >= {"email", "sms", "whatsapp"}
    assert "contact_channel_rate" in {reason.code for reason in answer.reasons}


def test_voice_is_a_call():
    assert ask(anna({VOICE: OPEN})).answer.action.type == "call"


def test_a_cold_workspace_always_gets_an_answer():
    answer = ask(anna(state=ContactState()), under=workspace_rates(0.0)).answer
    assert answer.action.type == "send_message"
    assert answer.confidence.level == "cold"
    assert answer.model.tier == "prior"


def test_probability_lies_in_its_interval_which_narrows_with_sends():
    answer = ask(anna()).answer
    assert answer.interval_90 is not None
    low, high = answer.interval_90
    assert low < (answer.probability or 0) < high
    widths = [high - low for low, high in (interval(0.3, n, 1.6) for n in (0.0, 5.0, 50.0))]
    assert widths == sorted(widths, reverse=True)


def test_through_whole_answers_half_of_what_can_be_gained_is_captured():
    one = world(Recipe(contacts=600), 1010)
    state, _, under = see(one)
    got = random = best = 0.0
    for who in range(200):
        open_ = {int(index): OPEN for index in np.flatnonzero(one.owned[who])}
        recent = [(0, WORLD_NOW - DAY)] * int(one.sends_in_week[who])
        of = anna(open_, state=contact_state(state, who), recent_sends=recent, timezone="Europe/Berlin")
        of.state.open_tickets = 0.0
        where = one.contacts.zones[one.contacts.zone_of[who]]
        name = ZONES[one.contacts.zone_of[who]]
        action = ask(msgspec.structs.replace(of, timezone=name), WORLD_NOW, under=under).answer.action
        assert action.channel is not None
        truth = one.truth[who]
        got += truth[CHANNELS.index(action.channel), bin_of(at(action.send_at), where)]
        random += truth.sum() / (16 * one.owned[who].sum())
        best += truth.max()
    assert (got - random) / (best - random) >= 0.49


# --- hard filters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"blocked": True}, {"deleted": True}])
def test_blocked_and_deleted_contacts_get_nothing_but_suppressed(change):
    answer = ask(anna(**change), explore=True).answer
    assert [one.action.type for one in answer.suggestions] == ["suppressed"]
    assert {one.reason for one in answer.blocked} == {next(iter(change))}
    assert answer.probability is None


SHUT = {
    "opted_out": ChannelSituation(consent="opted_out", has_address=True),
    "suppressed": ChannelSituation(consent="opted_in", has_address=True, suppressed=True),
    "unknown_consent": ChannelSituation(consent="unknown", has_address=True),
    "frequency_cap": ChannelSituation(consent="opted_in", has_address=True, capped_until=NOW + 30 * HOUR),
    "no_address": ChannelSituation(consent="opted_in"),
}


@pytest.mark.parametrize("reason", sorted(SHUT))
def test_a_channel_that_is_shut_is_gone_whatever_the_model_thinks_of_it(reason):
    answer = ask(anna({EMAIL: OPEN, SMS: OPEN, WHATSAPP: SHUT[reason]})).answer
    sending = [one.action for one in answer.suggestions if one.action.send_at]
    assert sending
    assert all(action.channel != "whatsapp" for action in sending)
    told = [(one.channel, one.reason) for one in answer.blocked]
    assert told == ([] if reason == "no_address" else [("whatsapp", reason)])


def test_only_suppressed_channels_make_a_suppressed_contact():
    assert ask(anna({EMAIL: SHUT["opted_out"], SMS: SHUT["suppressed"]})).answer.action.type == "suppressed"


def test_unknown_consent_is_asked_for_over_a_channel_that_is_open():
    answer = ask(anna({EMAIL: OPEN, SMS: SHUT["unknown_consent"]})).answer
    asking = [one.action for one in answer.suggestions if one.action.type == "request_consent"]
    assert [(action.channel, action.for_channel) for action in asking] == [("email", "sms")]


def test_nobody_is_asked_for_consent_over_a_channel_that_is_not_open():
    answer = ask(anna({EMAIL: SHUT["unknown_consent"], SMS: SHUT["unknown_consent"]})).answer
    assert {one.action.type for one in answer.suggestions} == {"hold_off"}


def test_a_full_cap_holds_off_until_it_has_room():
    answer = ask(anna({WHATSAPP: SHUT["frequency_cap"]})).answer
    assert answer.action.type == "hold_off"
    assert answer.action.until == format_instant(NOW + 30 * HOUR) == answer.blocked[0].available_at


def test_an_answer_expires_when_a_cap_has_room():
    soon = ChannelSituation(consent="opted_in", has_address=True, capped_until=NOW + HOUR)
    assert ask(anna({EMAIL: soon, SMS: OPEN})).answer.expires_at == format_instant(NOW + HOUR)


def test_quiet_hours_shift_the_send_and_are_told():
    asleep = ChannelSituation(consent="opted_in", has_address=True, open_minutes=(8 * 60, 9 * 60))
    answer = ask(anna({WHATSAPP: asleep})).answer
    assert answer.action.local_time is not None
    assert "08:00" <= answer.action.local_time[-5:] < "09:00"
    assert [(one.reason, one.channel) for one in answer.blocked] == [("quiet_hours", "whatsapp")]
    assert answer.blocked[0].available_at == format_instant(NOW + 21 * HOUR)


def test_a_channel_on_which_everything_was_lost_is_unreachable_and_wants_mending():
    state = ContactState()
    state.failed[EMAIL] = 9 * weight(NOW)
    answer = ask(anna({EMAIL: OPEN}, state=state)).answer
    assert [one.reason for one in answer.blocked] == ["unreachable"]
    assert (answer.action.type, answer.action.for_channel) == ("fix_contact_data", "email")


channels = st.builds(
    ChannelSituation,
    consent=st.sampled_from(["opted_in", "opted_in", "opted_out", "unknown"]),
    has_address=st.booleans() | st.just(True),
    suppressed=st.just(False) | st.booleans(),
    capped_until=st.none() | st.integers(NOW - DAY, NOW + 3 * DAY),
    open_minutes=st.none() | st.tuples(st.integers(0, 1440), st.integers(0, 1440)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(range(11)), channels, max_size=11),
    st.booleans(),
    st.sampled_from([None, "lead", "customer", "churned", "ex-parrot"]),
    st.sampled_from(["engage", "purchase"]),
    st.integers(NOW, NOW + 3 * DAY),
    st.integers(0, 30),
)
def test_no_answer_breaks_a_rule(named, explore, stage, goal, now, who):
    of = anna(named, lifecycle_stage=stage, goal=goal, contact_id=f"con_{who}")
    answer = ask(of, now, explore=explore).answer
    generated, expires = at(answer.generated_at), at(answer.expires_at)
    assert generated <= now < expires <= generated + 6 * HOUR
    assert answer.suggestions[0].action == answer.action
    scores = [one.score for one in answer.suggestions[1:] if one.action.type != "send_message" or goal == "engage"]
    assert answer.exploration.propensity > 0
    for one in answer.suggestions:
        action = one.action
        if action.send_at is None:
            continue
        assert action.channel is not None
        channel = of.channels[CHANNELS.index(action.channel)]
        assert channel.consent == "opted_in"
        assert channel.has_address
        assert not channel.suppressed
        assert channel.capped_until is None or channel.capped_until <= now
        assert now < at(action.send_at) <= now + 7 * DAY
        if channel.open_minutes is not None:
            assert action.local_time is not None
            minute = int(action.local_time[-5:-3]) * 60 + int(action.local_time[-2:])
            first, last = channel.open_minutes
            assert first <= minute < last if first <= last else minute >= first or minute < last
    if goal == "engage":
        assert scores == sorted(scores, reverse=True)


# --- other actions --------------------------------------------------------------------------------------------


def test_an_open_ticket_outranks_marketing():
    state = anna().state
    state.open_tickets = 1.0
    answer = ask(anna(state=state), explore=True).answer
    assert answer.action.type == "resolve_ticket"
    assert answer.exploration.arm == "rule"
    assert "send_message" in {one.action.type for one in answer.suggestions}


@pytest.mark.parametrize(
    ("changes", "purpose"),
    [
        ({"lifecycle_stage": "lead"}, "convert_lead"),
        ({"lifecycle_stage": "churned"}, "win_back"),
        ({"lifecycle_stage": "customer"}, None),
    ],
)
def test_the_stage_names_what_a_message_is_for(changes, purpose):
    types = {one.action.type for one in ask(anna(**changes)).answer.suggestions}
    assert types & {"convert_lead", "win_back", "re_engage"} == ({purpose} if purpose else set())


def test_for_the_goal_purchase_the_purpose_comes_first():
    answer = ask(anna(lifecycle_stage="lead", goal="purchase")).answer
    assert answer.action.type == "convert_lead"
    assert answer.goal == "purchase"


def test_who_has_long_been_silent_is_to_be_re_engaged():
    later = NOW + 100 * DAY
    assert "re_engage" in {one.action.type for one in ask(anna(), later).answer.suggestions}


def test_a_send_that_does_more_harm_than_good_gives_way_to_hold_off():
    dear = Economics(costs=dict.fromkeys(CHANNELS, 2.0))
    answer = ask(anna(), economics=dear).answer
    assert answer.action.type == "hold_off"
    assert answer.score == 0.0
    assert all(one.score <= 0.0 for one in answer.suggestions)


def test_likely_opt_outs_weigh_against_a_channel():
    lost = [[0.0] * 4 for _ in range(11)]
    lost[WHATSAPP] = [990.0] * 4
    sends = [[0.0] * 4 for _ in range(11)]
    sends[WHATSAPP] = [1000.0] * 4
    model = msgspec.structs.replace(shipped(), opt_outs=OptOuts(sends, lost))
    answer = ask(anna(), predictor=Predictor(model)).answer
    assert answer.action.channel != "whatsapp"


# --- determinism and exploration --------------------------------------------------------------------------------


def test_fifty_questions_of_one_decision_are_answered_with_the_same_bytes():
    answers = {msgspec.json.encode(ask(anna(), explore=True).answer) for _ in range(50)}
    assert len(answers) == 1


def test_without_exploration_a_quarter_of_an_hour_has_one_answer():
    quarter = [NOW, NOW + 1, NOW + 14 * 60_000_000 + 59_999_999]
    answers = {msgspec.json.encode(ask(anna(), now).answer) for now in quarter}
    assert len(answers) == 1


def test_a_new_fact_makes_a_new_fingerprint_and_decision():
    plain, version = anna(), "v1"
    changed = [
        anna({EMAIL: OPEN, SMS: OPEN}),
        anna(blocked=True),
        anna(recent_sends=[(SMS, NOW)]),
        anna(timezone="Asia/Tokyo"),
        anna(state=ContactState()),
    ]
    prints = {fingerprint(one, version) for one in [plain, *changed]} | {fingerprint(plain, "v2")}
    assert len(prints) == len(changed) + 2
    facts = [decision_id(SECRET, ANNA, epoch_start(NOW), one) for one in prints]
    assert len(set(facts)) == len(prints)
    assert {ids.cell_number(one) for one in facts} == {ids.cell_number(ANNA)}
    assert decision_id(SECRET, ANNA, epoch_start(NOW), b"x", facts[0]) != decision_id(
        SECRET, ANNA, epoch_start(NOW), b"x"
    )


def test_the_draw_lasts_an_epoch_and_no_longer():
    first = epoch_start(NOW)
    assert epoch_start(first + EPOCH - 1) == first
    assert epoch_start(first + EPOCH) == first + EPOCH
    draws = [draw(SECRET, "whether", "con_1", str(first + step * EPOCH)) for step in range(400)]
    assert len(set(draws)) == 400
    assert 0.4 < np.mean(draws) < 0.6


def test_propensities_are_the_frequencies():
    utility = np.array([0.30, 0.25, 0.05, 0.28])
    counts = np.zeros(4)
    n = 20_000
    chances = choose(utility, utility, (0.5, 0.5)).by_cell
    for index in range(n):
        counts[choose(utility, utility, (draw(b"a", str(index)), draw(b"b", str(index)))).index] += 1
    assert chances.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(counts / n, chances, atol=4 * np.sqrt(chances.max() * 0.05 / n) + 0.002)
    assert chances[0] > 0.95


def test_about_one_in_twenty_contacts_is_explored_and_two_in_a_hundred_held_out():
    arms = [ask(anna(contact_id=f"con_{who}"), explore=True).answer.exploration for who in range(900)]
    share = {arm: sum(one.arm == arm for one in arms) / len(arms) for arm in ("best", "random", "hold_out")}
    assert 0.03 < share["random"] < 0.07
    assert 0.01 < share["hold_out"] < 0.035
    assert all(one.explored == (one.arm != "best") for one in arms)


def test_the_hold_out_lasts_a_month():
    held = [who for who in map(str, range(2000)) if held_out(SECRET, who, NOW)]
    assert held == [who for who in map(str, range(2000)) if held_out(SECRET, who, NOW + 2 * DAY)]
    assert held != [who for who in map(str, range(2000)) if held_out(SECRET, who, NOW + 31 * DAY)]


def test_the_log_keeps_what_off_policy_estimates_need():
    record = ask(anna(), explore=True).record
    assert (record.channel, record.model_version) == ("whatsapp", "prior-4")
    assert len(record.candidates) == 3 * 16
    assert len(record.features) == len(NAMES)
    assert record.propensity <= record.channel_propensity <= 1.0
    assert record.decided_at < record.expires_at


def test_without_exploration_nothing_is_left_to_chance_or_logged():
    exploration = ask(anna()).answer.exploration
    assert (exploration.propensity, exploration.decision_id, exploration.explored) == (1.0, None, False)


# --- reasons --------------------------------------------------------------------------------------------------


def test_reasons_add_up_to_the_logit_exactly():
    seen = observed(anna(), weight(NOW), NOW)
    design = grid(parts(seen, workspace_rates()))[0]
    for channel, bin in ((WHATSAPP, 6), (EMAIL, 15)):
        row = design[channel, bin]
        found = effects(row, PREDICTOR.coefficients, PREDICTOR.center)
        middle = PREDICTOR.intercept + float(PREDICTOR.center @ PREDICTOR.coefficients)
        assert middle + sum(found.values()) == pytest.approx(float(PREDICTOR.logit(row)))


def test_every_feature_belongs_to_one_reason():
    members = [name for names in GROUPS.values() for name in names]
    assert sorted(members) == sorted(NAMES)


def test_reasons_are_few_strong_and_have_counts():
    reasons = ask(anna()).answer.reasons
    assert 1 <= len(reasons) <= 4
    assert all(abs(reason.effect) >= 0.1 and reason.text and reason.evidence for reason in reasons)
    sizes = [abs(reason.effect) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)


# --- cost -----------------------------------------------------------------------------------------------------


def test_a_decision_costs_at_most_two_milliseconds_of_processor_time():
    of = anna({index: with_hours(index) for index in range(11)})
    ask(of, explore=True)
    under = workspace_rates()
    costs: list[float] = []
    for _ in range(30):
        begin = time.process_time()
        ask(of, explore=True, under=under)
        costs.append(time.process_time() - begin)
    assert float(np.median(costs)) <= 0.002


def with_hours(index: int) -> ChannelSituation:
    return ChannelSituation("opted_in", has_address=True, open_minutes=None if index % 2 else (480, 1260))


def test_a_predictor_is_the_same_after_it_was_stored():
    stored = msgspec.json.decode(msgspec.json.encode(shipped()), type=type(shipped()))
    assert ask(anna(), predictor=Predictor(stored)).answer == ask(anna()).answer
