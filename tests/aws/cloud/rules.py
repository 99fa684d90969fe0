"""Rules that are put before the actions of moto, and states that last for a while."""

import collections
import functools
import heapq
import itertools
import threading
import time

from moto.core.exceptions import ServiceException
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores

# Seconds for which states last in between, when whoever calls wants to see them.
SLOWNESS = "X-Tadpole-Slowness"

_rules = collections.defaultdict(list)
_current = threading.local()
_lock = threading.RLock()
_unsettled = []
_numbers = itertools.count()


class Refusal(ServiceException):
    """Moto makes an answer of it, in the manner of the service that was called."""


def refuse(code, message):
    """Ends the action that is called with an error."""
    raise Refusal(code, message)


def before(service, *actions):
    """Lets a function see each call of an action before it is carried out. It gets what moto has read of it."""

    def keep(rule):
        for action in actions:
            _rules[service, action].append(rule)
        return rule

    return keep


def around(owner, name):
    """Replaces a method by a function that gets the method that there was."""

    def replace(function):
        original = getattr(owner, name)

        @functools.wraps(original)
        def replaced(*arguments, **named):
            return function(original, *arguments, **named)

        setattr(owner, name, replaced)
        return function

    return replace


def slowness():
    return getattr(_current, "slowness", 0.0)


def slowly(thing, attribute, meanwhile, finish=None):
    """Gives a thing another state until it has settled, when whoever calls wants that. `finish` is called then; at
    once, when not."""
    if not slowness():
        if finish:
            finish()
        return
    after = getattr(thing, attribute)
    setattr(thing, attribute, meanwhile)

    def end():
        # Something else may have begun since.
        if getattr(thing, attribute) is meanwhile:
            setattr(thing, attribute, after)
        if finish:
            finish()

    with _lock:
        heapq.heappush(_unsettled, (time.monotonic() + slowness(), next(_numbers), end))


def settle():
    with _lock:
        while _unsettled and _unsettled[0][0] <= time.monotonic():
            heapq.heappop(_unsettled)[2]()


_tokens = {}
_token_locks = collections.defaultdict(threading.Lock)


def same_as(call):
    """What must be the same in every call with one token."""
    return {key: values for key, values in call.querystring.items() if key not in ("ClientToken", "Action", "Version")}


@before("repeated", "*")
def other_parameters(call, asked, answer):
    if asked != same_as(call):
        refuse("IdempotentParameterMismatch", "The client token was used with other parameters before.")


def instead(call, method, rules):
    """Lets rules have their say before the method of an action: moto turns what they raise into an answer."""
    carry_out = getattr(call, method)

    def obeyed():
        for rule in rules:
            rule(call)
        return carry_out()

    setattr(call, method, obeyed)


@around(BaseResponse, "call_action")
def call_action(original, call):
    settle()
    _current.slowness = float(call.headers.get(SLOWNESS, 0))
    service, action = call.service_name, call._get_action()
    method = camelcase_to_underscores(action or "")
    if not hasattr(call, method):
        return original(call)
    instead(call, method, _rules[service, action])
    token = call._get_param("ClientToken") if service == "ec2" else None
    if not token:
        return original(call)
    key = (call.current_account, call.region, action, token)
    with _lock:
        lock = _token_locks[key]
    with lock:
        known = _tokens.get(key)
        if known:
            again = [functools.partial(rule, asked=known[0], answer=known[1]) for rule in _rules["repeated", "*"]]
            again += [functools.partial(rule, asked=known[0], answer=known[1]) for rule in _rules["repeated", action]]
            setattr(call, method, lambda: None)
            instead(call, method, again)
            told = original(call)
            return told if told[0] != 200 else known[1]
        told = original(call)
        if told[0] == 200:
            _tokens[key] = (same_as(call), told)
        return told
