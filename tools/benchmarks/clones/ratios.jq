# What the series of one run say about each other.
def median: sort | .[length / 2 | floor];
def of($method; $count; $at_once; $mb): first(.series[] | select(.method == $method and .count == $count
  and .at_once == $at_once and .memory_mb == $mb)) // null;
def agent: [.vms[].agent_answer_ms] | median;
def two: . * 100 | round / 100;
. as $all
| ([.series[].memory_mb] | min) as $mb | ([.series[].memory_mb] | max) as $big
| ([.series[] | select(.method == "Platen, cold boot").count] | max) as $most
| "",
  (["Platen, clone", "Platen, pooled clone"][] as $method
   | ($all | of($method; $most; 1; $mb)) as $one | ($all | of("Platen, cold boot"; $most; 1; $mb)) as $cold
   | select($one and $cold)
   | "\($method): request to agent's answer 1/\(($cold | agent) / ($one | agent) | round) of a cold boot's " +
     "(\($one | agent | two) ms against \($cold | agent | round) ms)",
     ($all.series[] | select(.method == $method and .count == $most and .memory_mb == $mb) | . as $set
      | ($all | of("Platen, cold boot"; $most; $set.at_once; $mb)) | select(.)
      | "  \($most) VMs, \($set.at_once) at a time: 1/\(.wall_s / $set.wall_s | . * 10 | round / 10) of the time of cold ones" +
        " (\($set.wall_s | two) s against \(.wall_s | two) s); PSS of a VM \(($set.pss_bytes / $set.processes) /
        (.pss_bytes / .processes) * 100 | round) % of a cold one's"),
     (([$all.series[] | select(.method == $method and .memory_mb == $big and $big != $mb)] | first // null) as $large
      | ($all | of($method; $large.count // 0; 1; $mb)) as $small | select($large and $small)
      | "  with \($big) MB instead of \($mb): request to answer \(($large | agent) / ($small | agent) * 100 | round) %")),
  (.notes[] | "note: " + .)
