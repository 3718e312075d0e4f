#include "actors/scoped_name.hpp"

#include <catch2/catch.hpp>

#include "actors/service/settings.hpp"
#include "actors/template_wish.hpp"
#include "actors/vm_spec.hpp"

using namespace platen::actors;

TEST_CASE("a name has its scope in front, and the operator's has none") {
  CHECK(scoped_name("team", "web") == "team/web");
  CHECK(scoped_name("", "web") == "web");
  CHECK(scope_of("team/web") == "team");
  CHECK(scope_of("web").empty());
  CHECK(bare_name("team/web") == "web");
  CHECK(bare_name("web") == "web");
  CHECK(scope_alone("team/web") == "team/");
  CHECK(scope_alone("web").empty());
}

TEST_CASE("a scope alone is no name") {
  CHECK(is_unnamed(""));
  CHECK(is_unnamed("team/"));
  CHECK_FALSE(is_unnamed("team/web"));
  CHECK_FALSE(is_unnamed("web"));
  // Two levels that nobody named are not one that is nested in itself.
  template_wish wish;
  wish.which.name = "team/";
  wish.parent = std::make_shared<template_wish>(wish);
  CHECK_FALSE(repeated_name(wish));
}

TEST_CASE("a scope can be a label of a domain") {
  for (const auto* good : {"a", "7", "team-a", "0-9"})
    CHECK(is_scope(good));
  for (const auto* bad : {"", "-a", "a-", "A", "a.b", "a/b", "a_b", "ä"})
    CHECK_FALSE(is_scope(bad));
  CHECK(is_scope(std::string(32, 'a')));
  CHECK_FALSE(is_scope(std::string(33, 'a')));
}

TEST_CASE("everything below the base domain is the operator's but what is below the scope's own") {
  using service_group::base_domain_of;
  using service_group::may_have;
  const std::string base = "apps.example.com";
  CHECK(base_domain_of(base, "team") == "team.apps.example.com");
  CHECK(base_domain_of(base, "") == base);
  for (const auto* own : {"a.team.apps.example.com", "*.team.apps.example.com",
                          "a.b.team.apps.example.com", "a.other.org", "*.other.org"})
    CHECK(may_have("team", own, base));
  for (const auto* not_own :
       {"apps.example.com", "a.apps.example.com", "team.apps.example.com", "*.apps.example.com",
        "a.steam.apps.example.com", "a.blue.apps.example.com", "*.example.com"}) {
    INFO(not_own);
    CHECK_FALSE(may_have("team", not_own, base));
    CHECK(may_have("", not_own, base));
  }
}

TEST_CASE("the host name of a VM that was given none is its name without the scope") {
  CHECK(to_hypervisor(platen::events::vm_spec{}, "team/web.1").hostname == "web-1");
  CHECK(to_hypervisor(platen::events::vm_spec{}, "web.1").hostname == "web-1");
}
