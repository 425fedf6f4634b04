// What the reader finds (arm-api.md §4.3), names, and the sizes of collections (azure-semantics §9.4).
#include "cli/test_error_codes.h"

namespace portcullis::cli {

#define FIRST_LISTENER "/properties/httpListeners/0/properties"

constexpr ErrorCase kDocumentCases[] = {
    {"unknown_member", R"("sslCertificates":[{"name":"srv","properties":{"data":"$PFX",)",
     R"("sslCertificates":[{"name":"srv","data":"x","properties":{"data":"$PFX",)",
     "error InvalidJson /properties/sslCertificates/0/data",
     "Could not find member 'data' on object of type 'ApplicationGatewaySslCertificate'"},
    {"misspelt_member", R"("enableFips")", R"("enableFipz")", "error InvalidJson /properties/enableFipz",
     "Did you mean 'enableFips'?"},
    {"wrong_object", R"([{"ipAddress":"10.0.0.1"}])", R"(["10.0.0.1"])",
     "error InvalidJson /properties/backendAddressPools/0/properties/backendAddresses/0",
     "Error converting value \"...\" to type 'ApplicationGatewayBackendAddress'"},
    {"wrong_enumerator", R"("verifyClientAuthMode":"Strict")", R"("verifyClientAuthMode":"Lax")",
     "error InvalidJson /properties/sslProfiles/0/properties/clientAuthConfiguration/verifyClientAuthMode",
     "Error converting value \"Lax\": one of Strict, Passthrough is expected here"},
    {"wrong_boolean", R"("enableFips":false)", R"("enableFips":0)", "error InvalidJson /properties/enableFips",
     "true or false"},
    {"out_of_range", R"("priority":1,)", R"("priority":20001,)",
     "error InvalidJson /properties/requestRoutingRules/0/properties/priority", "from 1 to 20000"},
    {"fraction", R"("priority":1,)", R"("priority":1.5,)",
     "error InvalidJson /properties/requestRoutingRules/0/properties/priority", "a whole number"},
    {"not_a_list",
     R"("probes":[{"name":"probe","properties":{"protocol":"Http","path":"/","match":{"statusCodes":["200-399"]}}}])",
     R"("probes":{})", "error InvalidJson /properties/probes", "a list", "InvalidResourceReference"},
    {"required_member", R"("port":80,"protocol":"Http","probe")",
     R"("port":80,"connectionDraining":{"enabled":true},"protocol":"Http","probe")",
     "error InvalidJson /properties/backendHttpSettingsCollection/0/properties/connectionDraining",
     "Required property 'drainTimeoutInSec' not found on object of type 'ApplicationGatewayConnectionDraining'"},
    {"reference_without_id", R"("frontendPort":{"id":"x/frontendPorts/p443"})", R"("frontendPort":{})",
     "error MissingJsonReferenceId " FIRST_LISTENER "/frontendPort", "Value for reference id is missing"},
    {"reference_with_empty_id", R"("frontendPort":{"id":"x/frontendPorts/p443"})", R"("frontendPort":{"id":""})",
     "error MissingJsonReferenceId " FIRST_LISTENER "/frontendPort/id", "Value for reference id is missing"},
    {"malformed_reference", R"("frontendPort":{"id":"x/frontendPorts/p443"})", R"("frontendPort":{"id":"p443"})",
     "error InvalidJsonReferenceFormat " FIRST_LISTENER "/frontendPort/id",
     "Reference Id p443 is not formatted correctly. The Id is expected to reference resources of type "
     "applicationGateways/frontendPorts."},
    {"reference_to_another_kind", R"("frontendPort":{"id":"x/frontendPorts/p443"})",
     R"("frontendPort":{"id":"x/sslCertificates/srv"})",
     "error InvalidJsonReferenceFormat " FIRST_LISTENER "/frontendPort/id",
     "The Id is expected to reference resources of type applicationGateways/frontendPorts."},
    {"malformed_external_reference", R"([{"name":"fip"}])",
     R"([{"name":"fip","properties":{"publicIPAddress":{"id":"publicip4a"}}}])",
     "error InvalidJsonReferenceFormat /properties/frontendIPConfigurations/0/properties/publicIPAddress/id",
     "Reference Id publicip4a is not formatted correctly. The Id is expected to reference resources of type "
     "publicIPAddresses."},
    {"dangling", R"({"id":"x/urlPathMaps/map"})", R"({"id":"x/urlPathMaps/no"})",
     "error InvalidResourceReference /properties/requestRoutingRules/2/properties/urlPathMap/id",
     "Resource applicationGateways/gw/urlPathMaps/no referenced by resource "
     "applicationGateways/gw/requestRoutingRules/r3 was not found. Please make sure that the referenced resource "
     "exists, "
     "and that both resources are in the same region."},
    {"another_gateways_part", R"({"id":"x/urlPathMaps/map"})",
     R"({"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/other/urlPathMaps/map"})",
     "error InvalidResourceReference /properties/requestRoutingRules/2/properties/urlPathMap/id",
     "a gateway can use only its own parts"},
    {"file_from_the_network", R"("data":"$CA")", R"("data":"@/etc/passwd")",
     "error FileReferenceNotAllowed /properties/trustedClientCertificates/0/properties/data",
     "never in one sent over the network"},
    {"other_resource_type", R"({"name":"gw",)", R"({"name":"gw","type":"Microsoft.Network/loadBalancers",)",
     "error InvalidResourceType /type", "applicationGateways"},
    {"nameless_element", R"([{"name":"fip"}])", R"([{"name":"fip"},{}])",
     "error InvalidResourceName /properties/frontendIPConfigurations/1", "'name' is missing"},
    {"name_with_slash", R"([{"name":"fip"}])", R"([{"name":"fip"},{"name":"a/b"}])",
     "error InvalidResourceName /properties/frontendIPConfigurations/1", "'a/b' is invalid"},
    {"gateway_name", R"({"name":"gw",)", R"({"name":"-gw",)", "error InvalidResourceName /name", "'-gw' is invalid"},
    {"name_twice", R"([{"name":"fip"}])", R"([{"name":"fip"},{"name":"FIP"}])",
     "error DuplicateResourceName /properties/frontendIPConfigurations/1", "without regard to case"},
    {"pools", R"("backendAddressPools":[)", R"("backendAddressPools":[$MANY,)",
     "error ApplicationGatewayBackendAddressPoolLimitReached /properties/backendAddressPools",
     "102 elements, and at most 100 are allowed here."},
    {"redirects", R"("redirectConfigurations":[)", R"("redirectConfigurations":[$MANY,)",
     "error ApplicationGatewayLimitReached /properties/redirectConfigurations",
     "102 elements, and at most 100 are allowed here."},
    {"frontends", R"([{"name":"fip"}])", R"([{"name":"fip"},{"name":"2"},{"name":"3"},{"name":"4"},{"name":"5"}])",
     "error ApplicationGatewayLimitReached /properties/frontendIPConfigurations", "at most 4"},
    {"host_names", R"("hostNames":["a.example"])", R"("hostNames":["a","b","c","d","e","f"])",
     "error ApplicationGatewayLimitReached /properties/httpListeners/2", "at most 5"},
    {"path_rules", R"("pathRules":[)", R"("pathRules":[$MANY,)",
     "error ApplicationGatewayLimitReached /properties/urlPathMaps/0", "at most 100"},
    {"chains_of_a_profile", R"("trustedClientCertificates":[{"id":"x/trustedClientCertificates/ca"}])",
     R"("trustedClientCertificates":[$REFS])", "error ApplicationGatewayLimitReached /properties/sslProfiles/0",
     "at most 100"},
};

ErrorCases document_cases() { return {std::begin(kDocumentCases), std::end(kDocumentCases)}; }

}  // namespace portcullis::cli
