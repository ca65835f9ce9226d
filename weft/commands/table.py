"""The commands of `weft`: one table of what can be written on the command line.

A command is a line with its name, the function that obeys it (imported when it is
asked, so that `weft --help` is quick) and what it does; a line with an example; and a
line for each thing that it takes, with what that is for and, in brackets, its default.

    --out FILE!      must be given            | --set A=B   of these lines one at most,
    PATH...          may be given many times  |! --quote    or exactly one
    {stats,clear}    one of these words       @run          what all of that kind take

N stands for a whole number of 1 or more, X for a number in [0, 1].
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .output import Outcome

TARGET = """\
TARGET is path/to/file.py:name, package.module:name, or path/to/NAME.weft.json.
A file or module is imported, as `python` would do; an artifact runs nothing."""

_TABLE = r"""
demo  demo:demo  compile a small program, offline and without a key
  $ weft demo --out weft-demo
  --out DIR               where it is written  [weft-demo]
  --real                  on a small real model that runs here (127 MB to install,
                          minutes)

run  run:run  run a program, once or on rows
  $ weft run app.py:triage --model openai/gpt-5-mini --set message='no card'
  @run
  | --set INPUT=VALUE...  an input: text as it is, other types as JSON; once for each
  | --data FILE           rows: .jsonl, .csv, .parquet, .xlsx; a JSON line for each

eval  evaluate:measure  measure a program: a mean with its 95 % interval
  $ weft eval app.py:triage --data rows.jsonl --metric exact:team
  @measured
  --repeats N             answers to each row  [1]
  --html FILE             also write a page, row by row
  --save FILE             also write JSON with prompts, for weft review
  --fail-under X          exit 3 below X, in [0, 1]
  --edition {newest}      measure it too with its forms in their newest edition, and
                          compare; --html, --save and --fail-under are of that one
  --out FILE              with --edition: the artifact in that edition; else no file is
                          changed

draft  writing:write_draft  have a first instruction written, from a task in words
  $ weft draft app.py:triage --task 'Route messages to the team that can solve them.'
  @asking
  --task TEXT!            what is to be done, in your own words
  --out FILE              the artifact, NAME.weft.json; else it is printed alone

critique  writing:criticize  say what is unclear in a program's prompts; nothing is run
  $ weft critique app.py:triage --data rows.jsonl
  @asking
  --module PATH           of one module only
  --data FILE             rows: a model that sees the prompt and inputs alone says too
                          what it lacks
  --inputs N              how many inputs it sees  [5]

interview  writing:hold_interview  ask you about a task, and write the instruction
  $ weft interview app.py:triage --task 'Route messages.' --out triage.weft.json
  @asking
  --task TEXT             the task in a few words  []
  --most N                questions at the most; answers are lines of stdin  [8]
  --out FILE              the artifact, NAME.weft.json; else it is printed alone
  --answers FILE          what is typed, as it is typed; else NAME.interview.jsonl
                          beside --out

revise  writing:write_revision  have an instruction changed, by a note or a document
  $ weft revise app.py:triage --note 'Not so formal.' --out triage.weft.json
  @asking
  |! --note TEXT          what is to be otherwise
  |! --paper FILE         a text, whose technique is applied
  --module PATH           of one module only
  --out FILE              the artifact, NAME.weft.json; else it is printed alone
  --keep                  --out may be there: it is kept in the folder history beside it

synthesize  writing:make_rows  have rows made up, for a person to go through
  $ weft synthesize app.py:triage --rows 20 --data rows.jsonl --out drafts.jsonl
  @asking
  --rows N                how many  [20]
  --data FILE...          rows that are there: none of them comes again; once for each
  --out FILE!             drafts, .jsonl

faithfulness  writing:probe_reasoning  change a program's reasoning; count what follows
  $ weft faithfulness app.py:solve --data rows.jsonl
  @run
  --data FILE!            rows, .jsonl or .csv
  --module PATH           the module, where several reason

gate  gates:gate  test a program before it ships, and say pass or fail
  $ weft gate app.py:triage --data rows.jsonl --metric exact:team --each '2 calls'
  @measured
  --suite NAME...         score, edge, noise, style, red-team, cost; once for each; else
                          all of them
  --fail-under SHARE...   exit 3 below it, in [0, 1]: noise=0.8, once for each suite, or
                          0.8 for all
  --field INPUT...        an input that strangers write; else every input with text
  --each LIMIT            what one row may cost, for the cost suite: "2 calls"
  --most N                rows that are written anew by each kind  [50]
  --seed SEED             of every random choice  [0]
  --html FILE             also write a page
  --quote                 say what it would cost, and stop

