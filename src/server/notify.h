// Tells a service manager how the process is doing (the sd_notify protocol), when there is one.
#pragma once

#include <string_view>

namespace portcullis::server {

// `state`: "READY=1", "STOPPING=1" … Does nothing without NOTIFY_SOCKET.
void notify_service_manager(std::string_view state);

}  // namespace portcullis::server
