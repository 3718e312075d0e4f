// The command groups; each is one file named like its function.
#pragma once

#include "tools/platen/context.hpp"
#include "tools/platen/entity.hpp"

namespace platen::cli {

void add_instance_commands(CLI::App& app, context& ctx);
void add_template_commands(CLI::App& app, context& ctx);
void add_factory_commands(CLI::App& app, context& ctx);
void add_service_commands(CLI::App& app, context& ctx);
void add_certificate_commands(CLI::App& app, context& ctx);  // certificate, ca
void add_image_commands(CLI::App& app, context& ctx);
void add_event_commands(CLI::App& app, context& ctx);  // events
void add_verify_command(CLI::App& app, context& ctx);
void add_replay_commands(CLI::App& app, context& ctx);
void add_explain_commands(CLI::App& app, context& ctx);
void add_timeline_commands(CLI::App& app, context& ctx);
void add_export_command(CLI::App& app, context& ctx);
void add_import_command(CLI::App& app, context& ctx);
void add_status_commands(CLI::App& app, context& ctx);  // healthz, status
void add_metrics_command(CLI::App& app, context& ctx);  // metrics

// metrics of instances.
void add_instance_metrics_command(CLI::App& group, context& ctx);

// rm and logs, which instances and templates have alike.
void add_entity_commands(CLI::App& group, context& ctx, const entity_kind& kind);
void add_set_command(CLI::App& group, context& ctx, const entity_kind& kind);

void add_autoscale_command(CLI::App& group, context& ctx);  // of `service`

// hash, render and prepare, which begin with a file.
void add_template_file_commands(CLI::App& group, context& ctx);

}  // namespace platen::cli