try  gates:side_by_side  run several programs or prompts on the same rows, side by side
  $ weft try app.py:short app.py:long --data rows.jsonl --html tries.html
  TARGET...               programs or modules; each is a column
  --instruction TEXT...   one more column: the first target with this instruction; once
                          for each
  --data FILE!            rows, .jsonl or .csv
  --metric METRIC         as for eval; without it nothing is scored
  --html FILE             also write a page, with every prompt
  --model NAME            e.g. "openai/gpt-5-mini"
  --api-base URL          the model's server
  --lms NAME=MODEL...     who answers for a module, by its path
  --budget LIMIT          for all calls together: "500 calls", "$2", "200k tokens"
  --concurrency N         rows at once  [64]

take-eval  gates:take_eval  answer the rows yourself, and be scored as a program is
  $ weft take-eval app.py:triage --data rows.jsonl --metric exact:team
  @program
  --data FILE!            rows with labels, which are not shown
  --metric METRIC!        as for eval
  --save FILE             also write JSON, for weft review and weft blind
  --out FILE              what is typed, as it is typed; else NAME.answers.jsonl beside
                          --data

blind  gates:blind  pick the better answers of several systems, their names hidden
  $ weft blind before.eval.json after.eval.json --open
  FILE...                 of weft eval --save, one for each system; the names of the
                          files are those of the systems
  --out FILE              what is picked; else blind.jsonl beside the first FILE
  --seed SEED             of the order of the answers  [0]
  --port PORT             on 127.0.0.1
  --open                  open the browser too

compile  compile:improve  make a program better, and save it
  $ weft compile app.py:triage --data rows.jsonl --metric exact:team
    --budget '500 calls' --run-dir runs/triage --out programs/triage.weft.json
  @measured
  --val FILE              rows to select on
  --compiler NAME         auto (the default), labeled-few-shot, bootstrap-random-search,
                          ape, gepa, ...: a class of weft.compilers in lower case; an
                          unknown name lists them all  [auto]
  --option NAME=VALUE...  a setting of the compiler, such as demos=16; once for each
  --seed SEED             of every random choice  [0]
  --run-dir DIR           journal of paid answers; resumes from there
  --passing X             the score from which a run is shown as a demo; else 1, and 0.5
                          where no run has that
  --html FILE             also write the report's page
  |! --out FILE           the artifact, NAME.weft.json
  |! --quote              say what it would cost, and stop
  --keep                  keep the version that --out replaces, in the folder history
                          beside it
  --require-gain          without an improvement write nothing and exit 3

explain  evaluate:ablate  tell which part of a compiled program earns its gain
  $ weft explain programs/triage.weft.json --data rows.jsonl --metric exact:team
  @measured
  --base TARGET           the program as it was; else its signatures' own instructions,
                          no demos
  --each-demo             each demo is a part of its own

finetune  run:finetune  write chats for fine-tuning, from the rows that went well
  $ weft finetune app.py:triage --data rows.jsonl --metric exact:team --out chats.jsonl
  @measured
  --out FILE!             JSONL of chats
  --at-least X            the least score in [0, 1] of a row that is taken; else 1  [1]
  --module PATH           of one module only

probe  tools:probe  ask a model's server what it can do, and what form it follows
  $ weft probe lm_studio/qwen3-8b
  MODEL                   e.g. "ollama/llama3.2"
  --api-base URL          the model's server
  | --quote               say what it would cost, and stop
  | --forget              drop what is known; asks nobody

watch  watch:watch  follow a compile that has a --run-dir
  $ weft watch runs/triage
  RUN_DIR                 it is only read

steer  compile:steer  say something to a compile that has a --run-dir
  $ weft steer runs/triage --hint 'Refunds are for the osprey team.'
  RUN_DIR                 where it is going on, or will go on
  |! --hint TEXT          its writers are told, and it is tried as an instruction
  |! --branch ID          start the next round from this candidate
  |! --pause              end before the next round, with the best so far; the same
                          compile goes on
  --module PATH           the module that a hint is for; else all

review  tools:review  score, correct and comment rows on a local page
  $ weft review triage.eval.json --open
  FILE                    of weft eval --save or --json, or a RUN_DIR
  --out FILE              remarks; else NAME.feedback.jsonl beside FILE
  --port PORT             on 127.0.0.1
  --open                  open the browser too

