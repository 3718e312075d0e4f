# Writes a page into a header: cmake -DPAGE=in.html -DHEADER=out.hpp -P embed_page.cmake
file(READ ${PAGE} text)
file(WRITE ${HEADER}
  "#pragma once\n\nnamespace platen::cli {\n\n"
  "inline constexpr char timeline_page_text[] = R\"platen_page(${text})platen_page\";\n\n"
  "}  // namespace platen::cli\n")
