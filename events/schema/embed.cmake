# Writes the text of a schema into a header: cmake -DSCHEMA=in.fbs -DHEADER=out.hpp -P embed.cmake
file(READ ${SCHEMA} text)
file(WRITE ${HEADER}
  "#pragma once\n\nnamespace platen::events {\n\n"
  "inline constexpr char schema_text[] = R\"platen_schema(${text})platen_schema\";\n\n"
  "}  // namespace platen::events\n")
