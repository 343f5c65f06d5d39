"""Where settings come from: the environment, files named in it, a TOML file.

A setting comes, in this order of precedence, from

1. an option of the command,
2. the environment: ``TOCSIN_<NAME>``, or a file named by ``TOCSIN_<NAME>_FILE`` (for secrets: the file's content
   without surrounding white space), never both,
3. the TOML file named by ``TOCSIN_CONFIG``, under the setting's name in lower case,
4. its default.

Set but empty is never "not set", whatever the setting: a password that a deployment forgot to fill in would
otherwise turn authentication off, or a channel, without a word. It is refused; what is not wanted is left out.
"""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from tocsin_server.config import named_files, variables
from tocsin_server.config.settings import Settings, example
from tocsin_server.config.variables import PREFIX
from tocsin_server.domain.errors import ConfigurationError

log = logging.getLogger(__name__)

CONFIG: Final = f"{PREFIX}{variables.CONFIG}"


_COMMENT: Final = re.compile(r"\s*#(\s|$)")

_NOTHING: Final = object()
"""Stands for a value that is unusable in whatever setting; no setting takes it."""


G = TypeVar("G", bound=BaseModel)


class _Given(NamedTuple):
    """A value, and where it stands, in words that begin a sentence about it."""

    value: Any
    origin: str


class WrongSettings(ConfigurationError):
    """Some settings are wrong, each by itself.

    ``variables`` are their names; ``rest`` is what the others make with the wrong ones left out, None if that cannot
    be told.
    """

    def __init__(self, message: str, variables: Iterable[str], rest: BaseModel | None) -> None:
        super().__init__(message)
        self.variables = frozenset(variables)
        self.rest = rest


def load(named: Mapping[str, str] | None = None, /, **overrides: object) -> Settings:
    """Read the settings.

    Args:
        named: Options of the command by the settings that they stand for, such as ``{"listen": "--listen"}``: a wrong
            one is then told under its own name.
        overrides: What the options give, by setting; None means not given.

    Raises:
        WrongSettings: Names every setting that is wrong by itself, where it stands, in one line.
    """
    found = _found(Settings.model_fields)
    options = named or {}
    for name, value in overrides.items():
        if value is not None:
            found[name] = _Given(value, options.get(name, _variable(name)))
    problems = variables.slips(os.environ, Settings.model_fields) + variables.doubled(os.environ, Settings.model_fields)
    return _validated(Settings, found, problems)


def _validated(group: type[G], found: Mapping[str, _Given], problems: Sequence[str] = ()) -> G:
    problems = list(problems)
    unusable = {name: said for name, given in found.items() if (said := _unusable(name, given.value))}
    wrong: set[str] = set()
    try:
        settings = group(**{name: _NOTHING if name in unusable else given.value for name, given in found.items()})
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            name = str(item["loc"][0]) if item["loc"] else ""
            text = unusable.get(name) or _words(item["msg"])
            problems.append(f"{found[name].origin}: {text}" if name else text)
            wrong.add(name)
    if problems:
        # Not from the error above: it knows the values, and one may be a secret.
        rest = _made(group, {name: given.value for name, given in found.items() if name not in wrong})
        raise WrongSettings("; ".join(dict.fromkeys(problems)), map(_variable, wrong), rest)
    return settings


def _made(group: type[G], values: Mapping[str, Any]) -> G | None:
    try:
        return group(**values)
    except ValidationError:
        return None


def load_some(group: type[G], names: Collection[str]) -> G:
    """Read some settings of a group again; the others have their defaults, whatever is wrong with them.

    Raises:
        ConfigurationError: See `load`.
    """
    known = dict.fromkeys(names)
    return _validated(group, {name: given for name, given in _found(known).items() if name in known})


