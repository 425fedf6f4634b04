// Listeners of both kinds, and the ports and names that they share: azure-semantics §4.1, §5, §9.2, §9.3.
#include "cli/test_error_codes.h"

namespace portcullis::cli {
namespace {

constexpr const char* kRedirPort = R"("frontendPort":{"id":"x/frontendPorts/p80"},"protocol":"Http")";
constexpr const char* kPaths = R"("hostNames":["a.example"])";
constexpr const char* kLayer4 = R"("listeners":[],"routingRules":[],"backendSettingsCollection":[])";

}  // namespace

constexpr ErrorCase kListenerCases[] = {
    {"https_without_certificate", R"("sslCertificate":{"id":"x/sslCertificates/srv"},)", "",
     "error ApplicationGatewayHttpsListenerMustReferenceSslCert /properties/httpListeners/0",
     "The Https listener 'web' must reference an SslCertificate."},
    {"listener_without_frontend",
     R"({"name":"redir","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},)",
     R"({"name":"redir","properties":{)",
     "error ApplicationGatewayHttpListenerMustReference /properties/httpListeners/1",
     "The listener 'redir' must reference a FrontendIpConfiguration."},
    {"listener_without_port", kRedirPort, R"("protocol":"Http")",
     "error ApplicationGatewayHttpListenerMustReference /properties/httpListeners/1",
     "The listener 'redir' must reference a FrontendPort."},
    {"same_port", R"("frontendPort":{"id":"x/frontendPorts/p80"})", R"("frontendPort":{"id":"x/frontendPorts/p443"})",
     "error ApplicationGatewayHttpListenersUsingSameFrontendPort /properties/httpListeners/1",
     "The listeners 'web' and 'redir' use the same frontend port and neither has a host name; give one a host name "
     "or "
     "its own port."},
    {"two_protocols_on_a_port", R"("frontendPort":{"id":"x/frontendPorts/p80"})",
     R"("hostName":"b.example","frontendPort":{"id":"x/frontendPorts/p443"})",
     "error ApplicationGatewayHttpListenersUsingSameFrontendPort /properties/httpListeners/1",
     "a port speaks either Http or Https"},
    {"layer4_protocol", kRedirPort, R"("frontendPort":{"id":"x/frontendPorts/p80"},"protocol":"Tcp")",
     "error InvalidListenerProtocol /properties/httpListeners/1", "Tcp and Tls belong to 'listeners'"},
    {"profile_on_http", R"("frontendPort":{"id":"x/frontendPorts/p80"})",
     R"("sslProfile":{"id":"x/sslProfiles/mtls"},"frontendPort":{"id":"x/frontendPorts/p80"})",
     "error SslProfileOnHttpListener /properties/httpListeners/1/properties/sslProfile/id", "not Https"},
    {"certificate_on_http", R"("frontendPort":{"id":"x/frontendPorts/p80"})",
     R"("sslCertificate":{"id":"x/sslCertificates/srv"},"frontendPort":{"id":"x/frontendPorts/p80"})",
     "warning SslCertificateOnHttpListener /properties/httpListeners/1/properties/sslCertificate/id", "is not used"},
    {"both_host_names", kPaths, R"("hostName":"b.example","hostNames":["a.example"])",
     "error HostNameAndHostNames /properties/httpListeners/2", "keep one"},
    {"not_a_host_name", kPaths, R"("hostName":"a b")", "error InvalidHostName /properties/httpListeners/2",
     "'a b' is not a host name"},
    {"wildcard_stars", kPaths, R"("hostNames":["*.contoso.*.*.com"])",
     "error InvalidHostName /properties/httpListeners/2", "wildcards"},
    {"wildcard_count", kPaths, R"("hostNames":["????.contoso.*"])", "error InvalidHostName /properties/httpListeners/2",
     "four '*' and '?' in all"},
    {"wildcards_side_by_side", kPaths, R"("hostNames":["*?.contoso.com"])",
     "error InvalidHostName /properties/httpListeners/2", "none next to a '*'"},
    {"two_stars_in_a_label", kPaths, R"("hostNames":["**.contoso.com"])",
     "error InvalidHostName /properties/httpListeners/2", "one '*' between two dots"},
    {"wildcard_in_host_name", kPaths, R"("hostName":"*.example")", "error InvalidHostName /properties/httpListeners/2",
     "one exact name"},
    {"host_name_twice", kRedirPort,
     R"("hostName":"A.example.","frontendPort":{"id":"x/frontendPorts/p8080"},"protocol":"Http")",
     "error DuplicateHostNameOnFrontendPort /properties/httpListeners/2", "already taken on this frontend port"},
    {"listener_without_rule", R"("httpListeners":[)",
     R"("httpListeners":[{"name":"idle","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p8080"},"hostName":"c.example"}},)",
     "warning HttpListenerWithoutRule /properties/httpListeners/0", "so it is not served"},
    {"two_rules_on_a_listener", R"("httpListener":{"id":"x/httpListeners/paths"})",
     R"("httpListener":{"id":"x/httpListeners/redir"})",
     "error HttpListenerUsedByTwoRules /properties/requestRoutingRules/2", "one listener has one rule"},
    {"port_missing", R"({"name":"p8080","properties":{"port":8080}})", R"({"name":"p8080","properties":{}})",
     "error FrontendPortMissing /properties/frontendPorts/2", "has no 'port'"},
    {"port_twice", R"({"name":"p8080","properties":{"port":8080}})", R"({"name":"p8080","properties":{"port":80}})",
     "error DuplicateFrontendPort /properties/frontendPorts/2", "is already 'p80'", "LocalAddressTakenTwice"},
    {"reserved_port", R"("port":8080)", R"("port":65200)",
     "warning FrontendPortReservedOnAzure /properties/frontendPorts/2", "65200"},
    {"page_without_url", kPaths, R"("customErrorConfigurations":[{"statusCode":"HttpStatus403"}])",
     "error CustomErrorIncomplete /properties/httpListeners/2/properties/customErrorConfigurations/0", "give both"},
    {"page_twice", R"("enableFips":false)",
     R"("customErrorConfigurations":[{"statusCode":"HttpStatus403","customErrorPageUrl":"https://e/a.html"},{"statusCode":"httpstatus403","customErrorPageUrl":"https://e/b.html"}])",
     "error DuplicateCustomErrorStatusCode /properties/customErrorConfigurations/1",
     "HttpStatus403 already has a page"},
    {"page_not_html", R"("enableFips":false)",
     R"("customErrorConfigurations":[{"statusCode":"HttpStatus502","customErrorPageUrl":"file:///etc/passwd"}])",
     "error InvalidCustomErrorPageUrl /properties/customErrorConfigurations/0", "http or https"},
    {"layer4_without_frontend", kLayer4, R"("listeners":[{"name":"l4","properties":{}}])",
     "error ListenerMustReferenceFrontend /properties/listeners/0", "a frontendIPConfiguration and a frontendPort"},
    {"layer4_on_a_taken_port", kLayer4,
     R"("listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p80"}}}])",
     "error ApplicationGatewayHttpListenersUsingSameFrontendPort /properties/listeners/0", "another listener"},
    {"layer4_http", kLayer4,
     R"("listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p5432"},"protocol":"Http"}}])",
     "error InvalidListenerProtocol /properties/listeners/0", "Http and Https belong to 'httpListeners'"},
    {"tls_without_certificate", kLayer4,
     R"("listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p5432"},"protocol":"Tls"}}])",
     "error TlsListenerMustReferenceSslCert /properties/listeners/0", "must reference an SslCertificate"},
    {"profile_on_tcp", kLayer4,
     R"("listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p5432"},"sslProfile":{"id":"x/sslProfiles/mtls"}}}])",
     "error SslProfileOnTcpListener /properties/listeners/0/properties/sslProfile/id", "could never be enforced"},
    {"names_on_tcp", kLayer4,
     R"("listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p5432"},"hostNames":["a.example"]}}])",
     "error HostNamesOnTcpListener /properties/listeners/0", "never sees a host name"},
    {"layer4_not_served", kLayer4,
     R"("listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p5432"}}}])",
     "warning NotServedYet /properties/listeners/0", "layer-4 listeners"},
};

ErrorCases listener_cases() { return {std::begin(kListenerCases), std::end(kListenerCases)}; }

}  // namespace portcullis::cli
