# Writes a text file into a header as `inline constexpr char NAME[]`:
# cmake -DTEXT=in.html -DHEADER=out.hpp -DNAMESPACE=platen::cli -DNAME=page -P embed_text.cmake
file(READ ${TEXT} text)
file(WRITE ${HEADER}
  "#pragma once\n\nnamespace ${NAMESPACE} {\n\n"
  "inline constexpr char ${NAME}[] = R\"platen_text(${text})platen_text\";\n\n"
  "}  // namespace ${NAMESPACE}\n")
