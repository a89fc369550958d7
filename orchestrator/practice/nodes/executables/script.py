"""Takes a line of shell apart: words, quotes, variables, redirections and what joins commands.

It runs nothing. Of the shell's language it knows what people type into `sh -c`: no pipes, no loops.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

_OPERATORS: Final = (">&2", "&&", "||", ">>", ";", "\n", ">", "|", "<", "&", "(", ")")
# These begin a word of their own: in `a2>b` the 2 belongs to the word before.
_AT_START: Final = ("1>&2", "2>&1", "2>")
_JOINING: Final = frozenset({"&&", "||", ";", "\n"})
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+|[?$]))")


class SyntaxProblem(Exception):
    """The line can't be taken apart, or asks for what this shell does not know."""


@dataclass(slots=True, kw_only=True)
class Command:
    """One command of a script, how it is joined to the one before, and where its output goes."""

    joined: str = ";"
    words: list[str] = field(default_factory=list)
    into: str = ""
    """A file, or `&2` for where errors go."""
    appends: bool = False
    errors_into: str = ""
    """A file, or `&1` for where the output goes."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    is_operator: bool = False


def commands_of(text: str) -> list[Command]:
    """The commands of a script, their words as they were written: see `expanded`.

    Raises: SyntaxProblem.
    """
    commands = [Command()]
    tokens = iter(_tokens(text))
    for token in tokens:
        if not token.is_operator:
            commands[-1].words.append(token.text)
        elif token.text in _JOINING:
            _join(commands, token.text)
        elif token.text in {">", ">>"}:
            commands[-1].into = _target(tokens)
            commands[-1].appends = token.text == ">>"
        elif token.text in {">&2", "1>&2"}:
            commands[-1].into = "&2"
        elif token.text in {"2>&1", "2>"}:
            commands[-1].errors_into = "&1" if token.text == "2>&1" else _target(tokens)
        else:
            raise SyntaxProblem(f'"{token.text}" is not known to the shell of practice images')
    if not commands[-1].words and commands[-1].joined in {"&&", "||"}:
        raise SyntaxProblem("unexpected end of file")
    return [command for command in commands if command.words]


def _join(commands: list[Command], operator: str) -> None:
    if commands[-1].words:
        commands.append(Command(joined=operator))
    elif operator != "\n":
        raise SyntaxProblem(f'unexpected "{operator}"')


def _target(tokens: Iterator[_Token]) -> str:
    token = next(tokens, None)
    if token is None or token.is_operator:
        raise SyntaxProblem("a redirection names no file")
    return token.text


def _tokens(text: str) -> Iterator[_Token]:
    """Words keep their quotes, which tell what is to be expanded."""
    word, quote, position = "", "", 0
    while position < len(text):
        char = text[position]
        marks = _OPERATORS if word else (*_AT_START, *_OPERATORS)
        operator = next((mark for mark in marks if text.startswith(mark, position)), "")
        if quote:
            quote = "" if char == quote else quote
            word += char
        elif char in "'\"":
            quote = char
            word += char
        elif char == "\\":
            word += text[position : position + 2]
            position += 1
        elif operator or char.isspace():
            if word:
                yield _Token(word)
            word = ""
            if operator:
                yield _Token(operator, is_operator=True)
                position += len(operator) - 1
        else:
            word += char
        position += 1
    if quote:
        raise SyntaxProblem("unterminated quoted string")
    if word:
        yield _Token(word)


def expanded(word: str, variable: Callable[[str], str]) -> str:
    """A word as a command gets it: variables put in, quotes taken away."""

    def valued(found: re.Match[str]) -> str:
        return variable(found[1] or found[2])

    result, position = "", 0
    while position < len(word):
        char = word[position]
        if char == "'":
            end = word.index("'", position + 1)
            result += word[position + 1 : end]
        elif char == '"':
            end = word.index('"', position + 1)
            result += _VARIABLE.sub(valued, word[position + 1 : end])
        elif char == "\\":
            end = position + 1
            result += word[end : end + 1]
        else:
            stops = [at for at in map(word.find, "'\"\\", [position] * 3) if at >= 0]
            end = min(stops, default=len(word)) - 1
            result += _VARIABLE.sub(valued, word[position : end + 1])
        position = end + 1
    return result
