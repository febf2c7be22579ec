"""Who may come in at the front door: TLS, the clients file, other users."""

import json
import os
import re
import subprocess
import sys

from fixtures import cases
from fixtures import certificates
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import poll
from fixtures import ports

import grpc

CALL_S = 30

_CLIENTS = """
client {
  name: "deploy"
  certificate: "uri:spiffe://prod/deploy"
  allow { target: "local:web*" method: "demo.v1.Greeter/*"
          admin: "ramet.v1.Contexts/*" }
}
client {
  name: "auditor"
  certificate: "cn:auditor"
  certificate: "dns:auditor.example.org"
  allow { target: "**" admin: "ramet.v1.Contexts/List"
          admin: "grpc.health.v1.Health/*" }
  allow { admin: "grpc.*/*" admin: "ramet.v1.Modules/Describe"
          admin: "ramet.v1.Modules/List" }
}
"""


def tcp_address(serving):
  """Where it listens, as gRPC wants it."""
  return poll.until(lambda: re.search(r"listening on tcp:(\S+)\n",
                                      serving.log()), "the port").group(1)


class MutualTlsTest(cases.Case):

  checks_leftovers = False

  @classmethod
  def prepare(cls):
    cls.authority = certificates.Authority(cls.shared, "authority")
    cls.other_authority = certificates.Authority(cls.shared, "elsewhere")
    cls.server_pair = cls.authority.sign("master", ["IP:127.0.0.1",
                                                    "DNS:localhost"])
    cls.clients_file = cls.shared.write("clients", _CLIENTS)
    cls.tls_flags = ("--tls-cert", cls.server_pair.cert, "--tls-key",
                     cls.server_pair.key, "--tls-client-ca",
                     cls.authority.pair.cert)
    cls.master = master.Master(
        cls.shared, cli_fixture.Cli(cls.shared), "--listen", "tcp:127.0.0.1:0",
        "--clients", cls.clients_file, *cls.tls_flags)
    cls.addClassCleanup(cls.master.stop)
    cls.address = tcp_address(cls.master)
    ((cls.contexts_pb, cls.contexts_stub), (cls.greeter_pb, cls.greeter_stub),
     (cls.probe_pb, cls.probe_stub)) = front_door.generate(cls.shared)
    ((cls.health_pb, cls.health_stub),
     (cls.reflection_pb, cls.reflection_stub), _,
     (cls.channelz_pb, cls.channelz_stub)) = front_door.standard(cls.shared)
    cls.deploy = cls.authority.sign("anything", ["URI:spiffe://prod/deploy"])
    cls.auditor = cls.authority.sign("auditor")

  def channel(self, pair):
    credentials = grpc.ssl_channel_credentials(
        self.authority.pair.cert.read_bytes(),
        *((pair.key.read_bytes(), pair.cert.read_bytes()) if pair else ()))
    channel = grpc.secure_channel(self.address, credentials)
    self.addCleanup(channel.close)
    return channel

  def greet(self, channel, target):
    return self.greeter_stub.GreeterStub(channel).SayHello(
        self.greeter_pb.HelloRequest(name="Ada"),
        metadata=front_door.to(target), timeout=CALL_S)

  def fails(self, code, call, *arguments, text=""):
    with self.assertRaises(grpc.RpcError) as caught:
      call(*arguments)
    self.assertEqual(code, caught.exception.code().name,
                     caught.exception.details())
    if text:
      self.assertRegex(caught.exception.details(), text)

  def test_a_client_in_the_file_may_what_its_rules_say(self):
    channel = self.channel(self.deploy)
    self.assertIn("Ada", self.greet(channel, "local:web1").message)
    for target in ("local:db", "local:web1/local:", "local:"):
      self.fails("PERMISSION_DENIED", self.greet, channel, target,
                 text=f"uri:spiffe://prod/deploy.*{target}.*no rule")
    probe = self.probe_stub.ProbeStub(channel)
    self.fails("PERMISSION_DENIED", lambda: probe.Info(
        front_door.empty(self.probe_pb), metadata=front_door.to("local:web1"),
        timeout=CALL_S), text="probe.v1.Probe/Info")

  def test_the_authority_names_a_target_and_is_checked_like_it(self):
    credentials = grpc.ssl_channel_credentials(
        self.authority.pair.cert.read_bytes(),
        self.deploy.key.read_bytes(), self.deploy.cert.read_bytes())
    for authority, code in (("local%3Aweb2", None),
                            ("local%3Adb", "PERMISSION_DENIED"),
                            ("localhost", "INVALID_ARGUMENT")):
      with grpc.secure_channel(self.address, credentials, options=(
          ("grpc.default_authority", authority),
          ("grpc.ssl_target_name_override", "localhost"))) as channel:
        call = lambda: self.greeter_stub.GreeterStub(channel).SayHello(
            self.greeter_pb.HelloRequest(name="Ada"), timeout=CALL_S)
        if code:
          self.fails(code, call)
        else:
          self.assertIn("Ada", call().message)

  def test_lists_show_what_the_client_may_see(self):
    owner = self.contexts_stub.ContextsStub(
        self.until_end(front_door.channel(self.master.address)))
    for name in ("local:web9", "local:hidden"):
      owner.Connect(self.contexts_pb.ConnectRequest(target=name),
                    timeout=CALL_S)
    seen = self.contexts_stub.ContextsStub(self.channel(self.deploy)).List(
        self.contexts_pb.ListRequest(), timeout=CALL_S)
    names = [c.name for c in seen.contexts]
    self.assertIn("local:web9", names)
    self.assertNotIn("local:hidden", names)
    watch = self.contexts_stub.ContextsStub(self.channel(self.deploy)).Watch(
        self.contexts_pb.WatchRequest(), timeout=CALL_S)
    names = [c.name for c in next(watch).snapshot.contexts]
    watch.cancel()
    self.assertIn("local:web9", names)
    self.assertNotIn("local:hidden", names)

  def test_admin_methods_need_a_rule_for_the_context(self):
    stub = self.contexts_stub.ContextsStub(self.channel(self.deploy))
    pb = self.contexts_pb
    for call, request in (
        (stub.Connect, pb.ConnectRequest(target="local:db")),
        (stub.Get, pb.GetRequest(name="local:db")),
        (stub.Disconnect, pb.DisconnectRequest(name="local:db")),
        (stub.Shutdown, pb.ShutdownRequest(name="local:db")),
        (stub.Links, pb.LinksRequest()),
        (stub.Links, pb.LinksRequest(name="local:db"))):
      self.fails("PERMISSION_DENIED", lambda: call(request, timeout=CALL_S))
    self.fails("PERMISSION_DENIED", lambda: list(stub.ConnectWithProgress(
        pb.ConnectRequest(target="local:db"), timeout=CALL_S)))
    auditor = self.contexts_stub.ContextsStub(self.channel(self.auditor))
    auditor.List(pb.ListRequest(), timeout=CALL_S)
    self.fails("PERMISSION_DENIED", lambda: auditor.Disconnect(
        pb.DisconnectRequest(name="local:"), timeout=CALL_S))
    for call, request in ((auditor.Watch, pb.WatchRequest()),
                          (auditor.Logs, pb.LogsRequest())):
      self.fails("PERMISSION_DENIED",
                 lambda: list(call(request, timeout=CALL_S)))

  def test_modules_are_listed_and_changed_by_who_may(self):
    pb, stub = front_door.modules(self.shared)
    auditor = stub.ModulesStub(self.channel(self.auditor))
    deploy = stub.ModulesStub(self.channel(self.deploy))
    listed = auditor.List(pb.ListModulesRequest(), timeout=CALL_S)
    self.assertEqual(["greeter", "probe"], [m.name for m in listed.modules])
    self.fails("PERMISSION_DENIED", lambda: deploy.List(
        pb.ListModulesRequest(), timeout=CALL_S))
    for modules in (auditor, deploy):
      self.fails("PERMISSION_DENIED", lambda: modules.Load(
          iter([pb.LoadRequest(options=pb.LoadOptions())]), timeout=CALL_S))
      self.fails("PERMISSION_DENIED", lambda: modules.Unload(
          pb.UnloadRequest(what="greeter"), timeout=CALL_S))
      self.fails("PERMISSION_DENIED", lambda: list(modules.Watch(
          pb.WatchModulesRequest(), timeout=CALL_S)))

  def test_standard_services_need_rules_and_the_doors_health_does_not(self):
    for pair, allowed in ((self.deploy, False), (self.auditor, True)):
      channel = self.channel(pair)
      calls = (
          lambda: self.channelz_stub.ChannelzStub(channel).GetServers(
              self.channelz_pb.GetServersRequest(), timeout=CALL_S),
          lambda: list(self.reflection_stub.ServerReflectionStub(
              channel).ServerReflectionInfo(iter([
                  self.reflection_pb.ServerReflectionRequest(
                      list_services="")]), timeout=CALL_S)),
          lambda: channel.unary_unary("/ramet.v1.Modules/Describe")(
              front_door.modules(self.shared)[0].DescribeRequest(
                  service="demo.v1.Greeter").SerializeToString(),
              timeout=CALL_S))
      for call in calls:
        if allowed:
          call()
        else:
          self.fails("PERMISSION_DENIED", call)
      check = lambda name: self.health_stub.HealthStub(channel).Check(
          self.health_pb.HealthCheckRequest(service=name), timeout=CALL_S)
      self.assertEqual(self.health_pb.HealthCheckResponse.SERVING,
                       check("").status)
      self.fails("NOT_FOUND" if allowed else "PERMISSION_DENIED", check,
                 "local:nobody")

  def test_channelz_shows_the_sockets(self):
    stub = self.channelz_stub.ChannelzStub(self.channel(self.auditor))
    pb = self.channelz_pb
    servers = stub.GetServers(pb.GetServersRequest(), timeout=CALL_S).server
    sockets = [s for server in servers for s in stub.GetServerSockets(
        pb.GetServerSocketsRequest(server_id=server.ref.server_id),
        timeout=CALL_S).socket_ref]
    socket = stub.GetSocket(pb.GetSocketRequest(
        socket_id=sockets[-1].socket_id), timeout=CALL_S).socket
    self.assertGreater(socket.data.streams_started, 0)
    self.assertTrue(socket.remote.HasField("tcpip_address"), socket)

  def test_a_client_that_is_not_in_the_file(self):
    stranger = self.channel(self.authority.sign("stranger", ["DNS:x.org"]))
    self.fails("PERMISSION_DENIED", self.greet, stranger, "local:web1",
               text="dns:x.org, cn:stranger.*no such client")
    # A name of the wrong kind is another name.
    pretender = self.channel(self.authority.sign("spiffe://prod/deploy"))
    self.fails("PERMISSION_DENIED", self.greet, pretender, "local:web1",
               text="no such client")

  def test_certificates_that_tls_refuses(self):
    refused = {
        "none": None,
        "of another authority": self.other_authority.sign(
            "x", ["URI:spiffe://prod/deploy"]),
        "expired": self.authority.sign("x", ["URI:spiffe://prod/deploy"],
                                       expired=True),
    }
    for what, pair in refused.items():
      with self.subTest(what):
        self.fails("UNAVAILABLE", self.greet, self.channel(pair), "local:web1")
    log = self.master.log()
    self.assertIn("Handshake failed", log)
    for why in ("PEER_DID_NOT_RETURN_A_CERTIFICATE|peer did not return a "
                "certificate", "certificate verify failed"):
      self.assertRegex(log, re.compile(why, re.IGNORECASE))
    self.assertIn("Ada", self.greet(self.channel(self.deploy),
                                    "local:web1").message)

  def test_a_server_that_the_client_does_not_trust(self):
    channel = grpc.secure_channel(self.address, grpc.ssl_channel_credentials(
        self.other_authority.pair.cert.read_bytes(),
        self.deploy.key.read_bytes(), self.deploy.cert.read_bytes()))
    self.addCleanup(channel.close)
    self.fails("UNAVAILABLE", self.greet, channel, "local:web1")

  def test_plain_text_is_no_tls(self):
    channel = grpc.insecure_channel(self.address)
    self.addCleanup(channel.close)
    self.fails("UNAVAILABLE", self.greet, channel, "local:web1")

  def test_the_owner_on_the_unix_socket_needs_no_rule(self):
    channel = self.until_end(front_door.channel(self.master.address))
    self.assertIn("Ada", self.greet(channel, "local:db").message)

  def test_the_cli_comes_in_over_tcp(self):
    flags = ("--master", f"tcp:{self.address}", "--tls-cert", self.deploy.cert,
             "--tls-key", self.deploy.key, "--tls-ca", self.authority.pair.cert)
    self.assert_greets(self.greet_cli("local:web1", *flags))
    self.assert_fails(self.greet_cli("local:db", *flags), "PERMISSION_DENIED",
                      text="no rule")
    self.assert_fails(self.greet_cli("local:web1", *flags[:2]),
                      "INVALID_ARGUMENT", text="--tls-cert")

  def greet_cli(self, *arguments):
    return super().greet(*arguments)

  def serve_fails(self, *flags):
    return self.cli.run("serve", "--listen", "tcp:127.0.0.1:0", *flags)

  def test_tcp_without_what_it_needs_is_refused(self):
    pair = self.server_pair
    self.assert_fails(self.serve_fails(), "INVALID_ARGUMENT",
                      text="mutual TLS: --tls-cert, --tls-key")
    self.assert_fails(self.serve_fails("--clients", self.clients_file,
                                       *self.tls_flags[:4]),
                      "INVALID_ARGUMENT", text="--tls-client-ca")
    self.assert_fails(self.serve_fails(*self.tls_flags), "INVALID_ARGUMENT",
                      text="needs --clients")
    flags = lambda cert, key, ca: (
        "--clients", self.clients_file, "--tls-cert", cert, "--tls-key", key,
        "--tls-client-ca", ca)
    ca = self.authority.pair.cert
    self.assert_fails(self.serve_fails(*flags(pair.cert, self.deploy.key, ca)),
                      "FAILED_PRECONDITION", text="is not that of")
    self.assert_fails(self.serve_fails(*flags(pair.cert, pair.key, pair.key)),
                      "FAILED_PRECONDITION", text="no PEM of a certificate")
    self.assert_fails(self.serve_fails(*flags(pair.key, pair.key, ca)),
                      "FAILED_PRECONDITION", text="no PEM of a certificate")
    self.assert_fails(self.serve_fails(*flags("/nonexistent", pair.key, ca)),
                      "NOT_FOUND", text="/nonexistent")
    expired = self.authority.sign("master", expired=True)
    self.assert_fails(self.serve_fails(*flags(expired.cert, expired.key, ca)),
                      "FAILED_PRECONDITION", text="has expired")
    bad = self.work.write("bad", "client {\n  naem: \"x\"\n}\n")
    self.assert_fails(self.serve_fails("--clients", bad, *self.tls_flags),
                      "INVALID_ARGUMENT", text="line 2, column")

  def test_a_port_that_is_taken(self):
    result = self.cli.run(
        "serve", "--listen", f"tcp:{self.address}", "--clients",
        self.clients_file, *self.tls_flags)
    self.assert_fails(result, "UNAVAILABLE", text="cannot listen on tcp:")

  def test_metrics_are_for_this_machine_only(self):
    result = self.cli.run("serve", "--listen",
                          f"unix:{self.work.path}/m.sock", "--metrics",
                          "0.0.0.0:0")
    self.assert_fails(result, "INVALID_ARGUMENT", text="127.0.0.1")
    taken = self.until_end(ports.Unanswering()).port
    result = self.cli.run("serve", "--listen",
                          f"unix:{self.work.path}/m.sock", "--metrics",
                          f"127.0.0.1:{taken}")
    self.assert_fails(result, "UNAVAILABLE", text="cannot serve metrics")


