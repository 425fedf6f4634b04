#include "clientauth/peer_note.h"

#include "base/byte_codec.h"

namespace portcullis::clientauth {
namespace {

constexpr std::uint64_t kVersion = 1, kUploaded = 255;

void write_pass(ByteWriter& out, const PeerNote::Pass& pass) {
  out.digest(pass.judged_under).time(pass.judged_at).time(pass.earliest_not_after);
  out.number(pass.path.size() - 1, 1);
  for (std::size_t i = 1; i < pass.path.size(); ++i) {
    const PeerNote::Step& step = pass.path[i];
    out.number(step.presented ? *step.presented : kUploaded, 1);
    if (!step.presented) out.digest(step.uploaded);
  }
}

bool read_pass(ByteReader& in, std::size_t presented, PeerNote::Pass& pass) {
  pass.judged_under = in.digest();
  pass.judged_at = in.time();
  pass.earliest_not_after = in.time();
  pass.path.resize(1);
  pass.path.front().presented = std::uint8_t{0};
  const std::uint64_t steps = in.number(1);
  for (std::uint64_t i = 0; i < steps && in.good(); ++i) {
    PeerNote::Step& step = pass.path.emplace_back();
    const std::uint64_t which = in.number(1);
    if (which == kUploaded) {
      step.uploaded = in.digest();
    } else if (which >= 1 && which < presented) {
      step.presented = static_cast<std::uint8_t>(which);
    } else {
      return false;
    }
  }
  return in.good();
}

}  // namespace

std::string write_peer_note(const PeerNote& note) {
  ByteWriter out;
  out.number(kVersion, 1).number(note.above_leaf.size(), 1);
  for (const std::string& der : note.above_leaf) out.field(der, 3);
  out.number(note.pass ? 1 : 0, 1);
  if (note.pass) write_pass(out, *note.pass);
  return out.take();
}

std::optional<PeerNote> read_peer_note(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.number(1) != kVersion) return std::nullopt;
  PeerNote note;
  const std::uint64_t count = in.number(1);
  if (count > kMostNotedCertificates) return std::nullopt;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) note.above_leaf.emplace_back(in.field(3));
  const std::uint64_t passed = in.number(1);
  if (passed > 1) return std::nullopt;
  if (passed == 1 && !read_pass(in, note.above_leaf.size() + 1, note.pass.emplace())) return std::nullopt;
  if (!in.finished()) return std::nullopt;
  return note;
}

}  // namespace portcullis::clientauth
