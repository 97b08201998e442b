"""Evaluate: rules, message, envelope and facts give a plan, or say what fact is needed.

A total function without side effects: whatever the message holds, it ends, and
the same facts give the same plan.  A mistake of the rules that only shows here
(a limit passed) keeps the original in the inbox.

Does not know: how a fact is found out, nor how a plan is performed.
References: RFC 5228 section 2.10 (implicit keep), RFC 3894 (copy).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.engine.conditions import truth
from pydeliver.engine.facts import Need, Ran, Unanswered, ask, in_words
from pydeliver.engine.run import Deferral, EvaluationError, Loop, Run
from pydeliver.engine.values import arguments as command
from pydeliver.engine.values import items, match_items, scalar, text_of, texts
from pydeliver.flags import flag_mistake
from pydeliver.plan import STORES, Action, Plan, Where, quote
from pydeliver.status import parse_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pydeliver.engine.facts import Facts
    from pydeliver.engine.run import Scalar
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message
    from pydeliver.plan import Argument
    from pydeliver.rules.program import Instruction, Program

_DECIDING = ("keep", "file", "redirect", "pipe", "discard", "reject", "defer")
_ALONE = ("reject", "defer")
_DEFAULT_STATUSES = {"reject": ("5.7.1", "message not accepted"), "defer": ("4.7.1", "try again later")}
_STOPPED = -1  # the address evaluation goes on at when it is over


def evaluate(
    programs: tuple[tuple[str, Program], ...],
    message: Message,
    envelope: Envelope,
    facts: Facts,
    trace: list[Any] | None = None,
) -> Plan | Need:
    """Return the plan, or the fact that is needed first.

    `programs` are the phases in order: "before", "user", "after".  What before
    decides is final; after always runs.  `trace` is filled for `explain`.
    """
    run = Run(message, envelope, facts, trace)
    try:
        for phase, program in programs:
            if phase != "user" or not (run.is_stopped or _decided(run)):
                _run_phase(run, phase, program)
    except Unanswered as missing:
        return Need(missing.question)
    return _plan(run, dict(programs).get("user"))


def _decided(run: Run) -> bool:
    return any([not action.also and action.word in _DECIDING for action in run.actions])


def _run_phase(run: Run, phase: str, program: Program) -> None:
    """Run a phase; one that fails leaves nothing in the plan but, unless it only adds extras, a keep."""
    actions, flags, version, keep_cancelled = len(run.actions), run.flags, run.version, run.keep_cancelled
    try:
        _run_program(run, program)
    except EvaluationError as error:
        del run.actions[actions:]
        run.flags, run.version, run.keep_cancelled = flags, version, keep_cancelled
        run.note(f"{program.file}: {error}")
        run.problem = run.problem or f"{program.file}: {error}"
        if phase != "after":
            run.actions.append(Action("keep", (), Where("evaluation stopped"), False, flags))
            run.keep_cancelled = True
    except Deferral:
        run.is_stopped = run.keep_cancelled = True


def _run_program(run: Run, program: Program) -> None:
    run.program, run.variables, run.loops, run.forks, run.steps = program, {}, [], [], 0
    run.addresses = program.setting("addresses") or ()
    code, end = program.code, len(program.code)
    address = 0
    while address < end:
        run.spend(1)
        instruction = code[address]
        address = _INSTRUCTIONS[instruction[0]](run, instruction, address)
        if address == _STOPPED:
            if not run.forks:
                run.is_stopped = True
                return
            address = run.resume()


# ---------------------------------------------------------------- instructions: each returns the next address


def _rule(run: Run, instruction: Instruction, address: int) -> int:
    if run.trace is not None:
        run.trace.append(("rule", _where(run, address)))
    return address + 1


def _branch(run: Run, instruction: Instruction, address: int) -> int:
    outcome = truth(run, instruction[1])
    if outcome is None and run.trace is not None:
        run.trace.append(("unknown", _where(run, address)))
    return address + 1 if outcome else int(instruction[3] if outcome is None else instruction[2])


def _guarded(run: Run, instruction: Instruction, address: int) -> int:
    """A branch that is a candidate; else the next of its chain that is."""
    from pydeliver.engine.candidates import following

    candidate = following(run, instruction)
    if candidate == address:
        return _branch(run, instruction, address)
    return candidate if run.trace is None else _told(run, address, candidate)


def _told(run: Run, address: int, candidate: int) -> int:
    """Let the trace tell what is passed over; as in a delivery, that costs nothing."""
    code, steps = run.program.code, run.steps
    while address != candidate and code[address][0] in ("rule", "guarded"):
        mark_or_branch = _rule if code[address][0] == "rule" else _branch
        address = mark_or_branch(run, code[address], address)
        run.steps = steps
    return address


def _jump(run: Run, instruction: Instruction, address: int) -> int:
    return int(instruction[1])


def _stop(run: Run, instruction: Instruction, address: int) -> int:
    if run.trace is not None and not run.forks:
        run.trace.append(("stop", _where(run, address)))
    return _STOPPED


def _fork(run: Run, instruction: Instruction, address: int) -> int:
    run.fork(instruction[1])
    return address + 1


def _loop(run: Run, instruction: Instruction, address: int) -> int:
    _, value, word, after = instruction
    return _begin(run, Loop(items(run, value), word, address + 1), after)


def _loop_matches(run: Run, instruction: Instruction, address: int) -> int:
    from pydeliver.engine.pattern import pattern_of

    _, pattern, value, after = instruction
    built = pattern_of(run, pattern)
    found = match_items(run, built, value) if built is not None else ()
    return _begin(run, Loop(found, "match", address + 1), after)


def _begin(run: Run, loop: Loop, after: int) -> int:
    if not loop.items:
        return after
    run.loops.append(loop)
    return _turn(run, loop)


def _turn(run: Run, loop: Loop) -> int:
    item = loop.items[loop.turn]
    if isinstance(item, dict):
        run.capture(item)
    return loop.start


def _next(run: Run, instruction: Instruction, address: int) -> int:
    loop = run.loops[-1]
    loop.turn += 1
    if loop.turn < len(loop.items):
        return _turn(run, loop)
    run.loops.pop()
    return _loop_end(run.program, loop.start)


def _loop_end(program: Program, start: int) -> int:
    return int(program.code[start - 1][3])


def _set(run: Run, instruction: Instruction, address: int) -> int:
    _, name, value = instruction
    run.variables[name] = scalar(run, value)
    if run.trace is not None:
        run.trace.append(("set", name, run.variables[name]))
    return address + 1


def _act(run: Run, instruction: Instruction, address: int) -> int:
    _, word, arguments, cancels_keep, also = instruction
    where = _where(run, address)
    extra = also or bool(run.forks)
    action = _ACTIONS[word](run, word, arguments, where, extra)
    if action is not None:
        run.actions.append(action)
        if cancels_keep and not run.forks:
            run.keep_cancelled = True
    return address + 1


_INSTRUCTIONS: dict[str, Callable[[Run, Instruction, int], int]] = {
    "rule": _rule,
    "branch": _branch,
    "guarded": _guarded,
    "jump": _jump,
    "stop": _stop,
    "end": _stop,
    "fork": _fork,
    "loop": _loop,
    "loop matches": _loop_matches,
    "next": _next,
    "set": _set,
    "act": _act,
}


def _where(run: Run, address: int) -> Where:
    rule, line = run.program.places[address]
    return Where(run.program.rules[rule], run.program.files[rule], line)


# ---------------------------------------------------------------- actions


def _keep(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action("keep", (), where, also, run.flags, run.version.edits)


def _file(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    """A mailbox name that comes out empty, or of a mailbox that may not be made, means the inbox."""
    given: tuple[tuple[str, Argument], ...] = tuple([(name, text_of(scalar(run, said))) for name, said in arguments])
    kind, place = given[0]
    if kind == "mailbox":
        usable = _is_usable(run, str(place), create=len(given) == 1)
    else:
        wrong = [_LEVELS[level] for level in str(place).removeprefix("/").split("/") if level in _LEVELS]
        usable = not wrong
        if wrong:
            run.note(f"the inbox instead of {kind} {quote(str(place))}: {wrong[0]}")
    if usable and len(given) == 1 and arguments[0][1][0] == "template":
        usable = _may_be_made(run, kind, str(place))
    if not usable:
        return Action("keep", (), where, also, run.flags, run.version.edits)
    return Action("file", given, where, also, run.flags, run.version.edits)


_LEVELS = {"": "an empty level", ".": "a level '.'", "..": "a level '..'"}


def _is_usable(run: Run, mailbox: str, create: bool) -> bool:
    from pydeliver.engine.conditions.fact import asked
    from pydeliver.naming import MailboxNameError, directory_name, is_inbox

    if is_inbox(mailbox):
        return False
    try:
        directory_name(mailbox)
    except MailboxNameError as error:
        run.note(f"the inbox instead of mailbox {mailbox!r}: {error}")
        return False
    if not create and not asked(run, "mailbox exists", mailbox):
        run.note(f"the inbox instead of mailbox {mailbox!r}: it does not exist, and create never")
        return False
    return True


def _may_be_made(run: Run, kind: str, place: str) -> bool:
    """Whether a mailbox that an expansion names is there, or is not one too many to be made today."""
    if (kind, place) in run.new_mailboxes or not ask(run.facts, ("is new", kind, place)):
        return True
    allowed = run.program.setting("limits.new_mailboxes")
    if allowed is None:
        allowed = limits.NEW_MAILBOXES
    made = ask(run.facts, ("made today",))
    assert isinstance(made, int)
    if made + len(run.new_mailboxes) >= allowed:
        run.note(f"the inbox instead of {kind} {quote(place)}: no more than {allowed} are made by expansion in a day")
        return False
    run.new_mailboxes.append((kind, place))
    return True


def _redirect(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action | None:
    from pydeliver.engine.redirect import destinations

    _ask_leave(run, where, word)
    addresses = destinations(run, tuple([text_of(said) for said in texts(run, arguments[0][1])]))
    if addresses is None:
        return _keep(run, word, (), where, also)
    options = tuple([(name, text_of(scalar(run, said))) for name, said in arguments[1:]])
    given: tuple[tuple[str, Argument], ...] = (("addresses", addresses), *options)
    return Action(word, given, where, also, edits=run.version.edits) if addresses else None


def _pipe(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    given = tuple([(name, command(run, said) if name == "argv" else said[1]) for name, said in arguments])
    _ask_leave(run, where, word, *dict(given)["argv"])
    return Action(word, given, where, also, edits=run.version.edits)


def _ask_leave(run: Run, where: Where, word: str, *argv: str) -> None:
    """What the administrator refuses is a mistake of the rules that only shows here."""
    refusal = ask(run.facts, ("refusal", word, *argv))
    if refusal:
        raise EvaluationError(f"{word} ({where}): {refusal}")


def _status(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    """What a message brought can leave the text empty, or look like a code of another class."""
    said = text_of(scalar(run, arguments[0][1]))
    code, text = _DEFAULT_STATUSES[word]
    status = parse_status(said, code)
    if not status.text:
        run.note(f"{word} without a text for the sender")
        said = f"{status.code} {text}"
    elif said.lstrip()[:1] in "245" and status.text == said.strip():
        said = f"{status.code} {status.text}"
    return Action(word, (("status", said),), where)


def _discard(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action("discard", (), where)


def _log(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action("log", (("text", text_of(scalar(run, arguments[0][1]))),), where)


def _flag(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action | None:
    """Flags are in the order they were first set; what cannot be one is left out."""
    flags = _sound_flags(run, texts(run, arguments[0][1]))
    if not flags:
        return None
    if word == "flag":
        run.flags = _union(run.flags, flags)
    else:
        gone = [flag.lower() for flag in flags]
        run.flags = tuple([flag for flag in run.flags if flag.lower() not in gone])
    return Action(word, (("flags", flags),), where)


def _header_edit(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action | None:
    """What a message brought can leave the text empty, or make a name that no field can have."""
    from pydeliver.message.edit import Edit
    from pydeliver.message.header import is_field_name
    from pydeliver.message.text import one_line

    said = [one_line(text_of(scalar(run, argument))).strip() for _, argument in arguments]
    name, text = said[0], "".join(said[1:])
    if not is_field_name(name.encode("utf-8", "replace")):
        run.note(f"left out: {word} {quote(name)}: that is no name of a field")
        return None
    if word != "header remove" and not text:
        run.note(f"left out: {word} {quote(name)}: the text is empty")
        return None
    run.edit(Edit(word.removeprefix("header "), name, text))
    return Action(word, tuple(zip(("name", "value"), said, strict=False)), where)


def _sound_flags(run: Run, said: tuple[Scalar, ...]) -> tuple[str, ...]:
    flags = [text_of(flag) for flag in said]
    for flag in flags:
        if mistake := flag_mistake(flag):
            run.note(f"left out: {mistake}")
    return _union((), tuple([flag for flag in flags if not flag_mistake(flag)]))


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Flags of both, each once: in any case they are the same."""
    known = {flag.lower(): flag for flag in reversed((*one, *other))}
    return tuple([known.pop(flag.lower()) for flag in (*one, *other) if flag.lower() in known])


