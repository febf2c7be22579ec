"""A context that is asked to end and does not."""

import time

from hostile import link
from hostile import trees
from hostile import wire

# Calls may end within it; a second later the link is closed.
GRACE_S = 3
LIMIT_S = GRACE_S + 1 + trees.TREE_ANSWERS_S


class _IgnoredShutdown:

  def test_its_link_is_closed_after_the_grace(self):
    call = self.call_evil()
    self.link.wait_for(lambda f: f.handle == wire.CALL_FUNCTION, "the call")
    begin = time.monotonic()
    disconnecting = self.contexts.Disconnect.future(
        self.contexts_pb.DisconnectRequest(name=self.evil()), timeout=LIMIT_S)
    self.link.wait_for(lambda f: f.handle == wire.SHUTDOWN, "SHUTDOWN")
    # It goes on as if nothing had been said.
    disconnecting.result()
    self.assertGreaterEqual(time.monotonic() - begin, GRACE_S)
    error = call.exception(timeout=LIMIT_S)
    self.assertEqual("UNAVAILABLE", error.code().name)
    self.assertIn(f"context lost: {self.evil()} ", error.details())
    self.assertNotIn(self.evil(), self.contexts_now())
    with self.assertRaises(link.LinkEnded):
      self.link.wait_for(lambda f: False, "the end")


class IgnoredShutdownOfAChildTest(_IgnoredShutdown, trees.Child):
  pass


class IgnoredShutdownOfAGrandchildTest(_IgnoredShutdown, trees.Grandchild):
  pass
