"""Python without comments and docstrings, for what travels to targets.

Lines stay where they are, so that tracebacks name the right ones; empty lines
cost nothing once they are compressed.
"""

import ast
import io
import tokenize

_WITH_DOCSTRINGS = (ast.Module, ast.ClassDef, ast.FunctionDef,
                    ast.AsyncFunctionDef)


def strip(source):
  """The same program, without what only readers need."""
  lines = source.split("\n")
  for token in tokenize.generate_tokens(io.StringIO(source).readline):
    if token.type == tokenize.COMMENT:
      row, column = token.start
      lines[row - 1] = lines[row - 1][:column].rstrip()
  for node in ast.walk(ast.parse(source)):
    if (isinstance(node, _WITH_DOCSTRINGS) and
        ast.get_docstring(node) is not None):
      text = node.body[0]
      alone = len(node.body) == 1 and not isinstance(node, ast.Module)
      lines[text.lineno - 1:text.end_lineno] = (
          [" " * text.col_offset + "pass" if alone else ""] +
          [""] * (text.end_lineno - text.lineno))
  return "\n".join(lines)
