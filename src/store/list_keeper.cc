#include "store/list_keeper.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "telemetry/log.h"

namespace portcullis::store {

using telemetry::log_info;

namespace {

constexpr std::string_view kSuffix = ".list";
constexpr std::string_view kDraftSuffix = ".new";
std::string path_of(const std::string& directory, const Digest& key, std::string_view suffix) {
  return directory + "/" + key.hex() + std::string(suffix);
}

// The file's first `bytes`, or fewer; nothing where it is larger than any that is saved, or is no file.
std::optional<std::string> read_file(const std::string& path, std::size_t bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::string text;
  struct stat status {};
  bool good = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
              static_cast<std::uint64_t>(status.st_size) <= SavedListHead::kMostBytes + SavedList::kMostBytes;
  const std::size_t wanted = good ? std::min(bytes, static_cast<std::size_t>(status.st_size)) : 0;
  good = good && read_up_to(fd, wanted, text);
  ::close(fd);
  if (!good) return std::nullopt;
  text.resize(std::min(text.size(), wanted));
  return text;
}

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  return fail(error == ENOSPC || error == EDQUOT || error == EFBIG ? "store.full" : "store.failed",
              what + ": " + std::strerror(error));
}

}  // namespace

std::string lists_path(const std::string& state_dir) { return state_dir + "/lists"; }

std::optional<SavedList> find_list(const std::string& directory, const Digest& key, const std::string& url) {
  auto text = read_file(path_of(directory, key, kSuffix), SavedListHead::kMostBytes + SavedList::kMostBytes);
  const auto head = text ? read_head(*text) : std::nullopt;
  if (!head || head->url != url) return std::nullopt;
  text->erase(0, head->size);
  return SavedList{key, url, std::move(*text), head->fetched_at};
}

ListKeeper::ListKeeper(Options options)
    : options_(std::move(options)),
      saved_(options_.metrics->counter("portcullis_crl_lists_saved_total",
                                       "Fetched revocation lists written to state_dir, for the time after a restart.")),
      unsaved_(options_.metrics->counter("portcullis_crl_lists_not_saved_total",
                                         "Fetched revocation lists that could not be written to state_dir.")),
      trouble_("crl_memory.unavailable", options_.directory, options_.report) {}

bool ListKeeper::add(SavedList list) {
  const auto known = waiting_.find(list.key);
  const std::size_t freed = known == waiting_.end() ? 0 : known->second.bytes.size();
  if (waiting_bytes_ - freed + list.bytes.size() > options_.most_waiting_bytes) return false;
  waiting_bytes_ += list.bytes.size() - freed;
  const Digest key = list.key;
  waiting_.insert_or_assign(key, std::move(list));
  return true;
}

bool ListKeeper::save(SavedList list) {
  if (!enabled() || list.bytes.size() > SavedList::kMostBytes || list.url.size() > SavedList::kMostUrl ||
      list.url.find('\n') != std::string::npos) {
    return false;
  }
  const std::scoped_lock lock(mutex_);
  if (add(std::move(list))) return true;
  give_up(1);
  return false;
}

void ListKeeper::give_up(std::uint64_t lists) {
  given_up_ += lists;
  unsaved_.add(lists);
}

ListKeeper::Lists ListKeeper::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(waiting_, {});
}

void ListKeeper::forget() {
  const std::scoped_lock lock(mutex_);
  give_up(waiting_.size());
  waiting_.clear();
  waiting_bytes_ = 0;
}

Result<void> ListKeeper::write(const SavedList& list) {
  if (::mkdir(options_.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return failed("cannot make " + options_.directory);
  }
  const std::string draft = path_of(options_.directory, list.key, kDraftSuffix);
  const std::string path = path_of(options_.directory, list.key, kSuffix);
  const auto there = read_file(path, SavedListHead::kMostBytes);
  const auto head = there ? read_head(*there) : std::nullopt;
  if (head && head->url == list.url && head->fetched_at > list.fetched_at &&
      head->fetched_at <= options_.clock->wall()) {
    return {};
  }
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed("cannot write " + draft);
  Result<void> done;
  if (!write_all(fd, to_text({list.url, list.fetched_at})) || !write_all(fd, list.bytes) || ::fsync(fd) != 0) {
    done = failed("cannot write " + draft);
  }
  ::close(fd);
  if (done && ::rename(draft.c_str(), path.c_str()) != 0) done = failed("cannot write " + path);
  if (!done) ::unlink(draft.c_str());
  return done;
}

void ListKeeper::trim() const {
  struct File {
    std::filesystem::file_time_type written;
    std::uint64_t bytes = 0;
    std::filesystem::path path;
  };
  std::vector<File> files;
  std::error_code error;
  std::uint64_t bytes = 0;
  for (std::filesystem::directory_iterator at(options_.directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(kDraftSuffix)) {
      ::unlink(at->path().c_str());
    } else if (name.ends_with(kSuffix)) {
      std::error_code ignored;
      File& file = files.emplace_back(File{at->last_write_time(ignored), 0, at->path()});
      const std::uintmax_t size = at->file_size(ignored);
      file.bytes = ignored ? 0 : size;
      bytes += file.bytes;
    }
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.written < b.written; });
  std::uint64_t left = files.size();
  for (const File& file : files) {
    if (left <= options_.limits.lists && bytes <= options_.limits.bytes) return;
    ::unlink(file.path.c_str());
    bytes -= file.bytes;
    --left;
  }
}

void ListKeeper::write(const std::function<Result<void>()>& own_directory, bool last) {
  const MonoTime now = options_.clock->mono();
  if (!last && now < next_try_) return;
  Lists lists = take();
  if (lists.empty()) return;
  const Result<void> own = own_directory();
  Result<void> done = own;
  for (auto& [key, list] : lists) {
    const std::size_t bytes = list.bytes.size();
    // One that finds no room is in no other's way.
    const Result<void> written = own ? write(list) : own;
    const std::scoped_lock lock(mutex_);
    waiting_bytes_ -= bytes;
    if (written) {
      saved_.add();
      continue;
    }
    if (done) done = written;
    if (last || (!waiting_.contains(key) && !add(std::move(list)))) give_up(1);
  }
  if (own) trim();
  if (done) {
    if (trouble_.over()) log_info("crl_memory.recovered", {{"path", options_.directory}});
    return;
  }
  next_try_ = now + options_.retry;
  std::uint64_t lost = 0;
  {
    const std::scoped_lock lock(mutex_);
    lost = std::exchange(given_up_, 0);
  }
  trouble_.tell(done.error(), now, lost);
}

}  // namespace portcullis::store
