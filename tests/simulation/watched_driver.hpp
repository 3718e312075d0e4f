// The simulated hypervisor behind a counter at which every order is checked against the log.
#pragma once

#include <memory>

#include "tests/simulation/checker.hpp"

namespace platen::simulation {

std::unique_ptr<hypervisor::driver> watch(std::unique_ptr<hypervisor::driver> inner, checker& judge,
                                          trace& out);

}  // namespace platen::simulation
