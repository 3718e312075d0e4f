# The series of bench-clones.json as lines with tabs between the columns.
def quantile($share): sort | .[[(length * $share | floor), length - 1] | min];
def ms($share): if length == 0 then "-" else quantile($share) | if . < 10 then . * 100 | round / 100 else round end end;
def mib: . / 1048576 | if . < 10 then . * 10 | round / 10 else round end;
(["method", "VMs", "at once", "MB", "running p50", "agent p50", "first byte p50", "p99", "all s", "PSS MiB/VM",
  "private", "shared", "disk MiB/VM"] | @tsv),
(.series[] | . as $s | (.vms | map(.running_ms // empty)) as $running | (.vms | map(.agent_answer_ms // empty)) as $agent
 | (.vms | map(.first_byte_ms // empty)) as $first
 | [.method, .count, .at_once, .memory_mb, ($running | ms(0.5)), ($agent | ms(0.5)), ($first | ms(0.5)),
    ($first | ms(0.99)), (.wall_s * 100 | round / 100)]
   + (if (.processes // 0) > 0
      then [.pss_bytes, .private_bytes, .shared_bytes, .disk_bytes] | map(. / $s.processes | mib)
      else ["-", "-", "-", "-"] end)
 | @tsv)
