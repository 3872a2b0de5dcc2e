# build/portable/tracelet: one file that runs on any Linux of this architecture. What `tracelet` is made of, with Debian's static
# libraries, and with those that Debian has only as shared ones from their sources.
set(folder ${CMAKE_SOURCE_DIR}/build/portable)
set(sources spdlog/src/async.cpp spdlog/src/color_sinks.cpp spdlog/src/file_sinks.cpp spdlog/src/spdlog.cpp
    spdlog/src/stdout_sinks.cpp fmt/src/format.cc fmt/src/os.cc cpp-httplib/out/httplib.cc)
list(TRANSFORM sources PREPEND ${folder}/)
add_custom_command(
  OUTPUT ${sources}
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/sources ${folder}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/sources
  USES_TERMINAL
  VERBATIM)

# The libraries' code is not held to our warnings. The last definition is one of Debian's build of cpp-httplib: select(2) would write
# beyond an fd_set from the 1,024th descriptor on.
add_library(portable_libraries OBJECT EXCLUDE_FROM_ALL ${sources})
target_link_libraries(portable_libraries PRIVATE spdlog::spdlog PkgConfig::HTTPLIB)
target_compile_options(portable_libraries PRIVATE -w)
target_compile_definitions(portable_libraries PRIVATE CPPHTTPLIB_USE_POLL)

pkg_check_modules(PORTABLE REQUIRED grpc++ protobuf openssl libbpf libsodium libnghttp2 libbrotlienc libbrotlidec)
add_executable(tracelet_portable EXCLUDE_FROM_ALL daemonset/portable/name_service.cc $<TARGET_OBJECTS:tracelet> $<TARGET_OBJECTS:tracelet_bpf>
               $<TARGET_OBJECTS:tracelet_core> $<TARGET_OBJECTS:tracelet_exporter> $<TARGET_OBJECTS:tracelet_proto>
               $<TARGET_OBJECTS:portable_libraries>)
# What the static libraries need of each other, in Debian's names.
target_link_libraries(tracelet_portable PRIVATE -Wl,--start-group ${PORTABLE_STATIC_LIBRARIES} -Wl,--end-group)
target_link_options(tracelet_portable PRIVATE -static-pie -s)
set_target_properties(tracelet_portable PROPERTIES OUTPUT_NAME tracelet RUNTIME_OUTPUT_DIRECTORY ${folder})
