"""Python tools in processes of their own, each doing for real what must not harm this one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Final, NamedTuple

import pytest

from tests.limits import HANG_S
from tui.conversation.python_tools import PythonTools
from tui.conversation.tool import MAX_CHARS, MAX_PRINTED
from tui.conversation.tool_definitions import ToolsFile
from tui.conversation.toolbox import Outcome, Printout, Toolbox, ToolsError, load_tools

"""For what must happen, on a machine however slow."""

TOOLS: Final = '''
import asyncio, os, signal, subprocess, sys, threading, time

here = []
lock = asyncio.Lock()


def keep(item: str) -> str:
    here.append(item)
    return " ".join(here)


def process() -> list[int]:
    return [os.getpid(), os.getsid(0), os.getpgid(0)]


def meet(mine: str, other: str) -> int:
    """Return the process, when another call has come too."""
    open(mine, "x").close()
    while not os.path.exists(other):
        time.sleep(0.001)
    return os.getpid()


def speak(word: str) -> str:
    print(word, "by print")
    print(word, "by print", file=sys.stderr)
    sys.stdout.buffer.write(word.encode() + b" by buffer\\n")
    sys.stdout.flush()
    os.write(1, word.encode() + b" by write\\n")
    subprocess.run(["echo", word, "by child"])
    thread = threading.Thread(target=print, args=(word, "by thread"))
    thread.start()
    thread.join()
    print("half a line", end="")
    return "done"


def speak_much(size: int) -> str:
    for _ in range(size // 100):
        print("x" * 99)
    return "done"


def speak_for_ever() -> str:
    def speak():
        while True:
            print("x" * 99)

    threading.Thread(target=speak).start()
    return "done"


def listen() -> list[str]:
    heard = [repr(os.read(0, 10)), repr(sys.stdin.read())]
    for read in (input, lambda: open("/dev/tty")):
        try:
            heard.append(read())
        except (EOFError, OSError) as error:
            heard.append(type(error).__name__)
    return heard


def die(how: str) -> str:
    print("before the end")
    if how == "exit":
        os._exit(3)
    if how == "nothing":
        os._exit(0)
    os.kill(os.getpid(), getattr(signal, how))


def die_later(when: str) -> str:
    """End the process once somebody opens the pipe for writing."""
    def wait():
        open(when).close()
        os._exit(7)

    threading.Thread(target=wait).start()
    return "not yet"


def leave(code: int) -> str:
    sys.exit(code)


def hold(pipe: str) -> str:
    """Hang with a child, both of which keep the pipe open."""
    held = open(pipe, "w")
    subprocess.Popen(["sleep", "1000"], pass_fds=[held.fileno()])
    print("holding", flush=True)
    held.write("x")
    held.flush()
    while True:
        pass


async def hold_here(pipe: str) -> str:
    held = open(pipe, "w")
    held.write("x")
    held.flush()
    await asyncio.Event().wait()


def stay(pipe: str) -> str:
    """Leave a thread behind that never ends."""
    threading.Thread(target=open(pipe).read).start()
    return "stayed"


def daemon(pipe: str) -> str:
    """Leave a process behind that belongs to no group of ours, until the pipe ends."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open(pipe).read()
        os._exit(0)
    os.wait()
    return "left"


def fork() -> str:
    """Return twice."""
    if os.fork():
        os.wait()
    return f"from {os.getpid()}"


def close(first: int, last: int) -> str:
    os.closerange(first, last)
    return "closed"


def junk(data: str) -> str:
    for number in range(3, 300):
        try:
            os.write(number, data.encode())
        except OSError:
            pass
    time.sleep(1000)


def open_in_its_place(path: str) -> str:
    """Close everything, so that a file has the number of the socket."""
    os.closerange(3, 300)
    for _ in range(3, 300):
        os.open(path, os.O_WRONLY | os.O_CREAT)
    return "opened"


def answer(what: str) -> object:
    if what == "text":
        return "x" * 10_000_000
    if what == "blocks":
        return [{"type": "image", "source": {"data": "x" * 31_000_000}}]
    return eval(what)


def fail(kind: str) -> str:
    raise LookupError(f"no {kind}, said sk-ant-abc")


async def on_the_loop(word: str) -> str:
    async with lock:
        await asyncio.sleep(0)
        return f"{word} {id(asyncio.get_running_loop())}"


def with_a_loop_of_its_own() -> str:
    return asyncio.run(on_the_loop("own"))


def key() -> str:
    return os.environ["ANTHROPIC_API_KEY"]


def arguments() -> list[str]:
    return [*sys.argv, sys.path[0], str("anthropic" in sys.modules), str("textual" in sys.modules)]
