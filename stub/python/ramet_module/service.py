"""What a module serves: services and their methods."""


def _same(value):
  return value


class Method(object):
  """One method; generated code makes these, and services of bytes do.

  `attribute` names what implements it, by default the method's own name.
  `parse` and `serialize` turn bytes into requests, and replies into bytes.
  """

  def __init__(self, name, stream_requests=False, stream_replies=False,
               parse=_same, serialize=_same, attribute=None):
    self.name = name
    self.stream_requests = stream_requests
    self.stream_replies = stream_replies
    self.parse = parse
    self.serialize = serialize
    self.attribute = attribute or name

  @property
  def streams(self):
    return self.stream_requests or self.stream_replies


class Service(object):
  """A service: subclasses say what it is, and implement its methods.

  A method gets (request, context), or (iterator of requests, context) where
  the caller streams, and returns its reply, or an iterable of replies: as in
  grpcio. Calls come on several threads at once.
  """

  ramet_name = None  # "demo.v1.Greeter"
  ramet_methods = ()


class MethodTable(object):
  """Finds a method of some services by its path."""

  def __init__(self, services):
    self._methods = {}
    self._names = []
    for service in services:
      name = service.ramet_name
      if name is None or name in self._names:
        raise ValueError("two services, or none, are called %s" % name)
      self._names.append(name)
      for method in service.ramet_methods:
        function = getattr(service, method.attribute, None)
        self._methods["/%s/%s" % (name, method.name)] = method, function

  @property
  def service_names(self):
    return ", ".join(self._names)

  def find(self, path):
    """(Method, function or None), or None."""
    return self._methods.get(path)

  def unknown(self, path):
    """Why there is no such method."""
    _, service, method = path.split("/")
    if service in self._names:
      return 'service %s has no method "%s"' % (service, method)
    return 'the module does not serve "%s"; it serves %s' % (
        path, self.service_names)
