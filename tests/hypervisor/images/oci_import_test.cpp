// OCI image layouts and `docker save` archives.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/sha256.hpp"
#include "tests/hypervisor/images/test_archive.hpp"
#include "tests/hypervisor/images/test_folder.hpp"

using nlohmann::json;
using platen::hypervisor::image;
using platen::hypervisor::image_config;
using platen::hypervisor::image_store;
using platen::hypervisor::import_limits;
namespace images = platen::hypervisor::images;
namespace test = platen::hypervisor::images::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
const std::string index_type = "application/vnd.oci.image.index.v1+json";
const std::string layer_type = "application/vnd.oci.image.layer.v1.tar";
const image_config nothing_given;

struct oci_fixture {
  test::test_folder folder;
  fs::path layout = folder / "layout";
  import_limits limits{.content_bytes = 4 * mebibyte, .entries = 100, .free_bytes = mebibyte};
  std::unique_ptr<image_store> store = image_store::open(folder / "images", limits).value();
  json platform = {{"os", "linux"}, {"architecture", "amd64"}};
  json config = {{"Entrypoint", json::array({"/bin/app"})},
                 {"Cmd", json::array({"--serve"})},
                 {"Env", {"A=1", "B=x=y"}},
                 {"WorkingDir", "/srv"},
                 {"User", "www:www"}};

  json blob(const std::string& content, const std::string& type) const {
    const auto hex = images::sha256_hex(content);
    test::write_file(layout / "blobs/sha256" / hex, content);
    return {{"mediaType", type}, {"digest", "sha256:" + hex}, {"size", content.size()}};
  }

  json layer(const std::vector<test::entry>& entries,
             test::compression how = test::compression::none, std::string suffix = "") const {
    return blob(test::compressed(test::tar(entries), how), layer_type + suffix);
  }

  json manifest(const std::vector<json>& layers, const json& diff_ids = nullptr) const {
    json document = platform;
    document["config"] = config;
    if (!diff_ids.is_null()) document["rootfs"] = {{"type", "layers"}, {"diff_ids", diff_ids}};
    const json description = {
        {"schemaVersion", 2},
        {"mediaType", manifest_type},
        {"config", blob(document.dump(), "application/vnd.oci.image.config.v1+json")},
        {"layers", layers}};
    return blob(description.dump(), manifest_type);
  }

  void write_index(const std::vector<json>& manifests) const {
    test::write_file(layout / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    test::write_file(layout / "index.json",
                     json{{"schemaVersion", 2}, {"manifests", manifests}}.dump());
  }

  void write_image(const std::vector<std::vector<test::entry>>& layers) const {
    std::vector<json> list;
    for (const auto& entries : layers)
      list.push_back(layer(entries));
    write_index({manifest(list)});
  }

  image imported() const {
    const auto result = store->import("app", layout, nothing_given);
    INFO((result ? "" : result.error()));
    REQUIRE(result);
    return *result;
  }

  std::string refusal() const {
    const auto result = store->import("app", layout, nothing_given);
    REQUIRE_FALSE(result);
    return result.error();
  }

  image with_layers(const std::vector<std::vector<test::entry>>& layers) const {
    write_image(layers);
    return imported();
  }
};

json on(json descriptor, const std::string& os, const std::string& architecture) {
  descriptor["platform"] = {{"os", os}, {"architecture", architecture}};
  return descriptor;
}

}  // namespace

TEST_CASE_METHOD(oci_fixture, "an OCI image brings its config") {
  const auto made = with_layers({{test::file("a", "b")}});
  CHECK(made.config.entrypoint == std::vector<std::string>{"/bin/app"});
  CHECK(made.config.cmd == std::vector<std::string>{"--serve"});
  CHECK(made.config.env == std::map<std::string, std::string>{{"A", "1"}, {"B", "x=y"}});
  CHECK(made.config.workdir == "/srv");
  CHECK(made.config.user == "www:www");
}

TEST_CASE_METHOD(oci_fixture, "what the caller sets wins over the image's config") {
  write_image({{test::file("a", "b")}});
  const auto made = store
                        ->import("app", layout,
                                 {.entrypoint = {"/other"},
                                  .cmd = {},
                                  .env = {{"B", "2"}, {"C", "3"}},
                                  .workdir = "/",
                                  .user = "0"})
                        .value();
  CHECK(made.config.entrypoint == std::vector<std::string>{"/other"});
  CHECK(made.config.cmd.empty());  // the arguments were for the other entrypoint
  CHECK(made.config.env == std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}, {"C", "3"}});
  CHECK(made.config.workdir == "/");
  CHECK(made.config.user == "0");
}

