"""Raw text cut where a row may end: characters stay together with all that joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rich.cells import cell_len, split_graphemes


def clusters(text: str, shown: Callable[[str], str]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and cells of each cluster of code points, in order and without gaps.

    `shown` gives what is drawn for a text. A code point that is drawn as something else, such as a
    tab or a control code, joins nothing: it is a cluster of its own.
    """
    for start, end, _ in split_graphemes(text)[0]:
        cluster = text[start:end]
        if shown(cluster) == cluster:
            yield start, end, cell_len(cluster)
            continue
        joined = start
        for place in range(start, end):
            drawn = shown(text[place])
            if drawn != text[place]:
                if joined < place:
                    yield joined, place, cell_len(text[joined:place])
                yield place, place + 1, cell_len(drawn)
                joined = place + 1
        if joined < end:
            yield joined, end, cell_len(text[joined:end])


def filled(spans: Iterable[tuple[int, int, int]], width: int) -> list[int]:
    """Return where rows begin that take as many clusters as have room in `width` cells."""
    starts, used = [0], 0
    for start, _, cells in spans:
        if used and used + cells > width:
            starts.append(start)
            used = 0
        used += cells
    return starts