_CALLS_AS = """
import grpc, json, sys
channel = grpc.insecure_channel(sys.argv[1])
out = {}
for method, target in json.loads(sys.argv[2]):
  call = channel.unary_unary(method)
  try:
    call(b'', metadata=(('ramet-target', target),), timeout=20)
    out[method + ' ' + target] = 'OK'
  except grpc.RpcError as error:
    out[method + ' ' + target] = error.code().name
print(json.dumps(out))
"""


@cases.needs_root
class OtherUsersTest(cases.Case):

  def call_as(self, uid, address, *calls):
    done = subprocess.run(
        [sys.executable, "-c", _CALLS_AS, address, json.dumps(calls)],
        capture_output=True, text=True, timeout=120, check=True,
        user=uid, group=uid, extra_groups=[])
    return list(json.loads(done.stdout).values())

  def test_users_in_the_file_may_what_their_rules_say(self):
    clients = self.work.write("clients", """
      client { name: "one" uid: 61001
               allow { target: "local:one" method: "**" } }
      client { name: "two" uid: 61002
               allow { target: "**" admin: "ramet.v1.Contexts/List" } }
    """)
    serving = master.Master(self.work, self.cli, "--clients", clients)
    self.until_end(serving, "stop")
    self.assertEqual(0o666, os.stat(serving.socket).st_mode & 0o777)
    calls = (("/demo.v1.Greeter/SayHello", "local:one"),
             ("/demo.v1.Greeter/SayHello", "local:two"),
             ("/ramet.v1.Contexts/List", ""))
    denied = "PERMISSION_DENIED"
    self.assertEqual(["OK", denied, denied],
                     self.call_as(61001, serving.address, *calls))
    self.assertEqual([denied, denied, "OK"],
                     self.call_as(61002, serving.address, *calls))
    self.assertEqual(["OK", "OK", "OK"],
                     self.call_as(0, serving.address, *calls))
    self.assertNotIn("OK", self.call_as(61003, serving.address, *calls))
    # A user that is taken out of the file is out at once.
    clients.write_text("")
    os.kill(serving.pid, 1)
    poll.until(lambda: "reloaded" in serving.log(), "the reload")
    self.assertEqual(0o600, os.stat(serving.socket).st_mode & 0o777)
    self.assertNotIn("OK", self.call_as(61001, serving.address, *calls))
