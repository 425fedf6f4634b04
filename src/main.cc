// The program. Everything it does is in cli/.
#include <iostream>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return portcullis::cli::run_command_line(arguments, {std::cout, std::cerr, PORTCULLIS_VERSION});
}
