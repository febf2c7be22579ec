#include "codegen/comments.h"

#include <string>

namespace ramet::codegen {
namespace {

using google::protobuf::io::Printer;

void EmitLine(std::string line, const char* mark, Printer* printer) {
  // Some compilers end a line at a carriage return, Python at a form feed.
  for (char& c : line) {
    if (c == '\r' || c == '\f' || c == '\v' || c == '\0') c = ' ';
  }
  line.erase(line.find_last_not_of(" \t\v\f") + 1);
  // A backslash at the end would make the next line a comment too.
  if (!line.empty() && line.back() == '\\') line += ".";
  if (!line.empty() && line.front() != ' ') line.insert(0, " ");
  printer->PrintRaw(mark + line);
  // Not raw: the next line is to be indented.
  printer->Print("\n");
}

template <typename DescriptorType>
void EmitLeadingComments(const DescriptorType* descriptor, bool separate,
                         const char* mark, Printer* printer) {
  google::protobuf::SourceLocation location;
  if (!descriptor->GetSourceLocation(&location)) return;
  const std::string& text = location.leading_comments;
  if (text.empty()) return;
  if (separate) EmitLine("", mark, printer);
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    EmitLine(text.substr(begin, end - begin), mark, printer);
    begin = end + 1;
  }
}

}  // namespace

void EmitComments(const google::protobuf::ServiceDescriptor* descriptor,
                  bool separate, Printer* printer, const char* mark) {
  EmitLeadingComments(descriptor, separate, mark, printer);
}

void EmitComments(const google::protobuf::MethodDescriptor* descriptor,
                  bool separate, Printer* printer, const char* mark) {
  EmitLeadingComments(descriptor, separate, mark, printer);
}

}  // namespace ramet::codegen
