// PID 1 of the emulated machine: runs /payload with its own arguments, reports the exit status, switches the machine off.
// On the serial line, the payload's output is followed by ETX and the exit status.
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ETX "\x03"

enum {
  kSignalStatus = 128,  // Plus the signal's number, as in a shell.
  kNotExecutable = 126,
  kInitFailed = 125,
  kShutdownPort = 0x8900,  // Bochs ends when "Shutdown" is written to it.
};

static void SwitchOff(void) {
  if (ioperm(kShutdownPort, 1, 1) == 0) {
    for (const char* letter = "Shutdown"; *letter != '\0'; ++letter) outb(*letter, kShutdownPort);
  }
  for (;;) pause();
}

static void Report(int status) {
  dprintf(STDOUT_FILENO, ETX "%d\n", status);
  tcdrain(STDOUT_FILENO);
  SwitchOff();
}

static void Require(int succeeded, const char* what) {
  if (succeeded) return;
  perror(what);
  Report(kInitFailed);
}

static void Mount(const char* type, const char* folder) { Require(mount(type, folder, type, 0, NULL) == 0, folder); }

// The terminal would write "\r\n" for "\n".
static void MakeOutputRaw(void) {
  struct termios settings;
  Require(tcgetattr(STDOUT_FILENO, &settings) == 0, "tcgetattr");
  settings.c_oflag &= ~OPOST;
  Require(tcsetattr(STDOUT_FILENO, TCSANOW, &settings) == 0, "tcsetattr");
}

// argv: what follows "--" on the kernel's command line, after this program's name.
int main(int argc, char** argv) {
  (void)argc;
  MakeOutputRaw();
  Mount("proc", "/proc");
  Mount("sysfs", "/sys");
  Mount("devtmpfs", "/dev");

  const pid_t child = fork();
  Require(child >= 0, "fork");
  if (child == 0) {
    argv[0] = "/payload";
    execv(argv[0], argv);
    perror("execv /payload");
    _exit(kNotExecutable);
  }
  int status = 0;
  while (waitpid(child, &status, 0) != child) continue;
  Report(WIFEXITED(status) ? WEXITSTATUS(status) : kSignalStatus + WTERMSIG(status));
}
