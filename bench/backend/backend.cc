// bench-backend PORT: the sample backend of the bench. HTTP/1.1 keep-alive on 127.0.0.1, one thread; GET / answers 1
// KB, GET /big 10 MiB. It reads no more of a request than it must, so that it costs next to nothing beside the servers.
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

std::string answer(std::size_t size) {
  return "HTTP/1.1 200 OK\r\nServer: sample\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(size) +
         "\r\n\r\n" + std::string(size, 'a');
}

const std::string kSmall = answer(1024);
const std::string kBig = answer(10U << 20U);

struct Client {
  int fd;
  std::string input;
  std::string_view output;  // of kSmall or kBig, what is left
};

// False: the client has gone.
bool write_some(Client& client) {
  while (!client.output.empty()) {
    const ssize_t put = ::send(client.fd, client.output.data(), client.output.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    client.output.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool answer_all(Client& client) {
  for (;;) {
    if (!write_some(client)) return false;
    if (!client.output.empty()) return true;
    const std::size_t end = client.input.find("\r\n\r\n");
    if (end == std::string::npos) return client.input.size() < 65'536;
    client.output = client.input.starts_with("GET /big") ? kBig : kSmall;
    client.input.erase(0, end + 4);
  }
}

bool read_all(Client& client) {
  char buffer[16'384];
  for (;;) {
    const ssize_t got = ::recv(client.fd, buffer, sizeof buffer, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    client.input.append(buffer, static_cast<std::size_t>(got));
    if (got < static_cast<ssize_t>(sizeof buffer)) return true;
  }
}

void add(int epoll, int fd, void* owner) {
  epoll_event event{};
  event.events = owner == nullptr ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = owner;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int serve(std::uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited by what is accepted
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 4096) != 0) {
    std::perror("bench-backend");
    return 1;
  }
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  add(epoll, listener, nullptr);
  for (;;) {
    epoll_event events[256];
    const int count = epoll_wait(epoll, events, std::size(events), -1);
    for (int i = 0; i < count; ++i) {
      auto* client = static_cast<Client*>(events[i].data.ptr);
      if (client == nullptr) {
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) add(epoll, fd, new Client{fd, {}, {}});
        continue;
      }
      const bool readable = (events[i].events & EPOLLIN) != 0;
      if ((readable && !read_all(*client)) || !answer_all(*client)) {
        ::close(client->fd);
        delete client;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  std::uint16_t port = 0;
  const std::string_view text = argc == 2 ? argv[1] : "";
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port == 0) {
    std::fputs("usage: bench-backend PORT\n", stderr);
    return 64;
  }
  return serve(port);
}
