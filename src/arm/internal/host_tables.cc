#include "arm/internal/host_tables.h"

#include "arm/internal/host_fields.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kAny = 1'000'000'000;
constexpr std::string_view kSource = "product.md, Two files";

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
  static const Table<Host> table{"access_log", {{"path", path<Host>(&Host::access_log_path), kSource}}};
  return table;
}

const Table<Host>& log_table() {
  static const Table<Host> table{"log",
                                 {{"level",
                                   enumerator<Host>(&Host::log_level, Names<LogLevel>{{"error", LogLevel::kError},
                                                                                      {"warn", LogLevel::kWarn},
                                                                                      {"info", LogLevel::kInfo},
                                                                                      {"debug", LogLevel::kDebug}}),
                                   kSource},
                                  {"path", path<Host>(&Host::log_path), kSource}}};
  return table;
}

const Table<Host>& admin_table() {
  static const Table<Host> table{"admin",
                                 {{"listen", endpoint_or_off<Host>(&Host::admin_listen), kSource},
                                  {"guard_weakening", boolean<Host>(&Host::guard_weakening), kSource}}};
  return table;
}

// `admin: off` is short for `admin: {listen: off}`.
void read_admin(Context& context, const Node& node, const std::string& pointer, Host& host) {
  if (node.is(Kind::kString)) return endpoint_or_off<Host>(&Host::admin_listen)(context, node, pointer, host);
  read_object(context, node, pointer, admin_table(), host);
}

const Table<Host>& metrics_table() {
  static const Table<Host> table{"metrics", {{"listen", endpoint_or_off<Host>(&Host::metrics_listen), kSource}}};
  return table;
}

const Table<Host>& tracing_table() {
  static const Table<Host> table{"tracing", {{"otlp", text<Host>(&Host::tracing_otlp), kSource}}};
  return table;
}

const Table<Limits>& limits_table() {
  using L = Limits;
  static const Table<L> table{"limits",
                              {{"connections", number<L>(&L::connections, 1, 10'000'000), kSource},
                               {"connections_per_ip", number<L>(&L::connections_per_ip, 0, kAny), kSource},
                               {"handshakes_per_ip_per_s", number<L>(&L::handshakes_per_ip_per_s, 0, kAny), kSource},
                               {"presented_certificates", number<L>(&L::presented_certificates, 1, 100), kSource},
                               {"presented_bytes", number<L>(&L::presented_bytes, 1'024, 1'048'576), kSource},
                               {"rsa_bits", number<L>(&L::rsa_bits, 2'048, 16'384), kSource}}};
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
        kSource},
       {"session_lifetime", duration<C>(&C::session_lifetime, 1s, 7 * 24h), kSource},
       {"ticket_key_file", path<C>(&C::ticket_key_file), kSource},
       {"verify_depth", number<C>(&C::verify_depth, 0, 100), kSource},
       {"journal", number<C>(&C::journal, 0, 100'000'000), kSource},
       {"client_cert_header",
        enumerator<C>(&C::client_cert_header, Names<ClientCertHeader>{{"off", ClientCertHeader::kOff},
                                                                      {"leaf", ClientCertHeader::kLeaf},
                                                                      {"chain", ClientCertHeader::kChain}}),
        kSource}}};
  return table;
}

void read_client_auth(Context& context, const Node& node, const std::string& pointer, Host& host) {
  read_object(context, node, pointer, client_auth_table(), host.client_auth);
  const auto note = [&](const char* key, std::string_view feature) {
    host.unsupported_yet.push_back({std::string("client_auth.") + key, std::string(feature), pointer_to(pointer, key)});
  };
  if (host.client_auth.sessions == SessionMode::kTickets) note("sessions", "stateless session tickets");
  if (!host.client_auth.ticket_key_file.empty()) note("ticket_key_file", "stateless session tickets");
  if (node.find("journal") != nullptr) note("journal", "the journal");
  if (host.client_auth.client_cert_header != ClientCertHeader::kOff) note("client_cert_header", "RFC 9440 headers");
}

const Table<Egress>& egress_table() {
  using E = Egress;
  static const Table<E> table{"egress",
                              {{"deny", texts<E>(&E::deny), kSource}, {"allow", texts<E>(&E::allow), kSource}}};
  return table;
}

struct ListenerExtension {
  bool proxy_protocol = false;
};

void read_listener_extension(Context& context, const Node& node, const std::string& pointer, bool& proxy_protocol) {
  using L = ListenerExtension;
  static const Table<L> table{
      "listeners entry",
      {{"proxy_protocol", enumerator<L>(&L::proxy_protocol, Names<bool>{{"off", false}, {"on", true}}), kSource}}};
  L extension;
  read_object(context, node, pointer, table, extension);
  proxy_protocol = extension.proxy_protocol;
}

struct BackendExtension {
  BackendProtocol protocol = BackendProtocol::kHttp1;
};

void read_backend_extension(Context& context, const Node& node, const std::string& pointer, BackendProtocol& protocol) {
  using B = BackendExtension;
  static const Table<B> table{"backends entry",
                              {{"protocol",
                                enumerator<B>(&B::protocol, Names<BackendProtocol>{{"http1", BackendProtocol::kHttp1},
                                                                                   {"h2", BackendProtocol::kH2}}),
                                kSource}}};
  B extension;
  read_object(context, node, pointer, table, extension);
  protocol = extension.protocol;
}

}  // namespace

const Table<HostConfig>& host_table() {
  static const Table<Host> table{
      "host file",
      {{"bind", map_of<Host>(&Host::bind, read_addresses), kSource},
       {"ports", read_ports, kSource},
       {"workers", number<Host>(&Host::workers, 0, 1'024), kSource},
       {"state_dir", path<Host>(&Host::state_dir), kSource},
       {"access_log", section<Host>(access_log_table()), kSource},
       {"log", section<Host>(log_table()), kSource},
       {"secrets", map_of<Host>(&Host::secrets, read_secret), kSource},
       {"limits", object<Host>(&Host::limits, limits_table()), kSource},
       {"client_auth", read_client_auth, kSource},
       {"user", text<Host>(&Host::user), kSource},
       {"admin", later("the admin API", read_admin), kSource},
       {"metrics", later("the metrics listener", section<Host>(metrics_table())), kSource},
       {"references", map_of<Host>(&Host::references, read_reference_value), kSource},
       {"unenforced", spelled_list<Host>(&Host::unenforced, {"waf", "jwt", "fips", "client_address"}),
        "Protection that a document may ask for although nothing here enforces it; said again at every start."},
       {"revocation", later("revocation checking", object<Host>(&Host::revocation, revocation_table())), kSource},
       {"egress", later("the gateway's own HTTP client", object<Host>(&Host::egress, egress_table())), kSource},
       {"listeners", later("listener extensions", map_of<Host>(&Host::proxy_protocol, read_listener_extension)),
        kSource},
       {"backends", later("backend extensions", map_of<Host>(&Host::backend_protocol, read_backend_extension)),
        kSource},
       {"tracing", later("tracing", section<Host>(tracing_table())), kSource}}};
  return table;
}

}  // namespace portcullis::arm