'''


class Heard(NamedTuple):
    content: Any
    is_error: bool
    printed: str


class Box:
    """The tools of TOOLS. Their processes are kept from test to test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tools = asyncio.run(load_tools(path))

    async def call(self, name: str, *, limit_s: float = HANG_S, **given: object) -> Heard:
        printout = Printout()
        outcome = await self.tools.run(name, dict(given), timeout_s=limit_s, printout=printout)
        return Heard(*outcome, printout.text())


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", "sk-ant-mine")
        path = tmp_path_factory.mktemp("tools") / "tools.py"
        path.write_text(TOOLS)
        yield Box(path)


class Pipe:
    """A named pipe: who has it open for writing, and that there is nobody any more."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._end = -1

    async def begun(self) -> None:
        """Wait until somebody has written to it."""
        async with asyncio.timeout(HANG_S):
            self._end = await asyncio.to_thread(os.open, self.path, os.O_RDONLY)
        assert await self._read() == b"x"

    async def ended(self) -> None:
        """Wait until all who had it open are gone."""
        assert await self._read() == b""

    async def _read(self) -> bytes:
        async with asyncio.timeout(HANG_S):
            return await asyncio.to_thread(os.read, self._end, 10)


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path / "pipe")


def loaded(tmp_path: Path, source: str, **more: float) -> Awaitable[Toolbox]:
    """Have a file imported; the same text is what its processes go on with."""
    data = dedent(source).encode()
    path = tmp_path / "tools.py"
    path.write_bytes(data)

    async def load() -> Toolbox:
        return Toolbox(await PythonTools(ToolsFile(str(path), "tools.py", data), **more).load())

    return load()


# --- processes ------------------------------------------------------------------------------------


async def test_calls_one_after_another_have_one_process(box: Box) -> None:
    assert (await box.call("keep", item="a")).content == "a"
    assert (await box.call("keep", item="b")).content == "a b"
    pid, session, group = json.loads((await box.call("process")).content)
    assert pid == session == group != os.getpid()
    assert "_streamscope_tools" not in sys.modules


async def test_calls_at_the_same_time_have_one_each(box: Box, tmp_path: Path) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    before = json.loads((await box.call("process")).content)[0]
    found = await asyncio.gather(
        box.call("meet", mine=first, other=second), box.call("meet", mine=second, other=first)
    )
    assert len({one.content for one in found}) == 2
    # The oldest one again: what it keeps is what most calls have seen.
    assert json.loads((await box.call("process")).content)[0] == before


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("exit", "exit status 3"),
        ("nothing", "exit status 0"),
        ("SIGSEGV", "signal 11"),
        ("SIGKILL", "signal 9"),
    ],
)
async def test_a_tool_that_ends_the_process(box: Box, how: str, said: str) -> None:
    heard = await box.call("die", how=how)
    assert heard == (f"the tool ended the process: {said}", True, "before the end")
    assert (await box.call("keep", item="again")).content == "again"


async def test_a_process_that_ends_between_two_calls(box: Box, pipe: Pipe) -> None:
    assert (await box.call("die_later", when=pipe.path)).content == "not yet"
    os.close(await asyncio.to_thread(os.open, pipe.path, os.O_WRONLY))
    said = "the tool ended the process: exit status 7"
    # Whichever comes first, its end or the next call: a call says so, and those after it go on.
    async with asyncio.timeout(HANG_S):
        while not (heard := await box.call("keep", item="new")).is_error and not heard.printed:
            pass
    if heard.is_error:
        assert heard.content == said
    else:
        assert heard == ("new", False, f"[before this call {said}; it was started again]")
    assert not (await box.call("keep", item="again")).is_error


async def test_exits_that_python_can_catch_end_the_call_only(box: Box) -> None:
    before = await box.call("process")
    assert await box.call("leave", code=3) == ("SystemExit: 3", True, "")
    assert await box.call("process") == before


async def test_the_environment_is_that_of_this_program(box: Box) -> None:
    assert (await box.call("key")).content == "sk-ant-mine"
    path = str(box.path)
    found = json.loads((await box.call("arguments")).content)
    assert found == [path, str(box.path.parent), "False", "False"]


# --- what is printed ------------------------------------------------------------------------------


async def test_whatever_is_printed_is_heard(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    heard = await box.call("speak", word="said")
    ways = ["print", "print", "buffer", "write", "child", "thread"]
    assert heard.printed.split("\n") == [*(f"said by {way}" for way in ways), "half a line"]
    assert heard.content == "done"
    assert (await box.call("process")).printed == ""
    assert capfd.readouterr() == ("", "")


async def test_a_lot_that_is_printed_is_cut(box: Box) -> None:
    heard = await box.call("speak_much", size=3_000_000)
    assert heard.content == "done"
    assert heard.printed.startswith("xxx")
    assert heard.printed.endswith("[cut here: 3,000,000 bytes are too many]")
    assert len(heard.printed) < MAX_PRINTED + 100


async def test_a_thread_that_never_stops_printing(box: Box) -> None:
    assert (await box.call("speak_for_ever")).content == "done"
    heard = await box.call("speak", word="said")
    assert heard.content == "done"
    assert len(heard.printed) < MAX_PRINTED + 100
    await box.call("die", how="exit")


async def test_there_is_no_keyboard_and_no_terminal(box: Box) -> None:
    heard = json.loads((await box.call("listen")).content)
    assert heard == ["b''", "''", "EOFError", "OSError"]


# --- time -----------------------------------------------------------------------------------------


async def test_a_tool_without_an_end_is_killed_with_its_children(box: Box, pipe: Pipe) -> None:
    await box.call("keep", item="ready")
    call = asyncio.create_task(box.call("hold", pipe=pipe.path, limit_s=2))
    await pipe.begun()
    assert await call == ("The tool hold gave no answer within 2 s.", True, "holding")
    await pipe.ended()
    assert (await box.call("keep", item="after")).content == "after"


@pytest.mark.parametrize("name", ["hold", "hold_here"])
async def test_a_call_that_is_given_up_is_killed(box: Box, pipe: Pipe, name: str) -> None:
    call = asyncio.create_task(box.call(name, pipe=pipe.path))
    await pipe.begun()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await pipe.ended()


# --- mischief -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stay", "daemon"])
async def test_what_a_tool_leaves_behind_holds_nothing_up(box: Box, pipe: Pipe, name: str) -> None:
    # It ends with the test, when this end of the pipe is closed.
    end = os.open(pipe.path, os.O_RDWR)
    try:
        heard = await box.call(name, pipe=pipe.path)
        assert heard.content == ("stayed" if name == "stay" else "left")
        await box.call("die", how="exit")
        assert (await box.call("keep", item="after")).content == "after"
    finally:
        os.close(end)


async def test_a_fork_that_returns_too_is_not_heard(box: Box) -> None:
    pid = json.loads((await box.call("process")).content)[0]
    assert (await box.call("fork")).content == f"from {pid}"
    assert (await box.call("fork")).content == f"from {pid}"


async def test_a_tool_that_closes_files(box: Box, tmp_path: Path) -> None:
    assert (await box.call("close", first=0, last=3)).content == "closed"
    assert not (await box.call("keep", item="x")).is_error
    said = "the tool closed the socket that its answer goes through"
    assert await box.call("close", first=3, last=300) == (said, True, "")
    path = tmp_path / "of the tool"
    assert (await box.call("open_in_its_place", path=str(path)))[:2] == (said, True)
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    "data",
    [
        *("junk\n", "[]\n", "{}\n", "[" * 100_000 + "\n", '{"content": 4, "is_error": false}\n'),
        '{"content": "\\ud800", "is_error": false}\n',
        *('{"content": [4], "is_error": false}\n', '{"content": "x", "is_error": 1}\n'),
    ],
    ids=["text", "list", "empty", "deep", "number", "surrogate", "no blocks", "no verdict"],
)
async def test_a_tool_that_writes_to_the_socket(box: Box, data: str) -> None:
    said = "the tool wrote to the socket that its answer goes through"
    assert (await box.call("junk", data=data))[:2] == (said, True)


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("object()", "The tool's answer, of type object, is not JSON"),
        ("float('nan')", "of type float"),
        ("{1}", "of type set"),
        ("blocks", "30,000,000 can be sent"),
        ("(_ for _ in ()).throw(KeyboardInterrupt('x'))", "KeyboardInterrupt: x"),
    ],
)
async def test_answers_that_cannot_be_sent(box: Box, what: str, said: str) -> None:
    heard = await box.call("answer", what=what)
    assert heard.is_error and said in heard.content


async def test_a_huge_answer_is_cut(box: Box) -> None:
    heard = await box.call("answer", what="text")
    assert heard.content == "x" * MAX_CHARS + "\n[cut here: 10,000,000 characters are too many]"


@pytest.mark.parametrize(
    "value", [{"a": [1, "\u00e9", None]}, [{"type": "text", "text": "\u00e9"}], "\ud800", []]
)
async def test_answers_are_what_they_are_everywhere(box: Box, value: object) -> None:
    expected = {"\ud800": "\ufffd"}.get(str(value), value)
    content, is_error, _ = await box.call("answer", what=repr(value))
    if isinstance(value, dict) or value == []:
        content = json.loads(content)
    assert (content, is_error) == (expected, False)


async def test_what_goes_wrong_in_a_call_is_told_to_the_model(box: Box) -> None:
    heard = await box.call("fail", kind="x")
    assert heard == ("LookupError: no x, said [redacted]", True, "")
    said = "Invalid arguments for function fail: kind: Missing required argument"
    assert await box.call("fail") == (said, True, "")


async def test_coroutines_share_a_loop(box: Box) -> None:
    first, second = [(await box.call("on_the_loop", word="x")).content for _ in range(2)]
    assert first == second
    assert (await box.call("with_a_loop_of_its_own")).content.startswith("own ")
    assert (await box.call("on_the_loop", word="x")).content == first


# --- the import -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(3)", "the tool ended the process: exit status 3"),
        ("import os\nos.abort()", "the tool ended the process: signal 6"),
        ("import sys\nsys.exit(3)", "line 2: while it is imported: SystemExit: 3"),
        ("x = input()", "line 1: while it is imported: EOFError"),
        ("def a(:", "tools.py, line 1: invalid syntax"),
    ],
)
async def test_a_file_that_cannot_be_imported(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(ToolsError) as raised:
        await loaded(tmp_path, source)
    assert str(raised.value).startswith("tools.py") and said in str(raised.value)


async def test_a_file_that_is_not_imported_in_time(tmp_path: Path) -> None:
    with pytest.raises(ToolsError, match=r"^tools.py: it was not imported within 0.5 s$"):
        await loaded(tmp_path, "while True: ...", import_s=0.5)


async def test_an_import_that_is_given_up_is_killed(tmp_path: Path, pipe: Pipe) -> None:
    source = f"""
    held = open({pipe.path!r}, "w")
    held.write("x")
    held.flush()
    while True: ...
    """
    loading = asyncio.ensure_future(loaded(tmp_path, source))
    await pipe.begun()
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    await pipe.ended()


async def test_what_is_printed_on_import_is_heard_with_the_first_call(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'beside'\ndef helper(): ...")
    source = """
        import os
        from beside import WORD, helper
        print("imported")

        def where() -> list[str]:
            from beside import WORD
            return [WORD, __file__]

        def die():
            os._exit(3)
        """
    box = await loaded(tmp_path, source)
    assert [tool.name for tool in box.tools] == ["where", "die"]
    found = Outcome(f'["beside","{tmp_path / "tools.py"}"]', False)
    # The file may change meanwhile: the tools stay those that the model knows.
    (tmp_path / "tools.py").write_text("1/0")
    for name in ("where", "die", "where"):
        printout = Printout()
        outcome = await box.run(name, {}, printout=printout)
        assert name == "die" or outcome == found
        assert printout.text() == ("imported" if name == "where" else "")
    assert capfd.readouterr() == ("", "")


# --- the end --------------------------------------------------------------------------------------


async def test_tools_that_nobody_holds_any_more_are_ended(tmp_path: Path, pipe: Pipe) -> None:
    source = f"""
    held = open({pipe.path!r}, "w")
    held.write("x")
    held.flush()

    def tool(): ...
    """
    loading = asyncio.ensure_future(loaded(tmp_path, source))
    await pipe.begun()
    box: Toolbox | None = await loading
    del loading
    assert box is not None and await box.run("tool", {}) == ("null", False)
    box = None
    await pipe.ended()


PROGRAM: Final = """
import asyncio, os, signal, sys
from pathlib import Path
from tui.conversation.toolbox import load_tools

async def main():
    box = await load_tools(Path(sys.argv[1]))
    call = asyncio.create_task(box.run("hold", {"pipe": sys.argv[2]}))
    if sys.argv[3] == "leave":
        await asyncio.to_thread(sys.stdin.read, 1)
        sys.exit(5)
    await call

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["leave", "kill"])
async def test_they_end_with_this_program_however_it_ends(box: Box, pipe: Pipe, how: str) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(box.path), pipe.path, how),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    await pipe.begun()
    if how == "kill":
        program.kill()
    said, _ = await asyncio.wait_for(program.communicate(b"x"), HANG_S)
    assert program.returncode == (5 if how == "leave" else -9)
    assert b"Traceback" not in said and b"torn" not in said
    await pipe.ended()


async def test_a_program_without_standard_files_has_tools_too(box: Box) -> None:
    source = (
        "import asyncio, os, sys; from pathlib import Path\n"
        "from tui.conversation.toolbox import load_tools\n"
        "async def main():\n"
        "    box = await load_tools(Path(sys.argv[1]))\n"
        "    outcome = await box.run('keep', {'item': 'x'})\n"
        "    os._exit(9 if outcome == ('x', False) else 1)\n"
        "os.closerange(0, 3)\n"
        "asyncio.run(main())\n"
    )
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", source, str(box.path))
    assert await asyncio.wait_for(program.wait(), HANG_S) == 9
