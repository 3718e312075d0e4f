// Images: list, import, delete.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("an upload becomes an image and leaves no file behind") {
  fixture at;
  const auto config =
      "%7B%22entrypoint%22%3A%5B%22%2Finit%22%5D%2C%22cmd%22%3A%5B%22x%22%5D%2C%22env%22%3A%7B%22A%"
      "22%3A%221%22%7D%2C%22workdir%22%3A%22%2Fsrv%22%2C%22user%22%3A%22www%22%7D";
  const std::string content(100'000, 't');
  const auto told =
      at.call("POST", "/v1/images/import?name=team/demo:v1&config=" + std::string(config), content);
  CHECK(told.status == 200);
  const auto& item = told.item(0, "images");
  CHECK(item.at("url") == "team/demo:v1");
  CHECK(item.at("digest") == "d1");
  CHECK(item.at("size_in_bytes") == 4096);
  CHECK(item.at("args") == json{"/init", "x"});
  CHECK(item.at("env") == json{{"A", "1"}});
  CHECK(at.images.last_content == content);
  CHECK(at.images.list().at(0).config.workdir == "/srv");
  CHECK(at.images.list().at(0).config.user == "www");
  CHECK(at.images.last_source.parent_path() == at.folder / "tmp");
  CHECK(files_in(at.folder / "tmp") == 0);
  CHECK(at.get("/v1/images").item(0, "images").at("url") == "team/demo:v1");
}

TEST_CASE("an upload may be chunked and larger than a JSON body may be") {
  platen::http::limits bounds;
  bounds.body_bytes = 1000;
  fixture at(bounds);
  raw_connection connection(at);
  connection.send(
      request_text("POST /v1/images/import?name=a HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 10; ++i)
    connection.send("3e8\r\n" + std::string(1000, 'c') + "\r\n");
  connection.send("0\r\n\r\n");
  CHECK(connection.receive().find("200 OK") != std::string::npos);
  CHECK(at.images.last_content == std::string(10'000, 'c'));
}

TEST_CASE("P8: uploads beyond the limit are refused, announced or chunked") {
  platen::http::limits bounds;
  bounds.image_upload_bytes = 5000;
  fixture at(bounds);
  CHECK(at.call("POST", "/v1/images/import?name=a", std::string(5001, 'x')).status == 413);
  raw_connection connection(at);
  connection.send(
      request_text("POST /v1/images/import?name=a HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 10; ++i)
    connection.send("3e8\r\n" + std::string(1000, 'c') + "\r\n");
  connection.send("0\r\n\r\n");
  CHECK(connection.receive().find("HTTP/1.1 413") == 0);
  CHECK(at.images.list().empty());
  CHECK(files_in(at.folder / "tmp") == 0);
}

TEST_CASE("an upload that breaks off is not imported") {
  fixture at;
  {
    raw_connection connection(at);
    connection.send(
        request_text("POST /v1/images/import?name=a HTTP/1.1", "Content-Length: 1000\r\n") + "abc");
  }
  at.server->stop();
  CHECK(at.images.list().empty());
  CHECK(files_in(at.folder / "tmp") == 0);
}

TEST_CASE("imports that cannot be are refused") {
  fixture at;
  CHECK(at.call("POST", "/v1/images/import", "x").status == 400);
  CHECK(at.call("POST", "/v1/images/import?name=..", "x").status == 400);
  CHECK(at.call("POST", "/v1/images/import?name=a&config=%7B", "x").status == 400);
  CHECK(at.call("POST", "/v1/images/import?name=a").status == 400);
  const auto unknown = at.call("POST", "/v1/images/import?name=a&config=%7B%22x%22%3A1%7D", "x");
  CHECK(unknown.message().find("'config.x' is not a valid member") == 0);
  const auto broken = at.call("POST", "/v1/images/import?name=a", "broken");
  CHECK(broken.status == 200);
  CHECK(broken.item(0, "images").at("message") == "not a tar archive");
  CHECK(broken.item(0, "images").at("error") == 10);
}

TEST_CASE("images are deleted by url") {
  fixture at;
  at.call("POST", "/v1/images/import?name=a", "x");
  const auto told = at.call("DELETE", "/v1/images", R"([{"url":"a"},{"url":"b"}])");
  CHECK(told.body.at("status") == "partial_success");
  CHECK(told.item(0, "images") == json{{"status", "success"}, {"url", "a"}});
  CHECK(told.item(1, "images").at("error") == 8);
  CHECK(at.call("DELETE", "/v1/images", "[]").status == 400);
  CHECK(at.call("DELETE", "/v1/images", R"([{"name":"a"}])").status == 400);
  CHECK(at.call("DELETE", "/v1/images").status == 400);
}

TEST_CASE("what an earlier process left in the spool is removed at the start, and only that") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("platen-spool-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "upload-1") << "x";
  std::ofstream(folder / "other") << "x";
  {
    fixture at;
    platen::http::options how;
    how.tokens = {{"t", ""}};
    how.spool_directory = folder;
    const auto started = platen::http::server::start(how, {at.control, at.log, at.images, at.roms});
    REQUIRE(started);
    CHECK_FALSE(std::filesystem::exists(folder / "upload-1"));
    CHECK(std::filesystem::exists(folder / "other"));
  }
  std::filesystem::remove_all(folder);
}
