#include "parent/first_stage.h"

#include <stdint.h>
#include <sys/random.h>

#include "core/base/check.h"
#include "core/base/strings.h"

namespace ramet::parent {
namespace {

// Variables: n nonce, g bytes to come, w guessed platform, s this one, f the
// agent's file, z the one that was received where f is a copy of it, y set once
// the agent can run.
//
//   e  says a marker line
//   r  reads exactly g bytes into f; dd never reads further, so the frames that
//      follow stay in the pipe (BusyBox's head reads ahead)
//   k  asks for the image of this platform, or for the same one again: the
//      parent answers with a line that is the nonce, behind whatever it had
//      sent already, and the new g; when it goes away instead, so does the
//      shell
//   x  removes what there is, however the shell ends
//
// Files are created with noclobber (O_EXCL), so that nobody can plant a link in
// a shared directory. The agent is tried ("-p" only gets it what it needs)
// because no test tells in every shell whether a mount is noexec. Descriptor 4
// keeps the file for the agent, which starts its own children from it. Without
// /proc the image removes the files itself, by the names it is given.
constexpr char kScript[] =
    "PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin;z=;y=;t=;f=;umask 77;set -C;"
    "e(){ echo \"RAMET.$n $*\";};"
    "r(){ l=`dd bs=$g count=1 iflag=fullblock 2>&1 >>$f`&&return;"
    "[ -s $f ]||{ l=`dd bs=1 count=$g 2>&1 >>$f`&&return;};"
    "echo \"$l\" >&2;return 1;};"
    "k(){ e need $s;while read -r l;do [ \"$l\" = $n ]&&read -r g&&return;"
    "done;exit 1;};"
    "x(){ [ $f$z ]&&rm -f $f $z;};trap x 0;trap \"exit 1\" 1 2 13 15;"
    "s=`uname -sm`;[ \"$s\" = \"$w\" ]||k;"
    "[ -r /proc/mounts ]&&while read -r a b c l;do "
    "[ \"$c\" = tmpfs ]&&t=\"$t $b\";done </proc/mounts;"
    "for d in /dev/shm $t $XDG_RUNTIME_DIR /run /tmp /var/tmp $HOME .;do "
    "[ -d $d ]&&[ -w $d ]||continue;f=$d/.ramet-$n;true >$f||continue;"
    "if [ $z ];then cat $z >>$f;else r||{ rm -f $f;k;continue;};fi&&"
    "chmod 700 $f&&$f -p&&{ y=1;break;};"
    "[ $z ]&&rm -f $f||z=$f;done;"
    "[ $y ]||{ e fail no writable place that may run a program;exit 1;};"
    "exec 4<$f;"
    "[ -x /proc/self/fd/4 ]&&{ rm -f $f $z;exec /proc/self/fd/4 $n;};"
    "exec $f $n $f $z";

}  // namespace

std::string MakeNonce() {
  uint8_t bytes[kNonceBytes / 2];
  RAMET_CHECK(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
  std::string nonce;
  for (uint8_t byte : bytes) {
    nonce += "0123456789abcdef"[byte >> 4];
    nonce += "0123456789abcdef"[byte & 15];
  }
  return nonce;
}

std::string FirstStageCommand(std::string_view nonce, std::string_view uname,
                              size_t image_bytes) {
  std::string command = "exec /bin/sh -c 'n=";
  command += nonce;
  core::Append(&command, {";g=", image_bytes, ";w=\"", uname, "\";"});
  command += kScript;
  command += "'";
  return command;
}

std::string TextMarker(std::string_view nonce) {
  return "RAMET." + std::string(nonce) + " ";
}

std::string AgentMarker(std::string_view nonce) {
  std::string marker(1, '\0');
  marker += "RAMET\xff";
  marker += nonce;
  marker += '\n';
  return marker;
}

std::string ResendHeader(std::string_view nonce, size_t image_bytes) {
  return core::Concat({"\n", nonce, "\n", image_bytes, "\n"});
}

}  // namespace ramet::parent