def files_of(names: Collection[str] = ()) -> tuple[Path, ...]:
    """Return the files that some settings are read from: those of secrets, and the one of ``TOCSIN_CONFIG``."""
    variables_of = [f"{_variable(name)}_FILE" for name in names]
    return tuple(Path(os.environ[variable]) for variable in (CONFIG, *variables_of) if variable in os.environ)


def tell_ignored() -> None:
    """Log which variables begin like ours and mean nothing to this version, see `config.variables`."""
    if names := variables.ignored(os.environ, Settings.model_fields):
        log.warning(
            "ignored, since there are no such settings: %s", ", ".join(names), extra={"event": "variables_ignored"}
        )


def environment_with(**overrides: str | None) -> dict[str, str]:
    """Return this process's environment with settings in it, for a process of ours to read; None means not given."""
    return with_settings(os.environ, **overrides)


def with_settings(environment: Mapping[str, str], **overrides: str | None) -> dict[str, str]:
    """Return an environment with settings in it, also in place of files; None means not given."""
    given = {_variable(name): value for name, value in overrides.items() if value is not None}
    files = {f"{variable}_FILE" for variable in given}
    return {name: value for name, value in environment.items() if name not in files} | given


def _found(names: Mapping[str, object]) -> dict[str, _Given]:
    """Return what the environment and files give. What a file has beside settings is there too, to be refused."""
    found = dict(_config_file())
    for name in names:
        variable = _variable(name)
        if variable in os.environ:
            found[name] = _Given(os.environ[variable], variable)
        elif (file := f"{variable}_FILE") in os.environ:
            found[name] = _Given(_text_of(_path(file), file).strip(), file)
    return found


def _config_file() -> Iterator[tuple[str, _Given]]:
    for name, value in config_table().items():
        if not is_of_rules(name, value):
            yield name, _Given(value, f"{name} in {os.environ[CONFIG]}")


def config_table() -> Mapping[str, Any]:
    """Return what the file named by ``TOCSIN_CONFIG`` holds, nothing if there is none; raises `ConfigurationError`."""
    return toml_of(_path(CONFIG), CONFIG) if CONFIG in os.environ else {}


def toml_of(path: Path, name: str) -> dict[str, Any]:
    """Read a file that ``name`` names.

    Raises:
        ConfigurationError: It cannot be read, is too large, or is not TOML.
    """
    try:
        return tomllib.loads(_text_of(path, name))
    except (ValueError, RecursionError) as error:  # a number of too many digits is no TOMLDecodeError
        raise ConfigurationError(f"{name}: cannot read {path}: {error}") from error


def is_of_rules(name: str, value: object) -> bool:
    """Whether something in that file is no setting, but rules and policies; the setting ``rules`` is a path."""
    return name == "policies" or (name == "rules" and not isinstance(value, str))


def _path(variable: str) -> Path:
    """Return the file that a variable names."""
    path = os.environ[variable]
    if not path.strip():
        raise ConfigurationError(f"{variable}: is set but empty; name a file, or leave it out")
    return Path(path)


def _text_of(path: Path, name: str) -> str:
    try:
        return named_files.read(path).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        said = (isinstance(error, OSError) and error.strerror) or str(error)
        raise ConfigurationError(f"{name}: cannot read {path}: {said}") from error


def _words(message: str) -> str:
    """Return what the library says of a value, as a sentence about it."""
    return message.removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _unusable(name: str, value: Any) -> str:
    """Return what is wrong with a value of whatever setting; an empty text if nothing is."""
    if name not in Settings.model_fields:
        return variables.no_such_setting(name, Settings.model_fields)
    if _is_empty(value):
        return f"is set but empty; give a value such as {_shown(example(name))}, or leave it out"
    if isinstance(value, str) and "\0" in value:
        return "contains a NUL character"
    return ""


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        # In a file a line that begins so is what a template says of a secret that nobody has filled in.
        lines = (line for line in value.splitlines() if not _COMMENT.match(line))
        return not "".join(lines).strip(" \t,")
    return isinstance(value, list | dict) and not value


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}s"
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"
