#include "arm/internal/host_tables.h"

#include "arm/internal/host_fields.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kAny = 1'000'000'000;

using Host = HostConfig;

// A key that is read but not acted on yet: noted where it asks for something.
Field<Host> later(std::string_view feature, Field<Host> field) {
  field.read = [feature, read = std::move(field.read)](Context& context, const Node& node, const std::string& pointer,
                                                       Host& host) {
    if (asks_for_something(node)) host.unsupported_yet.push_back({to_lower(node.key), std::string(feature), pointer});
    read(context, node, pointer, host);
  };
  return field;
}

void read_address(Context& context, const Node& node, const std::string& pointer, std::vector<IpAddress>& addresses) {
  const auto text = context.text_of(node, pointer);
  if (!text) return;
  if (const auto address = IpAddress::parse(*text))
    addresses.push_back(*address);
  else
    context.error(
        "InvalidHostFile", pointer,
        "'" + printable(*text, 80) + "' is not an IP address, such as 0.0.0.0 or \"::\" (" + node.place() + ").");
}

void read_addresses(Context& context, const Node& node, const std::string& pointer, std::vector<IpAddress>& addresses) {
  if (!node.is(Kind::kArray)) return read_address(context, node, pointer, addresses);
  for (std::size_t i = 0; i < node.items.size(); ++i)
    read_address(context, node.items[i], pointer_to(pointer, i), addresses);
  if (node.items.empty())
    context.error("InvalidHostFile", pointer, "The list of addresses is empty; leave the key out for 0.0.0.0.");
}

