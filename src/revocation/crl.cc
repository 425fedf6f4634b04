#include "revocation/crl.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "revocation/internal/der_cursor.h"

namespace portcullis::revocation {
namespace {

using internal::DerCursor;
namespace tag = internal::tag;

// Contents of OBJECT IDENTIFIERs, 2.5.29.n.
constexpr std::string_view kCrlNumber = "\x55\x1d\x14";
constexpr std::string_view kReasonCode = "\x55\x1d\x15";
constexpr std::string_view kDeltaIndicator = "\x55\x1d\x1b";
constexpr std::string_view kIssuingPoint = "\x55\x1d\x1c";
constexpr std::string_view kCertificateIssuer = "\x55\x1d\x1d";

constexpr std::uint8_t kRemoveFromCrl = 8;
constexpr std::uint8_t kLastReason = 10;
constexpr std::size_t kMaxNumber = 20;
constexpr std::size_t kMaxExtensions = 64;
constexpr std::size_t kMaxPoints = 64;

using Status = Result<void>;

tl::unexpected<Error> malformed(std::string_view what) {
  return fail("crl.malformed", fmt::format("the CRL is malformed: {}", what));
}

struct Extension {
  std::string_view oid;
  bool critical = false;
  std::string_view value;
};

Result<std::vector<Extension>> read_extensions(std::string_view list) {
  std::vector<Extension> out;
  DerCursor cursor(list);
  while (!cursor.done()) {
    const auto one = cursor.take(tag::kSequence);
    if (!one || out.size() == kMaxExtensions) return malformed("its extensions cannot be read");
    DerCursor parts(one->body);
    const auto oid = parts.take(tag::kOid);
    const auto flag = parts.take(tag::kBoolean);
    const auto value = parts.take(tag::kOctetString);
    const auto critical = flag ? internal::read_boolean(flag->body) : std::optional<bool>(false);
    if (!oid || !critical || !value || !parts.done()) return malformed("an extension cannot be read");
    const bool twice = std::any_of(out.begin(), out.end(), [&](const Extension& e) { return e.oid == oid->body; });
    if (twice) return malformed("an extension stands twice");
    out.push_back({oid->body, *critical, value->body});
  }
  return out;
}

tl::unexpected<Error> unknown_critical(const Extension& extension, std::string_view where) {
  return fail("crl.critical_extension", fmt::format("{} has a critical extension that is not known (OID {} in DER)",
                                                    where, hex_lower(extension.oid)));
}

std::optional<CrlNumber> read_number(std::string_view value) {
  DerCursor cursor(value);
  const auto integer = cursor.take(tag::kInteger);
  if (!integer || !cursor.done() || !internal::is_minimal_integer(integer->body)) return std::nullopt;
  std::string_view content = integer->body;
  if ((static_cast<std::uint8_t>(content.front()) & 0x80) != 0) return std::nullopt;
  if (content.front() == 0) content.remove_prefix(1);
  if (content.size() > kMaxNumber) return std::nullopt;
  return CrlNumber{std::string(content)};
}

// DistributionPointName: fullName [0], GeneralNames. A name relative to the issuer is refused: nobody writes one.
Status read_points(std::string_view body, CrlScope& scope) {
  DerCursor name(body);
  const auto full = name.take(tag::context(0));
  if (!full || !name.done()) {
    return fail("crl.unsupported_scope", "the CRL's distribution point is not named in full");
  }
  DerCursor names(full->body);
  while (!names.done()) {
    const auto one = names.take();
    if (!one || scope.points.size() == kMaxPoints) return malformed("its distribution point cannot be read");
    scope.points.emplace_back(one->whole);
  }
  if (scope.points.empty()) return malformed("its distribution point has no name");
  return {};
}

Status read_scope(std::string_view value, CrlScope& scope) {
  DerCursor outer(value);
  const auto sequence = outer.take(tag::kSequence);
  if (!sequence || !outer.done()) return malformed("its issuing distribution point cannot be read");
  DerCursor parts(sequence->body);
  if (const auto point = parts.take(tag::context(0))) {
    if (auto read = read_points(point->body, scope); !read) return read;
  }
  const auto flag = [&parts](std::uint8_t number, bool& out) {
    const auto element = parts.take(tag::primitive(number));
    if (!element) return true;
    const auto read = internal::read_boolean(element->body);
    out = read.value_or(false);
    return read.has_value();
  };
  bool indirect = false;
  bool attributes = false;
  if (!flag(1, scope.users_only) || !flag(2, scope.cas_only)) return malformed("its scope cannot be read");
  if (parts.take(tag::primitive(3))) {
    return fail("crl.some_reasons", "the CRL is about some reasons only, so its silence says nothing");
  }
  if (!flag(4, indirect) || !flag(5, attributes) || !parts.done()) return malformed("its scope cannot be read");
  if (indirect) return fail("crl.indirect", "the CRL speaks for certificates of other issuers");
  if (attributes) return fail("crl.unsupported_scope", "the CRL is about attribute certificates only");
  if (scope.users_only && scope.cas_only) return malformed("it is about nothing: user and CA certificates only");
  return {};
}

Status read_list_extensions(std::string_view wrapped, Crl& crl) {
  DerCursor outer(wrapped);
  const auto sequence = outer.take(tag::kSequence);
  if (!sequence || !outer.done()) return malformed("its extensions cannot be read");
  auto extensions = read_extensions(sequence->body);
  if (!extensions) return forward_error(extensions);
  bool numbered = false;
  for (const Extension& extension : *extensions) {
    if (extension.oid == kCrlNumber || extension.oid == kDeltaIndicator) {
      auto number = read_number(extension.value);
      if (!number) return malformed("its number cannot be read");
      if (extension.oid == kDeltaIndicator) {
        crl.base = std::move(*number);
      } else {
        crl.number = std::move(*number);
        numbered = true;
      }
    } else if (extension.oid == kIssuingPoint) {
      if (auto read = read_scope(extension.value, crl.scope); !read) return read;
      crl.scope_der = extension.value;
    } else if (extension.critical) {
      return unknown_critical(extension, "the CRL");
    }
  }
  if (!numbered) return fail("crl.no_number", "the CRL has no CRL number");
  return {};
}

// The reason of an entry; what else its extensions hold must not matter.
Result<std::uint8_t> read_entry_extensions(std::string_view list) {
  auto extensions = read_extensions(list);
  if (!extensions) return forward_error(extensions);
  std::uint8_t reason = 0;
  for (const Extension& extension : *extensions) {
    if (extension.oid == kReasonCode) {
      DerCursor value(extension.value);
      const auto code = value.take(tag::kEnumerated);
      if (!code || !value.done() || code->body.size() != 1) return malformed("the reason of an entry cannot be read");
      reason = static_cast<std::uint8_t>(code->body.front());
      if (reason > kLastReason || reason == 7) return malformed("an entry has a reason that does not exist");
    } else if (extension.oid == kCertificateIssuer) {
      return fail("crl.indirect", "an entry of the CRL names another issuer");
    } else if (extension.critical) {
      return unknown_critical(extension, "an entry of the CRL");
    }
  }
  return reason;
}

struct Entries {
  bool removes = false;  // removeFromCRL was there
};

Result<Entries> read_entries(std::string_view list, std::size_t limit, SerialTable& table) {
  Entries seen;
  DerCursor cursor(list);
  while (!cursor.done()) {
    const auto one = cursor.take(tag::kSequence);
    if (!one) return malformed("an entry cannot be read");
    DerCursor parts(one->body);
    const auto serial = parts.take(tag::kInteger);
    const auto date = parts.take();
    const auto extensions = parts.take(tag::kSequence);
    if (!serial || !date || !parts.done()) return malformed("an entry cannot be read");
    if (!internal::is_minimal_integer(serial->body) || serial->body.size() > SerialTable::kMaxSerial) {
      return malformed("an entry's serial number is no DER or over 20 bytes");
    }
    const auto at = internal::read_time(*date);
    if (!at) return malformed("an entry's date cannot be read");
    RevokedEntry entry{*at};
    if (extensions) {
      auto reason = read_entry_extensions(extensions->body);
      if (!reason) return forward_error(reason);
      entry.reason = *reason;
      seen.removes = seen.removes || entry.reason == kRemoveFromCrl;
    }
    if (table.size() == limit) {
      return fail("crl.too_many_entries", fmt::format("the CRL has more than {} entries", limit));
    }
    table.add(serial->body, entry);
  }
  if (!table.seal()) return fail("crl.duplicate_entry", "a serial number stands twice in the CRL");
  return seen;
}

// Version to nextUpdate. Leaves `cursor` before the entries.
Status read_head(DerCursor& cursor, std::string_view algorithm, Crl& crl) {
  const auto version = cursor.take(tag::kInteger);
  if (version && version->body != std::string_view("\1", 1)) return malformed("its version is not 2");
  const auto inner = cursor.take(tag::kSequence);
  if (!inner || inner->whole != algorithm) return malformed("it names two signature algorithms");
  const auto issuer = cursor.take(tag::kSequence);
  if (!issuer || issuer->body.empty()) return malformed("it has no issuer");
  crl.issuer = issuer->whole;
  const auto this_update = cursor.take();
  const auto from = this_update ? internal::read_time(*this_update) : std::nullopt;
  if (!from) return malformed("its thisUpdate cannot be read");
  crl.this_update = *from;
  const std::uint8_t next = cursor.next_tag();
  if (next != tag::kUtcTime && next != tag::kGeneralizedTime) {
    return fail("crl.no_next_update", "the CRL does not say when the next one comes");
  }
  const auto next_update = cursor.take();
  const auto until = next_update ? internal::read_time(*next_update) : std::nullopt;
  if (!until || *until <= *from) return malformed("its nextUpdate cannot be read or is not after its thisUpdate");
  crl.next_update = *until;
  if (!version) return fail("crl.no_number", "the CRL is of version 1 and so has no CRL number");
  return {};
}

Status read_signed_part(std::string_view body, std::string_view algorithm, const CrlLimits& limits, Crl& crl) {
  DerCursor cursor(body);
  if (auto head = read_head(cursor, algorithm, crl); !head) return head;
  Entries seen;
  if (const auto list = cursor.take(tag::kSequence)) {
    auto read = read_entries(list->body, limits.entries, crl.entries);
    if (!read) return forward_error(read);
    seen = *read;
  }
  const auto extensions = cursor.take(tag::context(0));
  if (!cursor.done()) return malformed("something stands where its extensions should");
  if (!extensions) return fail("crl.no_number", "the CRL has no CRL number");
  if (auto read = read_list_extensions(extensions->body, crl); !read) return read;
  if (seen.removes && !crl.base) {
    return fail("crl.remove_in_full", "an entry is to be removed from the CRL, but the CRL is no delta");
  }
  if (crl.base && crl.number < *crl.base) return malformed("it is older than the list that it adds to");
  return {};
}

}  // namespace

std::string CrlNumber::hex() const { return magnitude.empty() ? "00" : hex_upper(magnitude); }

bool operator<(const CrlNumber& a, const CrlNumber& b) {
  if (a.magnitude.size() != b.magnitude.size()) return a.magnitude.size() < b.magnitude.size();
  // char_traits<char> compares as unsigned bytes.
  return a.magnitude < b.magnitude;
}

Result<ParsedCrl> parse_crl(std::string_view der, const CrlLimits& limits) {
  if (der.size() > limits.bytes) {
    return fail("crl.too_large", fmt::format("the CRL is larger than {} bytes", limits.bytes));
  }
  DerCursor outer(der);
  const auto list = outer.take(tag::kSequence);
  if (!list || !outer.done()) return malformed("it is not exactly one DER SEQUENCE");
  DerCursor parts(list->body);
  const auto signed_part = parts.take(tag::kSequence);
  const auto algorithm = parts.take(tag::kSequence);
  const auto signature = parts.take(tag::kBitString);
  if (!signed_part || !algorithm || !signature || !parts.done()) return malformed("it is no CertificateList");
  if (signature->body.size() < 2 || signature->body.front() != 0) return malformed("its signature cannot be read");
  auto crl = std::make_shared<Crl>();
  if (auto read = read_signed_part(signed_part->body, algorithm->whole, limits, *crl); !read) {
    return forward_error(read);
  }
  return ParsedCrl{std::move(crl), signed_part->whole, algorithm->whole, signature->body.substr(1)};
}

}  // namespace portcullis::revocation
