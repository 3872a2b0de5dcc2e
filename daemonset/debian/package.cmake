# `cmake --install` and the Debian package: cd build/release && cpack. It depends on what dpkg-shlibdeps finds.
# Only tracelet itself, not the tests, has to be built before it is packed.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY TRUE)
install(TARGETS tracelet RUNTIME DESTINATION bin)
install(FILES ${CMAKE_SOURCE_DIR}/config/tracelet.toml DESTINATION /etc/tracelet)
install(FILES ${CMAKE_SOURCE_DIR}/daemonset/systemd/tracelet.service DESTINATION lib/systemd/system)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/tracelet RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME tracelet)
set(CPACK_PACKAGE_CONTACT "tracelet maintainers <maintainers@localhost>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "node-local tracing agent\n\
Sees every HTTP and gRPC request on a host through eBPF, links them into traces\n\
without touching the applications, receives what Jaeger clients send, and\n\
forwards everything to a collector.")
set(scripts ${CMAKE_SOURCE_DIR}/daemonset/debian)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${scripts}/conffiles ${scripts}/postinst ${scripts}/prerm ${scripts}/postrm)
include(CPack)
