#include "actors/state_keeper.hpp"

#include <unordered_map>
#include <variant>

#include "actors/state_codec.hpp"
#include "events/hash.hpp"

namespace platen::actors {

namespace {

using store::error;
using store::head;
using store::state_cache;
using store::state_mark;

// States changed in one step; each is written once, however often it changed.
constexpr std::size_t states_a_step = 8192;

using entity_state = std::variant<vm_template::state, instance::state, service_group::state>;

bool is_forgettable(const entity_state& value) {
  return std::visit([](const auto& state) { return forgettable(state); }, value);
}

// ---- which cache belongs to which log ----------------------------------------------------------

// Whether the log has the mark's event with the mark's hash. An error of the log is passed on.
store::result<bool> is_of(const state_mark& mark, const store::event_log& log) {
  const auto newest = log.newest();
  if (mark.at.sequence >= newest.sequence) return mark.at == newest;
  bool same = false;
  // The next event names the mark's hash: so the mark's own record may be archived already.
  const auto read = log.read_all(mark.at.sequence, [&](const events::envelope& next) {
    same = next.previous_hash == mark.at.hash;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  return same;
}

struct usable_mark {
  std::optional<state_mark> mark;
  std::string refused;
};

store::result<usable_mark> find_mark(const store::event_log& log, const state_cache& cache) {
  const auto mark = cache.mark();
  if (!mark) return usable_mark{std::nullopt, mark.error().message};
  if (!*mark) return usable_mark{};
  if ((*mark)->format != state_format())
    return usable_mark{std::nullopt, "its states are in the format " + (*mark)->format +
                                         ", this program's is " + state_format()};
  const auto same = is_of(**mark, log);
  if (!same) return tl::unexpected(same.error());
  if (!*same) return usable_mark{std::nullopt, "it was made from another log"};
  return usable_mark{**mark, ""};
}

// ---- loading -----------------------------------------------------------------------------------

template <class State>
tl::expected<void, std::string> take(by_uuid<State>& into, const std::string& stream,
                                     tl::expected<State, std::string> state) {
  if (!state) return tl::unexpected(stream + ": " + state.error());
  into[state->id] = std::move(*state);
  return {};
}

// The error says why the cache is of no use.
tl::expected<world, std::string> read_states(const state_cache& cache, const state_mark& mark) {
  world all;
  all.sequence = mark.at.sequence;
  tl::expected<void, std::string> good;
  const auto visited = cache.visit_all([&](const std::string& stream, std::string_view bytes) {
    if (is_template_stream(stream))
      good = take(all.templates, stream, decode_template(bytes));
    else if (is_service_stream(stream))
      good = take(all.services, stream, decode_service_group(bytes));
    else
      good = take(all.instances, stream, decode_instance(bytes));
    return good.has_value();
  });
  if (!visited) return tl::unexpected(visited.error().message);
  if (!good) return tl::unexpected(good.error());
  if (world_digest::from(mark.digest, mark.entities) != digest_of(all))
    return tl::unexpected(std::string("its states do not have the digest noted with them"));
  return all;
}

template <class State>
void forget(by_uuid<State>& entities) {
  std::erase_if(entities, [](const auto& entry) { return forgettable(entry.second); });
}

// ---- keeping -----------------------------------------------------------------------------------

// One step's changed states on top of the cache.
class fold {
 public:
  fold(state_cache& cache, kept from) : cache_(cache), now_(std::move(from)) {}

  store::result<void> take(const events::envelope& event) {
    now_.at = {event.sequence, event.hash};
    if (!is_entity_stream(event.stream)) return {};
    const auto found = touch(event.stream);
    if (!found) return tl::unexpected(found.error());
    auto& state = (*found)->now;
    // What still arrives for an entity that was forgotten changes nothing.
    if (!state && event.version != 1) return {};
    if (!state) state = fresh(event.stream);
    std::visit([&](auto& value) { fold_into(value, event); }, *state);
    return changed_.size() < states_a_step ? store::result<void>() : flush();
  }

  store::result<void> flush() {
    std::vector<state_cache::change> changes;
    for (auto& [stream, entity] : changed_) {
      if (entity.before) now_.digest.remove(*entity.before);
      if (!entity.now || is_forgettable(*entity.now)) {
        changes.push_back({stream, std::nullopt});
        continue;
      }
      const auto state_bytes =
          std::visit([](const auto& value) { return encode_state(value); }, *entity.now);
      now_.digest.add(events::sha256_of(state_bytes));
      changes.push_back({stream, state_bytes});
    }
    changed_.clear();
    return cache_.write({now_.at, state_format(), now_.digest.to_hex(), now_.digest.entities()},
                        changes);
  }

  const kept& now() const { return now_; }

 private:
  struct entity {
    std::optional<events::digest> before;  // hash of the cached state
    std::optional<entity_state> now;
  };

  static entity_state fresh(const std::string& stream) {
    const auto id = stream.substr(stream.find('/') + 1);
    entity_state made;
    if (is_service_stream(stream))
      made.emplace<service_group::state>();
    else if (!is_template_stream(stream))
      made.emplace<instance::state>();
    std::visit([&](auto& value) { value.id = id; }, made);
    return made;
  }

  static tl::expected<entity_state, std::string> decode_any(const std::string& stream,
                                                            std::string_view bytes) {
    const auto any = [](auto value) { return entity_state(std::move(value)); };
    if (is_template_stream(stream)) return decode_template(bytes).map(any);
    if (is_service_stream(stream)) return decode_service_group(bytes).map(any);
    return decode_instance(bytes).map(any);
  }

  store::result<entity*> touch(const std::string& stream) {
    const auto [place, added] = changed_.try_emplace(stream);
    if (!added) return &place->second;
    const auto bytes = cache_.find(stream);
    if (!bytes) return tl::unexpected(bytes.error());
    if (!*bytes) return &place->second;
    auto state = decode_any(stream, **bytes);
    if (!state) return tl::unexpected(error{error::kind::corrupt, stream + ": " + state.error()});
    place->second.before = events::sha256_of(**bytes);
    place->second.now = std::move(*state);
    return &place->second;
  }

  state_cache& cache_;
  kept now_;
  std::unordered_map<std::string, entity> changed_;
};

}  // namespace

store::result<loaded_world> load_world(const store::event_log& log, store::state_cache* cache) {
  loaded_world result;
  if (cache != nullptr) {
    const auto found = find_mark(log, *cache);
    if (!found) return tl::unexpected(found.error());
    result.cache_refused = found->refused;
    if (found->mark) {
      if (auto states = read_states(*cache, *found->mark)) {
        result.all = std::move(*states);
        result.states_taken = found->mark->entities;
      } else {
        result.cache_refused = states.error();
      }
    }
    if (!result.cache_refused.empty())
      if (const auto cleared = cache->clear(); !cleared) return tl::unexpected(cleared.error());
  }
  const auto read = log.read_all(result.all.sequence, [&](const events::envelope& event) {
    apply(result.all, event);
    ++result.events_folded;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  forget(result.all.templates);
  forget(result.all.instances);
  forget(result.all.services);
  return result;
}

store::result<kept> bring_up_to_date(const store::event_log& log, store::state_cache& cache) {
  const auto found = find_mark(log, cache);
  if (!found) return tl::unexpected(found.error());
  kept from;
  if (found->mark) {
    const auto digest = world_digest::from(found->mark->digest, found->mark->entities);
    from = {found->mark->at, digest.value_or(world_digest{})};
  } else if (const auto cleared = cache.clear(); !cleared) {
    return tl::unexpected(cleared.error());
  }
  fold step(cache, from);
  store::result<void> taken;
  const auto read = log.read_all(from.at.sequence, [&](const events::envelope& event) {
    taken = step.take(event);
    return taken.has_value();
  });
  if (!read) return tl::unexpected(read.error());
  if (!taken) return tl::unexpected(taken.error());
  if (const auto flushed = step.flush(); !flushed) return tl::unexpected(flushed.error());
  return step.now();
}

}  // namespace platen::actors
