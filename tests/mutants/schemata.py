"""All mutants in one build: each function's body stands once for each of its mutants, and the number of the mutant that is
in force is read from the environment when the tests begin."""

import json
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SWITCH = """\
//! Which mutant is in force, and which functions were reached.
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};

static IN_FORCE: LazyLock<u32> =
    LazyLock::new(|| std::env::var("MUTANT").map_or(0, |number| number.parse().unwrap()));
static TRACE: LazyLock<Option<Mutex<std::fs::File>>> =
    LazyLock::new(|| std::env::var("MUTANTS_REACHED").ok().map(|path| Mutex::new(std::fs::File::options().append(true).open(path).unwrap())));
static REACHED: [AtomicBool; FUNCTIONS] = [const { AtomicBool::new(false) }; FUNCTIONS];

pub fn on(function: usize) -> u32 {
    if let Some(trace) = &*TRACE && !REACHED[function].swap(true, Ordering::Relaxed) {
        writeln!(trace.lock().unwrap(), "{function}").unwrap();
    }
    *IN_FORCE
}
"""


@dataclass(frozen=True)
class Mutant:
    number: int
    name: str
    file: str
    genre: str
    start: tuple[int, int]
    end: tuple[int, int]
    replacement: str
    function: tuple[str, tuple[int, int], tuple[int, int]] | None


@dataclass
class Arms:
    """Where the mutants stand in the sources that were written: file, first and last line, mutant."""

    lines: list[tuple[str, int, int, int]]
    function_of: dict[int, int]

    def mutants_at(self, file: str, line: int) -> set[int]:
        return {mutant for name, first, last, mutant in self.lines if name == file and first <= line <= last}


def listed(cargo_mutants: Path, core: Path, selection: list[str]) -> list[Mutant]:
    """The mutants of the crate, as cargo-mutants lists them."""
    command = [cargo_mutants, "mutants", "--dir", core, "--list", "--json", *selection]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def place(at: dict) -> tuple[int, int]:
        return at["line"], at["column"]

    def mutant(number: int, entry: dict) -> Mutant:
        function = entry["function"]
        if function:
            span = function["span"]
            function = (function["function_name"], place(span["start"]), place(span["end"]))
        start, end = place(entry["span"]["start"]), place(entry["span"]["end"])
        return Mutant(number, entry["name"], entry["file"], entry["genre"], start, end, entry["replacement"], function)

    return [mutant(number, entry) for number, entry in enumerate(found, start=1)]


class Source:
    """The text of a file, by line and column."""

    def __init__(self, text: str):
        self.text = text
        self.starts = [0] + [at + 1 for at, char in enumerate(text) if char == "\n"]

    def at(self, place: tuple[int, int]) -> int:
        return self.starts[place[0] - 1] + place[1] - 1

    def mutated(self, mutant: Mutant, start: int, end: int) -> str:
        """What stands between two places, with the mutant."""
        replacement = f" {mutant.replacement} "
        return self.text[start : self.at(mutant.start)] + replacement + self.text[self.at(mutant.end) : end]


def body_of(source: Source, function: tuple) -> int:
    """Where the body of a function begins: at the first brace after its name and its parameters."""
    name, start, _ = function
    named = re.compile(r"\bfn\s+" + re.escape(name.split("::")[-1]) + r"\b").search(source.text, source.at(start))
    depth, at = 0, named.end()
    while source.text[at] != "{" or depth:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(source.text[at], 0)
        at += 1
    return at


CONST = re.compile(r"^( *)((?:pub(?:\(\w+\))? )?)const (\w+): ([^=;]+) = ([^;]+);", re.MULTILINE)


def items(source: Source, mutants: list[Mutant]) -> dict[tuple[int, int, int], list[Mutant]]:
    """The mutants by the functions and constants that they are in: where that begins, where its body begins, where that ends.
    What is in a function within another one is the other one's."""
    functions = sorted({mutant.function for mutant in mutants if mutant.function}, key=lambda f: (f[1], -f[2][0]))
    constants = list(CONST.finditer(source.text))
    found = defaultdict(list)
    for mutant in mutants:
        if mutant.function:
            around = next(f for f in functions if f[1] <= mutant.function[1] and mutant.function[2] <= f[2])
            found[source.at(around[1]), body_of(source, around), source.at(around[2])].append(mutant)
        else:
            around = next(c for c in constants if c.start() <= source.at(mutant.start) < c.end())
            found[around.start(), around.start(5), around.end(5)].append(mutant)
    return dict(sorted(found.items()))


NO_CODE = re.compile(r"""(\buse [^;]+;|//[^\n]*|r#".*?"#|'"'|"(?:[^"\\]|\\.)*")""", re.DOTALL)


def constant(originals: dict[str, str], mutant: Mutant) -> str:
    """The name of the constant that a mutant is in."""
    return CONST.match(originals[mutant.file].splitlines()[mutant.start[0] - 1])[3]


def is_fixed(originals: dict[str, str], mutant: Mutant) -> str | None:
    """Why a mutant cannot be switched, where it has to stay a constant."""
    if mutant.function:
        return "a constant calls the function" if is_called_by_constant(originals, mutant) else None
    named = "{" + constant(originals, mutant)
    pieces = (piece for text in originals.values() for piece in NO_CODE.findall(text))
    return "a string names the constant" if any(named in piece for piece in pieces if piece[0] == '"') else None


