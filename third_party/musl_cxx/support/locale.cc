// Locales as libstdc++ knows them: it is compiled for glibc's, and reads within
// them. The linker sends its calls here. Every name is a locale, and all but
// "C" and "POSIX" differ from these in their character encoding alone, which is
// UTF-8: that is what musl has.

#include <ctype.h>
#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

// musl's own. Its __newlocale and the like are the same under the names that
// libstdc++ calls.
extern "C" {
const unsigned short** __ctype_b_loc();
const int32_t** __ctype_tolower_loc();
const int32_t** __ctype_toupper_loc();
locale_t __real___newlocale(int mask, const char* name, locale_t base);
locale_t __real___duplocale(locale_t locale);
void __real___freelocale(locale_t locale);
locale_t __real___uselocale(locale_t locale);
char* __real___nl_langinfo_l(nl_item item, locale_t locale);
}

namespace {

// glibc's struct __locale_struct, with musl's locale behind it. musl's
// functions that take a locale get this one, too: to them the null pointers at
// its beginning are the texts of "C".
struct GlibcLocale {
  void* categories[13];
  const unsigned short* classes;
  const int32_t* lower;
  const int32_t* upper;
  const char* names[13];
  locale_t musl;
};

// glibc's number of LC_ALL in place of a mask, which it takes as all of them.
constexpr int kAllMask = 1 << LC_ALL;

GlibcLocale* NewLocale(locale_t musl) {
  if (musl == nullptr) return nullptr;
  auto* const locale =
      static_cast<GlibcLocale*>(calloc(1, sizeof(GlibcLocale)));
  if (locale == nullptr) {
    __real___freelocale(musl);
    return nullptr;
  }
  locale->classes = *__ctype_b_loc();
  locale->lower = *__ctype_tolower_loc();
  locale->upper = *__ctype_toupper_loc();
  for (const char*& name : locale->names) name = "C";
  locale->musl = musl;
  return locale;
}

// What __uselocale returns is given back to it and looked at by nobody else:
// musl's locales, with a bit that no pointer has.
constexpr uintptr_t kMusl = 1;

GlibcLocale* Tagged(locale_t musl) {
  return reinterpret_cast<GlibcLocale*>(reinterpret_cast<uintptr_t>(musl) |
                                        kMusl);
}

locale_t MuslLocale(GlibcLocale* locale) {
  const auto bits = reinterpret_cast<uintptr_t>(locale);
  if (locale == nullptr) return nullptr;
  if (bits == reinterpret_cast<uintptr_t>(LC_GLOBAL_LOCALE)) {
    return LC_GLOBAL_LOCALE;
  }
  if ((bits & kMusl) != 0) return reinterpret_cast<locale_t>(bits & ~kMusl);
  return locale->musl;
}

// glibc's numbers of what libstdc++ asks for and musl does not know.
enum Item : int {
  kGrouping = 0x10002,
  kDecimalPointWide = 0x10003,
  kThousandsSeparatorWide = 0x10004,
  kWideDays = 0x20034,    // 7 short ones, then 7
  kWideMonths = 0x20042,  // 12 short ones, then 12
  kWideAm = 0x2005a,
  kWidePm = 0x2005b,
  kWideDateTime = 0x2005c,
  kWideDate = 0x2005d,
  kWideTime = 0x2005e,
  kWideTimeAmPm = 0x2005f,
  kWideEraDate = 0x20061,
  kWideEraDateTime = 0x20063,
  kWideEraTime = 0x20064,
  kMoneyFirst = 0x40000,
  kMoneyDigitsFirst = 0x40007,
  kMoneyLast = 0x40015,
  kMoneyDecimalPointWide = 0x4002b,
  kMoneyThousandsSeparatorWide = 0x4002c,
};

const wchar_t* const kWideDayNames[] = {
    L"Sun",       L"Mon",      L"Tue",    L"Wed",     L"Thu",
    L"Fri",       L"Sat",      L"Sunday", L"Monday",  L"Tuesday",
    L"Wednesday", L"Thursday", L"Friday", L"Saturday"};
const wchar_t* const kWideMonthNames[] = {
    L"Jan",       L"Feb",     L"Mar",      L"Apr",      L"May",
    L"Jun",       L"Jul",     L"Aug",      L"Sep",      L"Oct",
    L"Nov",       L"Dec",     L"January",  L"February", L"March",
    L"April",     L"May",     L"June",     L"July",     L"August",
    L"September", L"October", L"November", L"December"};

char* Wide(const wchar_t* text) {
  return reinterpret_cast<char*>(const_cast<wchar_t*>(text));
}

}  // namespace

extern "C" {

GlibcLocale* __wrap___newlocale(int mask, const char* name, GlibcLocale* base) {
  if (mask == kAllMask) mask = LC_ALL_MASK;
  if (base == nullptr) {
    return NewLocale(__real___newlocale(mask, name, nullptr));
  }
  locale_t const musl = __real___newlocale(mask, name, base->musl);
  if (musl == nullptr) return nullptr;
  base->musl = musl;
  return base;
}

GlibcLocale* __wrap___duplocale(GlibcLocale* locale) {
  return NewLocale(__real___duplocale(locale->musl));
}

void __wrap___freelocale(GlibcLocale* locale) {
  __real___freelocale(locale->musl);
  free(locale);
}

GlibcLocale* __wrap___uselocale(GlibcLocale* locale) {
  locale_t const old = __real___uselocale(MuslLocale(locale));
  if (old == LC_GLOBAL_LOCALE) return reinterpret_cast<GlibcLocale*>(old);
  return Tagged(old);
}

// musl calls it as well, with locales of its own. Those of both begin with
// what is asked for here.
char* __wrap___nl_langinfo_l(int item, locale_t locale) {
  if (item >= kWideDays && item < kWideDays + 14) {
    return Wide(kWideDayNames[item - kWideDays]);
  }
  if (item >= kWideMonths && item < kWideMonths + 24) {
    return Wide(kWideMonthNames[item - kWideMonths]);
  }
  if (item >= kMoneyFirst && item <= kMoneyLast && item != CRNCYSTR) {
    // "C" has no money: texts are empty, numbers CHAR_MAX.
    static char no_number[] = {'\x7f', 0};
    static char no_text[] = "";
    return item < kMoneyDigitsFirst ? no_text : no_number;
  }
  switch (item) {
    case kGrouping:
      return const_cast<char*>("");
    // Characters in place of pointers.
    case kDecimalPointWide:
      return reinterpret_cast<char*>(static_cast<uintptr_t>(L'.'));
    case kThousandsSeparatorWide:
    case kMoneyDecimalPointWide:
    case kMoneyThousandsSeparatorWide:
      return nullptr;
    case kWideAm:
      return Wide(L"AM");
    case kWidePm:
      return Wide(L"PM");
    case kWideDateTime:
      return Wide(L"%a %b %e %H:%M:%S %Y");
    case kWideDate:
      return Wide(L"%m/%d/%y");
    case kWideTime:
      return Wide(L"%H:%M:%S");
    case kWideTimeAmPm:
      return Wide(L"%I:%M:%S %p");
    case kWideEraDate:
    case kWideEraDateTime:
    case kWideEraTime:
      return Wide(L"");
    default:
      return __real___nl_langinfo_l(item, locale);
  }
}

}  // extern "C"
