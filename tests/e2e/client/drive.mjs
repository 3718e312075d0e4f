// What a user of the platform's published client does, against the daemon that UKC_METRO and
// UKC_TOKEN name. It prints each step, and ends with an error at the first that is not as the
// client's users expect. PLATEN_REAL_VMS is set when there are real VMs behind.
import assert from "node:assert/strict";
import { UnikraftCloud, UnikraftCloudError } from "@unikraft/cloud";

const realVms = process.env.PLATEN_REAL_VMS === "1";

const cloud = new UnikraftCloud({ proxyFromEnv: false });
const api = cloud.api.platform;

async function step(name, does) {
  console.log(name);
  return await does();
}

async function rejected(promise, expected) {
  const error = await promise.then(
    () => assert.fail("it was not refused"),
    (reason) => reason,
  );
  assert.ok(error instanceof UnikraftCloudError, `${error}`);
  if ("status" in expected) assert.equal(error.status, expected.status);
  if (expected.message) assert.match(error.message, expected.message);
}

async function all(generator) {
  const found = [];
  for await (const one of generator) found.push(one);
  return found;
}

const onDemand = (name, tags) => ({
  name,
  autostart: true,
  template: {
    name: "my-template",
    prepare: true,
    prepare_timeout_s: 600,
    autokill: { time_ms: 3600000 },
    create_args: { image: "platen/demo:v1", memory_mb: 256, vcpus: 1 },
  },
  roms: [
    {
      name: "session",
      at: "/mnt/session",
      files: [{ path: "session.txt", encoding: "text", data: `sessionID=${name}` }],
    },
  ],
  service_group: {
    services: [{ port: 443, destination_port: 8080, handlers: ["tls", "http"] }],
  },
  tags,
});

await step("healthz", async () => {
  const health = await api.node.healthz();
  assert.equal(health.status, "success");
  assert.equal(health.data.checks.log, "healthy");
});

await step("create with a template on demand", async () => {
  const made = await cloud.instances.create(onDemand("one", ["red", "blue"]));
  assert.equal(made.name, "one");
  assert.equal(made.state, "running");
  assert.equal(made.image, "platen/demo:v1");
  assert.deepEqual(made.tags, ["red", "blue"]);
  assert.equal(made.roms[0].at, "/mnt/session");
  assert.ok(made.service_group.domains[0].fqdn);
});

await step("the same again: only cloned", async () => {
  const made = await cloud.instances.create(onDemand("two", ["red"]));
  assert.equal(made.state, "running");
});

await step("a name that is taken", () =>
  rejected(Promise.resolve(cloud.instances.create(onDemand("one", []))), { message: /one/ }));