def is_called_by_constant(originals: dict[str, str], mutant: Mutant) -> bool:
    name, start, _ = mutant.function
    source = Source(originals[mutant.file])
    head = source.text[source.at(start) : body_of(source, mutant.function)]
    called = re.compile(r"\b" + re.escape(name.split("::")[-1]) + r"\(")
    return "const fn " in head and any(called.search(c[5]) for text in originals.values() for c in CONST.finditer(text))


def reading(originals: dict[str, str], mutants: list[Mutant]) -> set[str]:
    """The constants that have mutants, and those that are made of them: they become functions."""
    names = {constant(originals, mutant) for mutant in mutants if not mutant.function}
    constants = [(c[3], c[5]) for text in originals.values() for c in CONST.finditer(text)]
    while more := {name for name, value in constants if names & set(re.findall(r"\w+", value))} - names:
        names |= more
    return names


def called(text: str, names: set[str]) -> str:
    """The text with these constants as functions, and with them called."""
    text = CONST.sub(lambda c: f"{c[1]}{c[2]}fn {c[3]} -> {c[4]} {{ {c[5]} }}" if c[3] in names else c[0], text)
    name = re.compile(r"\b(" + "|".join(sorted(names)) + r")\b") if names else re.compile("(?!)")
    pieces = NO_CODE.split(text)
    return "".join(piece if NO_CODE.fullmatch(piece) else name.sub(r"\1()", piece) for piece in pieces)


def write(core: Path, originals: dict[str, str], mutants: list[Mutant], alive: set[int]) -> Arms:
    """Writes the sources into the crate, with those of the mutants that are alive. Nothing that has any stays constant."""
    arms, functions = Arms([], {}), 0
    names = reading(originals, mutants)
    for file, text in originals.items():
        source = Source(text)
        pieces, done, line = [], 0, 1

        def add(piece: str) -> None:
            nonlocal line
            pieces.append(piece)
            line += piece.count("\n")

        for (item, begin, end), own in items(source, [mutant for mutant in mutants if mutant.file == file]).items():
            add(source.text[done:item])
            # Iterators that differ in type are unified by a box; what may change has to be no constant.
            head = source.text[item:begin]
            lifetime = "'a" if "<'a>" in head else "'_"
            head, boxed = re.subn(r"-> impl (\w*Iterator<.+>)(?: \+ 'a)? $", rf"-> Box<dyn \1 + {lifetime}> ", head)
            wrapped = "Box::new(%s)" if boxed else "{ %s }"
            add(re.sub(r"\bconst (?=fn )", "", head) + f"{{ match crate::schemata::on({functions}) {{\n")
            for mutant in [mutant for mutant in own if mutant.number in alive]:
                first = line
                add(f"{mutant.number} => {wrapped % source.mutated(mutant, begin, end)},\n")
                arms.lines.append((file, first, line - 1, mutant.number))
                arms.function_of[mutant.number] = functions
            add(f"_ => {wrapped % source.text[begin:end]} }} }}")
            done = end
            functions += 1
        add(source.text[done:])
        if file == "src/lib.rs":
            add("pub mod schemata;\n")
        put(core / file, called("".join(pieces), names).encode())
    put(core / "src/schemata.rs", SWITCH.replace("FUNCTIONS", str(max(functions, 1))).encode())
    return arms


def put(path: Path, content: bytes) -> None:
    """Writes a file, unless it is so already: cargo builds what is newer than the last build."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def is_of_the_switch(error: dict) -> bool:
    """Whether the compiler may have said this only because the mutant stands beside others."""
    return "`match` arms have incompatible types" in error["message"] or (error["code"] or {}).get("code") in ("E0282", "E0283")


def built(core: Path, environment: dict[str, str]) -> tuple[Path | None, list[dict]]:
    """Builds the tests: the binary, or the errors."""
    command = ["cargo", "test", "--offline", "--lib", "--no-run", "--message-format=json"]
    result = subprocess.run(command, cwd=core, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    errors = [m["message"] for m in messages if m["reason"] == "compiler-message" and m["message"]["level"] == "error"]
    binaries = [m["executable"] for m in messages if m["reason"] == "compiler-artifact" and m.get("executable")]
    if result.returncode and not errors:
        raise SystemExit(result.stderr)
    return (Path(binaries[-1]) if not result.returncode else None), errors


def blamed(error: dict, arms: Arms) -> set[int]:
    """The mutants that an error of the compiler is about."""

    def spans(message: dict, primary: bool) -> list[dict]:
        own = [span for span in message["spans"] if span["is_primary"] or not primary]
        return own + ([] if primary else [span for child in message["children"] for span in spans(child, False)])

    for primary in (True, False):
        places = [place for span in spans(error, primary) for place in expanded(span)]
        # An arm is one piece: what spans several is the whole match.
        at = [arms.mutants_at(file, first) for file, first, last in places if arms.mutants_at(file, first) == arms.mutants_at(file, last)]
        if found := set().union(*at):
            return found
    return set()


def expanded(span: dict) -> list[tuple[str, int, int]]:
    """A place, and those of the macro calls that it comes from."""
    here = [(span["file_name"], span["line_start"], span["line_end"])]
    return here + (expanded(span["expansion"]["span"]) if span.get("expansion") else [])
