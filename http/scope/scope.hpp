// A token's scope: the names that its clients use, and the names that the actors and the log know
// them by (actors/scoped_name.hpp). Pure; this is the only place where one becomes the other.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "actors/certificates.hpp"
#include "actors/control_plane.hpp"

namespace platen::http {

class scope {
 public:
  // Without a name: the operator's own, whose names are the same on both sides.
  explicit scope(std::string name = {}) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  bool is_operators() const { return name_.empty(); }

  // Whether an entity of that name, as in the log, belongs to it.
  bool has(std::string_view full_name) const;

  // ---- as clients say it -> as the actors know it
  // Also of no name, so that what is made up and what is anonymous belongs to the scope too.
  std::string full(const std::string& bare) const;
  actors::reference full(actors::reference which) const;
  actors::template_wish full(actors::template_wish wish) const;
  actors::group_wish full(actors::group_wish wish) const;
  actors::create_instance full(actors::create_instance wish) const;
  actors::service_group::autoscale full(actors::service_group::autoscale how) const;

  // ---- as the actors know it -> as clients see it; of what belongs to it
  std::string bare(const std::string& full_name) const;
  // The names in a sentence, which stand in quotes there.
  std::string words(std::string sentence) const;
  actors::rejection shown(actors::rejection why) const;
  actors::instance_ptr shown(actors::instance_ptr one) const;
  actors::template_ptr shown(actors::template_ptr one) const;
  actors::group_ptr shown(actors::group_ptr one) const;
  actors::certificate_ptr shown(actors::certificate_ptr one) const;
  // Of its template: UUID, name and phase.
  actors::created shown(actors::created made) const;

 private:
  std::string name_;
};

}  // namespace platen::http