await step("get by name, and one that is not there", async () => {
  const one = await cloud.instances.get({ name: "one" });
  assert.equal(one.state, "running");
  assert.match(one.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const same = await cloud.instances.get({ uuid: one.uuid });
  assert.equal(same.name, "one");
  await rejected(Promise.resolve(cloud.instances.get({ name: "nope" })), {
    status: 404,
    message: /No instance with name 'nope'/,
  });
});

await step("list: all, by tags, without details, page by page", async () => {
  const names = async (options) => (await all(cloud.instances.list(options))).map((i) => i.name);
  assert.deepEqual(await names({}), ["one", "two"]);
  assert.deepEqual(await names({ tags: ["red", "blue"] }), ["one"]);
  assert.deepEqual(await names({ details: false }), ["one", "two"]);
  // The cursor is inclusive and this client does not drop the row that it repeats.
  assert.deepEqual([...new Set(await names({ pageSize: 2 }))], ["one", "two"]);
});

await step("wait", async () => {
  const waited = await cloud.instances.get({ name: "one" }).wait({ state: "running", timeoutSeconds: 60 });
  assert.equal(waited.state, "running");
  await rejected(
    Promise.resolve(cloud.instances.get({ name: "one" }).wait({ state: "stopped", timeoutSeconds: 1 })),
    { message: /^Operation timed out$/ },
  );
});

await step("logs", async () => {
  const log = await cloud.instances.get({ name: "one" }).logs({ offset: -4096, limit: 4096 });
  assert.equal(log.name, "one");
  assert.equal(typeof log.output, "string");
  assert.ok(log.range.end <= log.available.end);
});

await step("metrics", async () => {
  const metrics = await cloud.instances.get({ name: "one" }).metrics();
  assert.equal(metrics.name, "one");
  assert.equal(metrics.state, "running");
  assert.equal(metrics.start_count, 1);
  assert.ok(metrics.boot_time_us > 0);
  assert.ok(metrics.template_time_us > 0);
  if (realVms) assert.ok(metrics.rss_bytes > 1024 * 1024 && metrics.cpu_time_ms > 0);
});

await step("stop, wait until stopped, start, wait until running", async () => {
  const one = cloud.instances.get({ name: "one" });
  const stopped = await one.stop();
  assert.equal(stopped.previous_state, "running");
  await cloud.instances.get({ name: "one" }).wait({ state: "stopped", timeoutSeconds: 60 });
  const started = await cloud.instances.get({ name: "one" }).start();
  assert.equal(started.previous_state, "stopped");
  await cloud.instances.get({ name: "one" }).wait({ state: "running", timeoutSeconds: 60 });
  const now = await cloud.instances.get({ name: "one" });
  assert.equal(now.start_count, 2);
});

await step("suspend, wait until it is, and go on", async () => {
  const suspended = await cloud.instances.get({ name: "one" }).suspend();
  assert.equal(suspended.previous_state, "running");
  await cloud.instances.get({ name: "one" }).wait({ state: "stopped", timeoutSeconds: 120 });
  await cloud.instances.get({ name: "one" }).start().wait({ state: "running", timeoutSeconds: 60 });
});

await step("patch: several properties at once, and staged", async () => {
  await cloud.instances.get({ name: "two" }).update({ tags: ["green"], autokill: { time_ms: 60000 } });
  await cloud.instances.get({ name: "two" }).edit().add({ tags: ["grey"] }).apply();
  const two = await cloud.instances.get({ name: "two" });
  assert.deepEqual(two.tags, ["green", "grey"]);
  assert.equal(two.autokill.time_ms, 60000);
  await cloud.instances.get({ name: "two" }).update({ autokill: null });
  assert.equal((await cloud.instances.get({ name: "two" })).autokill?.time_ms ?? 0, 0);
  const plain = await cloud.instances.create({ name: "plain", image: "platen/demo:v1", memory_mb: 128 });
  assert.equal(plain.state, "stopped");
  await cloud.instances.get({ name: "plain" }).update({ memory_mb: 256, env: { A: "1" } });
  const changed = await cloud.instances.get({ name: "plain" });
  assert.equal(changed.memory_mb, 256);
  assert.equal(changed.env.A, "1");
});

await step("templates: list, get, patch with echoed id, delete lock", async () => {
  const listed = await api.instances.getTemplateInstances({ details: true, count: 10 });
  assert.equal(listed.data.instances.length, 1);
  const [template] = listed.data.instances;
  assert.equal(template.name, "my-template");
  assert.equal(template.state, "template");
  assert.equal(template.template_autokill.time_ms, 3600000);
  const named = await api.instances.getTemplateInstances({ name: ["my-template"] });
  assert.equal(named.data.instances[0].uuid, template.uuid);
  const locked = await api.instances.updateTemplateInstances({
    body: [{ name: "my-template", prop: "delete_lock", op: "set", value: true, id: "x1" }],
  });
  assert.equal(locked.data.instances[0].id, "x1");
  const refused = await api.instances.deleteTemplateInstances({ body: [{ name: "my-template" }] });
  assert.equal(refused.status, "error");
  assert.equal(refused.data.instances[0].error, 14);
  assert.equal(refused.data.instances[0].message, "Deletion protection enabled");
  await api.instances.updateTemplateInstances({
    body: [{ name: "my-template", prop: "delete_lock", op: "set", value: false }],
  });
});

await step("service groups and certificates", async () => {
  const group = await cloud.services.create({
    name: "shared",
    services: [{ port: 443, destination_port: 8080, handlers: ["tls", "http"] }],
    domains: [{ name: "shared-domain" }],
  });
  assert.equal(group.persistent, true);
  assert.ok((await all(cloud.services.list())).some((one) => one.name === "shared"));
  await cloud.services.get({ name: "shared" }).update({ soft_limit: 3 });
  assert.equal((await cloud.services.get({ name: "shared" })).soft_limit, 3);
  await cloud.services.delete([{ name: "shared" }]);
  assert.deepEqual(await all(cloud.certificates.list()), []);
});

await step("quotas", async () => {
  const [quota] = await cloud.users.quotas();
  assert.equal(quota.used.instances, 3);
  assert.equal(quota.used.live_instances, 2);
  assert.ok(quota.hard.instances >= quota.used.instances);
  assert.ok(quota.limits.max_memory_mb >= 256);
});

await step("history", async () => {
  const [one] = await cloud.instances.get({ name: "one" }).history();
  assert.deepEqual(
    one.history.map((snapshot) => snapshot.name),
    ["my-template"],
  );
});

await step("delete: some that are there and one that is not", async () => {
  const deleted = await cloud.instances.delete([
    { name: "one" },
    { name: "two" },
    { name: "plain" },
    { name: "nope" },
  ]);
  assert.deepEqual(
    deleted.map((item) => item.status),
    ["success", "success", "success", "error"],
  );
  assert.equal(deleted[0].previous_state, "running");
  assert.deepEqual(await all(cloud.instances.list()), []);
  const gone = await api.instances.deleteTemplateInstances({ body: [{ name: "my-template" }] });
  assert.equal(gone.status, "success");
});

await step("what the server does not know is refused by name", async () => {
  await rejected(Promise.resolve(cloud.instances.create({ image: "platen/demo:v1", colour: "red" })), {
    status: 400,
    message: /colour.*is not a valid member/,
  });
});

console.log("all steps done");
