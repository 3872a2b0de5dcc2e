// SIGINT and SIGTERM as a value to look at. The first one asks for an orderly end;
// the second finds the default action again and ends the process at once. SIGPIPE
// is ignored: a reader that goes away is an error of write(), see exporter::Output.
#pragma once

namespace tracelet::cli {

class StopSignals {
 public:
  // For the whole process, once; a Program must be forked before, so that it
  // inherits nothing of this.
  static void Install();
  // The signal that came, or 0.
  static int Received();
  // From here on SIGHUP asks for a reload instead of ending the process.
  static void InstallReload();
  // Once true after each SIGHUP.
  static bool TakeReload();
  // It was sent to the whole foreground process group by a terminal (Ctrl-C).
  static bool FromTerminal();
};

}  // namespace tracelet::cli
