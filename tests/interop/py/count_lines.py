"""Counts the lines of Python programs that are neither blank, nor comments, nor documentation: count_lines.py FILE..."""

import ast
import sys


def documented(tree):
    """The lines of strings that stand at the beginning of something, for people."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                text = node.body[0]
                yield from range(text.lineno, text.end_lineno + 1)


total = 0
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        source = file.read()
    documentation = set(documented(ast.parse(source)))
    for number, line in enumerate(source.splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#") and number not in documentation:
            total += 1
print(total)
