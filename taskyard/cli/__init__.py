"""The command line: `taskyard …`.

`main` starts it, `root` knows every command without importing it, `commands/` holds one module each. Data goes to
stdout, everything said to a person goes to stderr.
"""
