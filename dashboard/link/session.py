"""What the address and the session hold. The address says all that makes a view what it is (`dashboard.link.keys`); the
session remembers it when the page changes.

What a script run writes waits for its end (`settle`), so that the browser hears of one address a run: its history gets
one entry for one choice (`streamlit_internals/address.js`). What the browser sends before it has heard still names an
older address; that one is not believed, or two quick choices would leave the first undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import streamlit as st

from dashboard.link import keys
from dashboard.link.keys import Key
from dashboard.streamlit_internals import page_of_script

T = TypeVar("T")

#: The run that is selected in the table of runs.
SELECTED = "_selected"
#: The run whose site is being asked for on the page Runs.
SHARED = "_shared"
_WATCH = "_watch"
_NOTICES = "_notices"
_FRESH = "_fresh"
_WAITING = "_url_waiting"
_PASSED = "_url_passed"
_HELD = "_held"
_NEWEST = "_newest_words"
#: What says which lesson is open, and where in it one is.
_LESSON = (keys.LESSON.name, keys.STEP.name, keys.LANGUAGE.name)
#: So many addresses that a page came through are known again.
_MOST_PASSED = 16


def read(key: Key[T], default: T) -> T:
    """The value of the URL, else what the session remembers, else the default; a bad one is told in a sentence."""
    for text in (_address(key.name), st.session_state.get(_slot(key.name))):
        if text is None:
            continue
        try:
            return key.parse(text)
        except ValueError:
            shown = text if len(text) <= 40 else f"{text[:39]}…"
            notice(f"The link's {key.name} must be {key.rule}, got {shown!r}; the default is shown instead.")
            break
    return default


def write(key: Key[T], value: T) -> None:
    """Put the value into the URL and the session."""
    text = key.write(value)
    st.session_state[_slot(key.name)] = text
    _put(key.name, text)


def write_text(key: Key[Any], text: str) -> None:
    """Put a value as its text into the URL and the session, if it keeps the rule: what a browser said may not."""
    try:
        value = key.parse(text)
    except ValueError:
        return
    write(key, value)


def forget(key: Key[T]) -> None:
    """Take the value out of the URL and the session."""
    st.session_state.pop(_slot(key.name), None)
    _put(key.name, None)


def refuse(key: Key[Any]) -> None:
    """Tell of a value that must not be there, if it is, and take it out."""
    read(key, None)
    forget(key)


def keep(key: Key[T], value: T | None) -> None:
    """Put the value into the URL and the session, or take it out if there is none."""
    if value is None:
        forget(key)
    else:
        write(key, value)


def run_id() -> str | None:
    """The run that the URL names, else the one that was chosen before."""
    return _address(keys.RUN) or st.session_state.get(_slot(keys.RUN))


def choose_run(wanted: str) -> None:
    """Show another run: its point and label begin anew. Where the address names the run, it says those of that run."""
    named, before = _address(keys.RUN), st.session_state.get(_slot(keys.RUN))
    if wanted == before == named:
        return
    for name in keys.OF_A_RUN:
        if before not in (None, wanted):
            st.session_state.pop(_slot(name), None)
        if (named or before) not in (None, wanted):  # also of a run that is not here
            _put(name, None)
    st.session_state[_slot(keys.RUN)] = wanted
    _put(keys.RUN, wanted)


def forget_run(gone: str) -> None:
    """Do not ask for a run again that was deleted here, nor for a point of it."""
    if st.session_state.get(_slot(keys.RUN)) == gone:
        for name in keys.OF_A_RUN:
            st.session_state.pop(_slot(name), None)
    for slot in (_slot(keys.RUN), SELECTED):
        if st.session_state.get(slot) == gone:
            del st.session_state[slot]
    if _address(keys.RUN) == gone:
        _put(keys.RUN, None)


def link() -> dict[str, str]:
    """The query that carries run, point and label to another page, whether it is presented, and the lesson."""
    names = (keys.RUN, keys.POINT, keys.LABEL, keys.SNAPSHOT, keys.PRESENT.name, *_LESSON)
    return {name: st.session_state[_slot(name)] for name in names if _slot(name) in st.session_state}


def follow(query: Mapping[str, str]) -> None:
    """Let the address say these values, as if a link to this page had been followed; of another run, only these."""
    run = query.get(keys.RUN)
    if run is not None and run != run_id():
        for name in keys.OF_A_RUN:
            _put(name, None)
    for name, text in query.items():
        _put(name, text)
        renew(f"{name}:link")


def presenting() -> bool:
    """Whether the page is shown to a class: what it does not need is hidden."""
    return read(keys.PRESENT, "") == "1"


def present(wanted: bool) -> None:
    """Begin or leave presentation, for this page and those that follow."""
    if wanted:
        write(keys.PRESENT, "1")
    else:
        forget(keys.PRESENT)


def has_point() -> bool:
    """Whether the link or the session names a latent point."""
    return _address(keys.POINT) is not None or _slot(keys.POINT) in st.session_state


def notice(sentence: str) -> None:
    """Keep a sentence to show at the top of the page."""
    waiting = st.session_state.setdefault(_NOTICES, [])
    if sentence not in waiting:
        waiting.append(sentence)


def take_notices() -> list[str]:
    """The sentences to show now."""
    return list(st.session_state.pop(_NOTICES, []))


def fresh(name: str) -> str:
    """A widget key that `renew` changes: so a form can be emptied after it did its work."""
    return f"{name}:{st.session_state.get(f'{_FRESH}:{name}', 0)}"


def renew(name: str) -> None:
    """Let the widgets of that name begin anew."""
    slot = f"{_FRESH}:{name}"
    st.session_state[slot] = st.session_state.get(slot, 0) + 1


def begin_watch(name: str) -> None:
    """A page is about to draw a fragment that looks, from then on, for what changes."""
    st.session_state[f"{_WATCH}:{name}"] = True


def is_watched(name: str) -> bool:
    """Whether the fragment runs by itself, and so may draw the page anew; a page that is being drawn is not broken off.

    What a button said would be lost.
    """
    return not st.session_state.pop(f"{_WATCH}:{name}", False)


def seat(key: Key[T], widget: str, value: Any) -> None:
    """Give a widget its value: at first, and where the address says another than this session did (a link, Back)."""
    said = _address(key.name)
    travelled = said is not None and said != st.session_state.get(_slot(key.name), said)
    if travelled or widget not in st.session_state:
        st.session_state[widget] = value


def hold(key: str, name: str, value: Any, about: str = "") -> None:
    """Keep what a component said until a script run has come to its end: newer words may break this one off.

    Args:
        key: The component's.
        name: What it said.
        value: Its words.
        about: What they are about, if several components speak of it: of these, the newest words alone are kept.
    """
    held, newest = st.session_state.get(_HELD, {}), st.session_state.get(_NEWEST, {})
    if about and about in newest and newest[about] != (key, name):
        held = _without(held, *newest[about])
    st.session_state[_HELD] = {**held, key: {**held.get(key, {}), name: value}}
    if about:
        st.session_state[_NEWEST] = {**newest, about: (key, name)}


def take(key: str, name: str) -> Any:
    """What is held of a component, for who acts on it now: it is held no longer. None if nothing is."""
    held = st.session_state.get(_HELD, {})
    if name not in held.get(key, {}):
        return None
    st.session_state[_HELD] = _without(held, key, name)
    return held[key][name]


def _without(held: Mapping[str, Mapping[str, Any]], key: str, name: str) -> dict[str, dict[str, Any]]:
    """All that is held but one thing."""
    return {
        one: {other: value for other, value in words.items() if (one, other) != (key, name)}
        for one, words in held.items()
    }


def held(key: str) -> dict[str, Any]:
    """What a component said since a script run last came to its end, by name."""
    return dict(st.session_state.get(_HELD, {}).get(key, {}))


def settle() -> None:
    """A script run has come to its end: tell the browser the address, once, and let go of what was said."""
    waiting, query = _waiting(), _query()
    query = {name: text for name, text in {**query, **waiting}.items() if text is not None}
    page, passed = st.session_state[_PASSED]
    if query != passed[-1]:
        st.session_state[_PASSED] = page, [*passed, query][-_MOST_PASSED:]
    st.session_state.pop(_WAITING, None)
    if query != dict(st.query_params):
        st.query_params.from_dict(query)
    st.session_state.pop(_HELD, None)
    st.session_state.pop(_NEWEST, None)


def _query() -> dict[str, str]:
    """The address that counts: the browser's, unless this page has moved on from it and nobody went back."""
    said = dict(st.query_params)
    page, travelled = page_of_script()
    last_page, passed = st.session_state.get(_PASSED, ("", []))
    if page == last_page and not travelled and said in passed:
        return dict(passed[-1])
    st.session_state[_PASSED] = page, [said]
    return said


def _waiting() -> dict[str, str | None]:
    """What the address is to become; what was left by a run that was broken off on another address is void."""
    found = st.session_state.get(_WAITING)
    return found[1] if found and found[0] == _query() else {}


def _address(name: str) -> str | None:
    """A value of the address, as it will be."""
    waiting = _waiting()
    return waiting[name] if name in waiting else _query().get(name)


def _put(name: str, text: str | None) -> None:
    """Let the address have a value, or none, when the script run ends."""
    if _address(name) == text:
        return
    waiting = {**_waiting(), name: text}
    st.session_state[_WAITING] = (_query(), waiting)


def _slot(name: str) -> str:
    return f"_url:{name}"
