// A nested table as a value: what FlatBuffers' native types use here where they would otherwise
// hold a std::unique_ptr, so that events copy deeply and compare by content. It is never empty.
#pragma once

#include <memory>
#include <utility>

namespace platen::events {

template <class T>
class boxed {
 public:
  boxed() = default;
  boxed(T value) : value_(std::move(value)) {}
  // The generated code hands over objects it allocated, or null for a default value.
  explicit boxed(T* allocated) {
    if (const std::unique_ptr<T> owner(allocated); owner) value_ = std::move(*owner);
  }

  T* get() { return &value_; }
  const T* get() const { return &value_; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }
  explicit operator bool() const { return true; }

  friend bool operator==(const boxed& a, const boxed& b) { return a.value_ == b.value_; }

 private:
  T value_{};
};

}  // namespace platen::events
