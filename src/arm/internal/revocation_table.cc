#include "arm/internal/host_fields.h"
#include "arm/internal/host_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else
using namespace std::chrono_literals;

namespace {

const Table<CrlSource>& crl_source_table() {
  using C = CrlSource;
  static const Table<C> table{
      "revocation.crl entry",
      {{"files", texts<C>(&C::files),
        "Files and directories of CRLs, full and delta, PEM or DER; read anew when they change."},
       {"fetch", boolean<C>(&C::fetch),
        "Also fetch the CRLs that certificates name (http, https), where none at hand is about them. `timeout`, "
        "`cold_cache`, `unreachable` and `egress` hold for that too."}}};
  return table;
}

void read_crl_source(Context& context, const Node& node, const std::string& pointer, CrlSource& source) {
  read_object(context, node, pointer, crl_source_table(), source);
  for (std::string& file : source.files) file = context.absolute(file);
}

}  // namespace

const Table<Revocation>& revocation_table() {
  using R = Revocation;
  static const Names<RevocationAction> actions = {{"refuse", RevocationAction::kRefuse},
                                                  {"allow", RevocationAction::kAllow}};
  static const Table<R> table{
      "revocation",
      {{"timeout", duration<R>(&R::timeout, 100ms, 60s),
        "How long a client waits for one answer, or for one CRL that has to be fetched."},
       {"cold_cache",
        enumerator<R>(&R::cold_cache, Names<ColdCache>{{"wait", ColdCache::kWait}, {"refuse", ColdCache::kRefuse}}),
        "While the first answer, or a CRL, is on its way: wait for it, or refuse."},
       {"unreachable", enumerator<R>(&R::unreachable, actions),
        "Where the responder, or the server of a CRL, cannot be reached."},
       {"unknown", enumerator<R>(&R::unknown, actions), "Where the responder does not know the certificate."},
       {"no_responder", enumerator<R>(&R::no_responder, actions),
        "Where the certificate names no responder, or no CRL is about it."},
       {"expired_response", enumerator<R>(&R::expired_response, actions),
        "Where the only answer or CRL at hand has expired."},
       {"intermediates", boolean<R>(&R::intermediates), "Ask for the intermediates of the chain too."},
       {"nonce", boolean<R>(&R::nonce), "Send a nonce that the answer must repeat; few public responders do."},
       {"responder", text<R>(&R::responder), "A responder to ask in place of the one that certificates name."},
       {"crl", map_of<R>(&R::crl, read_crl_source, object_shape(crl_source_table(), ValueKind::kMap)),
        "CRLs, by SSL profile (`name` or `gateway/name`), whatever its verifyClientRevocation says."},
       {"order",
        enumerator_list<R>(&R::order,
                           Names<RevocationSource>{{"ocsp", RevocationSource::kOcsp}, {"crl", RevocationSource::kCrl}}),
        "What is asked first: the other one counts where it knows nothing. Revoked in either is revoked."}}};
  return table;
}

}  // namespace portcullis::arm
