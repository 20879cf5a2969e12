"""Expressions: the one name that the rest of the house imports for CEL and for ``${…}``.

``compile`` once, ``Program.evaluate`` often; ``Facts`` prepares facts that many expressions share; ``template``
fills plain values. What each promises stands with its definition.
"""

from __future__ import annotations

from idp.kernel.cel_functions import REGISTER, CelFunction
from idp.kernel.cel_lexer import CelError, Read
from idp.kernel.cel_program import Facts, Program, compile, did_you_mean
from idp.kernel.template import Expression, compiled, expressions, located, parse, template, transform, whole

__all__ = [
    "REGISTER",
    "CelError",
    "CelFunction",
    "Expression",
    "Facts",
    "Program",
    "Read",
    "compile",
    "compiled",
    "did_you_mean",
    "expressions",
    "located",
    "parse",
    "template",
    "transform",
    "whole",
]