TEST_CASE_METHOD(oci_fixture, "upper layers cover lower ones") {
  const auto made = with_layers({{test::file("a", "low"), test::file("b", "low")},
                                 {test::file("a", "high"), test::file("c", "high")}});
  CHECK(test::disk_content(made.disk, "/a") == "high");
  CHECK(test::disk_content(made.disk, "/b") == "low");
  CHECK(test::disk_content(made.disk, "/c") == "high");
}

TEST_CASE_METHOD(oci_fixture, "layers may be raw, gzip or zstd") {
  write_index({manifest({layer({test::file("raw", "1")}),
                         layer({test::file("gzip", "2")}, test::compression::gzip, "+gzip"),
                         layer({test::file("zstd", "3")}, test::compression::zstd, "+zstd")})});
  const auto disk = imported().disk;
  CHECK(test::disk_content(disk, "/raw") == "1");
  CHECK(test::disk_content(disk, "/gzip") == "2");
  CHECK(test::disk_content(disk, "/zstd") == "3");
}

TEST_CASE_METHOD(oci_fixture, "a whiteout removes a file or folder of the layers below") {
  const auto made = with_layers(
      {{test::file("gone", "x"), test::file("d/gone/deep", "x"), test::file("d/e", "x")},
       {test::file(".wh.gone", ""), test::file("d/.wh.gone", ""), test::file(".wh.never-was", ""),
        test::file("no/where/.wh.x", "")}});
  CHECK_FALSE(test::disk_has(made.disk, "/gone"));
  CHECK_FALSE(test::disk_has(made.disk, "/d/gone"));
  CHECK(test::disk_has(made.disk, "/d/e"));
  CHECK_FALSE(test::disk_has(made.disk, "/.wh.gone"));
}

TEST_CASE_METHOD(oci_fixture, "a whiteout spares its own layer, wherever it stands") {
  const auto made =
      with_layers({{test::file("a", "low")}, {test::file("a", "high"), test::file(".wh.a", "")}});
  CHECK(test::disk_content(made.disk, "/a") == "high");
}

TEST_CASE_METHOD(oci_fixture, "an opaque folder hides what is below, wherever its mark stands") {
  const auto mark_last = GENERATE(true, false);
  std::vector<test::entry> upper{test::folder("d"), test::file("d/new", "high")};
  upper.insert(mark_last ? upper.end() : upper.begin(), test::file("d/.wh..wh..opq", ""));
  const auto made =
      with_layers({{test::file("d/old", "low"), test::file("d/sub/x", "low")}, upper});
  CHECK(test::disk_content(made.disk, "/d/new") == "high");
  CHECK_FALSE(test::disk_has(made.disk, "/d/old"));
  CHECK_FALSE(test::disk_has(made.disk, "/d/sub"));
}

TEST_CASE_METHOD(oci_fixture, "an opaque folder over a link spares what the link leads to") {
  const auto made = with_layers(
      {{test::file("data/x", "kept"), test::symbolic_link("d", "data")},
       {test::folder("d"), test::file("d/.wh..wh..opq", ""), test::file("d/y", "new")}});
  CHECK(test::disk_content(made.disk, "/data/x") == "kept");
  CHECK(test::disk_content(made.disk, "/d/y") == "new");
}