show  artifacts:show  print a program: graph, signatures, instructions, demos
  $ weft show programs/triage.weft.json --prompt
  @program
  | --prompt              the full prompts too
  | --mermaid             the graph as mermaid
  | --svg                 the graph as one SVG element
  | --html FILE           also write a page

check  artifacts:check  find wiring mistakes in files and folders, without a model
  $ weft check app.py
  PATH...                 files and folders

package  artifacts:package  make a folder of artifacts importable: from DIR import NAME
  $ weft package programs
  DIR                     the folder

cache  tools:cache  look after the answers kept on disk
  $ weft cache prune --to 500MB
  ACTION {stats,verify,clear,prune}
  --dir DIR               else WEFT_CACHE, or .weft/cache
  --to SIZE               prune to this, such as 500MB

diff  artifacts:diff  say what differs between two programs; exit 1 if anything does
  $ weft diff programs/triage.weft.json app.py:triage
  BEFORE                  a TARGET
  AFTER                   a TARGET

verify  artifacts:verify  check that artifacts have an evaluation that belongs to them
  $ weft verify programs --fail-under 0.8
  PATH...                 artifacts, or folders of them
  --eval FILE...          of weft eval --save, once for each; else NAME.eval.json beside
                          each
  --fail-under X          exit 3 below X, in [0, 1]

log  artifacts:log  list the versions of artifacts, the newest first
  $ weft log programs
  PATH                    a folder, or one NAME.weft.json

rollback  artifacts:rollback  put an earlier version of an artifact back in its place
  $ weft rollback programs/triage.weft.json --to production
  FILE                    NAME.weft.json
  --to VERSION            a label, or the first digits of a digest; else the parent

label  artifacts:label  let a name such as production point at a version
  $ weft label programs production programs/triage.weft.json
  DIR                     the folder of artifacts
  NAME                    the label, one word
  VERSION                 an artifact, a label, or the first digits of a digest

export  artifacts:export  write a program's prompts in the form of another tool
  $ weft export programs/triage.weft.json --to openai-messages
  @program
  --to! {openai-messages,litellm,dspy,langfuse,mlflow}
  --rename PREDICTOR=MODULE...  what a module is called in DSPy; once for each
  --out FILE              else it is printed

import-dspy  artifacts:import_dspy  make an artifact of a state that DSPy saved
  $ weft import-dspy qa.json --program app.py:qa --out programs/qa.weft.json
  STATE                   JSON of dspy.Module.save
  --program TARGET!       the same program in weft
  --rename PREDICTOR=MODULE...  where a predictor of the state belongs; once for each
  --out FILE!             the artifact, NAME.weft.json

schema  artifacts:schema  print the JSON Schema of artifacts
  $ weft schema

mcp  run:mcp  serve programs as tools, to clients of the Model Context Protocol
  $ weft mcp serve app.py:triage --model openai/gpt-5-mini
  ACTION {serve}
  TARGET...               programs, modules, tools or functions; each becomes a tool
  --http PORT             by HTTP at /mcp; else by stdin and stdout
  --host HOST             with --http  [127.0.0.1]
  --allow-host HOST...    with --http: a further host, with its port, that requests may
                          name; once for each
  --model NAME            e.g. "openai/gpt-5-mini"
  --api-base URL          the model's server
  --lms NAME=MODEL...     who answers for a module, by its path
  --budget LIMIT          for all calls together: "500 calls", "$2", "200k tokens"

soft  artifacts:soft  trained words and tuned weights, for servers and for peft
  $ weft soft bake programs/triage.weft.json --model base.gguf --out base+weft.gguf
  $ weft soft adapter programs/triage.weft.json --model base.gguf --out triage.gguf
  ACTION {bake,adapter,export,import}
  PROGRAM...              artifacts; all but bake take one
  --model MODEL!          the weights: PATH.gguf, or a folder of transformers
  --out PATH              bake: the new model, PATH.gguf or a folder; adapter: of
                          llama.cpp, PATH.gguf; import: the artifact, NAME.weft.json
  --peft FOLDER           export, import: what peft saves and loads
  --module PATH           all but bake: the module, where there are several
  --slot {soft,lora}      export: what of it, where it has both
  --place {front,before,after}  import: where the words stand; else front

trace  traces:trace  show what happened in runs that a log has kept
  $ weft trace show runs/traces.jsonl --last 3
  ACTION {show}
  FILE                    of trace_log= or WEFT_TRACE_LOG
  | --run ID              the run whose id begins like this
  | --last N              the last N runs, else one  [1]
  --prompts               every message and reply, in full

