"""A context, or a module, that sends whatever a case says."""
