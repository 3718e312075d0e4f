#include "store/checkpoint_check.hpp"

#include "events/hash.hpp"
#include "store/checkpoint.hpp"

namespace platen::store {

namespace {
// A checkpoint is written right after the event it vouches for; between the two there can be no
// more events than wait in the writer's queue.
constexpr std::size_t remembered = 2 * 65'536;
}  // namespace

std::optional<std::string> checkpoint_check::next(const events::envelope& event) {
  if (const auto* const value = std::get_if<events::checkpoint_signed>(&event.what)) {
    if (auto wrong = check(*value)) return wrong;
    ++checked_;
    covered_ = value->through;
  }
  recent_.push_back({event.sequence, event.hash});
  if (recent_.size() > remembered) recent_.pop_front();
  return std::nullopt;
}

std::optional<std::string> checkpoint_check::check(const events::checkpoint_signed& value) const {
  if (trusted_key_ && value.public_key != *trusted_key_)
    return "the checkpoint is signed with the key " + value.public_key + ", not with " +
           *trusted_key_;
  if (const auto signature = check_signature(value); !signature)
    return "the checkpoint does not verify: " + signature.error();
  const bool known = !recent_.empty() && value.through >= recent_.front().sequence &&
                     value.through <= recent_.back().sequence;
  // Of a segment's first checkpoint, the event it vouches for may be in the segment before.
  if (!known && (recent_.empty() || value.through < recent_.front().sequence)) return std::nullopt;
  if (!known)
    return "the checkpoint vouches for event " + std::to_string(value.through) +
           ", which comes later";
  const auto& at = recent_[value.through - recent_.front().sequence];
  if (events::to_hex(at.hash) != value.head_hash)
    return "the checkpoint was signed over another event " + std::to_string(value.through);
  return std::nullopt;
}

}  // namespace platen::store
