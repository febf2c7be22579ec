"""Imports all that is generated for Python, and serves it."""

import importlib

import ramet_module

_FILES = ("comments", "conflicts", "conflicts_below", "conflicts_beside",
          "imports", "keywords", "limits", "messages_only", "nested",
          "no_package", "odd_name.v1", "other", "proto2", "public_import",
          "python_keywords", "streams")


def _services():
  for name in _FILES:
    module = importlib.import_module("codegen.testdata.%s_ramet" % name)
    for each in vars(module).values():
      if isinstance(each, type) and issubclass(each, ramet_module.Service):
        service = each()
        for method in service.ramet_methods:
          getattr(service, method.attribute)  # each has one
        yield service


ramet_module.run(*_services())
