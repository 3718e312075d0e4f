// Services, domains and limits of a service group, in its own request or within an instance's.
#pragma once

#include <string>
#include <vector>

#include "actors/control_plane.hpp"
#include "http/request/object_reader.hpp"

namespace platen::http {

// A domain's certificate as a client names it: looked up when the request is carried out.
struct certificate_choice {
  std::string domain;  // as given
  actors::reference which;
};

struct group_request {
  actors::group_wish wish;
  std::vector<certificate_choice> certificates;
};

// One service of `services`; problems are reported.
events::service read_service(const nlohmann::json& value, std::string path, first_problem& problem);
std::vector<events::service> read_services(object_reader& group, std::string_view member);
std::vector<events::domain> read_domains(object_reader& group, std::string_view member,
                                         std::vector<certificate_choice>& certificates);
std::uint64_t read_group_autokill_ms(object_reader& group, std::string_view member);

// The members that an own and an inline group share: services, domains, soft_limit, hard_limit.
void read_group_settings(object_reader& group, group_request& into);

// The body of POST /v1/services: an object or an array of them.
tl::expected<std::vector<group_request>, request_error> read_group_requests(
    const nlohmann::json& body, std::size_t items_limit);

// The member service_group of an instance's create.
std::optional<actors::instance_group> read_instance_group(
    object_reader& reader, std::vector<certificate_choice>& certificates);

}  // namespace platen::http
