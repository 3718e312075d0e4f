// The clients of a control plane: random commands, and a list of what was answered to each, which
// is held against the log.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "actors/control_plane.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/dice.hpp"

namespace platen::simulation {

class clients {
 public:
  clients(checker& judge, dice& random, trace& out) : judge_(judge), random_(random), out_(out) {}

  // Sends one command to the daemon of this life.
  void send_one(actors::control_plane& plane, int life);

  // The daemon of the present life is gone, and its connections with it: what it still says is not
  // heard.
  void hang_up() { present_life_ = -1; }

  // Every command that was sent to this life has been answered.
  complaint every_command_is_answered(int life) const;
  // What was refused was not done all the same.
  complaint what_was_refused_was_not_done() const;
  // What was acknowledged is in the log, which may have been read anew since.
  complaint what_was_acknowledged_is_in_the_log(const oracle& log) const;

  std::size_t sent() const { return commands_.size(); }
  std::size_t acknowledged() const { return acknowledged_; }

 private:
  enum class kind {
    create,
    start,
    stop,
    force_stop,
    remove,
    remove_template,
    change_template,
    suspend,
    doze,
    convert
  };
  struct command {
    kind what;
    int life = 0;
    std::string request_id;
    std::string target;  // name or id, for the trace
    int answers = 0;
    bool acknowledged = false;
    bool refused = false;       // and not for a reason that leaves open what happened
    std::string entity;         // of the acknowledged state
    std::uint64_t version = 0;  // of the acknowledged state
    bool wants_preparation = false;
    std::string wished_uuid;
  };

  void create(actors::control_plane& plane, command& asked);
  void change(actors::control_plane& plane, command& asked);
  command& note(kind what, int life);
  std::string some_instance(const actors::control_plane& plane);
  std::string some_template(const actors::control_plane& plane);
  std::optional<actors::template_wish> some_wish(const actors::control_plane& plane);
  std::shared_ptr<actors::template_wish> some_parent(const actors::control_plane& plane);
  actors::create_instance some_create(const actors::control_plane& plane);

  template <class T>
  actors::control_plane::callback<T> answer_to(command& asked);
  void acknowledge(command& asked, const actors::created& answer);
  void acknowledge(command& asked, const actors::instance_ptr& answer);
  void acknowledge(command& asked, const actors::template_ptr& answer);
  template <class State>
  void must_be_durable(command& asked, const State& answer);

  checker& judge_;
  dice& random_;
  trace& out_;
  int present_life_ = -1;
  std::deque<command> commands_;  // a deque, because callbacks refer to its elements
  std::vector<actors::create_instance> repeatable_;  // creates with a uuid of the client's own
  std::vector<std::string> seen_instances_;
  std::vector<std::string> seen_templates_;
  std::size_t acknowledged_ = 0;
};

}  // namespace platen::simulation
