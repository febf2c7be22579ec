#include "parent/first_stage.h"

#include <stdint.h>
#include <sys/random.h>

#include "core/base/check.h"
#include "core/base/strings.h"

namespace ramet::parent {
namespace {

// Variables: n nonce, v what may unpack (nothing: the image is not packed),
// g bytes to come, w guessed platform, u what unpacks, z
// what was received, f the agent's file, y set once the agent can run.
//
//   e  says a marker line
//   r  reads exactly g bytes into a file; dd never reads further, so the frames
//      that follow stay in the pipe (BusyBox's head reads ahead)
//   k  asks for another image, or for the same one again: the parent answers
//      with a line that is the nonce, behind whatever it had sent already, and
//      the new g; when it goes away instead, so does the shell
//   x  removes what there is, however the shell ends
//
// Files are created with noclobber (O_EXCL), so that nobody can plant a link in
// a shared directory. The agent is tried ("-p" does nothing but succeed)
// because no test tells in every shell whether a mount is noexec. Descriptors 3
// and 4 keep both files for the agent, which starts its own children from them.
// Without /proc the agent removes its files itself, by the names it is given.
constexpr char kScript[] =
    "PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin;z=;y=;t=;u=;f=;umask 77;set -C;"
    "e(){ echo \"RAMET.$n $*\";};"
    "r(){ l=`dd bs=$g count=1 iflag=fullblock 2>&1 >>$1`&&return;"
    "[ -s $1 ]||{ l=`dd bs=1 count=$g 2>&1 >>$1`&&return;};"
    "echo \"$l\" >&2;return 1;};"
    "k(){ e need $*;while read -r l;do [ \"$l\" = $n ]&&read -r g&&return;"
    "done;exit 1;};"
    "x(){ [ $f$z ]&&rm -f $f $z;};trap x 0;trap \"exit 1\" 1 2 13 15;"
    "s=`uname -sm`;for c in $v;do "
    "[ \"`command -v $c`\" ]&&{ u=$c;break;};done;"
    "[ \"$s\" = \"$w\" ]&&{ [ $u ]||[ -z \"$v\" ];}||k $s ${u:-raw};"
    "[ -r /proc/mounts ]&&while read -r a b c l;do "
    "[ \"$c\" = tmpfs ]&&t=\"$t $b\";done </proc/mounts;"
    "for d in /dev/shm $t $XDG_RUNTIME_DIR /run /tmp /var/tmp $HOME .;do "
    "[ -d $d ]&&[ -w $d ]||continue;f=$d/.ramet-$n;true >$f||continue;"
    "if [ -z \"$z\" ];then z=$f.z;true >$z&&r $z||"
    "{ rm -f $z $f;z=;k $s ${u:-raw};continue;};fi;"
    "${u:-cat} ${u:+-dc} <$z >|$f&&chmod 700 $f&&$f -p&&{ y=1;break;};"
    "rm -f $f;done;"
    "[ $y ]||{ e fail no writable place that may run a program;exit 1;};"
    "exec 3<$f 4<$z;"
    "[ -x /proc/self/fd/3 ]&&{ rm -f $f $z;exec /proc/self/fd/3 $n;};"
    "exec $f $n $f $z";

// RFC 1952. An agent on a machine without gzip has its image unpacked only.
bool IsGzip(std::string_view image) { return image.substr(0, 2) == "\x1f\x8b"; }

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
                              std::string_view image) {
  std::string command = "exec /bin/sh -c 'n=";
  command += nonce;
  core::Append(&command, {";g=", image.size(), ";w=\"", uname, "\";v=",
                          IsGzip(image) ? "\"gzip gunzip zcat\";" : ";"});
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