void read_ports(Context& context, const Node& node, const std::string& pointer, Host& host) {
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "a map of frontend ports to local ports");
  for (const Node& entry : node.items) {
    const std::string where = pointer_to(pointer, entry.key);
    const auto frontend = parse_uint(entry.key, 65'535);
    if (!frontend || *frontend == 0) {
      context.error("InvalidHostFile", where,
                    "'" + printable(entry.key, 40) + "' is not a port from 1 to 65535 (" + entry.place() + ").");
    } else if (const auto local = context.number_of(entry, where, 0, 65'535)) {
      host.ports[static_cast<std::uint16_t>(*frontend)] = static_cast<std::uint16_t>(*local);
    }
  }
}

void read_secret(Context& context, const Node& node, const std::string& pointer, std::string& file) {
  if (const auto value = context.text_of(node, pointer)) {
    if (value->empty()) context.error("InvalidHostFile", pointer, "The path of the secret's file is missing.");
    file = context.absolute(*value);
  }
}

void read_reference_value(Context&, const Node& node, const std::string&, std::string& json) { json = to_json(node); }

const Table<Host>& access_log_table() {
  static const Table<Host> table{
      "access_log", {{"path", path<Host>(&Host::access_log_path), "A file, `-` for standard output, or `off`."}}};
  return table;
}

const Table<Host>& log_table() {
  static const Table<Host> table{"log",
                                 {{"level",
                                   enumerator<Host>(&Host::log_level, Names<LogLevel>{{"error", LogLevel::kError},
                                                                                      {"warn", LogLevel::kWarn},
                                                                                      {"info", LogLevel::kInfo},
                                                                                      {"debug", LogLevel::kDebug}}),
                                   "What is written: this and what is graver."},
                                  {"path", path<Host>(&Host::log_path), "A file, or `-` for standard output."}}};
  return table;
}

const Table<Host>& admin_table() {
  static const Table<Host> table{
      "admin",
      {{"listen", endpoint_or_off<Host>(&Host::admin_listen), "Address and port of the admin API, or `off`."},
       {"guard_weakening", boolean<Host>(&Host::guard_weakening),
        "Changes that weaken client authentication need a second confirmation."}}};
  return table;
}

// `admin: off` is short for `admin: {listen: off}`.
void read_admin(Context& context, const Node& node, const std::string& pointer, Host& host) {
  if (node.is(Kind::kString)) return endpoint_or_off<Host>(&Host::admin_listen)(context, node, pointer, host);
  read_object(context, node, pointer, admin_table(), host);
}

const Table<Host>& metrics_table() {
  static const Table<Host> table{
      "metrics",
      {{"listen", endpoint_or_off<Host>(&Host::metrics_listen),
        "Address and port of the plain listener for /metrics, /healthz and /readyz, or `off`."}}};
  return table;
}

const Table<Host>& tracing_table() {
  static const Table<Host> table{
      "tracing", {{"otlp", text<Host>(&Host::tracing_otlp), "Address of an OTLP collector; empty: none."}}};
  return table;
}

const Table<Limits>& limits_table() {
  using L = Limits;
  static const Table<L> table{
      "limits",
      {{"connections", number<L>(&L::connections, 1, 10'000'000),
        "Client connections at one time, over all listeners."},
       {"connections_per_ip", number<L>(&L::connections_per_ip, 0, kAny),
        "Of one client address at one time; 0: no limit."},
       {"handshakes_per_ip_per_s", number<L>(&L::handshakes_per_ip_per_s, 0, kAny),
        "TLS handshakes of one client address in a second; 0: no limit."},
       {"presented_certificates", number<L>(&L::presented_certificates, 1, 100),
        "Certificates that a client may present, its own included."},
       {"presented_bytes", number<L>(&L::presented_bytes, 1'024, 1'048'576), "Bytes of DER that a client may present."},
       {"rsa_bits", number<L>(&L::rsa_bits, 2'048, 16'384), "The largest RSA key that a client may present."},
       {"http2_requests", number<L>(&L::http2_requests, 1, kAny),
        "Requests of one HTTP/2 connection; then the client is told to open another."},
       {"closures_per_s", number<L>(&L::closures_per_s, 1, 1'000'000),
        "Open connections that are ended in a second, over all listeners, when their clients are refused after all: "
        "trust was withdrawn, a certificate has expired. Nothing passes on those that still wait for their turn."}}};
  return table;
}

const Table<ClientAuth>& client_auth_table() {
  using C = ClientAuth;
  static const Table<C> table{
      "client_auth",
      {{"sessions",
        enumerator<C>(&C::sessions, Names<SessionMode>{{"stateful", SessionMode::kStateful},
                                                       {"tickets", SessionMode::kTickets},
                                                       {"off", SessionMode::kOff}}),
        "Where TLS sessions live: in this process (clients hold an id), in sealed tickets that clients hold, or "
        "nowhere."},
       {"session_lifetime", duration<C>(&C::session_lifetime, 1s, 7 * 24h),
        "How long after its full handshake a session may be resumed, however often its ticket was renewed."},
       {"ticket_key_file", path<C>(&C::ticket_key_file),
        "A file with the keys of `tickets`, for several machines to share, readable by its owner alone: lines of 160 "
        "hexadecimal digits (`openssl rand -hex 80`), of which the first seals and all open; read again at SIGHUP. "
        "Empty: "
        "keys of this process, each in use for 12 hours."},
       {"ca_names", enumerator<C>(&C::ca_names, Names<CaNames>{{"all", CaNames::kAll}, {"none", CaNames::kNone}}),
        "Which names of CAs a strict profile sends with its request for a certificate, so that clients with several "
        "know which one to present: all, of roots and intermediates alike (with `verifyClientCertIssuerDN` only those "
        "that may be a client's issuer), or none, which spares each full handshake up to 16 KB."},
       {"verify_depth", number<C>(&C::verify_depth, 0, 100),
        "Intermediates allowed between a client's certificate and its root."},
       {"journal", number<C>(&C::journal, 0, 100'000'000),
        "Handshakes and refusals that are remembered, in `state_dir`; 0: none."},
       {"client_cert_header",
        enumerator<C>(&C::client_cert_header, Names<ClientCertHeader>{{"off", ClientCertHeader::kOff},
                                                                      {"leaf", ClientCertHeader::kLeaf},
                                                                      {"chain", ClientCertHeader::kChain}}),
        "RFC 9440 headers for backends: none, Client-Cert, or Client-Cert and Client-Cert-Chain (the path that was "
        "verified, its root last); verified clients only. What would take both over 16 KiB is left out, and the access "
        "log "
        "says so."}}};
  return table;
}

const Table<Egress>& egress_table() {
  using E = Egress;
  static const Table<E> table{
      "egress",
      {{"deny", texts<E>(&E::deny),
        "Networks, or `loopback`, `link_local`, `multicast`, that the gateway's own requests may not reach."},
       {"allow", texts<E>(&E::allow), "Exceptions from `deny`."}}};
  return table;
}

struct ListenerExtension {
  bool proxy_protocol = false;
};

const Table<ListenerExtension>& listener_extension_table() {
  using L = ListenerExtension;
  static const Table<L> table{
      "listeners entry",
      {{"proxy_protocol", enumerator<L>(&L::proxy_protocol, Names<bool>{{"off", false}, {"on", true}}),
        "Whether connections begin with a PROXY protocol header, written by a load balancer in front."}}};
  return table;
}

void read_listener_extension(Context& context, const Node& node, const std::string& pointer, bool& proxy_protocol) {
  ListenerExtension extension;
  read_object(context, node, pointer, listener_extension_table(), extension);
  proxy_protocol = extension.proxy_protocol;
}

struct BackendExtension {
  BackendProtocol protocol = BackendProtocol::kHttp1;
};

const Table<BackendExtension>& backend_extension_table() {
  using B = BackendExtension;
  static const Table<B> table{
      "backends entry",
      {{"protocol",
        enumerator<B>(&B::protocol,
                      Names<BackendProtocol>{{"http1", BackendProtocol::kHttp1}, {"h2", BackendProtocol::kH2}}),
        "What is spoken to the backends: HTTP/1.1, or HTTP/2 in clear text with prior knowledge."}}};
  return table;
}

void read_backend_extension(Context& context, const Node& node, const std::string& pointer, BackendProtocol& protocol) {
  BackendExtension extension;
  read_object(context, node, pointer, backend_extension_table(), extension);
  protocol = extension.protocol;
}

}  // namespace

const Table<HostConfig>& host_table() {
  static const Table<Host> table{
      "host file",
      {{"bind", map_of<Host>(&Host::bind, read_addresses),
        "A frontendIPConfiguration's local addresses: one or a list. Absent: 0.0.0.0."},
       {"ports", Field<Host>(read_ports, {.kind = ValueKind::kMap}),
        "A frontend port's local port. Clients and backends see the document's."},
       {"workers", number<Host>(&Host::workers, 0, 1'024), "Threads that serve; 0: one for each core."},
       {"state_dir", path<Host>(&Host::state_dir), "Where this machine keeps its own files, readable by nobody else."},
       {"access_log", section<Host>(access_log_table()), "One JSON object for each request."},
       {"log", section<Host>(log_table()), "What the program itself has to say."},
       {"secrets", map_of<Host>(&Host::secrets, read_secret),
        "Files with keys, by the name or the keyVaultSecretId of a certificate: PFX or PEM."},
       {"limits", object<Host>(&Host::limits, limits_table()), "What one process takes on."},
       {"client_auth", object<Host>(&Host::client_auth, client_auth_table()),
        "How clients authenticate, beyond what the gateway document says."},
       {"user", text<Host>(&Host::user), "The user to become once ports are bound; empty: stay."},
       {"admin", later("the admin API", Field<Host>(read_admin, object_shape(admin_table()))),
        "The admin API; `admin: off` for short."},
       {"metrics", later("the metrics listener", section<Host>(metrics_table())),
        "Metrics and health beside the admin API."},
       {"references", map_of<Host>(&Host::references, read_reference_value),
        "Values of a template's `reference()` and its kin, by the resource id or name that they ask for."},
       {"unenforced", spelled_list<Host>(&Host::unenforced, {"waf", "jwt", "fips", "client_address"}),
        "Protection that a document may ask for although nothing here enforces it; said again at every start."},
       {"revocation", object<Host>(&Host::revocation, revocation_table()),
        "How revocation is checked where verifyClientRevocation is OCSP, or a profile has CRLs."},
       {"egress", object<Host>(&Host::egress, egress_table()),
        "Where the gateway's own requests (OCSP, CRL, error pages) may go; names are resolved first."},
       {"listeners",
        later("listener extensions", map_of<Host>(&Host::proxy_protocol, read_listener_extension,
                                                  object_shape(listener_extension_table(), ValueKind::kMap))),
        "What listeners do beyond the gateway document, by their names."},
       {"backends",
        map_of<Host>(&Host::backend_protocol, read_backend_extension,
                     object_shape(backend_extension_table(), ValueKind::kMap)),
        "What backend settings do beyond the gateway document, by their names."},
       {"tracing", later("tracing", section<Host>(tracing_table())), "Traces of requests."}}};
  return table;
}

}  // namespace portcullis::arm
