#include "server/name_pattern.h"

#include <vector>

namespace ramet::server {

// Which prefixes of the pattern match the text so far, a star being one
// element: no backtracking, whatever the pattern.
bool MatchesPattern(std::string_view pattern, std::string_view text,
                    std::string_view stops) {
  struct Element {
    enum { kLiteral, kStar, kAny } kind;
    char literal;
  };
  std::vector<Element> elements;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '*') {
      elements.push_back({Element::kLiteral, pattern[i]});
    } else if (i + 1 < pattern.size() && pattern[i + 1] == '*') {
      elements.push_back({Element::kAny, 0});
      ++i;
    } else {
      elements.push_back({Element::kStar, 0});
    }
  }
  std::vector<bool> reached(elements.size() + 1, false);
  const auto skip_stars = [&elements, &reached] {
    for (size_t i = 0; i < elements.size(); ++i) {
      if (reached[i] && elements[i].kind != Element::kLiteral) {
        reached[i + 1] = true;
      }
    }
  };
  reached[0] = true;
  skip_stars();
  for (const char c : text) {
    std::vector<bool> next(reached.size(), false);
    const bool stop = stops.find(c) != stops.npos;
    for (size_t i = 0; i < elements.size(); ++i) {
      if (!reached[i]) continue;
      if (elements[i].kind == Element::kLiteral) {
        if (elements[i].literal == c) next[i + 1] = true;
      } else if (elements[i].kind == Element::kAny || !stop) {
        next[i] = true;
      }
    }
    reached.swap(next);
    skip_stars();
  }
  return reached.back();
}

bool MatchesTarget(std::string_view pattern, std::string_view name) {
  return MatchesPattern(pattern, name, "/@:");
}

bool MatchesTargetOrAbove(std::string_view pattern, std::string_view name) {
  for (size_t end = 0; end != name.npos;) {
    end = name.find('/', end + 1);
    if (MatchesTarget(pattern, name.substr(0, end))) return true;
  }
  return false;
}

bool MatchesMethod(std::string_view pattern, std::string_view method) {
  return MatchesPattern(pattern, method, "/");
}

}  // namespace ramet::server
