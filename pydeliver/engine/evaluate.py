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
from pydeliver.engine.facts import Need, Unanswered, in_words
from pydeliver.engine.run import EvaluationError, Loop, Run
from pydeliver.engine.values import items, match_items, number_of, scalar, text_of, texts
from pydeliver.plan import Action, Plan, Where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pydeliver.engine.facts import Facts
    from pydeliver.envelope import Envelope
    from pydeliver.message.view import Message
    from pydeliver.plan import Argument
    from pydeliver.rules.program import Instruction, Program

_DECIDING = ("keep", "file", "discard", "reject", "defer")
_ALONE = ("reject", "defer")
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
            if phase != "user" or not _decided(run):
                _run_program(run, program)
    except Unanswered as missing:
        return Need(missing.question)
    except EvaluationError as error:
        return _kept(run, str(error))
    return _plan(run)


def _decided(run: Run) -> bool:
    return any([not action.also and action.word in _DECIDING for action in run.actions])


def _kept(run: Run, problem: str) -> Plan:
    keep = Action("keep", (), Where("evaluation stopped"))
    return Plan("keep", (keep,), (), _facts(run), (*run.notes, problem), problem)


def _run_program(run: Run, program: Program) -> None:
    run.program, run.variables, run.loops, run.forks = program, {}, [], []
    run.addresses = program.setting("addresses") or ()
    address = 0
    while address < len(program.code):
        run.steps += 1
        if run.steps > limits.STEPS:
            raise EvaluationError(f"the rules took more than {limits.STEPS} steps")
        instruction = program.code[address]
        address = _INSTRUCTIONS[instruction[0]](run, instruction, address)
        if address == _STOPPED:
            if not run.forks:
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
    from pydeliver.engine.conditions.matches import pattern_of

    _, pattern, value, after = instruction
    found = match_items(run, pattern_of(run, pattern), value)
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
    return Where(run.program.rules[rule], run.program.file, line)


# ---------------------------------------------------------------- actions


def _keep(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action("keep", (), where, also, run.flags)


def _file(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    """A mailbox name that comes out empty, or of a mailbox that may not be made, means the inbox."""
    said = dict(arguments)
    if "mailbox" not in said:
        ((name, value),) = arguments
        return Action("file", ((name, text_of(scalar(run, value))),), where, also, run.flags)
    mailbox = text_of(scalar(run, said["mailbox"]))
    if not _is_usable(run, mailbox, create="create" not in said):
        return Action("keep", (), where, also, run.flags)
    given: tuple[tuple[str, Argument], ...] = (("mailbox", mailbox),)
    return Action("file", given, where, also, run.flags)


def _is_usable(run: Run, mailbox: str, create: bool) -> bool:
    from pydeliver.engine.conditions.fact import asked
    from pydeliver.naming import MailboxNameError, directory_name

    if mailbox.upper() == "INBOX":
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


def _status(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action(word, (("status", text_of(scalar(run, arguments[0][1]))),), where)


def _discard(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action("discard", (), where)


def _log(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    return Action("log", (("text", text_of(scalar(run, arguments[0][1]))),), where)


def _flag(run: Run, word: str, arguments: Any, where: Where, also: bool) -> Action:
    flags = tuple([text_of(flag) for flag in texts(run, arguments[0][1])])
    named = {flag.lower() for flag in flags}
    kept = tuple([flag for flag in run.flags if flag.lower() not in named])
    run.flags = kept + flags if word == "flag" else kept
    return Action(word, (("flags", flags),), where)


_ACTIONS: dict[str, Callable[[Run, str, Any, Where, bool], Action | None]] = {
    "keep": _keep,
    "file": _file,
    "reject": _status,
    "defer": _status,
    "discard": _discard,
    "log": _log,
    "flag": _flag,
    "unflag": _flag,
}


# ---------------------------------------------------------------- the plan


def _plan(run: Run) -> Plan:
    actions = _stored_once(run.actions)
    if not run.keep_cancelled:
        actions = _stored_once([*actions, Action("keep", (), Where(), False, run.flags)])
    alone = [action for action in actions if action.word in _ALONE]
    if alone:
        for left_out in actions:
            if left_out is not alone[0]:
                run.note(f"not done, for the message is {_participle(alone[0])}: {left_out.words}")
        actions = alone[:1]
    decided = [action.word for action in actions if action.word in _DECIDING and not action.also]
    return Plan(decided[0] if decided else "keep", tuple(actions), run.flags, _facts(run), tuple(run.notes))


def _participle(action: Action) -> str:
    return {"reject": "rejected", "defer": "deferred"}[action.word]


def _stored_once(actions: list[Action]) -> list[Action]:
    """A message is stored once in each mailbox, with the flags of all its stores there."""
    stores: dict[tuple[str, Any], int] = {}
    kept: list[Action] = []
    for action in actions:
        place = (action.word, action.arguments)
        if action.word not in ("keep", "file") or place not in stores:
            stores.setdefault(place, len(kept))
            kept.append(action)
        else:
            kept[stores[place]] = _merged(kept[stores[place]], action)
    return kept


def _merged(first: Action, second: Action) -> Action:
    known = {flag.lower() for flag in first.flags}
    flags = first.flags + tuple([flag for flag in second.flags if flag.lower() not in known])
    return Action(first.word, first.arguments, first.where, first.also and second.also, flags)


def _facts(run: Run) -> tuple[tuple[str, Any], ...]:
    return tuple([(in_words(question), answer) for question, answer in run.used.items()])


__all__ = ["Need", "evaluate", "number_of"]