def _rewrite(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    from pydeliver.engine.rewrite import rewrite

    return rewrite(run, dict(arguments), where)


_ACTIONS: dict[str, Callable[[Run, str, Any, Where, bool], Action | None]] = {
    "keep": _keep,
    "file": _file,
    "redirect": _redirect,
    "pipe": _pipe,
    "reject": _status,
    "defer": _status,
    "discard": _discard,
    "log": _log,
    "flag": _flag,
    "unflag": _flag,
    "header add": _header_edit,
    "header set": _header_edit,
    "header remove": _header_edit,
    "rewrite": _rewrite,
}


# ---------------------------------------------------------------- the plan


def _plan(run: Run, user: Program | None) -> Plan:
    implicit = [] if run.keep_cancelled else [Action("keep", (), Where(), False, run.flags, run.version.edits)]
    actions = _stored_once([*run.actions, *implicit], user.setting("inbox") if user else None)
    if any([action.word == "redirect" for action in actions]):
        from pydeliver.engine.redirect import sent_once

        actions = sent_once(actions)
    alone = [action for action in actions if action.word in _ALONE]
    if alone:
        for left_out in actions:
            if left_out is not alone[0]:
                run.note(f"not done, for the message is {_participle(alone[0])}: {left_out.words}")
        actions = alone[:1]
    decided = [action.word for action in actions if action.word in _DECIDING and not action.also]
    disposition = decided[0] if decided else "keep"
    new = tuple([made for action in actions for made in action.arguments[:1] if made in run.new_mailboxes])
    return Plan(disposition, tuple(actions), run.flags, _facts(run), tuple(run.notes), run.problem, new)


def _participle(action: Action) -> str:
    return {"reject": "rejected", "defer": "deferred"}[action.word]


def _stored_once(actions: list[Action], inbox: tuple[str, str] | None) -> list[Action]:
    """A message is stored once in each mailbox, with the flags of all its stores there."""
    stores: dict[tuple[str, Any], int] = {}
    kept: list[Action] = []
    for action in actions:
        place = action.arguments[0] if action.word == "file" else inbox or ("mailbox", "INBOX")
        if action.word not in STORES or place not in stores:
            if action.word in STORES:
                stores[place] = len(kept)
            kept.append(action)
        else:
            kept[stores[place]] = _merged(kept[stores[place]], action)
    return kept


def _merged(first: Action, second: Action) -> Action:
    flags = _union(first.flags, second.flags)
    return Action(first.word, first.arguments, first.where, first.also and second.also, flags, first.edits)


def _facts(run: Run) -> tuple[tuple[str, Any], ...]:
    known = [(in_words(question), answer) for question, answer in run.used.items()]
    return tuple([(name, str(answer) if isinstance(answer, Ran) else answer) for name, answer in known])


__all__ = ["Need", "evaluate"]
