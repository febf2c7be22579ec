"""What a module serves: services, their methods and their limits."""

# As many calls as wait for a service whose author has not said how many.
DEFAULT_MAX_QUEUED_CALLS = 1024


def _same(value):
  return value


class Method(object):
  """One method; generated code makes these, and services of bytes do.

  `attribute` names what implements it, by default the method's own name.
  `parse` and `serialize` turn bytes into requests, and replies into bytes.
  Calls of a `serial` one run one at a time.
  """

  def __init__(self, name, stream_requests=False, stream_replies=False,
               parse=_same, serialize=_same, attribute=None, serial=False):
    self.name = name
    self.stream_requests = stream_requests
    self.stream_replies = stream_replies
    self.parse = parse
    self.serialize = serialize
    self.attribute = attribute or name
    self.serial = serial

  @property
  def streams(self):
    return self.stream_requests or self.stream_replies


class ServiceOptions(object):
  """What a service takes: the options of its .proto (docs/calls.md).

  None: not said. 0 concurrent calls: no limit; 0 bytes: as the module.
  `serial` says by a method's name whether its calls run one at a time.
  """

  def __init__(self, max_concurrent_calls=None, max_queued_calls=None,
               max_message_bytes=None, serial=None):
    self.max_concurrent_calls = max_concurrent_calls
    self.max_queued_calls = max_queued_calls
    self.max_message_bytes = max_message_bytes
    self.serial = dict(serial or {})


class Service(object):
  """A service: subclasses say what it is, and implement its methods.

  A method gets (request, context), or (iterator of requests, context) where
  the caller streams, and returns its reply, or an iterable of replies: as in
  grpcio. Calls come on several threads at once.
  """

  ramet_name = None  # "demo.v1.Greeter"
  ramet_methods = ()
  ramet_options = ServiceOptions()


class Limits(object):
  """Of one service, in numbers."""
  __slots__ = ("service", "max_concurrent_calls", "max_queued_calls",
               "max_message_bytes")

  def __init__(self, service, *options):
    """What later options say goes before what earlier ones do."""
    self.service = service
    self.max_concurrent_calls = 0
    self.max_queued_calls = DEFAULT_MAX_QUEUED_CALLS
    self.max_message_bytes = 0
    for name in self.__slots__[1:]:
      for each in options:
        value = getattr(each, name)
        if value is not None:
          setattr(self, name, value)


class Entry(object):
  """A method in the table.

  `function` is None where nothing implements it; calls of a `limited` one may
  have to wait for others (CallAdmission).
  """
  __slots__ = "method", "function", "limits", "serial", "limited"

  def __init__(self, method, function, limits, serial):
    self.method, self.function = method, function
    self.limits, self.serial = limits, serial
    self.limited = serial or limits.max_concurrent_calls > 0


class MethodTable(object):
  """Finds a method of some services by its path.

  `options` are ServiceOptions by the services' names, in place of what their
  authors say. ValueError: they name what there isn't.
  """

  def __init__(self, services, options=None):
    options = dict(options or {})
    self._methods = {}
    self._names = []
    for service in services:
      name = service.ramet_name
      if name is None or name in self._names:
        raise ValueError("two services, or none, are called %s" % name)
      self._names.append(name)
      said = options.pop(name, None) or ServiceOptions()
      limits = Limits(name, service.ramet_options, said)
      serial = dict(said.serial)
      for method in service.ramet_methods:
        self._methods["/%s/%s" % (name, method.name)] = Entry(
            method, getattr(service, method.attribute, None), limits,
            serial.pop(method.name, method.serial))
      if serial:
        raise ValueError("the options of %s name a method that it does not "
                         "have" % name)
    for name in options:
      raise ValueError("the options name service %s, which the module does "
                       "not have" % name)

  @property
  def service_names(self):
    return ", ".join(self._names)

  def find(self, path):
    """An Entry, or None."""
    return self._methods.get(path)

  def unknown(self, path):
    """Why there is no such method."""
    _, service, method = path.split("/")
    if service in self._names:
      return 'service %s has no method "%s"' % (service, method)
    return 'the module does not serve "%s"; it serves %s' % (
        path, self.service_names)
