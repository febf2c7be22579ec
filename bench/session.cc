#include "bench/session.h"

#include <stdio.h>
#include <stdlib.h>

#include <utility>

namespace ramet::bench {

void CheckOk(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  fprintf(stderr, "ramet_bench: %s: %s\n", what, status.ToString().c_str());
  exit(1);
}

Session::Session(const Arguments& arguments)
    : target_(arguments.Text("target")) {
  auto master = server::Master::Create();
  CheckOk(master.status(), "cannot make a master");
  master_ = *std::move(master);
  CheckOk(master_->LoadModuleFile(arguments.Text("module")),
          "cannot load the module");
  if (arguments.Has("cache")) connect_.cache_dir = arguments.Text("cache");
  if (arguments.Has("identity")) {
    connect_.ssh.identity_files.push_back(arguments.Text("identity"));
    connect_.ssh.known_hosts = arguments.Text("known-hosts");
    connect_.ssh.config_file = arguments.Text("ssh-config");
    connect_.ssh.transport = arguments.Text("transport") == "openssh"
                                 ? core::SshOptions::kOpenssh
                                 : core::SshOptions::kLibssh2;
  }
}

stub::Context Session::Connect() {
  auto context = master_->Connect(target_, connect_);
  CheckOk(context.status(), "cannot connect");
  return *context;
}

demo::v1::GreeterStub Session::ConnectGreeter() {
  demo::v1::GreeterStub greeter(Connect());
  demo::v1::HelloRequest request;
  request.set_name("first");
  CheckOk(greeter.SayHello(request).status(), "the first call failed");
  return greeter;
}

}  // namespace ramet::bench
