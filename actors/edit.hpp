// Changes of lists and maps that a client asks for: all of it, or some members.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "events/event.hpp"

namespace platen::actors {

enum class edit_op { set, add, del };

struct list_edit {
  edit_op how = edit_op::set;
  std::vector<std::string> values;  // del of none: all
};

// Members are identified by their name; their values play no part in del.
struct map_edit {
  edit_op how = edit_op::set;
  std::vector<events::variable> members;
};

// The list afterwards, each value once, in the order in which they came.
inline std::vector<std::string> edited(std::vector<std::string> list, const list_edit& edit) {
  if (edit.how == edit_op::set || (edit.how == edit_op::del && edit.values.empty())) list.clear();
  for (const auto& value : edit.values) {
    const auto found = std::find(list.begin(), list.end(), value);
    if (edit.how == edit_op::del) {
      if (found != list.end()) list.erase(found);
    } else if (found == list.end()) {
      list.push_back(value);
    }
  }
  return list;
}

inline std::vector<events::variable> edited(std::vector<events::variable> map,
                                            const map_edit& edit) {
  if (edit.how == edit_op::set || (edit.how == edit_op::del && edit.members.empty())) map.clear();
  for (const auto& member : edit.members) {
    const auto found = std::find_if(map.begin(), map.end(),
                                    [&](const auto& one) { return one.name == member.name; });
    if (edit.how == edit_op::del) {
      if (found != map.end()) map.erase(found);
    } else if (found == map.end()) {
      map.push_back(member);
    } else {
      *found = member;
    }
  }
  return map;
}

}  // namespace platen::actors
