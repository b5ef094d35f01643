# Installs the tool, the library, its headers and the CMake package `v2p`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS v2p_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS v2p_lib EXPORT v2pTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/v2p DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY src/base src/codec src/dumpfmt src/translate src/locate
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/v2p FILES_MATCHING PATTERN "*.h")
install(EXPORT v2pTargets NAMESPACE v2p:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/v2p)
configure_package_config_file(cmake/v2pConfig.cmake.in ${PROJECT_BINARY_DIR}/v2pConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/v2p)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/v2pConfigVersion.cmake
                                 COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/v2pConfig.cmake ${PROJECT_BINARY_DIR}/v2pConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/v2p)