TEST_CASE_METHOD(oci_fixture, "whiteouts that name nothing are refused") {
  const auto name = GENERATE(as<std::string>(), ".wh.", "d/.wh...", "d/.wh..");
  write_image({{test::file("d/x", "x")}, {test::file(name, "")}});
  CHECK(refusal().find("is a whiteout that names no file") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "a whiteout below a link of an earlier layer stays inside") {
  test::write_file(folder / "victim/file", "untouched");
  with_layers({{test::symbolic_link("way", (folder / "victim").string())},
               {test::file("way/.wh.file", ""), test::file("way2/.wh..wh..opq", "")}});
  CHECK(test::content_of(folder / "victim/file") == "untouched");
}

TEST_CASE_METHOD(oci_fixture, "a layer cannot write outside through a link of an earlier layer") {
  test::write_file(folder / "victim/file", "untouched");
  write_image({{test::symbolic_link("way", (folder / "victim").string())},
               {test::file("way/file", "overwritten")}});
  CHECK(refusal().find("a link that leads nowhere") != std::string::npos);
  CHECK(test::content_of(folder / "victim/file") == "untouched");
}

TEST_CASE_METHOD(oci_fixture, "a folder over a folder keeps what is in it; other kinds replace") {
  const auto made = with_layers(
      {{test::file("d/x", "kept"), test::file("f/x", "x"), test::symbolic_link("l", "d")},
       {test::folder("d"), test::file("f", "now a file"), test::folder("l"),
        test::file("l/y", "new")}});
  CHECK(test::disk_content(made.disk, "/d/x") == "kept");
  CHECK(test::disk_content(made.disk, "/f") == "now a file");
  CHECK(test::disk_content(made.disk, "/l/y") == "new");
  CHECK_FALSE(test::disk_has(made.disk, "/d/y"));
}

TEST_CASE_METHOD(oci_fixture, "a blob whose content is not its digest's is refused") {
  write_image({{test::file("a", "b")}});
  for (const auto& blob : fs::directory_iterator(layout / "blobs/sha256")) {
    auto content = test::content_of(blob.path());
    const auto good = content;
    content[content.size() / 2] ^= 1;
    test::write_file(blob.path(), content);
    CHECK(refusal().find(blob.path().filename().string() + " is damaged") != std::string::npos);
    test::write_file(blob.path(), good + "x");
    CHECK(refusal().find("bytes long instead of") != std::string::npos);
    fs::remove(blob.path());
    CHECK(refusal().find("cannot be opened") != std::string::npos);
    test::write_file(blob.path(), good);
  }
  CHECK(imported().name == "app:latest");
}

TEST_CASE_METHOD(oci_fixture, "a layer must unpack to what the config says") {
  const auto content = test::tar({test::file("a", "b")});
  const auto one = blob(test::compressed(content, test::compression::gzip), layer_type + "+gzip");
  write_index({manifest({one}, json::array({"sha256:" + images::sha256_hex(content)}))});
  CHECK(imported().name == "app:latest");
  write_index({manifest({one}, json::array({"sha256:" + std::string(64, '0')}))});
  CHECK(refusal().find("but the image's config says sha256:0000") != std::string::npos);
  write_index({manifest(
      {one}, json::array({"sha256:" + std::string(64, '0'), "sha256:" + std::string(64, '0')}))});
  CHECK(refusal().find("2 layers and its manifest of 1") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "of many platforms linux/amd64 is chosen") {
  const auto ours = on(manifest({layer({test::file("a", "amd64")})}), "linux", "amd64");
  platform["architecture"] = "arm64";
  const auto theirs = on(manifest({layer({test::file("a", "arm64")})}), "linux", "arm64");
  const auto attestation = on(manifest({layer({test::file("a", "?")})}), "unknown", "unknown");
  write_index({theirs, attestation, ours});
  CHECK(test::disk_content(imported().disk, "/a") == "amd64");
  const auto inner =
      blob(json{{"schemaVersion", 2}, {"manifests", {theirs, ours}}}.dump(), index_type);
  write_index({inner});
  CHECK(test::disk_content(imported().disk, "/a") == "amd64");
  write_index({theirs, attestation});
  CHECK(refusal() ==
        "the image cannot be imported: it is for linux/arm64, but guests are linux/amd64; build or "
        "copy it for linux/amd64");
  write_index({manifest({layer({test::file("a", "b")})})});
  CHECK(refusal().find("it is for linux/arm64") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "of many tags the one that is asked for is chosen, else the first") {
  const auto tagged = [&](const std::string& content, const std::string& tag) {
    auto descriptor = manifest({layer({test::file("a", content)})});
    descriptor["annotations"] = {{"org.opencontainers.image.ref.name", tag}};
    return descriptor;
  };
  write_index({tagged("one", "v1"), tagged("two", "v2")});
  const auto import = [&](const std::string& name) {
    return test::disk_content(store->import(name, layout, nothing_given).value().disk, "/a");
  };
  CHECK(import("app:v2") == "two");
  CHECK(import("app:v3") == "one");
}

TEST_CASE_METHOD(oci_fixture, "kinds of manifests that are not known are passed over") {
  const auto other = blob("{}", "application/vnd.example.signature+json");
  write_index({other, manifest({layer({test::file("a", "b")})})});
  CHECK(test::disk_has(imported().disk, "/a"));
  write_index({other});
  CHECK(refusal().find("its index names no image manifest") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "layers of a kind that is not known are refused") {
  write_index({manifest({layer({test::file("a", "b")}, test::compression::none, "+encrypted")})});
  CHECK(refusal().find("tar+encrypted'; only tar layers") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "digests are no paths") {
  auto evil = layer({test::file("a", "b")});
  evil["digest"] = "sha256:../../../../etc/passwd";
  write_index({manifest({evil})});
  CHECK(refusal().find("is not 'sha256:' and 64 hexadecimal digits") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "blobs are not followed through links") {
  const auto content = test::tar({test::file("a", "b")});
  const auto one = blob(content, layer_type);
  const auto path = layout / "blobs/sha256" / images::sha256_hex(content);
  fs::rename(path, folder / "elsewhere");
  fs::create_symlink(folder / "elsewhere", path);
  write_index({manifest({one})});
  CHECK(refusal().find("cannot be opened") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "documents that are not as specified are refused, not crashed on") {
  write_image({{test::file("a", "b")}});
  const auto index = GENERATE(as<std::string>(), "", "[]", "{}", "null", R"({"manifests":7})",
                              R"({"manifests":[{}]})", R"({"manifests":[{"digest":1,"size":-1}]})");
  test::write_file(layout / "index.json", index);
  CHECK(refusal().starts_with("the image cannot be imported: "));
}

TEST_CASE_METHOD(oci_fixture, "an index that contains itself by depth is refused") {
  json inner = manifest({layer({test::file("a", "b")})});
  for (int depth = 0; depth < 6; ++depth)
    inner =
        blob(json{{"schemaVersion", 2}, {"manifests", json::array({inner})}}.dump(), index_type);
  write_index({inner});
  CHECK(refusal().find("nested too deeply") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "a layer that unpacks to more than is allowed is refused") {
  const auto bomb = test::file("bomb", std::string(5 * mebibyte, '\0'));
  write_index({manifest({layer({bomb}, test::compression::zstd, "+zstd")})});
  CHECK(refusal().find("larger, unpacked, than is allowed") != std::string::npos);
  const auto half = [](const std::string& name) {
    return std::vector{test::file(name, std::string(3 * mebibyte, '\0'))};
  };
  write_index({manifest({layer(half("a")), layer(half("b"))})});
  CHECK(refusal().find("larger, unpacked, than is allowed") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "a layer is also refused for what follows the end of its archive") {
  const auto trailer = test::tar({test::file("a", "b")}) + std::string(20 * mebibyte, '\0');
  write_index(
      {manifest({blob(test::compressed(trailer, test::compression::gzip), layer_type + "+gzip")})});
  CHECK(refusal().find("the archive is larger, unpacked, than is allowed") != std::string::npos);
}

TEST_CASE_METHOD(oci_fixture, "an OCI layout may come as a tar archive") {
  write_image({{test::file("a", "b")}});
  const auto from_folder = imported();
  test::output_of("tar -C '" + layout.string() + "' -czf '" + (folder / "layout.tgz").string() +
                  "' .");
  const auto made = store->import("app", folder / "layout.tgz", nothing_given);
  REQUIRE(made);
  CHECK(made->digest == from_folder.digest);
}

TEST_CASE_METHOD(oci_fixture, "an archive of docker save is imported") {
  const auto content = test::tar({test::file("a", "b")});
  const json document = {
      {"os", "linux"},
      {"architecture", "amd64"},
      {"config", config},
      {"rootfs", {{"diff_ids", json::array({"sha256:" + images::sha256_hex(content)})}}}};
  const json one = {{"Config", "c.json"}, {"Layers", json::array({"l/layer.tar"})}};
  const auto archive = [&](const json& manifest) {
    test::write_file(
        folder / "saved.tar",
        test::tar({test::file("manifest.json", manifest.dump()),
                   test::file("c.json", document.dump()), test::file("x/layer.tar", content),
                   test::symbolic_link("l/layer.tar", "../x/layer.tar")}));
    return folder / "saved.tar";
  };
  test::write_file(folder / "l", "");
  const auto made = store->import("app", archive(json::array({one})), nothing_given);
  INFO((made ? "" : made.error()));
  REQUIRE(made);
  CHECK(test::disk_content(made->disk, "/a") == "b");
  CHECK(made->config.user == "www:www");
  const auto two = store->import("app", archive(json::array({one, one})), nothing_given);
  REQUIRE_FALSE(two);
  CHECK(two.error().find("save one image at a time") != std::string::npos);
}
