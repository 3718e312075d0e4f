// A value that is seldom there: while it is absent it takes no more room than a pointer. Copies
// deeply and compares by content, as std::optional does.
#pragma once

#include <memory>
#include <utility>

namespace platen::actors {

template <class T>
class rare {
 public:
  rare() = default;
  rare(T value) : value_(std::make_unique<T>(std::move(value))) {}
  rare(const rare& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  rare(rare&&) noexcept = default;
  rare& operator=(rare other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~rare() = default;

  bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  T& emplace() { return *(value_ = std::make_unique<T>()); }
  void reset() { value_.reset(); }

  friend bool operator==(const rare& a, const rare& b) {
    return a.has_value() == b.has_value() && (!a || *a == *b);
  }

 private:
  std::unique_ptr<T> value_;
};

// std::optional or rare.
template <class T>
concept optional_like = requires(T& value) {
  value.has_value();
  value.emplace();
  *value;
};

}  // namespace platen::actors