@program
  TARGET                  a program or a module
  --program TARGET        the live program of an artifact that calls steps

@asking
  @program
  --model NAME            e.g. "openai/gpt-5-mini"
  --api-base URL          the model's server
  --lms NAME=MODEL...     who answers for a module, by its path or by the name of
                          the model that a compile chose
  --budget LIMIT          "500 calls", "$2", "200k tokens"

@run
  @asking
  --concurrency N         rows at once  [64]

@measured
  @run
  --data FILE!            rows with labels: .jsonl, .csv, .parquet, .xlsx
  --metric METRIC!        exact:FIELD, f1:FIELD, contains:FIELD, choice:FIELD,
                          numeric:FIELD, set-match:FIELD, semantic-f1:FIELD,
                          fields:FIELD,FIELD, or your own function as file.py:name

@all
  --json                  one JSON document
  --quiet                 no progress, no remarks
"""


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number of 1 or more")
    return int(text)


def share(text: str) -> float:
    """Read a number in [0, 1]."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no number in [0, 1], such as 0.8")
    return value


_READ: dict[str, Callable[[str], Any]] = {
    "N": count,
    "X": share,
    "SEED": int,
    "PORT": int,
}


def _blocks() -> dict[str, list[str]]:
    """The lines of each block of the table; what goes on below a line is part of it."""
    found = re.sub(r"\n {4,}", " ", _TABLE.strip()).split("\n\n")
    return {block.split()[0]: block.split("\n") for block in found}


_BLOCKS = _blocks()
COMMANDS = [name for name in _BLOCKS if not name.startswith("@")]
"""The names of the commands, in the order of the help."""


def function_of(name: str) -> Callable[[argparse.Namespace], Outcome]:
    """What a command does, from its file, which is imported now."""
    file, _, function = _BLOCKS[name][0].split("  ")[1].partition(":")
    does: Callable[[argparse.Namespace], Outcome]
    does = getattr(import_module(f".{file}", __package__), function)
    return does


def example_of(name: str) -> str:
    """One line of a command, as somebody would type it."""
    return _BLOCKS[name][1].strip().removeprefix("$ ")


def words_of(name: str) -> dict[str, str]:
    """What a command takes: what is typed for it, by its name in the namespace."""
    heads = [line.lstrip("|! ").split("  ")[0] for line in _lines(name)]
    words = [re.split(r"[ !.]", head)[0] for head in heads]
    return {word.lstrip("-").replace("-", "_").lower(): word for word in words}


def add_command(name: str, commands: Any) -> None:
    """Add a command to the parser of the command line."""
    about = _BLOCKS[name][0].split("  ")[2]
    lines = [*_lines(name), *_lines("@all")]
    targets = any("TARGET" in line for line in lines)
    words: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about.replace("%", "%%"),
        description=f"{about[:1].upper()}{about[1:]}."
        + (f"\n\n{TARGET}" if targets else ""),
        epilog=f"example:\n  {example_of(name)}\n\nweft --help says the exit codes.",
    )
    words.set_defaults(command=name)
    group: Any = None
    for line in lines:
        if not line.startswith("|"):
            _add(words, line)
            continue
        must = line.startswith("|!")
        group = group or words.add_mutually_exclusive_group(required=must)
        _add(group, line.lstrip("|! "))


def _lines(name: str) -> Iterator[str]:
    """What a command takes, line by line."""
    for line in map(str.strip, _BLOCKS[name][1:]):
        if line.startswith("@"):
            yield from _lines(line)
        elif not line.startswith("$"):
            yield line


def _add(words: Any, line: str) -> None:
    """Add what one line of the table says."""
    said, about, default = [*re.split(r" {2,}", line), "", ""][:3]
    name, _, metavar = said.replace("!", "").replace("...", "").partition(" ")
    given: dict[str, Any] = {"help": about or None}
    option = name.startswith("--")
    if "{" in metavar:
        given["choices"] = metavar.strip("{}").split(",")
    elif option and not metavar:
        given["action"] = "store_true"
    else:
        given |= {"metavar": metavar or name, "type": _READ.get(metavar, str)}
    if default:
        given["default"] = given["type"](default[1:-1])
    if "..." in said:
        given |= {"action": "append", "default": []} if option else {"nargs": "+"}
    if "!" in said:
        given["required"] = True
    words.add_argument(name if option else name.lower(), **given)
