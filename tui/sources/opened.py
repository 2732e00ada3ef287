"""Files and folders that are opened together: looked into one after another, as they are wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tui.captures.folders import files_below, format_in_folder
from tui.captures.importers import NoStreams, load, sniff
from tui.captures.telling import why_unread
from tui.sources import Opened, OpenedStream, SourceFactory, Unopened
from tui.sources.capture import CaptureSource, from_pipe, recorded
from tui.sources.piped import Read
from tui.sources.replay import open_file

MOST_PLAYED: Final = 16
"""Of more files than these each is loaded: nobody follows so many that play at the same time."""


def open_together(paths: Sequence[Path]) -> Iterator[Opened]:
    """Yield what is in each of these files, and in each file with streams below these folders.

    A few named files are played as they are opened alone; of folders and many files all streams are
    loaded. Nothing raises: a file that cannot be read is one stream that says so.
    """
    folders = [path for path in paths if is_folder(path)]
    played = not folders and len(paths) <= MOST_PLAYED
    # A folder's files are named as they are found from there: its own name is the same for all.
    top = paths[0] if len(paths) == len(folders) == 1 else _common_folder(paths)
    for path in paths:
        if path not in folders:
            yield _looked_into(path, _title(path, top), played=played)
            continue
        for file in files_below(path):
            found = _looked_into(file, _title(file, top), played=False, searched=True)
            if found.streams:
                yield found


def open_pipe(read: Read, title: str) -> Iterator[Opened]:
    """Yield what a pipe holds, once that can be told."""
    try:
        factories, warnings = from_pipe(read, title)
    except (OSError, ValueError) as problem:
        yield Opened(title, [_unopened(title, problem)], [str(problem)], problem)
    else:
        yield Opened(title, _as_they_are(factories), warnings)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder. Other than `Path.is_dir`, this raises for no name at all."""
    return os.path.isdir(path)


def _common_folder(paths: Iterable[Path]) -> Path:
    try:
        return Path(os.path.commonpath([os.path.abspath(path.parent) for path in paths]))
    except ValueError:  # On several drives.
        return Path()


def _title(path: Path, top: Path) -> str:
    return Path(os.path.relpath(os.path.abspath(path), os.path.abspath(top))).as_posix()


def _looked_into(path: Path, title: str, *, played: bool, searched: bool = False) -> Opened:
    """Return what is in a file. One that was `searched` for may hold no stream."""
    name = str(path)
    try:
        form = format_in_folder(path) if searched else None
        if searched and form is None:
            return Opened(name, [])
        if not searched and not path.is_file():
            # A pipe cannot be looked into and then read from its beginning.
            factories, warnings = recorded(path)
            return Opened(name, _as_they_are(factories), warnings)
        if (form or sniff(path)) == "body":
            make = partial(open_file, path, title=title)
            make(played=played)
            return Opened(name, [OpenedStream(partial(make, played=played), make)])
        loaded = load(path)
    except NoStreams as problem:
        return Opened(name, [] if searched else [_unopened(title, problem)], problem=problem)
    except (OSError, ValueError) as problem:
        return Opened(name, [_unopened(title, problem)], problem=problem)
    streams = []
    for recording in loaded.recordings:
        longer = title + recording.title.removeprefix(path.name)
        make_run = partial(CaptureSource, recording, title=longer)
        streams.append(OpenedStream(partial(make_run, played=played), make_run))
    return Opened(name, streams, loaded.warnings)


def _as_they_are(factories: Iterable[SourceFactory]) -> list[OpenedStream]:
    return [OpenedStream(factory, factory) for factory in factories]


def _unopened(title: str, problem: OSError | ValueError) -> OpenedStream:
    make = partial(Unopened, title, why_unread(problem))
    return OpenedStream(make, make)
