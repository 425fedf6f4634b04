// What a provider shows OpenSSL, said in fewer words.
#pragma once

#include <string_view>

#include <openssl/core.h>

namespace portcullis::crypto::internal {

// One of an algorithm's functions, by its OSSL_FUNC_ number.
template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

// The name that an algorithm is listed under; empty for what ends a list.
inline std::string_view first_name(const OSSL_ALGORITHM& algorithm) {
  const std::string_view names = algorithm.algorithm_names == nullptr ? "" : algorithm.algorithm_names;
  return names.substr(0, names.find(':'));
}

}  // namespace portcullis::crypto::internal
