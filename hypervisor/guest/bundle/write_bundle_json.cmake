# cmake -DDIR=... -DKERNEL_VERSION_FILE=... -P write_bundle_json.cmake
# Describes the files of a guest bundle for the host.
file(SHA256 ${DIR}/vmlinuz kernel_sha256)
file(SHA256 ${DIR}/initramfs.cpio initramfs_sha256)
file(READ ${KERNEL_VERSION_FILE} kernel_version)
string(STRIP "${kernel_version}" kernel_version)
file(READ ${CMAKE_CURRENT_LIST_DIR}/command_line.txt command_line)
string(STRIP "${command_line}" command_line)
file(READ ${CMAKE_CURRENT_LIST_DIR}/command_line_kvm.txt command_line_kvm)
string(STRIP "${command_line_kvm}" command_line_kvm)
file(WRITE ${DIR}/bundle.json.new
"{
  \"protocol\": 1,
  \"kernel_version\": \"${kernel_version}\",
  \"kernel\": \"vmlinuz\",
  \"kernel_sha256\": \"${kernel_sha256}\",
  \"initramfs\": \"initramfs.cpio\",
  \"initramfs_sha256\": \"${initramfs_sha256}\",
  \"command_line\": \"${command_line}\",
  \"command_line_kvm\": \"${command_line_kvm}\"
}
")
file(RENAME ${DIR}/bundle.json.new ${DIR}/bundle.json)
