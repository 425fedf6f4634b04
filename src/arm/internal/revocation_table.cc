#include "arm/internal/host_fields.h"
#include "arm/internal/host_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kSource = "product.md, Two files";

void read_crl_source(Context& context, const Node& node, const std::string& pointer, CrlSource& source) {
  using C = CrlSource;
  static const Table<C> table{"revocation.crl entry",
                              {{"files", texts<C>(&C::files), kSource}, {"fetch", boolean<C>(&C::fetch), kSource}}};
  read_object(context, node, pointer, table, source);
  for (std::string& file : source.files) file = context.absolute(file);
}

}  // namespace

const Table<Revocation>& revocation_table() {
  using R = Revocation;
  static const Names<RevocationAction> actions = {{"refuse", RevocationAction::kRefuse},
                                                  {"allow", RevocationAction::kAllow}};
  static const Table<R> table{
      "revocation",
      {{"timeout", duration<R>(&R::timeout, 100ms, 60s), kSource},
       {"cold_cache",
        enumerator<R>(&R::cold_cache, Names<ColdCache>{{"wait", ColdCache::kWait}, {"refuse", ColdCache::kRefuse}}),
        kSource},
       {"unreachable", enumerator<R>(&R::unreachable, actions), kSource},
       {"unknown", enumerator<R>(&R::unknown, actions), kSource},
       {"no_responder", enumerator<R>(&R::no_responder, actions), kSource},
       {"expired_response", enumerator<R>(&R::expired_response, actions), kSource},
       {"intermediates", boolean<R>(&R::intermediates), kSource},
       {"responder", text<R>(&R::responder), kSource},
       {"crl", map_of<R>(&R::crl, read_crl_source), kSource},
       {"order",
        enumerator_list<R>(&R::order,
                           Names<RevocationSource>{{"ocsp", RevocationSource::kOcsp}, {"crl", RevocationSource::kCrl}}),
        kSource}}};
  return table;
}

}  // namespace portcullis::arm
