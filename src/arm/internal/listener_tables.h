// The tables of what faces the client: certificates, SSL profiles, frontends, listeners.
#pragma once

#include "arm/internal/table.h"
#include "model/gateway.h"

namespace portcullis::arm {

const Table<model::SslPolicy>& ssl_policy_table();
const Table<model::SslCertificate>& ssl_certificate_table();
const Table<model::TrustedClientCertificate>& trusted_client_certificate_table();
const Table<model::SslProfile>& ssl_profile_table();
const Table<model::FrontendIpConfiguration>& frontend_ip_configuration_table();
const Table<model::FrontendPort>& frontend_port_table();
const Table<model::HttpListener>& http_listener_table();
const Names<model::Protocol>& protocol_names();

}  // namespace portcullis::arm
